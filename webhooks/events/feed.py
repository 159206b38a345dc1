"""Tells whoever streams events that there are new ones, without asking once for each stream.

Promise: a subscription hears of an event soon after its commit: at once where this process wrote
it, within LOOK_S where another one did. Invariant: however many streams are open, one statement in
LOOK_S asks for all of them, and none is open between looks; without a stream nothing runs at all.
Who is told reads the events itself (webhooks/deliveries/log.py). Writes nothing.
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
# While commits follow each other closely, one look speaks for all of 10 ms.
LOOKS_APART_S: Final = 0.01
TICK_S: Final = 0.05
STREAMS_PER_HOLDER: Final = 5
STREAMS_PER_TENANT: Final = 20
STREAMS: Final = 1_000
RETRY_AFTER_S: Final = 5
# A look that a database holds up is not waited for longer.
CLOSE_S_MAX: Final = 5.0

_NUMBERS = """
SELECT e.account_id, e.environment, e.event_no
FROM :tenants[account_id text, environment text] AS s
JOIN account_environments e ON e.account_id = s.account_id AND e.environment = s.environment
"""
_log = logging.getLogger(__name__)


class TooManyStreams(DomainError):
    """The key, the account or the process has as many event streams open as it may."""


class Subscription:
    """One stream's ear. is_ended: the feed is closing or the stream was told to end."""

    __slots__ = ("_changed", "_event_no", "is_ended")

    def __init__(self) -> None:
        self._event_no = 0
        self._changed = asyncio.Event()
        self.is_ended = False

    async def wait_beyond(self, event_no: int, *, timeout_s: float) -> bool:
        """Whether there is an event numbered above event_no; at the latest TICK_S after timeout_s."""
        self._changed.clear()
        if self._event_no <= event_no and not self.is_ended:
            # Idle streams do little else than this: a timer that sets the event costs a third of
            # asyncio.timeout, and timers that fall on one tick wake the loop once for all.
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
        """The tenant's last event that is known of; 0 before the first look."""
        return self._event_no

    def advance(self, event_no: int) -> None:
        """The tenant's last event has this number now."""
        if event_no > self._event_no:
            self._event_no = event_no
            self._changed.set()

    def end(self) -> None:
        """Whoever waits stops waiting."""
        self.is_ended = True
        self._changed.set()


class Feed:
    """One for each process; the watcher lives while there is somebody to tell."""

    def __init__(self, database: Database, *, look_s: float = LOOK_S) -> None:
        self._database = database
        self._look_s = look_s
        self._subscriptions: dict[Tenant, set[Subscription]] = {}
        self._held: Counter[str | Tenant] = Counter()
        self._count = 0
        self._hinted = asyncio.Event()
        self._watcher: asyncio.Task[None] | None = None
        self._is_closed = False
        self.looks = 0  # for tests and metrics

    def on_hint(self, name: str) -> None:
        """The listener for what this process itself commits."""
        if name == HINT and self._subscriptions:
            self._hinted.set()

    def subscribe(
        self, tenant: Tenant, holder: str
    ) -> "contextlib.AbstractContextManager[Subscription]":
        """A place for one stream of the credential `holder`, taken now and given back at the exit.

        Raises TooManyStreams, and Unavailable where the process is stopping.
        """
        if self._is_closed:
            raise Unavailable("the gateway is stopping; connect again", retry_after_s=1)
        _check_room(self._held[holder], STREAMS_PER_HOLDER, "this credential")
        _check_room(self._held[tenant], STREAMS_PER_TENANT, "this account")
        _check_room(self._count, STREAMS, "this gateway")
        return self._counted(tenant, holder)

    def listen(self, tenant: Tenant) -> Subscription:
        """An ear of this process's own, counted nowhere; it is given back by leave(). Where the process
        is stopping it is ended from the start.
        """
        subscription = Subscription()
        if self._is_closed:
            subscription.end()
        self._subscriptions.setdefault(tenant, set()).add(subscription)
        if not self._is_closed and (self._watcher is None or self._watcher.done()):
            self._watcher = asyncio.create_task(self._watch())
        # The first look is now, not when the present pause is over.
        self._hinted.set()
        return subscription

    def leave(self, tenant: Tenant, subscription: Subscription) -> None:
        """Gives an ear back."""
        self._subscriptions[tenant].remove(subscription)
        if not self._subscriptions[tenant]:
            del self._subscriptions[tenant]
        if not self._subscriptions:
            # The watcher sees that nobody is left, and goes.
            self._hinted.set()

    def close(self) -> None:
        """Ends every stream and admits no other; the process is about to stop."""
        self._is_closed = True
        for subscriptions in self._subscriptions.values():
            for subscription in subscriptions:
                subscription.end()

    async def aclose(self) -> None:
        """As close, and nothing runs any more."""
        self.close()
        self._hinted.set()
        if self._watcher is not None:
            _, late = await asyncio.wait([self._watcher], timeout=CLOSE_S_MAX)
            for watcher in late:
                watcher.cancel()

    def _counted(
        self, tenant: Tenant, holder: str
    ) -> "contextlib.AbstractContextManager[Subscription]":
        subscription = self.listen(tenant)
        self._held[holder] += 1
        self._held[tenant] += 1
        self._count += 1
        return self._holding(tenant, holder, subscription)

    @contextlib.contextmanager
    def _holding(
        self, tenant: Tenant, holder: str, subscription: Subscription
    ) -> Iterator[Subscription]:
        try:
            yield subscription
        finally:
            self._held -= Counter((holder, tenant))
            self._count -= 1
            self.leave(tenant, subscription)

    async def _watch(self) -> None:
        while self._subscriptions and not self._is_closed:
            self._hinted.clear()
            try:
                await self._look(list(self._subscriptions))
            except StoreError as error:
                # An outage: each stream finds out by itself when it reads; the next look may do.
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
            for subscription in self._subscriptions.get(tenant, ()):
                subscription.advance(event_no)


def _check_room(open_now: int, limit: int, whose: str) -> None:
    if open_now >= limit:
        raise TooManyStreams(
            f"{whose} has {limit} event streams open already",
            retry_after_s=RETRY_AFTER_S,
            extra={"limit": limit, "remaining": 0},
        )
