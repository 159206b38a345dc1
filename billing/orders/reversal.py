"""Refunds and disputes: credit is taken back as the payment goes, and given back with a won dispute.

Promise: what was reversed is always the credits' share of what is gone of the payment, rounded up,
whatever the order in which the facts come and however often; never more than was credited. A refund
that failed counts no longer. A refund that is told before its payment waits for it.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

from billing.engine.batch_state import BatchState
from billing.engine.read_set import ReadSet
from billing.orders.order import Order, OrderStatus, amend, due_micros, move
from billing.orders.refund import Reversal, Reversed, blank_of, change_of, gone_of, kind_of
from billing.orders.sold_credit import SoldCredit
from billing.orders.working_set import OrderWorkingSet
from billing.providers.event_log import NotificationOutcome, NotificationRef
from billing.providers.problem import Problem
from billing.providers.protocol import RefundFailed
from kernel.errors import NotFound
from kernel.tenant import Tenant


@dataclass(frozen=True, slots=True)
class OrderResult:
    """What became of a fact: the order after it; detail is for the operator."""

    order: Order
    outcome: NotificationOutcome
    detail: str = ""
    problem: Problem | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OnOrder(ABC):
    """What every command on one existing order shares. Its account is found by the order's id.

    notification: what says it; None: our own decision. Another provider's is refused.
    """

    order_id: str
    tenant: Tenant
    notification: NotificationRef | None

    def declare(self, read_set: ReadSet) -> None:
        read_set.tenants.add(self.tenant)
        read_set.working_set(OrderWorkingSet).ids.add(self.order_id)

    def decide(self, state: BatchState) -> OrderResult:
        """Raises NotFound, also for an order of another environment than the notification's."""
        working_set = state.working_set(OrderWorkingSet)
        order = working_set.find(self.order_id, self.tenant)
        if self.notification is not None and self.notification.environment != order.environment:
            raise NotFound("Order", param="id")
        if self.notification is not None and self.notification.provider != order.provider:
            detail = f"{self.notification.provider} speaks of an order at {order.provider}"
            problem = Problem("other_provider", detail, order.provider, self.notification.provider)
            settled = OrderResult(order, "refused", detail, problem)
        else:
            settled = self.apply(state, order)
        became = (settled.outcome, settled.detail, state.now_us, settled.problem)
        working_set.note(self.notification, (order.account_id, order.id), *became)
        return settled

    @abstractmethod
    def apply(self, state: BatchState, order: Order) -> OrderResult:
        """What the fact changes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReverseOrder(OnOrder):
    """Money went back, a bank took it back, or one of these came to nothing."""

    fact: Reversed

    def apply(self, state: BatchState, order: Order) -> OrderResult:
        reversals, key = state.working_set(OrderWorkingSet).reversals, self.fact.key
        known = reversals.find(order.id, key)
        blank = blank_of(self.fact, order.id, order.tenant, state.now_us)
        changed = change_of(self.fact, known, blank, order.payment)
        if isinstance(changed, Problem):
            return OrderResult(order, "review", changed.sentence, changed)
        if changed is None:
            return OrderResult(order, "repeated" if known is not None else "ignored")
        reversals.keep(changed)
        if not order.is_settled:
            is_failed = isinstance(self.fact, RefundFailed)
            what = f"refund {key} failed" if is_failed else f"{kind_of(self.fact)} {key}"
            return OrderResult(order, "applied", f"{what} before the payment")
        return OrderResult(apply_reversals(state, order), "applied")


def apply_reversals(state: BatchState, order: Order) -> Order:
    """A settled order, with its credit and its state brought to what is gone of its payment."""
    working_set = state.working_set(OrderWorkingSet)
    reversals = working_set.reversals.of(order.id)
    gone_amount = gone_of(reversals, order.payment.amount)
    due = due_micros(order, gone_amount)
    status = _status(order, reversals, gone_amount)
    if (status, gone_amount, due) == (order.status, order.refunded_amount, order.reversed_micros):
        return order
    taken = _sold(order).brought_to(state, due)
    changed = amend(
        order,
        refunded_amount=gone_amount,
        reversed_micros=due,
        reversed_promotional_micros=taken.reversed_promotional_micros,
        reversed_grant_micros=taken.reversed_grant_micros,
    )
    if status != changed.status:
        changed = move(changed, status)
    working_set.change(changed)
    state.publish(order.tenant, "order.refunded", changed.shape(), order.reference)
    return changed


def _status(order: Order, reversals: Sequence[Reversal], gone_amount: int) -> OrderStatus:
    if any(one.status == "open" and one.amount for one in reversals):
        return "disputed"
    if gone_amount == 0:
        return "paid"
    return "refunded" if gone_amount >= order.payment.amount else "partially_refunded"


def _sold(order: Order) -> SoldCredit:
    return SoldCredit(
        id=order.id,
        tenant=order.tenant,
        provider=order.provider,
        credits_micros=order.credits_micros,
        promotional_micros=order.promotional_micros,
        reversed_micros=order.reversed_micros,
        reversed_promotional_micros=order.reversed_promotional_micros,
        reversed_grant_micros=order.reversed_grant_micros,
    )
