"""The shapes of the Resayil dialect's answers."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from gateway.answers.plain import Number
from kernel.words import Time


class Problem(Struct, kw_only=True):
    """What is wrong; code is the HTTP status."""

    message: str
    code: Annotated[int, Meta(description="The HTTP status.")]


class Refused(Struct, kw_only=True):
    """Every refusal."""

    error: Annotated[Problem, Meta(description="What is wrong.")]


class Pack(Struct, kw_only=True):
    """An amount of credit that is sold as one."""

    id: str
    name: str
    price: Annotated[Number, Meta(description="In the currency.")]
    currency: str
    credits: int
    popular: bool


class Packs(Struct, kw_only=True):
    """The answer of /topup-packs."""

    packs: Annotated[list[Pack], Meta(description="What can be bought.")]


class Purchase(Struct, kw_only=True):
    """A payment for credit; id is the order's reference."""

    id: str
    pack_name: Annotated[str, Meta(description="The pack's name.")]
    credits: int
    amount_paid: Annotated[Number, Meta(description="What was paid, in the currency.")]
    currency: str
    status: Literal["completed", "pending", "failed"]
    created_at: Time


class Paging(Struct, kw_only=True):
    """Which page it is, of how many records."""

    current_page: Annotated[int, Meta(description="Which page it is, from 1.")]
    per_page: Annotated[int, Meta(description="How many there are on a page.")]
    total: Annotated[int, Meta(description="How many there are in all.")]


class History(Struct, kw_only=True):
    """The answer of /topup-history."""

    data: Annotated[list[Purchase], Meta(description="This page's payments.")]
    meta: Annotated[Paging, Meta(description="Which page it is.")]


class Subscription(Struct, kw_only=True):
    """The account's plan, and its balance in credits."""

    tier: Annotated[str, Meta(description="The plan's name.")]
    status: str
    expires_at: Time | None
    credits: Number


class Checkout(Struct, kw_only=True):
    """Where the payer goes. id is the order's reference, as in the history."""

    payment_url: Annotated[str, Meta(description="Where the payer goes.")]
    id: str
    status: Annotated[str, Meta(description="pending, or completed where nothing is to be paid.")]
