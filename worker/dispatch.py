"""Claim due deliveries while slots are free, send them, and pass on their outcomes.

A hint, a freed slot, the next due time or a timer starts a claim. Only one claim runs at a time. If other workers
run, a claim may start a few milliseconds later (HintSharing). A claimed delivery occupies a slot until its outcome
is written.
"""

import asyncio
import contextlib
import logging
import os
import resource
import socket
import time
from collections import OrderedDict, deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain, islice
from typing import Final

from kernel import version
from kernel.clock import SECOND_US, Clock
from kernel.ids import new_id
from keys.vault import Vault
from runtime.processes.presence import (
    NOTED_S,
    WorkerPresence,
    forget_presence,
    has_others,
    note_presence,
)
from store.database import Database, Transaction
from store.errors import StoreError
from webhooks.deliveries.claim import FIRST_HEAD, claim, claim_at_once
from webhooks.deliveries.endpoint_queue import Candidate, put_off, take_turns
from webhooks.deliveries.stage import Claim, Claimed, Line
from worker.deliver import DeliverySender, Settled, Settler, log_attempt

SLOTS_MAX: Final = 1_000
SLOTS_MIN: Final = 8
DESCRIPTORS_SPARED: Final = 64
DESCRIPTORS_PER_SLOT: Final = 2
# A new endpoint's limit. It grows by one with each success, so it doubles with each round trip. An endpoint
# that was enabled again starts with one request.
ENDPOINT_SLOTS_FIRST: Final = 4
ENABLED_SLOTS_FIRST: Final = 1
HUNG_UNTIL_ONE: Final = 2
FAST_US_MAX: Final = 1_000_000
ENDPOINTS_REMEMBERED_MAX: Final = 10_000
_MACHINE_CHARACTERS_MAX: Final = 200
# A stopping worker waits at most this long for an unresponsive database.
_ENDED_S_MAX: Final = 2.0
# Workers that start together detect each other after this time.
_NOTED_AGAIN_S: Final = 2.0
# If other workers run, a worker waits SHARED_S before it checks for hints again, and LATE_S if its last check
# found nothing. Each hint wakes every worker, and a check that finds nothing costs as much as any other.
SHARED_S: Final = 0.01
SHARED_FROM: Final = 8
LATE_S: Final = 0.05


