"""Fulfil a pending top-up: choose a supplier, record the attempt, call the supplier, and write the outcome.

An open attempt continues with its supplier. If the last supplier refuses, the funds are returned. A timeout, an
exception and an unstorable outcome all count as Unknown, because the supplier may have delivered.

If a supplier fails to respond several times in a row, it isn't called for a while. Its top-ups wait until one call
succeeds. If possible, that call is for a top-up without failed calls, so a few bad top-ups don't block others.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Final, NamedTuple

from billing.engine.engine import Engine
from billing.fulfilment.protocol import (
    ASK_S_MAX,
    LEFT_CHARACTERS_MAX,
    Delivered,
    NotDone,
    Outcome,
    Refused,
    Request,
    Unknown,
    Waiting,
)
from billing.fulfilment.suppliers import ReadySupplier, Suppliers
from billing.topups import fulfilment as attempts, platform_rows, topup as topups
from billing.topups.fulfilment import (
    Attempt,
    BeginSupplierCall,
    BegunCall,
    PostponeCheck,
    Settle,
)
from billing.topups.platform import WALLET, Source
from billing.topups.queries import Due
from billing.topups.send import BY_SANDBOX
from billing.topups.settlement import EndedTopUp
from billing.topups.topup import Deliverable, DeliverableRefused, TopUp, checked_deliverable
from kernel.clock import DAY_US, SECOND_US, Clock
from kernel.storable import is_storable, storable
from store.database import Database

DETAIL_CHARACTERS_MAX = 200
COST_CENTS_MAX = 10**12

# Stores the prepared text. Returns False if another worker has taken over.
Keep = Callable[[str], Awaitable[bool]]
FAILURES_MAX: Final = 5
SILENT_MAX: Final = 1_000
REST_S_FIRST: Final = 30.0
REST_S_MAX: Final = 600.0
SupplierPlace = tuple[str, str]  # environment, supplier
# Longer than any call takes, so a dead worker's call isn't repeated while it may still run.
FIRST_WAIT_US = 75 * SECOND_US
WAIT_US_MAX = 600 * SECOND_US
AGAIN_US_MIN = SECOND_US
AGAIN_US_MAX = 3_600 * SECOND_US
NOBODY_WAIT_US = 60 * SECOND_US
OVERDUE_US = DAY_US
_log = logging.getLogger(__name__)


class Superseded(Exception):
    pass


async def call_supplier(
    supplier: ReadySupplier, request: Request, keep: Keep, *, until_s: float
) -> Outcome:
    """Call the supplier and return the outcome. Raise Superseded if another worker took over.

    until_s: when the call must have ended, on the event loop's clock. Another worker calls only after that.
    """
    if asyncio.get_running_loop().time() >= until_s:
        raise Superseded
    try:
        async with asyncio.timeout_at(until_s):
            return stored_outcome(await _turn(supplier, request, keep))
    except TimeoutError:
        return Unknown("timeout")


async def _turn(supplier: ReadySupplier, request: Request, keep: Keep) -> Outcome:
    must_look = request.attempt > 1 and supplier.asked_again == "look"
    if must_look:
        found = await _guarded(supplier, supplier.asked.look_up(request))
        if not isinstance(found, NotDone):
            assert isinstance(found, Delivered | Refused | Waiting | Unknown)
            return found
    if must_look or request.prepared is None:
        prepared = await _guarded(supplier, supplier.asked.prepare(request))
        if isinstance(prepared, Refused | Unknown):
            return prepared
        if isinstance(prepared, str):
            if not is_storable(prepared, characters_max=LEFT_CHARACTERS_MAX):
                return Unknown("what was prepared cannot be kept")
            if not await keep(prepared):
                raise Superseded
            request = replace(request, prepared=prepared)
    outcome = await _guarded(supplier, supplier.asked.fulfil(request))
    assert not isinstance(outcome, NotDone | str)
    return outcome if outcome is not None else Unknown("an outcome that cannot be kept")


async def _guarded(
    supplier: ReadySupplier, asked: Awaitable[Outcome | NotDone | str | None]
) -> Outcome | NotDone | str | None:
    """Return the supplier's result. An exception counts as Unknown."""
    try:
        return await asked
    except TimeoutError:
        raise
    except Exception as error:
        _log.exception("supplier.broke", extra={"fields": {"supplier": supplier.id}})
        return Unknown(type(error).__name__)


