"""Show where an order's money is, step by step from the request to the credit.

Payers' and operators' pages show the same steps.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

from billing.ledger.statement import account_label, transfer_shape
from billing.orders import records as orders
from billing.orders.order import Order
from billing.providers import event_log
from billing.providers.event_log import LogEntry
from billing.subscriptions import records as subscription_rows
from kernel.clock import rfc3339
from kernel.errors import NotFound
from kernel.tenant import Tenant
from store.database import Transaction


@dataclass(frozen=True, slots=True)
class Returned:
    kind: str
    amount: int
    status: str
    created_at: int


@dataclass(frozen=True, slots=True)
class OrderTimeline:
    order: Order
    transfers: Sequence[Mapping[str, Any]]
    events: Sequence[Mapping[str, Any]]
    went_back: Sequence[Returned]


async def own_timeline(tx: Transaction, tenant: Tenant, order_id: str) -> OrderTimeline:
    return await timeline_of(tx, await orders.get(tx, tenant, order_id))


async def timeline_of(tx: Transaction, order: Order) -> OrderTimeline:
    tenant = {"account_id": order.account_id, "environment": order.environment}
    moved = await tx.fetch(
        """SELECT t.id, t.amount_micros, t.code, t.created_at, d.kind AS debit_kind,
                  d.name AS debit_name, c.kind AS credit_kind, c.name AS credit_name
           FROM transfers t
           JOIN ledger_accounts d ON d.id = t.debit_id
           JOIN ledger_accounts c ON c.id = t.credit_id
           WHERE t.subject_id IN (SELECT :order_id UNION
                   SELECT id FROM refunds WHERE order_id = :order_id) AND t.account_id = :account_id
             AND t.environment = :environment
           ORDER BY t.id""",
        order_id=order.id,
        **tenant,
    )
    events = await tx.fetch(
        """SELECT id, type, created_at FROM events
           WHERE transaction_id = :reference AND account_id = :account_id
             AND environment = :environment
           ORDER BY event_no""",
        reference=order.reference,
        **tenant,
    )
    went_back = await tx.fetch(
        """SELECT kind, amount, status, created_at FROM order_reversals
           WHERE order_id = :order_id AND account_id = :account_id AND environment = :environment
           ORDER BY created_at, key""",
        order_id=order.id,
        **tenant,
    )
    return OrderTimeline(
        order,
        [
            transfer_shape(
                row["id"],
                account_label(row["debit_kind"], row["debit_name"]),
                account_label(row["credit_kind"], row["credit_name"]),
                row["amount_micros"],
                row["code"],
                row["created_at"],
            )
            for row in moved
        ],
        [
            {"id": row["id"], "type": row["type"], "created_at": rfc3339(row["created_at"])}
            for row in events
        ],
        returned_of(
            [
                Returned(row["kind"], row["amount"], row["status"], row["created_at"])
                for row in went_back
            ]
        ),
    )


def returned_of(told: Sequence[Returned]) -> list[Returned]:
    """Return each refund and dispute once.

    Stripe reports a refund separately (part) and in the charge's sum (refund). Only the part of the sum that exceeds
    the separate refunds is included.
    """
    standing = [one for one in told if one.status != "replaced"]
    parts = [one for one in standing if one.kind == "part"]
    sums = [one for one in standing if one.kind == "refund"]
    if parts and sums:
        failed = sum(one.amount for one in parts if one.status == "failed")
        done = sum(one.amount for one in parts if one.status != "failed")
        rest = sum(one.amount for one in sums if one.status != "failed") - failed - done
        sums = [replace(sums[0], amount=rest)] if rest > 0 else []
    refunds = [replace(one, kind="refund") for one in (*parts, *sums)]
    disputes = [one for one in standing if one.kind == "dispute"]
    return sorted([*refunds, *disputes], key=lambda one: one.created_at)


StepName = Literal["ordered", "opened", "provider", "ledger", "supplier", "claim"]
StepVerdict = Literal["done", "waiting", "problem", "not_needed"]


@dataclass(frozen=True, slots=True)
class TraceStep:
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
    "opened": "The provider opened the payment page.",
    "unopened": "The provider hasn't opened the payment page yet. A worker will retry.",
    "not_opened": "The provider didn't open a payment page.",
    "free": "There was nothing to pay.",
    "paid": "The provider reported the payment.",
    "approved": "An operator approved it as paid.",
    "mismatched": "The reported payment doesn't match the order. An operator must decide.",
    "failed": "The payment failed.",
    "expired": "It wasn't paid in time. A late payment is still credited.",
    "unpaid": "The provider says that it isn't paid yet.",
    "silent": "The provider didn't respond to the last query. A worker will retry.",
    "unasked": "The provider hasn't reported anything yet.",
    "credited": "The credit is in the account's wallet.",
    "by_period": "The plan's paid period was credited.",
    "trial": "The plan's trial has begun; the first payment is taken when it ends.",
    "period_waits": "The provider hasn't reported the plan's first invoice yet. The credit comes with it.",
    "uncredited": "Nothing is credited before the payment is confirmed.",
    "decision": "Nothing is credited before an operator decides.",
    "never": "Nothing was credited.",
    "taken_back": "The payment was returned, and its credit was taken back.",
    "wallet": "The credit is for the account's own wallet, so no supplier is involved.",
    "unclaimed": "There is nothing for a recipient to claim.",
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
    begun = await subscription_rows.find_by_order(tx, order.id)
    known = {} if begun is None else await subscription_rows.load_periods(tx, [begun.id])
    first = min((one.created_at for of in known.values() for one in of), default=None)
    if first is None:
        return TraceStep("ledger", "waiting", "period_waits")
    is_trial = begun is not None and begun.is_in_trial
    return TraceStep("ledger", "done", "trial" if is_trial else "by_period", first)
