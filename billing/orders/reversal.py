"""Apply refunds and disputes to an order.

If part of a payment is returned, the same part of the credit is taken back, rounded up, and never more than was
credited. Reports may arrive in any order. If an uncredited payment is returned, no credit moves. The order's review
ends when our refunds have returned all of that payment, and reopens if a refund fails.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from billing.engine.batch_state import BatchState, ReadSet
from billing.orders.order import REASON_CHARACTERS_MAX, Order, OrderStatus, amend, due_micros, move
from billing.orders.refund import Refund, Reversal, Reversed, blank_of, change_of, gone_of, kind_of
from billing.orders.sold_credit import SoldCredit, brought, follow
from billing.orders.working_set import OrderWorkingSet
from billing.providers.event_log import NotificationOutcome, NotificationRef, Problem, in_words
from billing.providers.protocol import DisputeClosed, Disputed, RefundFailed
from billing.recharges.batch import note_dispute, note_unpaid
from kernel.errors import NotFound
from kernel.tenant import Tenant


def is_uncredited(order: Order) -> bool:
    """Return whether the order has an uncredited payment. A plan's payments belong to its periods instead."""
    is_closed = order.status in {"review", "failed"}
    return is_closed and order.payment_id is not None and order.kind != "subscription"


def sent_back(order: Order, refunds: Sequence[Refund]) -> int:
    """Return how much our refunds returned. Refunds made elsewhere don't count as an operator's decision."""
    done = sum(one.amount for one in refunds if one.status == "succeeded")
    return min(done, order.payment.amount)


def follow_refund(state: BatchState, order: Order) -> Order:
    working_set = state.working_set(OrderWorkingSet)
    refunds = working_set.refunds.of(order.id)
    gone = gone_of(working_set.reversals.of(order.id), order.payment.amount)
    is_back = gone >= order.payment.amount
    if not is_uncredited(order) or any(one.is_open for one in refunds):
        return order
    if order.status == "review" and is_back:
        working_set.resolve(order.id)
        reason = f"{in_words(order.payment)} went back: {order.reason or 'refunded'}"
        return end_unpaid(state, amend(order, refunded_amount=gone), "failed", reason)
    if order.status == "failed" and not is_back and _failed_last(refunds):
        reclaim(state, order)
        reason = f"a refund of {in_words(order.payment)} failed: the money is here"
        return _kept(state, move(order, "review", reason=reason, refunded_amount=0))
    if order.status == "failed" and gone != order.refunded_amount:
        return _kept(state, amend(order, refunded_amount=gone))
    return order