def stored_outcome(outcome: object) -> Outcome:
    """Return the outcome in a form that can be stored, or Unknown if an essential part can't be stored."""
    match outcome:
        case Delivered(deliverable=Deliverable() as given, cost_cents=cost, left=left):
            if not _is_left(left) or not _is_cost(cost):
                return Unknown("an outcome that cannot be kept")
            try:
                return replace(outcome, deliverable=checked_deliverable(given))
            except (DeliverableRefused, TypeError, AttributeError) as error:
                return Unknown(f"a deliverable that cannot be kept: {type(error).__name__}")
        case Refused(reason=str()):
            return outcome
        case Waiting(left=left) if _is_left(left):
            return outcome
        case Unknown(detail=str(detail), left=left) if _is_left(left):
            return replace(outcome, detail=storable(detail, characters_max=DETAIL_CHARACTERS_MAX))
        case _:
            return Unknown("an outcome that cannot be kept")


def _is_left(left: object) -> bool:
    return left is None or (
        isinstance(left, str) and is_storable(left, characters_max=LEFT_CHARACTERS_MAX)
    )


def _is_cost(cost: object) -> bool:
    return cost is None or (isinstance(cost, int) and 0 <= cost <= COST_CENTS_MAX)


@dataclass(slots=True)
class _State:
    silent: set[str] = field(default_factory=set)
    rests: int = 0
    until_s: float = 0.0
    is_probed: bool = False


