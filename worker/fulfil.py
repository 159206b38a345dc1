"""Pending top-ups are asked about until they end: by their fulfilment, or by the sandbox's script.

Promises: a top-up is handed over (it can no longer be cancelled) before its fulfilment is asked; of
several workers one asks at a time; no word is never a no: it is asked again with the same
transaction_id, later and later; one that nobody answers for a day is told to the operator. Whatever a
fulfilment does, it delays its own platform's top-ups only: it has a deadline and a share of those
under way, and what breaks here is told, held back alone, and tried again.
No transaction is open while a fulfilment is asked.
"""

import asyncio
import contextlib
import logging
import time
from collections import Counter
from collections.abc import Callable, Mapping
from functools import partial

from billing.engine.engine import Engine
from billing.fulfilment.protocol import (
    ASK_S_MAX,
    Delivered,
    Fulfilment,
    Outcome,
    Refused,
    Request,
    Unknown,
    Waiting,
)
from billing.topups import topup as topups
from billing.topups.send import BY_SANDBOX
from billing.topups.settlement import HandOver, Settle
from billing.topups.topup import Due, TopUp
from kernel.clock import DAY_US, SECOND_US, Clock
from kernel.errors import DomainError, Unavailable
from kernel.storable import is_storable, storable
from kernel.tenant import Tenant
from store.database import Database, Transaction
from store.errors import StoreError
from worker.setbacks import Setbacks

UNDER_WAY_MAX = 64
ASKED_AT_ONCE_MAX = 16  # of one platform
BEAT_S = 30.0
PAUSE_S = 1.0
# Longer than any ask: one that died with its worker is repeated then, and two never overlap.
FIRST_WAIT_US = 75 * SECOND_US
WAIT_US_MAX = 600 * SECOND_US
OVERDUE_US = DAY_US
DETAIL_CHARACTERS_MAX = 200
CODE_CHARACTERS_MAX = 500

_log = logging.getLogger(__name__)
# Seconds, platform and outcome of one ask.
OnAsked = Callable[[float, str, str], None]


