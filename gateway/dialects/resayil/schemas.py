"""The shapes of the Resayil dialect's answers."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from gateway.answers.plain import Number
from gateway.answers.words import Time


class Problem(Struct, kw_only=True):
    """What is wrong; code is the HTTP status."""

    message: str
    code: int


class Refused(Struct, kw_only=True):
    """Every refusal."""

    error: Problem


class Pack(Struct, kw_only=True):
    """An amount of credit that is sold as one."""

    id: str
    name: str
    price: Number
    currency: str
    credits: int
    popular: bool


class Packs(Struct, kw_only=True):
    """The answer of /topup-packs."""

    packs: list[Pack]


class Purchase(Struct, kw_only=True):
    """A payment for credit; id is the order's reference."""

    id: str
    pack_name: str
    credits: int
    amount_paid: Number
    currency: str
    status: Literal["completed", "pending", "failed"]
    created_at: Time


class Paging(Struct, kw_only=True):
    """Which page it is, of how many records."""

    current_page: int
    per_page: int
    total: int


class History(Struct, kw_only=True):
    """The answer of /topup-history."""

    data: list[Purchase]
    meta: Paging


class Subscription(Struct, kw_only=True):
    """The account's plan, and its balance in credits."""

    tier: str
    status: str
    expires_at: Time | None
    credits: Number


class Checkout(Struct, kw_only=True):
    """Where the payer goes. id is the order's reference, as in the history."""

    payment_url: str
    id: str
    status: Annotated[str, Meta(description="pending, or completed where nothing is to be paid.")]
