"""A pending top-up's turn at a supplier: choose it, hand over, call it, write the outcome.

The attempt is written before the call. An open attempt continues with its supplier, as the kind allows. The
last supplier's no returns the funds. If nothing can find out what a supplier did, an operator decides. No
transaction is open during a call.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

from billing.engine.engine import Engine
from billing.fulfilment.protocol import (
    ASK_S_MAX,
    Delivered,
    Outcome,
    Refused,
    Request,
    Unknown,
    Waiting,
)
from billing.fulfilment.suppliers import ReadySupplier, Suppliers
from billing.topups import attempt as attempts, platform_rows, topup as topups
from billing.topups.attempt import Attempt
from billing.topups.fulfilment import HandedOver, HandOver, KeepWaiting, Settle
from billing.topups.platform import WALLET, Source
from billing.topups.queries import Due
from billing.topups.send import BY_SANDBOX
from billing.topups.settlement import EndedTopUp
from billing.topups.topup import TopUp
from kernel.clock import DAY_US, SECOND_US, Clock
from store.database import Database
from worker.ask import ask
from worker.breaker import Breakers

# Longer than any call: a dead worker's is then repeated, and two never overlap.
FIRST_WAIT_US = 75 * SECOND_US
WAIT_US_MAX = 600 * SECOND_US
AGAIN_US_MIN = SECOND_US
AGAIN_US_MAX = 3_600 * SECOND_US
# How long a top-up waits if no supplier can be called.
NOBODY_WAIT_US = 60 * SECOND_US
OVERDUE_US = DAY_US

_log = logging.getLogger(__name__)


class SupplierCall(NamedTuple):
    duration_s: float
    topup: TopUp
    attempt: Attempt
    outcome: str


OnCall = Callable[[SupplierCall], None]


class FulfilmentRunner:
    def __init__(
        self,
        database: Database,
        clock: Clock,
        engine: Engine,
        suppliers: Suppliers,
        breakers: Breakers,
        on_call: OnCall,
    ) -> None:
        assert FIRST_WAIT_US > ASK_S_MAX * SECOND_US, "an ask is over before the next one"
        self._database = database
        self._clock = clock
        self._engine = engine
        self._suppliers = suppliers
        self._breakers = breakers
        self._on_call = on_call

    async def take(self, topup: Due) -> None:
        """Take one turn; raise StoreError, DomainError and Superseded."""
        if topup.fulfilment == BY_SANDBOX:
            # The sandbox's script delivers what the platform's first supplier would hand over.
            given = self._suppliers.sample(topup.tenant.environment, topup.platform, topup.id)
            await self._engine.submit(Settle(topup.id, topup.tenant, "delivered", given=given))
            return
        known = await self._database.read(partial(attempts.load, topup_ids=[topup.id]))
        supplier = self._whose_turn(topup, known)
        if supplier is None:
            await self._wait_for_somebody(topup)
            return
        last = known[-1] if known else None
        if last is not None and last.is_open and _is_lost(supplier, last):
            await self._leave_to_person(topup, last)
            return
        # From before the hand-over, which begins the wait after which another worker may call.
        until_s = asyncio.get_running_loop().time() + ASK_S_MAX
        handed = await self._hand_over(topup, supplier)
        if handed.attempt is not None:
            await self._ask(supplier, handed, handed.attempt, until_s)

    def _whose_turn(self, topup: Due, known: Sequence[Attempt]) -> ReadySupplier | None:
        environment = topup.tenant.environment
        if known and known[-1].is_open:
            found = self._suppliers.find(environment, known[-1].supplier)
        else:
            refused_by = [one.supplier for one in known if one.outcome == "refused"]
            named = self._suppliers.find(environment, topup.supplier)
            if named is not None and named.is_active:
                found = named
            else:
                platforms = self._suppliers.book.of(environment)
                source = platforms.next_after(topup.platform, refused_by)
                found = None if source is None else self._suppliers.find(environment, source.id)
        is_asked = found is not None and found.is_active and not found.is_paused
        return found if is_asked else None

    async def _wait_for_somebody(self, topup: Due) -> None:
        """Retry in a minute: the operator may have enabled a supplier."""
        _log.warning(
            "fulfilment.nobody",
            extra={"fields": {"transaction_id": topup.id, "platform": topup.platform}},
        )
        until = self._clock.now_us() + NOBODY_WAIT_US
        await self._database.transaction(partial(topups.postpone, topup_id=topup.id, until=until))

    async def _leave_to_person(self, topup: Due, attempt: Attempt) -> None:
        """Leave it to an operator: nothing can find out what the lost call did."""
        await self._engine.submit(
            KeepWaiting(
                topup.id,
                topup.tenant,
                number=attempt.number,
                requests_made=attempt.requests_made,
                outcome="unknown",
                next_check_at=None,
                detail=attempt.detail or "the worker ended while it asked",
            )
        )

    async def _hand_over(self, topup: Due, supplier: ReadySupplier) -> HandedOver:
        wait_us = min(WAIT_US_MAX, FIRST_WAIT_US * 2 ** min(topup.checks_made, 4))
        return await self._engine.submit(
            HandOver(
                topup.id,
                topup.tenant,
                seen_checks_made=topup.checks_made,
                next_check_at=self._clock.now_us() + wait_us,
                source=Source(supplier.id, supplier.kind),
                recipient_email=topup.recipient_email,
                is_one_per_recipient=supplier.is_one_per_recipient,
            )
        )

    async def _ask(
        self, supplier: ReadySupplier, handed: HandedOver, attempt: Attempt, until_s: float
    ) -> None:
        topup = handed.topup
        request = Request(
            transaction_id=topup.id,
            account_id=topup.account_id,
            environment=topup.environment,
            platform=topup.platform,
            amount_cents=topup.amount_cents,
            recipient_email=topup.recipient_email,
            voucher_code=self._engine.rules.code_of(topup.id),
            attempt=attempt.requests_made,
            prepared=attempt.prepared,
            left=attempt.left_over,
            recipient_left=handed.recipient_left,
        )
        began_s = time.monotonic()
        outcome = await ask(supplier, request, partial(self._keep, attempt), until_s=until_s)
        self._on_call(SupplierCall(time.monotonic() - began_s, topup, attempt, _word(outcome)))
        _log_ask(topup, attempt, outcome, self._clock.now_us())
        await self._settle(supplier, topup, attempt, outcome)
        await self._note_health(supplier, topup.id, outcome)

    async def _keep(self, attempt: Attempt, prepared: str) -> bool:
        work = partial(attempts.note_prepared, attempt=attempt, prepared=prepared)
        return await self._database.transaction(work)

    async def _settle(
        self, supplier: ReadySupplier, topup: TopUp, attempt: Attempt, outcome: Outcome
    ) -> None:
        turn = (attempt.number, attempt.requests_made)
        settle = partial(Settle, topup.id, topup.tenant, by=supplier.id, attempt=turn)
        if isinstance(outcome, Delivered):
            delivered = settle(
                "delivered",
                given=None if supplier.kind == WALLET else outcome.deliverable,
                cost_cents=outcome.cost_cents,
                left_over=outcome.left,
                doubt=outcome.doubt,
                terms=supplier.terms.of(topup.platform, topup.amount_cents),
            )
            _log_objection(topup, supplier, await self._engine.submit(delivered))
        elif isinstance(outcome, Refused):
            refused = settle("failed", reason=outcome.reason)
            _log_objection(topup, supplier, await self._engine.submit(refused))
        else:
            await self._engine.submit(self._note(supplier, topup, attempt, outcome))

    def _note(
        self,
        supplier: ReadySupplier,
        topup: TopUp,
        attempt: Attempt,
        outcome: Waiting | Unknown,
    ) -> KeepWaiting:
        next_check_at = topup.next_check_at
        if outcome.again_in_s is not None:
            again_us = int(outcome.again_in_s * SECOND_US)
            bounded_us = max(AGAIN_US_MIN, min(again_us, AGAIN_US_MAX))
            next_check_at = self._clock.now_us() + bounded_us
        if isinstance(outcome, Unknown) and (
            outcome.needs_review or supplier.asked_again == "person"
        ):
            next_check_at = None
        return KeepWaiting(
            topup.id,
            topup.tenant,
            number=attempt.number,
            requests_made=attempt.requests_made,
            outcome="waiting" if isinstance(outcome, Waiting) else "unknown",
            next_check_at=next_check_at,
            detail=outcome.detail if isinstance(outcome, Unknown) else None,
            left_over=outcome.left,
        )

    async def _note_health(self, supplier: ReadySupplier, topup_id: str, outcome: Outcome) -> None:
        place = (supplier.environment, supplier.id)
        if isinstance(outcome, Unknown) and outcome.is_unreadable:
            # It responds, and what is wrong with this top-up says nothing about others.
            return
        is_silent = isinstance(outcome, Unknown) and not outcome.needs_review
        if is_silent:
            if not self._breakers.gave_no_word(place, topup_id):
                return
            fields = {"supplier": supplier.id, "environment": supplier.environment}
            _log.error("supplier.left_alone", extra={"fields": fields})
        elif not self._breakers.answered(place):
            return
        now_us = self._clock.now_us()
        await self._database.transaction(
            partial(
                platform_rows.note_health,
                environment=supplier.environment,
                supplier=supplier.id,
                breaker_opened_at=now_us if is_silent else None,
                error=outcome.detail if isinstance(outcome, Unknown) else None,
                now_us=now_us,
            )
        )


def _log_objection(topup: TopUp, supplier: ReadySupplier, ended: EndedTopUp) -> None:
    """Log the word that is stored for an operator; nobody else gets it."""
    if ended.objection is not None:
        fields = {"transaction_id": topup.id, "supplier": supplier.id, "reason": ended.objection}
        _log.error("fulfilment.word_kept", extra={"fields": fields})


def _is_lost(supplier: ReadySupplier, attempt: Attempt) -> bool:
    return supplier.asked_again == "person" and attempt.outcome != "waiting"


def _word(outcome: Outcome) -> str:
    return type(outcome).__name__.lower()


def _log_ask(topup: TopUp, attempt: Attempt, outcome: Outcome, now_us: int) -> None:
    is_open = isinstance(outcome, Unknown | Waiting)
    is_overdue = is_open and now_us - topup.created_at > OVERDUE_US
    write: Callable[..., None] = _log.error if is_overdue else _log.info
    fields = {
        "transaction_id": topup.id,
        "platform": topup.platform,
        "supplier": attempt.supplier,
        "attempt": attempt.requests_made,
        "outcome": _word(outcome),
        "detail": outcome.detail if isinstance(outcome, Unknown) else None,
    }
    write("fulfilment.overdue" if is_overdue else "fulfilment.asked", extra={"fields": fields})
