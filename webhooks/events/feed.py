"""Notify event streams of new events, and wake callers that are waiting for a top-up.

Subscribers learn of this process's events at once, and of other events within LOOK_S. One statement checks for all
subscribers, which then read the events themselves.
"""

import asyncio
import contextlib
import logging
import math
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from typing import Final

from kernel.errors import DomainError, Unavailable
from kernel.tenant import Tenant
from store.database import Database, Transaction
from store.errors import StoreError
from webhooks.events.event import HINT

LOOK_S: Final = 0.25
# The pause between two checks, so that one check covers 10 ms of commits.
LOOKS_APART_S: Final = 0.01
TICK_S: Final = 0.05
STREAMS_PER_HOLDER: Final = 5
STREAMS_PER_TENANT: Final = 20
STREAMS: Final = 1_000
RETRY_AFTER_S: Final = 5
CLOSE_S_MAX: Final = 5.0

_NUMBERS = """
SELECT e.account_id, e.environment, e.event_no
FROM :tenants[account_id text, environment text] AS s
JOIN account_environments e ON e.account_id = s.account_id AND e.environment = s.environment
"""
_log = logging.getLogger(__name__)
WAITS_PER_HOLDER: Final = 50
WAITS_PER_TENANT: Final = 500
WAITS: Final = 2_000
# The pause between two checks of an account with frequent events.
WAIT_LOOKS_APART_S: Final = 0.05
# How long an idle watcher sleeps. It wakes earlier when the last wait ends.
IDLE_S: Final = 60.0
_CHANGED = """
SELECT DISTINCT transaction_id FROM events
WHERE account_id = :account_id AND environment = :environment
  AND event_no > :after AND event_no <= :until AND transaction_id IS NOT NULL
"""


class TooManyStreams(DomainError):
    opened = "event streams."


class TooManyWaits(DomainError):
    opened = "calls with wait_s. Call without it."


class StreamSubscriber:
    __slots__ = ("_changed", "_event_no", "is_ended")

    def __init__(self) -> None:
        self._event_no = 0
        self._changed = asyncio.Event()
        self.is_ended = False

    async def wait_beyond(self, event_no: int, *, timeout_s: float) -> bool:
        """Wait until an event after event_no exists or timeout_s has passed. Return whether such an event exists.

        A timeout may be up to TICK_S late.
        """
        self._changed.clear()
        if self._event_no <= event_no and not self.is_ended:
            # Idle streams spend most of their time here. A timer that sets the event takes a third as long as
            # asyncio.timeout.
            loop = asyncio.get_running_loop()
            due_s = math.ceil((loop.time() + timeout_s) / TICK_S) * TICK_S
            timer = loop.call_at(due_s, self._changed.set)
            try:
                await self._changed.wait()
            finally:
                timer.cancel()
        return self._event_no > event_no

    @property
    def event_no(self) -> int:
        """Return the number of the newest known event, or 0 before the first check."""
        return self._event_no

    def advance(self, event_no: int) -> None:
        if event_no > self._event_no:
            self._event_no = event_no
            self._changed.set()

    def end(self) -> None:
        self.is_ended = True
        self._changed.set()