class Fulfiller:
    """The worker's loop over pending top-ups; woken, or timed to the next one."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        engine: Engine,
        fulfilments: Mapping[str, Fulfilment],  # by platform id
        on_asked: OnAsked = lambda _seconds, _platform, _outcome: None,
    ) -> None:
        assert FIRST_WAIT_US > ASK_S_MAX * SECOND_US, "an ask is over before the next one"
        self._database = database
        self._clock = clock
        self._engine = engine
        self._fulfilments = fulfilments
        self._on_asked = on_asked
        self._woken = asyncio.Event()
        self._under_way: dict[str, tuple[str, asyncio.Task[None]]] = {}  # id -> platform, task
        self._setbacks = Setbacks()
        self._is_over = False

    def wake(self) -> None:
        """Something may be due."""
        self._woken.set()

    async def run(self) -> None:
        """Until cancelled."""
        try:
            while True:
                self._woken.clear()
                try:
                    await self._start_due()
                    wait_s = await self._wait_s()
                except (StoreError, DomainError) as error:
                    _log.warning("fulfilment.delayed", extra={"fields": {"error": str(error)}})
                    wait_s = PAUSE_S
                except Exception:
                    # What breaks here must not take the deliveries down with it.
                    _log.exception("fulfilment.broke")
                    wait_s = PAUSE_S
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(wait_s):
                        await self._woken.wait()
        finally:
            await self._stop()

    async def step(self) -> int:
        """Handles what is due now, to its end; returns how many top-ups there were."""
        handled = 0
        while started := await self._start_due():
            handled += started
            await asyncio.gather(
                *(task for _, task in self._under_way.values()), return_exceptions=True
            )
        return handled

    async def _start_due(self) -> int:
        """Takes on what is due, as far as there is room; returns how many."""
        started = 0
        while (room := UNDER_WAY_MAX - len(self._under_way)) > 0:
            busy = self._busy()
            due = await self._database.read(partial(self._due, limit=room, busy=busy))
            if not due:
                break
            counted = Counter(platform for platform, _ in self._under_way.values())
            for topup in due:
                if counted[topup.platform] < ASKED_AT_ONCE_MAX:
                    counted[topup.platform] += 1
                    self._start(topup)
                    started += 1
        return started

    async def _due(self, tx: Transaction, *, limit: int, busy: list[str]) -> list[Due]:
        now_us = self._clock.now_us()
        return await topups.due(
            tx, now_us=now_us, limit=limit, but_ids=self._not_now(), but_platforms=busy
        )

    def _busy(self) -> list[str]:
        """Platforms with as many under way as one may have."""
        counted = Counter(platform for platform, _ in self._under_way.values())
        return sorted(name for name, number in counted.items() if number >= ASKED_AT_ONCE_MAX)

    def _not_now(self) -> list[str]:
        return [*self._under_way, *self._setbacks.held_back()]

    def _start(self, topup: Due) -> None:
        task = asyncio.ensure_future(self._handle(topup))
        self._under_way[topup.id] = (topup.platform, task)
        task.add_done_callback(partial(self._ended, topup.id))

    def _ended(self, topup_id: str, task: "asyncio.Task[None]") -> None:
        del self._under_way[topup_id]
        if task.cancelled() and not self._is_over:
            # Not by us: something inside gave up the whole task.
            _log.error("fulfilment.broke", extra={"fields": {"transaction_id": topup_id}})
            self._setbacks.failed(topup_id)
        self._woken.set()

    async def _stop(self) -> None:
        self._is_over = True
        tasks = [task for _, task in self._under_way.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _wait_s(self) -> float:
        """How long nothing can be begun, unless something under way ends."""
        held_back_s = self._setbacks.next_s()
        wait_s = BEAT_S if held_back_s is None else min(BEAT_S, held_back_s)
        if len(self._under_way) >= UNDER_WAY_MAX:
            return wait_s
        next_due_at = await self._database.read(
            partial(topups.next_due_at, but_ids=self._not_now(), but_platforms=self._busy())
        )
        if next_due_at is None:
            return wait_s
        return min(wait_s, max(0.0, (next_due_at - self._clock.now_us()) / SECOND_US))

    async def _handle(self, topup: Due) -> None:
        """One top-up; whatever happens is told here and concerns no other."""
        fields = {"transaction_id": topup.id, "platform": topup.platform}
        try:
            if topup.fulfilment == BY_SANDBOX:
                await self._settle(topup.id, topup.tenant, Delivered())
            else:
                handed = await self._hand_over(topup)
                if handed is not None:
                    began_s = time.monotonic()
                    outcome = await self._ask(handed)
                    word = type(outcome).__name__.lower()
                    self._on_asked(time.monotonic() - began_s, handed.platform, word)
                    _log_ask(handed, outcome, self._clock.now_us())
                    await self._settle(handed.id, handed.tenant, outcome)
        except (StoreError, Unavailable) as error:
            _log.warning("fulfilment.delayed", extra={"fields": {**fields, "error": str(error)}})
            self._setbacks.failed(topup.id)
        except DomainError as refusal:
            # It ended meanwhile, by a cancel or by the service's own word.
            _log.info(
                "fulfilment.superseded", extra={"fields": {**fields, "reason": refusal.detail}}
            )
            self._setbacks.failed(topup.id)
        except Exception:
            _log.exception("fulfilment.broke", extra={"fields": fields})
            self._setbacks.failed(topup.id)
        else:
            self._setbacks.went_well(topup.id)

    async def _hand_over(self, topup: Due) -> TopUp | None:
        """The top-up as handed over, or None where another worker has it."""
        wait_us = min(WAIT_US_MAX, FIRST_WAIT_US * 2 ** min(topup.checks_made, 4))
        command = HandOver(
            topup_id=topup.id,
            tenant=topup.tenant,
            seen_checks_made=topup.checks_made,
            next_check_at=self._clock.now_us() + wait_us,
        )
        ended = await self._engine.submit(command)
        return ended.topup if ended.is_mine else None

    async def _ask(self, topup: TopUp) -> Outcome:
        fulfilment = self._fulfilments.get(topup.platform)
        if fulfilment is None:
            return Unknown("the platform is no longer configured")
        request = Request(
            transaction_id=topup.id,
            environment=topup.environment,
            platform=topup.platform,
            amount_cents=topup.amount_cents,
            recipient_email=topup.recipient_email,
            voucher_code=self._engine.rules.code_of(topup.id),
            attempt=topup.checks_made,
        )
        try:
            async with asyncio.timeout(ASK_S_MAX):
                return _checked(await fulfilment.fulfil(request))
        except TimeoutError:
            return Unknown("timeout")
        except Exception as error:
            # A fulfilment promises not to raise; whether it delivered is unknown all the same.
            fields = {"transaction_id": topup.id, "platform": topup.platform}
            _log.exception("fulfilment.broke", extra={"fields": fields})
            return Unknown(type(error).__name__)

    async def _settle(self, topup_id: str, tenant: Tenant, outcome: Outcome) -> None:
        settle = partial(Settle, topup_id=topup_id, tenant=tenant)
        if isinstance(outcome, Delivered):
            await self._engine.submit(settle(outcome="delivered", fulfilment_code=outcome.code))
        elif isinstance(outcome, Refused):
            await self._engine.submit(settle(outcome="failed", reason=outcome.reason))


def _checked(outcome: Outcome) -> Outcome:
    """The outcome as it can be kept; a code that cannot be is no word, since it must stay itself."""
    match outcome:
        case Delivered(code=None) | Waiting():
            return outcome
        case Delivered(code=str(code)) if is_storable(code, characters_max=CODE_CHARACTERS_MAX):
            return outcome
        case Refused(reason=str()):
            return outcome
        case Unknown(detail=str(detail)):
            return Unknown(storable(detail, characters_max=DETAIL_CHARACTERS_MAX))
        case _:
            return Unknown("an outcome that cannot be kept")


def _log_ask(topup: TopUp, outcome: Outcome, now_us: int) -> None:
    is_open = isinstance(outcome, Unknown | Waiting)
    is_overdue = is_open and now_us - topup.created_at > OVERDUE_US
    write: Callable[..., None] = _log.error if is_overdue else _log.info
    fields = {
        "transaction_id": topup.id,
        "platform": topup.platform,
        "attempt": topup.checks_made,
        "outcome": type(outcome).__name__.lower(),
        "detail": outcome.detail if isinstance(outcome, Unknown) else None,
    }
    write("fulfilment.overdue" if is_overdue else "fulfilment.asked", extra={"fields": fields})
