"""Where an order's money is, step by step from the request to the credit.

The payer's and the operator's pages show the same steps in their own words, chosen by `state`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from billing.orders import queries as orders
from billing.orders.order import Order
from billing.orders.timeline import OrderTimeline, timeline_of
from billing.providers import event_log
from billing.providers.event_log import LogEntry
from billing.subscriptions import records as subscription_rows
from kernel.clock import rfc3339
from kernel.errors import NotFound
from store.database import Transaction

StepName = Literal["ordered", "opened", "provider", "ledger", "supplier", "claim"]
StepVerdict = Literal["done", "waiting", "problem", "not_needed"]


@dataclass(frozen=True, slots=True)
class TraceStep:
    """state: its outcome in one word; at null: no moment. detail: for the operator alone, such as the
    provider's own reason.
    """

    name: StepName
    verdict: StepVerdict
    state: str
    at: int | None = None
    detail: str = ""

    def shape(self) -> dict[str, Any]:
        return {
            "step": self.name,
            "verdict": self.verdict,
            "what": OPERATOR_WORDS[self.state],
            "at": None if self.at is None else rfc3339(self.at),
            "detail": self.detail or None,
        }


@dataclass(frozen=True, slots=True)
class OrderTrace:
    timeline: OrderTimeline
    notifications: Sequence[LogEntry]
    steps: Sequence[TraceStep]

    @property
    def order(self) -> Order:
        return self.timeline.order

    @property
    def words(self) -> Mapping[str, str]:
        return OPERATOR_WORDS


OPERATOR_WORDS: Final = {
    "ordered": "The order was placed.",
    "opened": "The provider made the payment page.",
    "unopened": "The provider has not made the payment page yet; a worker asks it again.",
    "not_opened": "The provider made no payment page.",
    "free": "Nothing was to be paid.",
    "paid": "The provider says that it is paid.",
    "approved": "A person decided that it counts as paid.",
    "mismatched": "The provider tells of a payment that does not fit the order; a person decides.",
    "failed": "The payment failed.",
    "expired": "It was not paid in time; a payment that comes later is still credited.",
    "unpaid": "The provider says that it is not paid yet.",
    "silent": "The provider gave no answer when it was last asked; a worker asks again.",
    "unasked": "The provider has not said anything yet.",
    "credited": "The credit is in the account's wallet.",
    "by_period": "The plan's paid period was credited.",
    "trial": "The plan's trial has begun; the first payment is taken when it ends.",
    "period_waits": "The plan's first invoice is still to be told; the credit comes with it.",
    "uncredited": "Nothing is credited before the payment is confirmed.",
    "decision": "Nothing is credited before a person decides.",
    "never": "Nothing was credited.",
    "taken_back": "The payment went back, and its credit with it.",
    "wallet": "The order buys credit for the account's own wallet: no supplier is asked.",
    "unclaimed": "Nothing of it waits for a recipient to claim it.",
}


async def trace(tx: Transaction, order_id: str) -> OrderTrace:
    order = await orders.find(tx, order_id)
    if order is None:
        raise NotFound("Order")
    timeline = await timeline_of(tx, order)
    told = await event_log.of_order(tx, order.id)
    steps = [_ordered(order), _opened(order), _provider(order, told)]
    steps.append(await _ledger(tx, order))
    steps.append(TraceStep("supplier", "not_needed", "wallet"))
    steps.append(TraceStep("claim", "not_needed", "unclaimed"))
    return OrderTrace(timeline, told, steps)


def _ordered(order: Order) -> TraceStep:
    return TraceStep("ordered", "done", "ordered", order.created_at)


def _opened(order: Order) -> TraceStep:
    if order.pay_amount == 0:
        return TraceStep("opened", "not_needed", "free")
    if order.provider_ref is not None:
        return TraceStep("opened", "done", "opened", order.opened_at)
    if order.status == "pending":
        return TraceStep("opened", "waiting", "unopened")
    return TraceStep("opened", "problem", "not_opened", detail=order.reason or "")


def _provider(order: Order, told: Sequence[LogEntry]) -> TraceStep:
    if order.pay_amount == 0:
        return TraceStep("provider", "not_needed", "free")
    heard = next((one.received_at for one in told if one.outcome in {"applied", "review"}), None)
    if order.is_settled:
        if order.reason is not None:
            return TraceStep("provider", "done", "approved", order.paid_at, order.reason)
        if order.payment.amount == 0:
            return TraceStep("provider", "done", "free", heard or order.paid_at)
        return TraceStep("provider", "done", "paid", heard or order.paid_at)
    if order.status == "review":
        return TraceStep("provider", "problem", "mismatched", heard, order.reason or "")
    if order.status in {"failed", "expired"}:
        return TraceStep("provider", "problem", order.status, heard, order.reason or "")
    if order.answer == "silent":
        return TraceStep("provider", "waiting", "silent", order.checked_at)
    if order.answer is not None:
        return TraceStep("provider", "waiting", "unpaid", order.checked_at)
    return TraceStep("provider", "waiting", "unasked")


async def _ledger(tx: Transaction, order: Order) -> TraceStep:
    if order.status in {"refunded", "disputed"}:
        return TraceStep("ledger", "problem", "taken_back")
    if order.kind == "subscription" and order.is_settled:
        return await _period(tx, order)
    if order.is_settled:
        return TraceStep("ledger", "done", "credited", order.paid_at)
    if order.status == "review":
        return TraceStep("ledger", "problem", "decision")
    if order.status == "pending":
        return TraceStep("ledger", "waiting", "uncredited")
    return TraceStep("ledger", "not_needed", "never")


async def _period(tx: Transaction, order: Order) -> TraceStep:
    """Return the invoices' step: a plan's order credits nothing itself."""
    begun = await subscription_rows.find_by_order(tx, order.id)
    known = {} if begun is None else await subscription_rows.load_periods(tx, [begun.id])
    first = min((one.created_at for of in known.values() for one in of), default=None)
    if first is None:
        return TraceStep("ledger", "waiting", "period_waits")
    is_trial = begun is not None and begun.is_in_trial
    return TraceStep("ledger", "done", "trial" if is_trial else "by_period", first)
