"""The shapes of the OhMyGPT dialect's answers."""

from typing import Annotated, Generic, TypeVar

from msgspec import Meta, Struct

T = TypeVar("T")


class Said(Struct, Generic[T], rename="camel", kw_only=True):
    """Every answer but a refusal."""

    status_code: Annotated[int, Meta(description="The HTTP status.")]
    message: str
    data: Annotated[T, Meta(description="What was asked for.")]


class Refused(Struct, rename="camel", kw_only=True):
    """Every refusal; statusCode is the HTTP status."""

    status_code: Annotated[int, Meta(description="The HTTP status.")]
    message: str
    error_type: Annotated[str, Meta(description="A word for it.")]
    data: Annotated[None, Meta(description="Always null.")] = None


class Issued(Struct, kw_only=True):
    """A token for an app."""

    user_id: str
    client_id: str
    token: Annotated[str, Meta(description="The secret, shown this once.")]


class UserInfo(Struct, kw_only=True):
    """email_verified: whether somebody has shown that they read the mail of that address."""

    user_id: str
    name: str
    email: Annotated[str | None, Meta(description="The address; null: the app may not see it.")]
    client_id: str
    scope: Annotated[str, Meta(description="What the app may do.")]
    environment: str
    email_verified: bool


class Balance(Struct, kw_only=True):
    """Dollars: all that there is, and the promotional part of it."""

    balance: Annotated[str, Meta(description="All that there is, in dollars.")]
    free_balance: Annotated[str, Meta(description="The promotional part of it, in dollars.")]


class Charged(Struct, kw_only=True):
    """A charge that an app made."""

    charge_id: Annotated[str, Meta(description="The charge's id.")]
    order_no: Annotated[str, Meta(description="The app's own number.")]
    amount: Annotated[str, Meta(description="In dollars.")]
    remark: Annotated[str, Meta(description="What it is for.")]
    created_at: str


class Checkout(Struct, kw_only=True):
    """Where an order is paid."""

    checkout_url: Annotated[
        str | None, Meta(description="Where the payer goes; null where nothing is to be paid.")
    ]
    order_no: Annotated[str, Meta(description="The order's number.")]


class Invoice(Struct, kw_only=True):
    """An invoice that is to be paid."""

    invoice_url: Annotated[str | None, Meta(description="The invoice's page; null: none.")]
    invoice_pdf: Annotated[str | None, Meta(description="The invoice as PDF; null: none.")]
    order_no: Annotated[str, Meta(description="The order's number.")]


class Management(Struct, kw_only=True):
    """The grant's management token; token is null but in the answer that made it."""

    id: str
    user_id: str
    client_id: str
    scope: Annotated[str, Meta(description="What the app may do.")]
    charge_cap: Annotated[
        str, Meta(description="The most that the app may take in a period, in dollars.")
    ]
    charge_cap_period: Annotated[str, Meta(description="The cap's period.")]
    prefix: Annotated[str, Meta(description="Its first characters, to recognise it by.")]
    last4: str
    created_at: str
    last_used_at: str | None
    expires_at: str
    token: Annotated[
        str | None, Meta(description="The secret; null but in the answer that made it.")
    ]
