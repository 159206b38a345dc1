"""Notify streams of new events, without one query per stream.

A subscriber hears of an event soon after its commit: at once if this process wrote it, otherwise within
LOOK_S. One statement per LOOK_S serves all streams; without a stream nothing runs. Subscribers read the
events themselves (webhooks/deliveries/log.py). Writes nothing.
"""

import asyncio
import contextlib
import logging
import math
from collections import Counter
from collections.abc import Collection, Iterator
from typing import Final

from kernel.errors import DomainError, Unavailable
from kernel.tenant import Tenant
from store.database import Database, Transaction
from store.errors import StoreError
from webhooks.events.event import HINT

LOOK_S: Final = 0.25
# When commits follow each other closely, one look serves 10 ms of them.
LOOKS_APART_S: Final = 0.01
TICK_S: Final = 0.05
STREAMS_PER_HOLDER: Final = 5
STREAMS_PER_TENANT: Final = 20
STREAMS: Final = 1_000
RETRY_AFTER_S: Final = 5
# Closing waits this long for a look that the database holds up.
CLOSE_S_MAX: Final = 5.0

_NUMBERS = """
SELECT e.account_id, e.environment, e.event_no
FROM :tenants[account_id text, environment text] AS s
JOIN account_environments e ON e.account_id = s.account_id AND e.environment = s.environment
"""
_log = logging.getLogger(__name__)


class TooManyStreams(DomainError):
    """The key, the account or the process has its maximum of open event streams."""


class StreamSubscriber:
    """is_ended: the feed is closing, or the stream was ended."""

    __slots__ = ("_changed", "_event_no", "is_ended")

    def __init__(self) -> None:
        self._event_no = 0
        self._changed = asyncio.Event()
        self.is_ended = False

    async def wait_beyond(self, event_no: int, *, timeout_s: float) -> bool:
        """Return whether there is an event numbered above event_no, at the latest TICK_S after timeout_s."""
        self._changed.clear()
        if self._event_no <= event_no and not self.is_ended:
            # Idle streams do little else than this. A timer that sets the event costs a third of
            # asyncio.timeout, and timers on the same tick wake the loop once for all.
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
        """Return the tenant's last known event number; 0 before the first look."""
        return self._event_no

    def advance(self, event_no: int) -> None:
        if event_no > self._event_no:
            self._event_no = event_no
            self._changed.set()

    def end(self) -> None:
        self.is_ended = True
        self._changed.set()


class Feed:
    """A process's feed. Its watcher runs while there are subscriptions."""

    def __init__(self, database: Database, *, look_s: float = LOOK_S) -> None:
        self._database = database
        self._look_s = look_s
        self._subscribers: dict[Tenant, set[StreamSubscriber]] = {}
        self._held: Counter[str | Tenant] = Counter()
        self._count = 0
        self._hinted = asyncio.Event()
        self._watcher: asyncio.Task[None] | None = None
        self._is_closed = False
        self.looks = 0  # for tests and metrics

    def on_hint(self, name: str) -> None:
        if name == HINT and self._subscribers:
            self._hinted.set()

    def subscribe(
        self, tenant: Tenant, holder: str
    ) -> "contextlib.AbstractContextManager[StreamSubscriber]":
        """Count a stream for the credential `holder` until the exit.

        Raises TooManyStreams, and Unavailable if the process is stopping.
        """
        if self._is_closed:
            raise Unavailable("The gateway is stopping. Connect again.", retry_after_s=1)
        _check_room(self._held[holder], STREAMS_PER_HOLDER, "this credential")
        _check_room(self._held[tenant], STREAMS_PER_TENANT, "this account")
        _check_room(self._count, STREAMS, "this gateway")
        return self._counted(tenant, holder)

    def listen(self, tenant: Tenant) -> StreamSubscriber:
        """Subscribe for this process itself; it counts against no limit. leave() ends it.

        If the process is stopping, the subscriber has ended from the start.
        """
        subscriber = StreamSubscriber()
        if self._is_closed:
            subscriber.end()
        self._subscribers.setdefault(tenant, set()).add(subscriber)
        if not self._is_closed and (self._watcher is None or self._watcher.done()):
            self._watcher = asyncio.create_task(self._watch())
        # Look now, not when the present pause is over.
        self._hinted.set()
        return subscriber

    def leave(self, tenant: Tenant, subscriber: StreamSubscriber) -> None:
        self._subscribers[tenant].remove(subscriber)
        if not self._subscribers[tenant]:
            del self._subscribers[tenant]
        if not self._subscribers:
            # The watcher notices that no subscriber is left, and stops.
            self._hinted.set()

    def close(self) -> None:
        """End every stream and admit no other, because the process is about to stop."""
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
                await self._look(list(self._subscribers))
            except StoreError as error:
                # The database is down. Each stream notices when it reads, and the next look may succeed.
                _log.warning("feed.look_failed", extra={"code": error.code})
            except Exception:
                # Without this watcher every stream of the process would fall silent.
                _log.exception("feed.broke")
            await asyncio.sleep(LOOKS_APART_S)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._look_s):
                    await self._hinted.wait()

    async def _look(self, tenants: Collection[Tenant]) -> None:
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


def _check_room(open_now: int, limit: int, whose: str) -> None:
    if open_now >= limit:
        raise TooManyStreams(
            f"{whose} already has {limit} open event streams.",
            retry_after_s=RETRY_AFTER_S,
            extra={"limit": limit, "remaining": 0},
        )
