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
    type: str
    color: str
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

    enable_online_topup: bool
    enable_stripe_topup: bool
    enable_creem_topup: bool
    creem_products: Annotated[str, Meta(description="A JSON list of Creem's own products.")]
    pay_methods: list[PayMethod]
    min_topup: int
    stripe_min_topup: int
    amount_options: list[int]
    discount: Annotated[dict[str, Number], Meta(description="By amount: the part to be paid.")]


class InfoAnswer(Struct, kw_only=True):
    """The answer of /topup/info."""

    success: bool
    message: str
    data: Info


class Paying(Struct, kw_only=True):
    """data is where the payer goes."""

    success: bool
    message: str
    data: str
    trade_no: str


class Redeemed(Struct, kw_only=True):
    """data is the quota that was added."""

    success: bool
    message: str
    data: int


class Line(Struct, kw_only=True):
    """A payment or a redemption. amount is the credit in whole dollars, money what was paid."""

    id: int
    amount: int
    money: Number
    trade_no: str
    payment_method: str
    create_time: int
    complete_time: Annotated[int, Meta(description="0 until it is complete.")]
    status: Annotated[str, Meta(description="pending, success or expired.")]


class LinePage(Struct, kw_only=True):
    """The list with p, page_size or keyword."""

    page: int
    page_size: int
    total: int
    items: list[Line]


class History(Struct, kw_only=True):
    """The answer of /topup/self: the newest lines, or one page of all."""

    success: bool
    message: str
    data: list[Line] | LinePage
