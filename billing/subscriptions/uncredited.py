"""Track refunds of payments that credited nothing, including failed refunds.

No credit moves. When a payment is fully returned, its case is closed. If the money comes back, the case is reopened.
"""

from dataclasses import dataclass

from msgspec.structs import replace

from billing.engine.batch_state import BatchState, ReadSet
from billing.orders.order import Order, move
from billing.orders.refund import Reversed, returned_of
from billing.orders.reversal import OnOrder, OrderResult, end_unpaid, reclaim, take_fact
from billing.orders.working_set import (
    OrderWorkingSet,
    UncreditedPayment,
    UncreditedPayments,
    new_payment,
)
from billing.providers.event_log import NotificationRef, Problem, in_words
from billing.subscriptions.working_set import SubscriptionWorkingSet


@dataclass(frozen=True, slots=True, kw_only=True)
class ReverseUncredited(OnOrder):
    payment_id: str
    fact: Reversed

    def declare(self, read_set: ReadSet) -> None:
        OnOrder.declare(self, read_set)
        declare(read_set, self.order_id)

    def apply(self, state: BatchState, order: Order) -> OrderResult:
        rows = state.working_set(UncreditedPayments)
        payment = rows.find(self.payment_id)
        if payment is None:
            return OrderResult(order, "ignored", "it is of a payment that is not known")
        taken = take_fact(state, rows, payment.id, payment.tenant, payment.price, self.fact)
        if taken.problem is not None:
            return OrderResult(order, "review", taken.problem.sentence, taken.problem)
        if taken.changed is not None or taken.ours is not None:
            order = follow_payment(state, order, payment)
        return OrderResult(order, taken.outcome)


def declare(read_set: ReadSet, order_id: str) -> None:
    read_set.working_set(UncreditedPayments).orders.add(order_id)
    read_set.working_set(SubscriptionWorkingSet).orders.add(order_id)


def waiting_payments(state: BatchState, order: Order) -> list[UncreditedPayment]:
    """Return the order's payments that credited nothing. Some have no row yet: held invoices, and payments for orders
    that are in review or were rejected.
    """
    rows, subscriptions = (
        state.working_set(UncreditedPayments),
        state.working_set(SubscriptionWorkingSet),
    )
    found = {one.payment_ref: one for one in rows.of_order(order.id)}
    begun = subscriptions.of_order(order.id)
    for held in () if begun is None else subscriptions.held(begun.id):
        made = new_payment(order, held.invoice_id, held.paid, state.now_us)
        found.setdefault(held.invoice_id, made)
    credited = set() if begun is None else {p.invoice_id for p in subscriptions.periods(begun.id)}
    ref = order.payment_id
    if order.status in {"review", "failed"} and ref is not None and ref not in credited:
        found.setdefault(ref, new_payment(order, ref, order.payment, state.now_us))
    return [one for one in found.values() if one.left_amount > 0]


def follow_payment(state: BatchState, order: Order, payment: UncreditedPayment) -> Order:
    rows = state.working_set(UncreditedPayments)
    reversals = rows.reversals.of(payment.id)
    gone = returned_of(reversals, payment.amount)
    # Exclude disputes, because the bank may still give the money back.
    is_back = (
        returned_of([one for one in reversals if one.kind != "dispute"], payment.amount)
        >= payment.amount
    )
    closed_at = (payment.closed_at or state.now_us) if is_back else None
    after = replace(payment, refunded_amount=gone, closed_at=closed_at)
    if after != payment:
        rows.save(after)
    if is_back and payment.closed_at is None:
        return _close(state, order, after)
    if not is_back and payment.closed_at is not None:
        return _reopen(state, order, after)
    return order


def _close(state: BatchState, order: Order, payment: UncreditedPayment) -> Order:
    orders = state.working_set(OrderWorkingSet)
    orders.resolve_payment(order.id, payment.payment_ref)
    subscriptions = state.working_set(SubscriptionWorkingSet)
    begun = subscriptions.of_order(order.id)
    for held in () if begun is None else list(subscriptions.held(begun.id)):
        if held.invoice_id == payment.payment_ref:
            subscriptions.resolve(held)
    if order.status != "review" or order.payment_id != payment.payment_ref:
        return order
    reason = f"{in_words(payment.price)} went back: {order.reason or 'refunded'}"
    return end_unpaid(state, order, "failed", reason)


def _reopen(state: BatchState, order: Order, payment: UncreditedPayment) -> Order:
    orders = state.working_set(OrderWorkingSet)
    sentence = f"a refund of {in_words(payment.price)} failed: the money is here"
    came = f"{in_words(payment.price)} as {payment.payment_ref}"
    problem = Problem("refund", sentence, "all of it gone back", came, payment.payment_ref)
    told = NotificationRef(
        order.provider,
        order.environment,
        f"returned:{payment.id}:{state.now_us}",
        "refund.returned",
    )
    owner = (order.account_id, order.id)
    orders.note(told, owner, "review", sentence, state.now_us, problem)
    place = (payment.provider, payment.environment, payment.payment_ref)
    state.working_set(SubscriptionWorkingSet).reopen(place)
    if order.status != "failed" or order.payment_id != payment.payment_ref:
        return order
    reclaim(state, order)
    again = move(order, "review", reason=sentence)
    orders.change(again)
    return again
