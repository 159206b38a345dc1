"""Record that an order's provider is being called, and its answer.

Of simultaneous callers one asks. An order older than yesterday has a longer pause, so nobody can have a
provider asked about it all day.
"""

from dataclasses import dataclass
from typing import Final

from billing.engine.batch_state import BatchState, ReadSet
from billing.orders.order import Order, OrderAnswer, amend
from billing.orders.working_set import OrderWorkingSet
from kernel.clock import DAY_US, MINUTE_US, SECOND_US
from kernel.tenant import Tenant

PAUSE_US: Final = 15 * SECOND_US
OLD_PAUSE_US: Final = 10 * MINUTE_US


@dataclass(frozen=True, slots=True)
class Question:
    order: Order
    is_mine: bool


@dataclass(frozen=True, slots=True)
class NoteQuestion:
    order_id: str
    tenant: Tenant

    def declare(self, read_set: ReadSet) -> None:
        read_set.tenants.add(self.tenant)
        read_set.working_set(OrderWorkingSet).ids.add(self.order_id)

    def decide(self, state: BatchState) -> Question:
        working_set = state.working_set(OrderWorkingSet)
        order = working_set.find(self.order_id, self.tenant)
        if not can_be_asked(order) or state.now_us < may_ask_at(order, state.now_us):
            return Question(order, is_mine=False)
        asked = amend(order, checked_at=state.now_us)
        working_set.change(asked)
        return Question(asked, is_mine=True)


@dataclass(frozen=True, slots=True)
class NoteAnswer:
    order_id: str
    tenant: Tenant
    answer: OrderAnswer

    def declare(self, read_set: ReadSet) -> None:
        read_set.tenants.add(self.tenant)
        read_set.working_set(OrderWorkingSet).ids.add(self.order_id)

    def decide(self, state: BatchState) -> Order:
        working_set = state.working_set(OrderWorkingSet)
        order = working_set.find(self.order_id, self.tenant)
        if order.answer == self.answer:
            return order
        answered = amend(order, answer=self.answer)
        working_set.change(answered)
        return answered


def can_be_asked(order: Order) -> bool:
    """Return whether an answer could change something: opened, and undecided."""
    return order.provider_ref is not None and not order.is_settled and order.status != "review"


def may_ask_at(order: Order, now_us: int) -> int:
    if order.checked_at is None:
        return 0
    is_old = now_us - order.created_at > DAY_US
    return order.checked_at + (OLD_PAUSE_US if is_old else PAUSE_US)
