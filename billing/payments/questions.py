"""Query a provider about one order, for an operator or a waiting payer.

An order can have only one query at a time, and a provider only a few. Old orders are queried less often. During a
query, no transaction is open and no lock is held.
"""

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from billing.engine.batch_state import BatchState
from billing.engine.engine import Engine
from billing.orders.order import Order, OrderAnswer, amend
from billing.orders.settlement import OrderNote
from billing.payments.checkout import Checkouts
from billing.payments.notifications import NotificationHandler
from billing.providers.event_log import NotificationRef
from billing.providers.protocol import (
    Fact,
    Ignored,
    ProviderRefused,
    ProviderUnavailable,
    Unconfirmed,
    Waiting,
)
from kernel.clock import DAY_US, MINUTE_US, SECOND_US, Clock

PAUSE_US: Final = 15 * SECOND_US
OLD_PAUSE_US: Final = 10 * MINUTE_US


@dataclass(frozen=True, slots=True)
class Question:
    order: Order
    is_mine: bool


@dataclass(frozen=True, slots=True)
class NoteQuestion(OrderNote):
    def decide(self, state: BatchState) -> Question:
        working_set, order = self._found(state)
        if not can_be_asked(order) or state.now_us < may_ask_at(order, state.now_us):
            return Question(order, is_mine=False)
        asked = amend(order, checked_at=state.now_us)
        working_set.change(asked)
        return Question(asked, is_mine=True)


@dataclass(frozen=True, slots=True)
class NoteAnswer(OrderNote):
    answer: OrderAnswer

    def decide(self, state: BatchState) -> Order:
        working_set, order = self._found(state)
        if order.answer == self.answer:
            return order
        answered = amend(order, answer=self.answer)
        working_set.change(answered)
        return answered


def can_be_asked(order: Order) -> bool:
    return order.provider_ref is not None and not order.is_settled and order.status != "review"


def may_ask_at(order: Order, now_us: int) -> int:
    if order.checked_at is None:
        return 0
    is_old = now_us - order.created_at > DAY_US
    return order.checked_at + (OLD_PAUSE_US if is_old else PAUSE_US)


ASK_S_MAX: Final = 6.0
# This limit applies to one provider in this process. Checkouts need the client's other connections.
AT_ONCE_MAX: Final = 4
INQUIRY: Final = "inquiry"

QuestionOutcome = Literal["asked", "opened", "not_needed", "not_open", "just_asked", "busy"]


@dataclass(frozen=True, slots=True)
class AskedOrder:
    order: Order
    outcome: QuestionOutcome


class Questions:
    def __init__(
        self,
        clock: Clock,
        engine: Engine,
        checkouts: Checkouts,
        notifications: NotificationHandler,
        *,
        ask_s_max: float = ASK_S_MAX,
    ) -> None:
        self._ask_s_max = ask_s_max
        self._clock = clock
        self._engine = engine
        self._checkouts = checkouts
        self._notifications = notifications
        self._under_way: Counter[str] = Counter()

    async def check(self, order: Order) -> AskedOrder:
        """Query the provider, unless a query would be useless or was just made. The provider's failure isn't raised."""
        if not can_be_asked(order):
            is_decided = order.is_settled or order.status == "review"
            return AskedOrder(order, "not_needed" if is_decided else "not_open")
        now_us = self._clock.now_us()
        if now_us < may_ask_at(order, now_us):
            return AskedOrder(order, "just_asked")
        if self._under_way[order.provider] >= AT_ONCE_MAX:
            return AskedOrder(order, "busy")
        self._under_way[order.provider] += 1
        try:
            noted = await self._engine.submit(NoteQuestion(order.id, order.tenant))
            if not noted.is_mine:
                is_open = can_be_asked(noted.order)
                return AskedOrder(noted.order, "just_asked" if is_open else "not_needed")
            answer = await self._answer(noted.order)
        finally:
            self._under_way[order.provider] -= 1
        after = await self._engine.submit(NoteAnswer(order.id, order.tenant, answer))
        return AskedOrder(after, "asked")

    async def _answer(self, order: Order) -> OrderAnswer:
        assert order.provider_ref is not None, "only what was opened is asked about"
        try:
            async with asyncio.timeout(self._ask_s_max):
                facts = await self._checkouts.inquire(order, order.provider_ref)
        except (TimeoutError, ProviderUnavailable, ProviderRefused):
            return "silent"
        await self._notifications.confirm(order, facts, inquiry_of(order))
        return answer_of(facts)


def answer_of(facts: Sequence[Fact]) -> OrderAnswer:
    passed_over = (Waiting, Unconfirmed, Ignored)
    return "unpaid" if all(isinstance(fact, passed_over) for fact in facts) else "told"


def inquiry_of(order: Order) -> NotificationRef:
    return NotificationRef(order.provider, order.environment, f"{INQUIRY}:{order.id}", INQUIRY)