def worth_of(micros: int, paid_amount: int, returned_amount: int) -> int:
    """Return a credit for the whole payment that leaves `micros` after the returned share is taken back."""
    left = paid_amount - returned_amount
    return micros if left <= 0 else -(-micros * paid_amount // left)


def _failed_last(refunds: Sequence[Refund]) -> bool:
    return bool(refunds) and max(refunds, key=lambda one: one.ended_at or 0).status == "failed"


def _kept(state: BatchState, order: Order) -> Order:
    state.working_set(OrderWorkingSet).change(order)
    return order


_OF_DISPUTE: Final[Mapping[str, tuple[str, str]]] = {
    "open": ("disputed", "dispute"),
    "lost": ("dispute_lost", "the dispute was lost"),
}


@dataclass(frozen=True, slots=True)
class OrderResult:
    order: Order
    outcome: NotificationOutcome
    detail: str = ""
    problem: Problem | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OnOrder(ABC):
    """A command on an order. `notification` is None if we decided ourselves. Another provider's is refused."""

    order_id: str
    tenant: Tenant
    notification: NotificationRef | None

    def declare(self, read_set: ReadSet) -> None:
        read_set.tenants.add(self.tenant)
        read_set.working_set(OrderWorkingSet).ids.add(self.order_id)

    def decide(self, state: BatchState) -> OrderResult:
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
    def apply(self, state: BatchState, order: Order) -> OrderResult: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ReverseOrder(OnOrder):
    fact: Reversed

    def apply(self, state: BatchState, order: Order) -> OrderResult:
        reversals, key = state.working_set(OrderWorkingSet).reversals, self.fact.key
        known = reversals.find(order.id, key)
        refunds = state.working_set(OrderWorkingSet).refunds
        blank = blank_of(self.fact, order.id, order.tenant, state.now_us)
        changed = change_of(self.fact, known, blank, order.payment)
        self._note_dispute(state, order, is_new=known is None and isinstance(changed, Reversal))
        if isinstance(changed, Problem):
            return OrderResult(order, "review", changed.sentence, changed)
        before = refunds.told_of(order.id, self.fact)
        ours = follow(state, refunds, reversals, order.id, self.fact)
        if changed is not None:
            reversals.keep(changed)
        elif ours is None or (not order.is_settled and ours == before):
            return OrderResult(order, "repeated" if known is not None else "ignored")
        if ours is not None and is_uncredited(order):
            after = follow_refund(state, order)
            return OrderResult(after, "applied", f"refund {key} of what credited nothing")
        if not order.is_settled:
            is_failed = isinstance(self.fact, RefundFailed)
            what = f"refund {key} failed" if is_failed else f"{kind_of(self.fact)} {key}"
            return OrderResult(order, "applied", f"{what} before the payment")
        dispute = dispute_of(self.fact, changed)
        after = apply_reversals(state, order, reason_of(self.fact, ours), dispute)
        return OrderResult(after, "repeated" if changed is None else "applied")

    def _note_dispute(self, state: BatchState, order: Order, *, is_new: bool) -> None:
        if is_against_us(self.fact):
            recharges = state.working_set(OrderWorkingSet).recharges
            note_dispute(state, recharges, order.id, is_new=is_new)


def is_against_us(fact: Reversed) -> bool:
    if isinstance(fact, DisputeClosed):
        return not fact.is_won
    return isinstance(fact, Disputed) and (fact.note is None or not fact.note.is_over)


def reason_of(fact: Reversed, ours: Refund | None) -> str:
    if isinstance(fact, DisputeClosed) and fact.is_won:
        return "the dispute was won"
    if isinstance(fact, RefundFailed):
        return "the refund failed"
    if ours is not None:
        return ours.reason
    return "dispute" if kind_of(fact) == "dispute" else "refund at the provider"


def dispute_of(fact: Reversed, changed: Reversal | None) -> Reversal | None:
    """Return the dispute to report, or None if no money was taken, as for a dispute won before it opened."""
    if changed is None or changed.kind != "dispute" or not changed.amount:
        return None
    return None if changed.status == "won" and isinstance(fact, Disputed) else changed


def apply_reversals(
    state: BatchState, order: Order, reason: str = "", dispute: Reversal | None = None
) -> Order:
    """Adjust the credit and state of a settled order to the part of its payment that was returned.

    A plan's order doesn't change, because its periods have the credit. `reason` is empty if the order was just
    settled. A `dispute` that opened or ended now is reported even if no money moves.
    """
    if order.kind == "subscription":
        return order
    working_set = state.working_set(OrderWorkingSet)
    reversals = working_set.reversals.of(order.id)
    returned_amount = gone_of(reversals, order.payment.amount)
    due = due_micros(order, returned_amount)
    status = status_of(order, reversals, returned_amount)
    to_come = working_set.refunds.to_come(order.id, reversals)
    wanted = due_micros(order, returned_amount + to_come) - due
    taken = brought(state, sold_of(order), working_set.refunds, due, wanted)
    if (status, returned_amount, due) == (
        order.status,
        order.refunded_amount,
        order.reversed_micros,
    ):
        tell_returned(state, order, 0, reason, dispute)
        return order
    changed = amend(
        order,
        refunded_amount=returned_amount,
        reversed_micros=due,
        reversed_promotional_micros=taken.reversed_promotional_micros,
        reversed_grant_micros=taken.reversed_grant_micros,
    )
    if status != changed.status:
        changed = move(changed, status)
    working_set.change(changed)
    dispute = dispute if reason else _standing(reversals)
    tell_returned(state, changed, returned_amount - order.refunded_amount, reason, dispute)
    return changed


def _standing(reversals: Sequence[Reversal]) -> Reversal | None:
    by_status = {one.status: one for one in reversals if one.kind == "dispute" and one.amount}
    return by_status.get("open") or by_status.get("lost")


def tell_returned(
    state: BatchState, order: Order, amount: int, reason: str, dispute: Reversal | None = None
) -> None:
    """Publish an event about returned money or a dispute, if there is any.

    `amount` is how much more was returned, or negative if money came back.
    """
    if not amount and dispute is None:
        return
    what = name = "refunded" if amount > 0 else "restored"
    data = {**order.shape(), "refunded_total_cents": order.refunded_amount}
    if dispute is not None and dispute.status in _OF_DISPUTE:
        (what, reason), name = _OF_DISPUTE[dispute.status], "refunded"
        data |= {"dispute_id": dispute.key, "disputed_cents": dispute.amount}
    data |= {f"{name}_cents": abs(amount), "reason": reason}
    state.publish(order.tenant, f"order.{what}", data, order.reference)


def status_of(order: Order, reversals: Sequence[Reversal], returned_amount: int) -> OrderStatus:
    if any(one.status == "open" and one.amount for one in reversals):
        return "disputed"
    if returned_amount == 0:
        return "paid"
    return "refunded" if returned_amount >= order.payment.amount else "partially_refunded"


def sold_of(order: Order) -> SoldCredit:
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


def end_unpaid(
    state: BatchState, order: Order, status: Literal["failed", "expired"], reason: str | None
) -> Order:
    shortened = None if reason is None else reason[:REASON_CHARACTERS_MAX]
    ended = move(order, status, reason=shortened)
    working_set = state.working_set(OrderWorkingSet)
    if order.coupon_id is not None:
        working_set.coupons.release(order.coupon_id, order.id, order.account_id)
    working_set.change(ended)
    state.publish(order.tenant, "order.failed", ended.shape(), order.reference)
    note_unpaid(state, working_set.recharges, order.id, shortened)
    return ended


def reclaim(state: BatchState, order: Order) -> None:
    if order.coupon_id is not None and order.status in {"failed", "expired"}:
        working_set = state.working_set(OrderWorkingSet)
        working_set.coupons.claim(order.coupon_id, order.id, order.account_id)
