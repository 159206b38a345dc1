"""The shapes of the Newapi dialect's answers."""

from typing import Annotated

from msgspec import Meta, Struct

from gateway.answers.plain import Number


class Refused(Struct, kw_only=True):
    """Every refusal."""

    success: bool
    message: str


class PayMethod(Struct, kw_only=True):
    """A way to pay; type is what `pay` takes as payment_method."""

    name: str
    type: Annotated[str, Meta(description="What `pay` takes as payment_method.")]
    color: Annotated[str, Meta(description="Of its button, as CSS writes it.")]
    min_topup: Annotated[str, Meta(description="In dollars.")]


class CreemProduct(Struct, kw_only=True):
    """A product of Creem's that sells a plan; quota is of one period."""

    name: str
    productId: str  # noqa: N815 that vendor's spelling
    price: Number
    currency: str
    quota: int


class Info(Struct, kw_only=True):
    """What can be bought. Amounts are whole dollars."""

    enable_online_topup: Annotated[bool, Meta(description="Whether Epay can be paid with.")]
    enable_stripe_topup: Annotated[bool, Meta(description="Whether Stripe can be paid with.")]
    enable_creem_topup: Annotated[bool, Meta(description="Whether Creem can be paid with.")]
    creem_products: Annotated[str, Meta(description="A JSON list of Creem's own products.")]
    pay_methods: Annotated[list[PayMethod], Meta(description="The ways to pay.")]
    min_topup: Annotated[int, Meta(description="The least amount, in whole dollars.")]
    stripe_min_topup: Annotated[
        int, Meta(description="The least amount with Stripe, in whole dollars.")
    ]
    amount_options: Annotated[
        list[int], Meta(description="Amounts to choose from, in whole dollars.")
    ]
    discount: Annotated[dict[str, Number], Meta(description="By amount: the part to be paid.")]


class InfoAnswer(Struct, kw_only=True):
    """The answer of /topup/info."""

    success: bool
    message: str
    data: Annotated[Info, Meta(description="What can be bought.")]


class Paying(Struct, kw_only=True):
    """data is where the payer goes."""

    success: bool
    message: str
    data: Annotated[str, Meta(description="Where the payer goes.")]
    trade_no: str


class Redeemed(Struct, kw_only=True):
    """data is the quota that was added."""

    success: bool
    message: str
    data: Annotated[int, Meta(description="The quota that was added.")]


class Line(Struct, kw_only=True):
    """A payment or a redemption. amount is the credit in whole dollars, money what was paid."""

    id: int
    amount: Annotated[int, Meta(description="The credit, in whole dollars.")]
    money: Annotated[Number, Meta(description="What was paid.")]
    trade_no: str
    payment_method: Annotated[str, Meta(description="How it was paid.")]
    create_time: Annotated[int, Meta(description="When it was made, in Unix seconds.")]
    complete_time: Annotated[int, Meta(description="0 until it is complete.")]
    status: Annotated[str, Meta(description="pending, success or expired.")]


class LinePage(Struct, kw_only=True):
    """The list with p, page_size or keyword."""

    page: Annotated[int, Meta(description="Which page it is, from 1.")]
    page_size: int
    total: Annotated[int, Meta(description="How many lines there are in all.")]
    items: Annotated[list[Line], Meta(description="This page's lines.")]


class History(Struct, kw_only=True):
    """The answer of /topup/self: the newest lines, or one page of all."""

    success: bool
    message: str
    data: Annotated[
        list[Line] | LinePage, Meta(description="The newest lines, or one page of all.")
    ]
