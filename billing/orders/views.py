"""Orders as operators see them; merchants see gateway/api/schemas/orders.py."""

from collections.abc import Sequence
from typing import Annotated, Literal

from msgspec import Meta, Struct, convert

from billing.orders.order import Order
from billing.providers.event_log import LogEntry
from kernel.fields import said
from kernel.words import MinorUnits, Time
from webhooks.events import money_schemas

_Paid = Annotated[MinorUnits, said(currency="pay_currency")]


class OperatorOrder(money_schemas.Order, kw_only=True):
    """An order, whose it is, and what the provider calls its payment."""

    pay_amount: _Paid
    refunded_amount: _Paid
    paid_amount: _Paid | None
    account_id: str
    environment: Literal["staging", "live"]
    payment_id: Annotated[str | None, Meta(description="The provider's name of the payment.")]
    provider_ref: Annotated[str | None, Meta(description="The provider's name of the checkout.")]
    reversed_micros: Annotated[
        int, Meta(ge=0, description="The credit that refunds and disputes took back.")
    ]
    checks_made: Annotated[
        int, Meta(ge=0, description="How many times the provider was asked for its state.")
    ]
    reason: Annotated[str | None, Meta(description="Why it is in review, or how it was decided.")]


class ProviderNotification(Struct, kw_only=True):
    """One thing that the provider said of an order, and what it led to."""

    provider: str
    event_id: str
    type: Annotated[str, Meta(description="The provider's name of what happened.")]
    outcome: Annotated[str, Meta(description="What it led to, such as applied or review.")]
    detail: Annotated[str, Meta(description="The outcome in a sentence.")]
    reason: Annotated[str | None, Meta(description="What a person has to decide about.")]
    expected: Annotated[str | None, Meta(description="What should have been paid.")]
    came: Annotated[str | None, Meta(description="What was paid.")]
    payment: Annotated[str | None, Meta(description="The provider's name of the payment.")]
    received_at: Time
    resolved_at: Time | None


class OrderHistory(OperatorOrder, kw_only=True):
    """An order with everything that its provider said of it, the oldest first."""

    events: Annotated[list[ProviderNotification], Meta(description="The oldest first.")]


def fields_of(order: Order) -> dict[str, object]:
    return {
        **order.shape(),
        "account_id": order.account_id,
        "environment": order.environment,
        "payment_id": order.payment_id,
        "provider_ref": order.provider_ref,
        "reversed_micros": order.reversed_micros,
        "checks_made": order.checks_made,
        "reason": order.reason,
    }


def view_of(order: Order) -> OperatorOrder:
    return convert(fields_of(order), OperatorOrder)


def history_of(found: tuple[Order, Sequence[LogEntry]]) -> OrderHistory:
    order, entries = found
    events = [entry.shape() for entry in entries]
    return convert({**fields_of(order), "events": events}, OrderHistory)
