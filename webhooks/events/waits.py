"""Wake callers who wait for one top-up to change, without one query per caller.

A wait hears of every later event of its top-up: at once if this process wrote it, otherwise within the feed's
LOOK_S. One statement per account names the top-ups that changed, for any number of callers, and only if the
account has new events. A woken caller reads the top-up itself. Writes nothing.
"""

import asyncio
import contextlib
import logging
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Final

from kernel.errors import DomainError
from kernel.tenant import Tenant
from store.database import Database, Transaction
from store.errors import StoreError
from webhooks.events.feed import LOOK_S, RETRY_AFTER_S, Feed, StreamSubscriber

WAITS_PER_HOLDER: Final = 50
WAITS_PER_TENANT: Final = 500
WAITS: Final = 2_000
# The time between two looks at an account whose events follow each other closely.
LOOKS_APART_S: Final = 0.05
# An idle watcher looks this often. The last wait's end wakes it.
IDLE_S: Final = 60.0

_CHANGED = """
SELECT DISTINCT transaction_id FROM events
WHERE account_id = :account_id AND environment = :environment
  AND event_no > :after AND event_no <= :until AND transaction_id IS NOT NULL
"""
_log = logging.getLogger(__name__)


class TooManyWaits(DomainError):
    """The key, the account or the process has its maximum of open waits."""


class Wait:
    """One caller's wait. is_over: the process is stopping, or the caller has left."""

    __slots__ = ("_begun", "_changed", "is_over")

    def __init__(self, begun: asyncio.Event) -> None:
        self._begun = begun
        self._changed = asyncio.Event()
        self.is_over = False

    async def begin(self) -> None:
        """Return once no later event can be missed: whatever is read from now on is new enough."""
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
    """One tenant's waits, by top-up."""

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
    """A process's waits. A tenant is watched while a caller waits for one of its top-ups."""

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
        """Count a wait of the credential `holder`; raise TooManyWaits."""
        _check_room(self._held[holder], WAITS_PER_HOLDER, "this credential")
        _check_room(self._held[tenant], WAITS_PER_TENANT, "this account")
        _check_room(self.open_now, WAITS, "this gateway")
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
            # Callers who still wait get the present state.
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
                if not await self._tell(tenant, watched, seen, latest):
                    continue
            else:
                watched.begun.set()
            seen = latest
            await asyncio.sleep(LOOKS_APART_S)

    async def _tell(self, tenant: Tenant, watched: _Watched, seen: int, latest: int) -> bool:
        """Wake the waits for the objects of events after `seen`; return False to try again."""

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


def _check_room(open_now: int, limit: int, whose: str) -> None:
    if open_now >= limit:
        raise TooManyWaits(
            f"{whose} already has {limit} open calls with wait_s. Call without it.",
            retry_after_s=RETRY_AFTER_S,
            extra={"limit": limit, "remaining": 0},
        )