class Breakers:
    """Stops calls to suppliers that don't respond."""

    def __init__(
        self, now_s: Callable[[], float] = time.monotonic, *, failures_max: int = FAILURES_MAX
    ) -> None:
        self._now_s = now_s
        self._failures_max = failures_max
        self._states: dict[SupplierPlace, _State] = {}

    def begins(self, place: SupplierPlace) -> None:
        state = self._states.get(place)
        if state is not None and state.rests:
            state.is_probed = True

    def answered(self, place: SupplierPlace) -> bool:
        state = self._states.pop(place, None)
        return state is not None and state.rests > 0

    def gave_no_word(self, place: SupplierPlace, topup_id: str) -> bool:
        """Record that the supplier didn't respond for this top-up. Return whether calls to the supplier stop now."""
        state = self._states.setdefault(place, _State())
        was_probed, state.is_probed = state.is_probed, False
        is_fresh = topup_id not in state.silent
        if is_fresh and len(state.silent) < SILENT_MAX:
            state.silent.add(topup_id)
        if len(state.silent) < self._failures_max or (state.rests and not was_probed):
            return False
        if state.rests and not is_fresh:
            # The failure may be due to this top-up. So the supplier is soon called for another top-up.
            state.until_s = self._now_s() + REST_S_FIRST
            return False
        rest_s = min(REST_S_MAX, REST_S_FIRST * 2.0 ** min(state.rests, 10))
        state.until_s, state.rests = self._now_s() + rest_s, state.rests + 1
        return state.rests == 1

    def ended(self, place: SupplierPlace) -> None:
        state = self._states.get(place)
        if state is not None:
            state.is_probed = False

    def left_alone(self) -> list[SupplierPlace]:
        return sorted(place for place, state in self._states.items() if state.rests)

    def to_be_tried(self) -> dict[SupplierPlace, list[str]]:
        now_s = self._now_s()
        return {
            place: sorted(state.silent)
            for place, state in sorted(self._states.items())
            if state.rests and state.until_s <= now_s and not state.is_probed
        }

    def next_s(self) -> float | None:
        now_s = self._now_s()
        waits = [one.until_s - now_s for one in self._states.values() if one.until_s > now_s]
        return min(waits, default=None)


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
        if topup.fulfilment == BY_SANDBOX:
            # A sandbox top-up delivers a sample of what the platform's first supplier would deliver.
            given = self._suppliers.sample(topup.tenant.environment, topup.platform, topup.id)
            await self._engine.submit(Settle(topup.id, topup.tenant, "delivered", given=given))
            return
        known = await self._database.read(partial(attempts.load, topup_ids=[topup.id]))
        supplier = self._next_supplier(topup, known)
        if supplier is None:
            await self._wait_for_somebody(topup)
            return
        last = known[-1] if known else None
        if last is not None and last.is_open and _is_lost(supplier, last):
            await self._leave_to_person(topup, last)
            return
        # The time limit starts before the attempt is recorded, so no other worker calls meanwhile.
        until_s = asyncio.get_running_loop().time() + ASK_S_MAX
        handed = await self._hand_over(topup, supplier)
        if handed.attempt is not None:
            await self._call_supplier(supplier, handed, handed.attempt, until_s)

    def _next_supplier(self, topup: Due, known: Sequence[Attempt]) -> ReadySupplier | None:
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
        """Retry in a minute, because the operator may have enabled a supplier by then."""
        _log.warning(
            "fulfilment.nobody",
            extra={"fields": {"transaction_id": topup.id, "platform": topup.platform}},
        )
        until = self._clock.now_us() + NOBODY_WAIT_US
        await self._database.transaction(partial(topups.postpone, topup_id=topup.id, until=until))

    async def _leave_to_person(self, topup: Due, attempt: Attempt) -> None:
        """Leave the top-up to an operator, because there is no way to know what the lost call did."""
        await self._engine.submit(
            PostponeCheck(
                topup.id,
                topup.tenant,
                number=attempt.number,
                requests_made=attempt.requests_made,
                outcome="unknown",
                next_check_at=None,
                detail=attempt.detail or "the worker ended while it asked",
            )
        )

    async def _hand_over(self, topup: Due, supplier: ReadySupplier) -> BegunCall:
        wait_us = min(WAIT_US_MAX, FIRST_WAIT_US * 2 ** min(topup.checks_made, 4))
        return await self._engine.submit(
            BeginSupplierCall(
                topup.id,
                topup.tenant,
                seen_checks_made=topup.checks_made,
                next_check_at=self._clock.now_us() + wait_us,
                source=Source(supplier.id, supplier.kind),
                recipient_email=topup.recipient_email,
                is_one_per_recipient=supplier.is_one_per_recipient,
            )
        )

    async def _call_supplier(
        self, supplier: ReadySupplier, handed: BegunCall, attempt: Attempt, until_s: float
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
        outcome = await call_supplier(
            supplier, request, partial(self._save_prepared, attempt), until_s=until_s
        )
        self._on_call(SupplierCall(time.monotonic() - began_s, topup, attempt, _word(outcome)))
        _log_ask(topup, attempt, outcome, self._clock.now_us())
        await self._settle(supplier, topup, attempt, outcome)
        await self._note_health(supplier, topup.id, outcome)

    async def _save_prepared(self, attempt: Attempt, prepared: str) -> bool:
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
    ) -> PostponeCheck:
        next_check_at = topup.next_check_at
        if outcome.again_in_s is not None:
            again_us = int(outcome.again_in_s * SECOND_US)
            bounded_us = max(AGAIN_US_MIN, min(again_us, AGAIN_US_MAX))
            next_check_at = self._clock.now_us() + bounded_us
        if isinstance(outcome, Unknown) and (
            outcome.needs_review or supplier.asked_again == "person"
        ):
            next_check_at = None
        return PostponeCheck(
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
            # The supplier did respond. A problem with this top-up says nothing about others.
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