class Feed:
    def __init__(self, database: Database, *, look_s: float = LOOK_S) -> None:
        self._database = database
        self._look_s = look_s
        self._subscribers: dict[Tenant, set[StreamSubscriber]] = {}
        self._held: Counter[str | Tenant] = Counter()
        self._count = 0
        self._hinted = asyncio.Event()
        self._watcher: asyncio.Task[None] | None = None
        self._is_closed = False
        self.looks = 0

    def on_hint(self, name: str) -> None:
        if name == HINT and self._subscribers:
            self._hinted.set()

    def subscribe(
        self, tenant: Tenant, holder: str
    ) -> "contextlib.AbstractContextManager[StreamSubscriber]":
        """Subscribe a stream until the context exits. The number of streams per credential (`holder`) is limited.

        Raise TooManyStreams, or Unavailable while the gateway is stopping.
        """
        if self._is_closed:
            raise Unavailable("The gateway is stopping. Connect again.", retry_after_s=1)
        _check_room(self._held[holder], STREAMS_PER_HOLDER, "This credential", TooManyStreams)
        _check_room(self._held[tenant], STREAMS_PER_TENANT, "This account", TooManyStreams)
        _check_room(self._count, STREAMS, "This gateway", TooManyStreams)
        return self._counted(tenant, holder)

    def listen(self, tenant: Tenant) -> StreamSubscriber:
        """Subscribe this process itself, without a limit, until leave() is called."""
        subscriber = StreamSubscriber()
        if self._is_closed:
            subscriber.end()
        self._subscribers.setdefault(tenant, set()).add(subscriber)
        if not self._is_closed and (self._watcher is None or self._watcher.done()):
            self._watcher = asyncio.create_task(self._watch())
        self._hinted.set()
        return subscriber

    def leave(self, tenant: Tenant, subscriber: StreamSubscriber) -> None:
        self._subscribers[tenant].remove(subscriber)
        if not self._subscribers[tenant]:
            del self._subscribers[tenant]
        if not self._subscribers:
            self._hinted.set()

    def close(self) -> None:
        self._is_closed = True
        for subscriptions in self._subscribers.values():
            for subscriber in subscriptions:
                subscriber.end()

    async def aclose(self) -> None:
        self.close()
        self._hinted.set()
        if self._watcher is not None:
            _, late = await asyncio.wait([self._watcher], timeout=CLOSE_S_MAX)
            for watcher in late:
                watcher.cancel()

    def _counted(
        self, tenant: Tenant, holder: str
    ) -> "contextlib.AbstractContextManager[StreamSubscriber]":
        subscriber = self.listen(tenant)
        self._held[holder] += 1
        self._held[tenant] += 1
        self._count += 1
        return self._holding(tenant, holder, subscriber)

    @contextlib.contextmanager
    def _holding(
        self, tenant: Tenant, holder: str, subscriber: StreamSubscriber
    ) -> Iterator[StreamSubscriber]:
        try:
            yield subscriber
        finally:
            self._held -= Counter((holder, tenant))
            self._count -= 1
            self.leave(tenant, subscriber)

    async def _watch(self) -> None:
        while self._subscribers and not self._is_closed:
            self._hinted.clear()
            try:
                await self._poll(list(self._subscribers))
            except StoreError as error:
                _log.warning("feed.look_failed", extra={"code": error.code})
            except Exception:
                # Continue, because without this watcher no stream of this process would get events.
                _log.exception("feed.broke")
            await asyncio.sleep(LOOKS_APART_S)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._look_s):
                    await self._hinted.wait()

    async def _poll(self, tenants: Collection[Tenant]) -> None:
        async def work(tx: Transaction) -> list[tuple[Tenant, int]]:
            rows = await tx.fetch(_NUMBERS, tenants=tenants)
            return [
                (Tenant(row["account_id"], row["environment"]), row["event_no"]) for row in rows
            ]

        found = await self._database.read(work)
        self.looks += 1
        for tenant, event_no in found:
            for subscriber in self._subscribers.get(tenant, ()):
                subscriber.advance(event_no)


def _check_room(
    open_now: int, limit: int, whose: str, too_many: type[TooManyStreams | TooManyWaits]
) -> None:
    if open_now >= limit:
        raise too_many(
            f"{whose} already has {limit} open {too_many.opened}",
            retry_after_s=RETRY_AFTER_S,
            extra={"limit": limit, "remaining": 0},
        )


class Wait:
    """One caller's wait. is_over means that the process is stopping or that the caller has disconnected."""

    __slots__ = ("_begun", "_changed", "is_over")

    def __init__(self, begun: asyncio.Event) -> None:
        self._begun = begun
        self._changed = asyncio.Event()
        self.is_over = False

    async def begin(self) -> None:
        await self._begun.wait()

    async def change(self) -> None:
        await self._changed.wait()
        self._changed.clear()

    def wake(self) -> None:
        self._changed.set()

    def end(self) -> None:
        self.is_over = True
        self._changed.set()


