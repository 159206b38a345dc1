"""Return a payment that credited nothing, because its order is in review or was rejected.

No credit moves. Once our refunds returned the whole payment, the review ends; if one fails, it reopens,
because we have the money. An approval counts earlier refunds: `worth_of`.
"""

from collections.abc import Sequence

from billing.engine.batch_state import BatchState
from billing.orders.ending import end_unpaid, reclaim
from billing.orders.order import Order, amend, move
from billing.orders.refund import gone_of
from billing.orders.refund_row import Refund
from billing.orders.working_set import OrderWorkingSet
from billing.providers.problem import in_words


def is_uncredited(order: Order) -> bool:
    """Return whether there is an uncredited payment; a plan's payment belongs to its periods."""
    is_closed = order.status in {"review", "failed"}
    return is_closed and order.payment_id is not None and order.kind != "subscription"


def sent_back(order: Order, refunds: Sequence[Refund]) -> int:
    """Return how much our refunds returned; refunds made elsewhere aren't the operator's wish."""
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
    """Return the whole payment's credit, such that micros are left after the returned share."""
    left = paid_amount - returned_amount
    return micros if left <= 0 else -(-micros * paid_amount // left)


def _failed_last(refunds: Sequence[Refund]) -> bool:
    return bool(refunds) and max(refunds, key=lambda one: one.ended_at or 0).status == "failed"


def _kept(state: BatchState, order: Order) -> Order:
    state.working_set(OrderWorkingSet).change(order)
    return order
