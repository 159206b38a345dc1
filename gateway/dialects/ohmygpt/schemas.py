"""The shapes of the OhMyGPT dialect's answers."""

from typing import Generic, TypeVar

from msgspec import Struct

T = TypeVar("T")


class Said(Struct, Generic[T], rename="camel", kw_only=True):
    """Every answer but a refusal."""

    status_code: int
    message: str
    data: T


class Refused(Struct, rename="camel", kw_only=True):
    """Every refusal; statusCode is the HTTP status."""

    status_code: int
    message: str
    error_type: str
    data: None = None


class Issued(Struct, kw_only=True):
    user_id: str
    client_id: str
    token: str


class UserInfo(Struct, kw_only=True):
    """email_verified: whether somebody has shown that they read the mail of that address."""

    user_id: str
    name: str
    email: str | None
    client_id: str
    scope: str
    environment: str
    email_verified: bool


class Balance(Struct, kw_only=True):
    """Dollars: all that there is, and the promotional part of it."""

    balance: str
    free_balance: str


class Charged(Struct, kw_only=True):
    charge_id: str
    order_no: str
    amount: str
    remark: str
    created_at: str


class Checkout(Struct, kw_only=True):
    checkout_url: str | None
    order_no: str


class Invoice(Struct, kw_only=True):
    invoice_url: str | None
    invoice_pdf: str | None
    order_no: str


class Management(Struct, kw_only=True):
    """The grant's management token; token is null but in the answer that made it."""

    id: str
    user_id: str
    client_id: str
    scope: str
    charge_cap: str
    charge_cap_period: str
    prefix: str
    last4: str
    created_at: str
    last_used_at: str | None
    expires_at: str
    token: str | None