class _Watched:
    def __init__(self, ear: StreamSubscriber) -> None:
        self.ear = ear
        self.begun = asyncio.Event()
        self.waits: dict[str, set[Wait]] = {}

    def wake(self, topup_ids: Iterable[str]) -> None:
        for topup_id in topup_ids:
            for wait in self.waits.get(topup_id, ()):
                wait.wake()

    def end(self) -> None:
        self.begun.set()
        for waits in self.waits.values():
            for wait in waits:
                wait.end()


class Waits:
    """All waits of a process. A tenant is watched while at least one caller is waiting for one of its top-ups."""

    def __init__(self, database: Database, feed: Feed) -> None:
        self._database = database
        self.feed = feed
        self._watched: dict[Tenant, _Watched] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._held: Counter[str | Tenant] = Counter()
        self.open_now = 0
        self.looks = 0  # for tests

    @contextlib.contextmanager
    def waiting(self, tenant: Tenant, topup_id: str, holder: str) -> Iterator[Wait]:
        _check_room(self._held[holder], WAITS_PER_HOLDER, "This credential", TooManyWaits)
        _check_room(self._held[tenant], WAITS_PER_TENANT, "This account", TooManyWaits)
        _check_room(self.open_now, WAITS, "This gateway", TooManyWaits)
        watched = self._watched_of(tenant)
        wait = Wait(watched.begun)
        watched.waits.setdefault(topup_id, set()).add(wait)
        self._count(1, holder, tenant)
        try:
            yield wait
        finally:
            self._count(-1, holder, tenant)
            watched.waits[topup_id].remove(wait)
            if not watched.waits[topup_id]:
                del watched.waits[topup_id]
            if not watched.waits:
                watched.ear.end()

    async def aclose(self) -> None:
        await self.feed.aclose()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _count(self, step: int, *names: str | Tenant) -> None:
        self.open_now += step
        for name in names:
            self._held[name] += step
            if not self._held[name]:
                del self._held[name]

    def _watched_of(self, tenant: Tenant) -> _Watched:
        watched = self._watched.get(tenant)
        if watched is None or watched.ear.is_ended:
            watched = self._watched[tenant] = _Watched(self.feed.listen(tenant))
            task = asyncio.create_task(self._watch(tenant, watched))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        return watched

    async def _watch(self, tenant: Tenant, watched: _Watched) -> None:
        try:
            await self._follow(tenant, watched)
        except Exception:
            _log.exception("waits.broke")
        finally:
            watched.ear.end()
            watched.end()
            self.feed.leave(tenant, watched.ear)
            if self._watched.get(tenant) is watched:
                del self._watched[tenant]

    async def _follow(self, tenant: Tenant, watched: _Watched) -> None:
        ear, seen = watched.ear, 0
        while not ear.is_ended:
            if not await ear.wait_beyond(seen, timeout_s=IDLE_S):
                continue
            latest = ear.event_no
            if watched.begun.is_set():
                if not await self._wake(tenant, watched, seen, latest):
                    continue
            else:
                watched.begun.set()
            seen = latest
            await asyncio.sleep(WAIT_LOOKS_APART_S)

    async def _wake(self, tenant: Tenant, watched: _Watched, seen: int, latest: int) -> bool:
        async def work(tx: Transaction) -> list[str]:
            rows = await tx.fetch(
                _CHANGED,
                account_id=tenant.account_id,
                environment=tenant.environment,
                after=seen,
                until=latest,
            )
            return [row["transaction_id"] for row in rows]

        try:
            changed = await self._database.read(work)
        except StoreError as error:
            _log.warning("waits.look_failed", extra={"code": error.code})
            await asyncio.sleep(LOOK_S)
            return False
        self.looks += 1
        watched.wake(changed)
        return True
