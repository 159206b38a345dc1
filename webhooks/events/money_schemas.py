"""The schemas of events about money: balances and orders. Pure; webhooks/events/schemas.py lists them."""

from typing import Annotated, Literal

from msgspec import Meta

from webhooks.events.schema_words import Cents, Currency, EventData, Minor, PositiveCents, Time


class LowBalance(EventData, kw_only=True):
    """The account's wallet, after the change that took it below the threshold."""

    balance_cents: Cents
    low_balance_threshold_cents: PositiveCents
    currency: Literal["USD"]


class Order(EventData, kw_only=True):
    """An order of credit. reference is the txn_… that its events and deliveries are found by."""

    id: Annotated[str, Meta(pattern=r"^ord_[0-9A-Za-z]+$")]
    status: Literal[
        "pending",
        "paid",
        "failed",
        "expired",
        "review",
        "partially_refunded",
        "refunded",
        "disputed",
    ]
    provider: str
    url: str | None
    pack_id: str | None
    amount: Minor
    currency: Currency
    pay_amount: Minor
    pay_currency: Currency
    credits: Annotated[int, Meta(ge=0, description="1 credit is $0.001.")]
    coupon: str | None
    order_no: Annotated[str, Meta(pattern=r"^[0-9a-f]{32}$")]
    reference: str | None
    created_at: Time
    paid_at: Time | None


class _EndingCredit(EventData, kw_only=True):
    """Credit with an end. plan_id and subscription_id are null where it is promotional."""

    id: Annotated[str, Meta(pattern=r"^[a-z]+_[0-9A-Za-z]+$", description="The grant's id.")]
    kind: Annotated[
        Literal["plan", "promotional"], Meta(description="plan: it was paid for with a plan.")
    ]
    amount_micros: Annotated[int, Meta(ge=1, description="1,000,000 are 1 US dollar.")]
    amount_cents: Annotated[int, Meta(ge=0, description="In whole US cents, rounded down.")]
    currency: Literal["USD"]
    expires_at: Time
    plan_id: str | None
    subscription_id: str | None


class ExpiringCredit(_EndingCredit, kw_only=True):
    """What is left of it, some days before its end."""

    days_before: Annotated[int, Meta(ge=1, description="At most so many days are left.")]


class ExpiredCredit(_EndingCredit, kw_only=True):
    """What was left of it at its end; it cannot be spent since then."""