def slots_of_process(slots_max: int = SLOTS_MAX) -> int:
    """Return how many slots the open-file limit allows, at most slots_max. First, try to raise that limit."""
    wanted = DESCRIPTORS_SPARED + DESCRIPTORS_PER_SLOT * slots_max
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        soft = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    if soft == resource.RLIM_INFINITY:
        return slots_max
    return max(SLOTS_MIN, min(slots_max, (soft - DESCRIPTORS_SPARED) // DESCRIPTORS_PER_SLOT))


@dataclass(slots=True)
class _EndpointWindow:
    width: int
    under_way: int = 0
    hung: int = 0  # How many slow failures, such as timeouts, came in a row.
    is_failing: bool = False
    is_fast: bool = False
    # When the endpoint was last enabled. Older observations don't count.
    enabled_at: int | None = None


class Slots:
    """One worker's slots. A claimed delivery occupies one until it is settled.

    An endpoint's requests are counted only until they end. So a slow database doesn't reduce the endpoint's
    concurrency.
    """

    def __init__(self, total: int) -> None:
        assert total >= 1, "a worker has slots"
        self.total = total
        self.held = 0
        self._window_max = max(1, total // 2)
        self._windows: OrderedDict[str, _EndpointWindow] = OrderedDict()
        self._busy: set[str] = set()
        self._last = ("", "")

    @property
    def free(self) -> int:
        return self.total - self.held

    @property
    def failing_room(self) -> int:
        under_way = (
            one.under_way for one in map(self._windows.__getitem__, self._busy) if one.is_failing
        )
        return max(1, self.total // 2) - sum(under_way)

    def full(self) -> frozenset[str]:
        """Return the endpoints that have no room until one of their requests ends."""
        windows = self._windows
        return frozenset(id_ for id_ in self._busy if windows[id_].under_way >= windows[id_].width)

    def room_at_once(self, endpoint_id: str) -> int:
        """Return how many requests an endpoint may have, regardless of other endpoints.

        Return 0 unless the endpoint responds quickly and all slots are free.
        """
        window = self._windows.get(endpoint_id)
        if window is None or self.held or not window.is_fast or window.enabled_at is not None:
            return 0
        return min(window.width, self.total)

    def take(self, claimed: Sequence[Claimed]) -> None:
        for one in claimed:
            window = self._window(one.target.id)
            if window.enabled_at != one.target.enabled_at:
                self._begin_again(window, one.target.enabled_at)
            window.under_way += 1
            # Any worker, or this one before its restart, may have set failing_since_at.
            window.is_failing |= one.target.failing_since_at is not None and not window.is_fast
            self._busy.add(one.target.id)
        self.held += len(claimed)
        if claimed:
            # This delivery is the last in this round. The next round starts after it.
            last = max(claimed, key=lambda one: _turn(self._last, one.account_id, one.target.id))
            self._last = (last.account_id, last.target.id)

    def answered(self, endpoint_id: str, *, error: str | None, duration_us: int) -> None:
        """Record that a request ended. `error` is the attempt's error class, or None for success."""
        window = self.returned(endpoint_id)
        is_slow = error == "timeout" or duration_us > FAST_US_MAX
        window.is_failing = error is not None
        window.is_fast = error is None and not is_slow
        if error is None:
            window.hung = 0
            window.width = min(window.width + 1, self._window_max)
        elif is_slow:
            window.hung += 1
            window.width = 1 if window.hung >= HUNG_UNTIL_ONE else max(1, window.width // 2)
        else:
            window.hung = 0

    def returned(self, endpoint_id: str) -> _EndpointWindow:
        window = self._window(endpoint_id)
        window.under_way -= 1
        if window.under_way == 0:
            self._busy.discard(endpoint_id)
        return window

    def settled(self, count: int) -> None:
        self.held -= count
        assert self.held >= 0, "settled more than was claimed"

    def chooser(self) -> Callable[[Sequence[Candidate]], list[str]]:
        """Return a function that chooses deliveries for the free slots. It may run twice, in another thread.

        Only one claim runs at a time, so the room can only grow during a claim.
        """
        windows, last, free = self._windows, self._last, self.free
        busy = [windows[id_] for id_ in self._busy]
        failing_room = self.failing_room
        slow_room = self.total - self.total // 4
        slow_room -= sum(one.under_way for one in busy if not one.is_fast)
        unknown = _EndpointWindow(min(ENDPOINT_SLOTS_FIRST, self._window_max))

        def choose(candidates: Sequence[Candidate]) -> list[str]:
            choices = []
            for candidate in candidates:
                window = windows.get(candidate.endpoint_id, unknown)
                room = window.width - window.under_way
                if window.enabled_at != candidate.enabled_at:
                    room = ENABLED_SLOTS_FIRST - window.under_way
                if room > 0:
                    is_failing = window.is_failing or (candidate.is_failing and not window.is_fast)
                    choices.append(_Choice(candidate, room, is_failing, window.is_fast))
            return _by_turns(
                _by_account(choices, last),
                free=free,
                failing_room=failing_room,
                slow_room=slow_room,
            )

        return choose

    def _window(self, endpoint_id: str) -> _EndpointWindow:
        window = self._windows.get(endpoint_id)
        if window is None:
            window = self._windows[endpoint_id] = _EndpointWindow(
                min(ENDPOINT_SLOTS_FIRST, self._window_max)
            )
            self._forget_idle()
        else:
            self._windows.move_to_end(endpoint_id)
        return window

    def _begin_again(self, window: _EndpointWindow, enabled_at: int | None) -> None:
        window.width, window.hung, window.enabled_at = ENABLED_SLOTS_FIRST, 0, enabled_at
        window.is_failing = window.is_fast = False

    def _forget_idle(self) -> None:
        while len(self._windows) > ENDPOINTS_REMEMBERED_MAX:
            id_, window = next(iter(self._windows.items()))
            if window.under_way:
                self._windows.move_to_end(id_)
                return
            del self._windows[id_]


class _Choice:
    """An endpoint with deliveries to choose from. `next` is how many were already chosen."""

    __slots__ = ("candidate", "ids", "is_failing", "is_fast", "next")

    def __init__(self, candidate: Candidate, room: int, is_failing: bool, is_fast: bool) -> None:  # noqa: FBT001
        self.candidate = candidate
        self.ids = list(islice(chain(candidate.due, candidate.held), room))
        self.is_failing = is_failing
        self.is_fast = is_fast
        self.next = 0


def _turn(last: tuple[str, str], account_id: str, endpoint_id: str) -> tuple[bool, str, bool, str]:
    """Return a key that sorts by account and endpoint, starting after the endpoint that was served last."""
    last_account, last_endpoint = last
    is_past = account_id == last_account and endpoint_id <= last_endpoint
    return (account_id <= last_account, account_id, is_past, endpoint_id)


def _by_account(choices: list[_Choice], last: tuple[str, str]) -> list[deque[_Choice]]:
    accounts: dict[str, deque[_Choice]] = {}
    choices.sort(key=lambda one: _turn(last, one.candidate.account_id, one.candidate.endpoint_id))
    for choice in choices:
        accounts.setdefault(choice.candidate.account_id, deque()).append(choice)
    return list(accounts.values())


def _by_turns(
    accounts: list[deque[_Choice]], *, free: int, failing_room: int, slow_room: int
) -> list[str]:
    chosen: list[str] = []
    while accounts and len(chosen) < free:
        for endpoints in accounts:
            if len(chosen) >= free:
                break
            while endpoints:
                choice = endpoints.popleft()
                is_barred = (choice.is_failing and failing_room <= 0) or (
                    not choice.is_fast and slow_room <= 0
                )
                if is_barred or choice.next >= len(choice.ids):
                    continue
                chosen.append(choice.ids[choice.next])
                choice.next += 1
                failing_room -= choice.is_failing
                slow_room -= not choice.is_fast
                endpoints.append(choice)
                break
        accounts = [endpoints for endpoints in accounts if endpoints]
    return chosen


class HintSharing:
    """Decides when a worker reacts to hints. Times are on the event loop's clock.

    A lone worker reacts at once. If other workers run, a worker whose last check found nothing leaves hints to
    them. It checks LATE_S later, in case they are busy or have died.
    """

    def __init__(self) -> None:
        self.has_others = False
        self._looked_s = self._took_s = float("-inf")
        self._found_nothing = False

    @property
    def is_late(self) -> bool:
        return self.has_others and self._found_nothing

    def note_others(self, has_others: bool) -> None:  # noqa: FBT001
        self.has_others = has_others

    def note_look(self, now_s: float) -> None:
        self._looked_s = now_s

    def note_taken(self, count: int, now_s: float) -> None:
        if count:
            self._took_s = now_s
            self._found_nothing = False
        elif now_s - self._took_s >= SHARED_S:
            # Soon after a claim, a hint may be about deliveries that this worker has just claimed.
            self._found_nothing = True

    def next_look_s(self, sending: int) -> float:
        if self.is_late:
            return self._looked_s + LATE_S
        if self.has_others and sending >= SHARED_FROM:
            return self._looked_s + SHARED_S
        return float("-inf")


async def be_present(
    database: Database,
    clock: Clock,
    slots: Slots,
    tell: Callable[[bool], None],
) -> None:
    """Write this worker's row every NOTED_S, and delete it when cancelled. Call `tell` with whether other workers are
    running.
    """
    id_, started_at = new_id("wrk"), clock.now_us()
    pause_s = _NOTED_AGAIN_S
    try:
        while True:
            presence = WorkerPresence(
                id=id_,
                machine=socket.gethostname()[:_MACHINE_CHARACTERS_MAX],
                process_id=os.getpid(),
                version=version.running(),
                started_at=started_at,
                seen_at=clock.now_us(),
                sending=slots.held,
                slots=slots.total,
            )
            try:
                tell(await _finish_noting(database.transaction(partial(_note, presence=presence))))
            except StoreError as error:
                logger.warning("worker.not_noted", extra={"error": str(error)})
            await asyncio.sleep(pause_s)
            pause_s = NOTED_S
    finally:
        with contextlib.suppress(StoreError):
            await database.transaction(partial(forget_presence, worker_id=id_))


async def _note(tx: Transaction, presence: WorkerPresence) -> bool:
    await note_presence(tx, presence)
    return await has_others(tx, presence)


async def _finish_noting(noting: Awaitable[bool]) -> bool:
    """Wait for the commit even if cancelled. Otherwise, the commit might come after the row is deleted."""
    task = asyncio.ensure_future(noting)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait([task], timeout=_ENDED_S_MAX)
        task.add_done_callback(_see)
        raise


def _see(ended: "asyncio.Future[bool]") -> None:
    """Read the task's exception, so that asyncio doesn't log it while the worker stops."""
    if not ended.cancelled():
        ended.exception()


BEAT_S: Final = 2.0
# If due deliveries remain, the next check waits this long or until a quarter of the slots are free.
GATHER_S: Final = 0.005
CONTENDED_S: Final = 0.01
TIMER_S_MIN: Final = 0.001
# How many requests are written before responses are read. Later requests then find free connections.
PART_MAX: Final = 32
# Queue rows of endpoints that have nothing due are put off together, at most this often.
PUT_OFF_S: Final = 0.25
RETRY_S_MAX: Final = 5.0
# How many delivery IDs may be read for each endpoint.
OFFER_IDS_MAX: Final = 500
OFFER_IDS_MIN: Final = 8

logger = logging.getLogger(__name__)


class Dispatcher:
    """Sends one worker process's deliveries. on_later gets the due times of retries, to wake other workers."""

    def __init__(
        self,
        database: Database,
        vault: Vault,
        clock: Clock,
        sender: DeliverySender,
        slots: Slots,
        *,
        lease_us: int,
        on_later: Callable[[int], None],
        on_settled: Callable[[Settled], None] = log_attempt,
    ) -> None:
        self._database = database
        self._clock = clock
        self._sender = sender
        self.slots = slots
        self._lease_us = lease_us
        self._on_later = on_later
        self._report = on_settled
        self._settler = Settler(
            database,
            vault,
            clock,
            under_way=lambda: len(self._sending),
            on_settled=self._note_settled,
        )
        self._sending: set[asyncio.Task[None]] = set()
        self._woken = asyncio.Event()
        self._hinted: set[str] = set()
        self.sharing = HintSharing()
        self._timer: asyncio.TimerHandle | None = None
        # Whether deliveries were left because no slot was free, and which endpoints were at their own limit.
        self._is_short = False
        self._full: frozenset[str] = frozenset()
        self._freed = 0
        self._endpoints_due = 0
        self._failures = 0
        # Where the next check starts. If it isn't the front of the queue, new hints may be about endpoints before it.
        self._after = FIRST_HEAD
        self._has_passed_hints = False
        self._put_off_at_s = 0.0
        self._looked_s = float("-inf")
        self._is_stopping = False

    def wake(self, endpoint_id: str = "") -> None:
        """Check for due deliveries soon. Several calls cause one check. An empty endpoint_id means any endpoint."""
        self._hinted.add(endpoint_id)
        self._schedule_poll()

    async def run(self) -> None:
        """Work until stop(), then finish running deliveries. Raise errors that should end the process."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._settler.run())
            self.wake()
            while not self._is_stopping:
                await self._woken.wait()
                self._woken.clear()
                hinted, self._hinted = self._hinted, set()
                if self._after != FIRST_HEAD:
                    self._has_passed_hints |= bool(hinted)
                if not self._is_stopping:
                    await self._take_at_once(hinted)
                    await self._poll()
                    if self._hinted:
                        self._schedule_poll()
            self._set_timer(None)
            if self._sending:
                await asyncio.wait(self._sending)
            self._settler.close()

    @property
    def last_poll_at_s(self) -> float:
        return self._looked_s

    def stop(self) -> None:
        self._is_stopping = True
        self._woken.set()

    def _schedule_poll(self) -> None:
        at_s = self.sharing.next_look_s(self.slots.held)
        wait_s = at_s - asyncio.get_running_loop().time()
        if wait_s > 0:
            self._set_timer_by(wait_s)
        else:
            self._woken.set()

    def _poll_now(self) -> None:
        self._hinted.add("")
        self._woken.set()

    async def _take_at_once(self, hinted: set[str]) -> None:
        """Claim the hinted endpoint's deliveries first if nothing else is running. This saves a round trip."""
        endpoint_id = next(iter(hinted)) if len(hinted) == 1 else ""
        room = self.slots.room_at_once(endpoint_id)
        if not room:
            return

        async def work(tx: Transaction) -> list[Claimed]:
            return await claim_at_once(
                tx,
                endpoint_id,
                now_us=self._clock.now_us(),
                lease_us=self._lease_us,
                rows_max=room,
            )

        try:
            claimed = await self._database.autocommit(work)
        except StoreError:
            return
        except Exception:
            logger.exception("claim.broke", extra={"endpoint_id": endpoint_id})
            return
        self._take(claimed)
        await self._begin(claimed)

    def _take(self, claimed: Sequence[Claimed]) -> None:
        self.sharing.note_taken(len(claimed), asyncio.get_running_loop().time())
        self.slots.take(claimed)

    async def _begin(self, claimed: Sequence[Claimed]) -> None:
        """Start deliveries in groups. If all started at once, most would open new connections."""
        loop = asyncio.get_running_loop()
        for first in range(0, len(claimed), PART_MAX):
            for one in claimed[first : first + PART_MAX]:
                task = loop.create_task(self._deliver(one))
                self._sending.add(task)
                task.add_done_callback(self._sending.discard)
            await asyncio.sleep(0)

    async def _poll(self) -> None:
        self.sharing.note_look(asyncio.get_running_loop().time())
        # Reset the count only in a check's first part. Endpoints in that part may need slots that are freed during
        # later parts.
        is_first = self._after == FIRST_HEAD
        self._freed = 0 if is_first else self._freed
        # Set this before the claim. A request that ends during the claim then counts as a freed slot.
        self._full = self.slots.full()
        if not self.slots.free:
            self._looked_s = time.monotonic()
            self._is_short = True
            self._set_timer(BEAT_S)
            return
        try:
            claim = await self._claim()
        except Exception as error:
            self._failures += 1
            if not isinstance(error, StoreError):
                logger.exception("claim.broke")
            elif self._failures == 1:
                logger.warning("claim.waits", extra={"error": str(error)})
            self._set_timer(min(GATHER_S * 2 ** min(self._failures, 16), RETRY_S_MAX))
            return
        self._failures = 0
        self._looked_s = time.monotonic()
        self._take(claim.claimed)
        self._endpoints_due = claim.endpoints_due
        full = self.slots.full()
        self._full |= claim.short_ids & full
        is_short = not claim.short_ids <= full
        self._is_short = is_short or (self._is_short and not is_first)
        set_timer = self._set_timer if is_first else self._set_timer_by
        set_timer(self._wait_s(claim))
        if claim.has_more or self._goes_on(claim):
            # Check again even if no slot is free, because only that check records the shortage.
            self._woken.set()
        await self._begin(claim.claimed)
        if await self._save_line(claim.line) and claim.line.hides_failing:
            self._woken.set()

    def _goes_on(self, claim: Claim) -> bool:
        line = claim.line
        self._after = line.after or FIRST_HEAD
        if line.after is not None:
            return True
        had_passed, self._has_passed_hints = self._has_passed_hints, False
        # Endpoints that just got slots are skipped next time. If none got any, the next check would have the same
        # result.
        return had_passed or (line.has_more_failing and bool(claim.claimed))

    async def _save_line(self, line: Line) -> int:
        """Put off the queue rows that the check saw. Do this at most once every PUT_OFF_S, unless the rows hide
        others.
        """
        now_s = asyncio.get_running_loop().time()
        is_crowded = line.after is not None or line.has_more_failing or line.hides_failing
        is_due = now_s - self._put_off_at_s >= PUT_OFF_S
        if not (line.laters or line.turns) or not (is_crowded or is_due):
            return 0
        self._put_off_at_s = now_s

        async def work(tx: Transaction) -> int:
            moved = await put_off(tx, line.laters)
            await take_turns(tx, line.turns, now_us=self._clock.now_us())
            return moved

        try:
            return await self._database.autocommit(work)
        except StoreError:
            return 0

    async def _claim(self) -> Claim:
        choose, full_ids = self.slots.chooser(), self._full
        share = 2 * self.slots.free // max(1, self._endpoints_due)
        ids_max = max(OFFER_IDS_MIN, min(share, OFFER_IDS_MAX))
        # One more than fits, to find out whether more are waiting.
        failing_max = max(0, self.slots.failing_room) + 1

        async def work(tx: Transaction) -> Claim:
            return await claim(
                tx,
                choose,
                now_us=self._clock.now_us(),
                lease_us=self._lease_us,
                ids_max=ids_max,
                full_ids=full_ids,
                failing_max=failing_max,
                after=self._after,
            )

        return await self._database.autocommit(work)

    def _wait_s(self, claim: Claim) -> float:
        wait_s = BEAT_S
        if claim.was_contended:
            wait_s = LATE_S if self.sharing.is_late else CONTENDED_S
        if claim.next_at_us is not None:
            due_s = (claim.next_at_us - self._clock.now_us()) / SECOND_US
            wait_s = min(wait_s, max(due_s, TIMER_S_MIN))
        return wait_s

    async def _deliver(self, claimed: Claimed) -> None:
        sent = None
        try:
            sent = await self._sender.send(claimed)
        except Exception:
            # A bug in one delivery must not stop the others. After five lost leases, the delivery is settled as
            # lost.
            logger.exception("delivery.broke", extra={"delivery_id": claimed.id})
        if sent is None:
            self.slots.returned(claimed.target.id)
            self.slots.settled(1)
        else:
            attempt = sent.settlement.attempt
            self.slots.answered(
                claimed.target.id, error=attempt.error, duration_us=attempt.duration_us
            )
            self._settler.put(sent)
        if self._is_short or claimed.target.id in self._full:
            self._note_freed(1)

    def _note_settled(self, settled: Sequence[Settled]) -> None:
        self.slots.settled(len(settled))
        dues = {
            one.sent.settlement.next_attempt_at_us
            for one in settled
            if one.is_held and one.sent.settlement.next_attempt_at_us is not None
        }
        for due_us in dues:
            self._on_later(due_us)
        if dues:
            due_s = (min(dues) - self._clock.now_us()) / SECOND_US
            self._set_timer_by(max(due_s, TIMER_S_MIN))
        for one in settled:
            self._report(one)
        if self._is_short:
            self._note_freed(len(settled))

    def _note_freed(self, count: int) -> None:
        self._freed += count
        if self._freed >= max(1, self.slots.held // 4) or not self._sending:
            self._poll_now()
        else:
            self._set_timer_by(GATHER_S)

    def _set_timer_by(self, wait_s: float) -> None:
        at_s = asyncio.get_running_loop().time() + wait_s
        if self._timer is None or at_s < self._timer.when():
            self._set_timer(wait_s)

    def _set_timer(self, wait_s: float | None) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if wait_s is not None:
            self._timer = asyncio.get_running_loop().call_later(wait_s, self._on_timer)

    def _on_timer(self) -> None:
        self._timer = None
        self._poll_now()
