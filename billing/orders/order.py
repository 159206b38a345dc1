"""Define an order: credit bought through a payment provider, and the payment's outcome.

A late payment is accepted even if the order has failed or expired. Only refunds and disputes change a paid order. All
state changes go through `move`.
"""

from collections.abc import Mapping
from typing import Any, Literal

import msgspec
from msgspec.structs import replace

from billing.ledger.money import MICROS_PER_CREDIT
from billing.ledger.price import Price
from billing.orders.refund import share_of
from billing.providers.protocol import CheckoutKind, Interval
from kernel.clock import DAY_US, HOUR_US, MINUTE_US
from kernel.errors import DomainError
from kernel.tenant import OfTenant
from webhooks.events import money_schemas

OrderStatus = Literal[
    "pending",
    "paid",
    "failed",
    "expired",
    "review",
    "partially_refunded",
    "refunded",
    "disputed",
]
# What the last call to the provider brought: "unpaid" (not paid yet), "told" (a new report) or "silent" (no response).
OrderAnswer = Literal["unpaid", "told", "silent"]
STATUSES: tuple[OrderStatus, ...] = OrderStatus.__args__  # type: ignore[attr-defined]
SETTLED: frozenset[OrderStatus] = frozenset({"paid", "partially_refunded", "refunded", "disputed"})

MOVES: Mapping[OrderStatus, frozenset[OrderStatus]] = {
    "pending": frozenset({"paid", "failed", "expired", "review"}),
    "failed": frozenset({"paid", "review"}),
    "expired": frozenset({"paid", "review"}),
    "review": frozenset({"paid", "failed"}),
    **{status: SETTLED - {status} for status in SETTLED},
}

# How long the payer has: providers close a checkout within a day, and invoices have due dates.
LIVES_US: Mapping[CheckoutKind, int] = {
    "payment": 23 * HOUR_US,
    "subscription": 23 * HOUR_US,
    "invoice": 30 * DAY_US,
}
# An order is checked every minute for this many minutes, and then every hour.
CLOSE_CHECKS = 15
REASON_CHARACTERS_MAX = 500


class OrderDecided(DomainError):
    pass


class TooManyOrders(DomainError):
    pass


class Order(OfTenant, frozen=True, kw_only=True):
    id: str
    order_no: str
    reference: str
    kind: CheckoutKind
    status: OrderStatus
    provider: str
    is_simulated: bool = False
    method: str | None = None
    pack_id: str | None = None
    pack_name: str | None = None
    plan_id: str | None = None
    interval: Interval | None = None
    amount: int
    currency: str
    discount: int = 0
    pay_amount: int
    pay_currency: str
    credits_micros: int
    promotional_micros: int = 0
    coupon_id: str | None = None
    coupon_code: str | None = None
    url: str | None = None
    provider_ref: str | None = None
    customer_ref: str | None = None
    invoice_pdf: str | None = None
    success_url: str | None = None
    cancel_url: str | None = None
    oauth_app_id: str | None = None
    created_by: str | None = None
    request_digest: str | None = None
    payment_id: str | None = None
    paid_amount: int | None = None
    paid_currency: str | None = None
    refunded_amount: int = 0
    reversed_micros: int = 0
    reversed_promotional_micros: int = 0
    reversed_grant_micros: int = 0
    reason: str | None = None
    next_check_at: int | None = None
    checks_made: int = 0
    opened_at: int | None = None
    checked_at: int | None = None
    answer: OrderAnswer | None = None
    created_at: int
    expires_at: int
    paid_at: int | None = None
    origin: Literal["recharge"] | None = None
    saves_payment: bool = False
    trial_days: int | None = None

    @property
    def price(self) -> Price:
        return Price(self.pay_amount, self.pay_currency)

    @property
    def payment(self) -> Price:
        """Return the paid amount. It is the order's price, unless a trial or an operator's decision changed it."""
        if self.paid_amount is None or self.paid_currency is None:
            return self.price
        return Price(self.paid_amount, self.paid_currency)

    @property
    def listed(self) -> Price:
        return Price(self.amount - self.discount, self.currency)

    @property
    def is_settled(self) -> bool:
        return self.status in SETTLED

    def shape(self) -> dict[str, Any]:
        credits_ = self.credits_micros // MICROS_PER_CREDIT
        is_paid = self.paid_at is not None and self.payment.currency == self.pay_currency
        shown = money_schemas.Order.of(
            self,
            credits=credits_,
            coupon=self.coupon_code,
            paid_amount=self.payment.amount if is_paid else None,
            trial_days=self.trial_days or 0,
        )
        return dict(msgspec.to_builtins(shown))


def move(order: Order, status: OrderStatus, **changes: Any) -> Order:
    if status not in MOVES[order.status]:
        raise OrderDecided(
            f"The order is {order.status}.",
            extra={"order_id": order.id, "order_status": order.status},
        )
    return replace(order, status=status, next_check_at=None, **changes)


def amend(order: Order, **changes: Any) -> Order:
    assert "status" not in changes, "a state is changed by move"
    return replace(order, **changes)


def next_check_at(checks_made: int, now_us: int) -> int:
    return now_us + (MINUTE_US if checks_made < CLOSE_CHECKS else HOUR_US)


def due_micros(order: Order, returned_amount: int) -> int:
    return share_of(order.credits_micros, returned_amount, order.payment.amount)
