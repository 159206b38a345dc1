"""End an order without credit, or reopen it: its coupon's use, its events and its recharge."""

from typing import Literal

from billing.engine.batch_state import BatchState
from billing.orders.order import REASON_CHARACTERS_MAX, Order, move
from billing.orders.working_set import OrderWorkingSet
from billing.recharges.batch import note_unpaid


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
