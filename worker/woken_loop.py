"""Run a worker's loops that handle due work. They check when woken, and at intervals.

The items of a DueLoop call parties that may not respond:

- Items run concurrently, so an item that hangs doesn't delay others.
- Each called party (its *place*) has a limited share, so its items can't crowd out others.
- A failing item is logged, and this process retries it at growing intervals. Other items aren't affected.
"""

import asyncio
import contextlib
import logging
import time
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar, Final

from kernel.clock import SECOND_US, Clock
from kernel.errors import DomainError
from store.database import Database, Transaction
from store.due_rows import DueRows
from store.errors import StoreError

PAUSE_S: Final = 1.0
WAIT_S_FIRST: Final = 1.0
WAIT_S_MAX: Final = 300.0
ITEMS_MAX: Final = 1_000


class WokenLoop(ABC):
    """A loop that can be woken. Wake-ups within rest_s seconds count as one."""

    name: ClassVar[str]
    rest_s: ClassVar[float] = 0.0

    def __init__(self) -> None:
        self._woken = asyncio.Event()

    def wake(self) -> None:
        self._woken.set()

    async def run(self) -> None:
        log = logging.getLogger(type(self).__module__)
        try:
            while True:
                self._woken.clear()
                wait_s = PAUSE_S
                try:
                    wait_s = await self._poll()
                except (StoreError, DomainError) as error:
                    log.warning("%s.delayed", self.name, extra={"fields": {"error": str(error)}})
                except Exception:
                    log.exception("%s.broke", self.name)
                await asyncio.sleep(self.rest_s)
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(wait_s - self.rest_s):
                        await self._woken.wait()
        finally:
            await self._stop()

    @abstractmethod
    async def _poll(self) -> float:
        """Handle or start due work. Return the seconds until the next check."""

    async def _stop(self) -> None:  # noqa: B027 where a look does all to its end, nothing is under way
        ...


@dataclass(slots=True)
class _Setback:
    times: int
    until_s: float


class Setbacks:
    """Delays failed items, on a monotonic clock."""

    def __init__(self, now_s: Callable[[], float] = time.monotonic) -> None:
        self._now_s = now_s
        self._items: dict[str, _Setback] = {}

    def failed(self, item: str) -> None:
        """Delay the item by a second at first. Double the delay with each failure, up to five minutes."""
        known = self._items.pop(item, None)
        times = 1 if known is None else known.times + 1
        wait_s = min(WAIT_S_MAX, WAIT_S_FIRST * 2.0 ** min(times - 1, 16))
        if len(self._items) >= ITEMS_MAX:
            del self._items[next(iter(self._items))]
        self._items[item] = _Setback(times, self._now_s() + wait_s)

    def went_well(self, *items: str) -> None:
        for item in items:
            self._items.pop(item, None)

    def held_back(self) -> list[str]:
        now_s = self._now_s()
        return sorted(item for item, one in self._items.items() if one.until_s > now_s)

    def next_s(self) -> float | None:
        now_s = self._now_s()
        waits = [one.until_s - now_s for one in self._items.values() if one.until_s > now_s]
        return min(waits, default=None)


@dataclass(frozen=True, slots=True)
class DueItem:
    """Work to do. `id` is unique within the loop. `place` is the party that `go` calls."""

    id: str
    place: str
    go: Callable[[], Awaitable[object]]


@dataclass(frozen=True, slots=True)
class Poll:
    """A query for at most `limit` items that are due at now_us and not excluded."""

    now_us: int
    limit: int
    exclude_ids: Sequence[str]
    exclude_keys: Sequence[str]


def place_of(environment: str, name: str) -> str:
    """Return a provider's or supplier's place, in the form that queries use."""
    return f"{environment}/{name}"


class DueLoop(WokenLoop):
    """A loop over due items. It sleeps at most beat_s. In the log, an item's ID is called `subject`."""

    subject: ClassVar[str]
    under_way_max: ClassVar[int]
    at_one_place_max: ClassVar[int]
    beat_s: ClassVar[float]

    def __init__(self, database: Database, clock: Clock) -> None:
        super().__init__()
        self._database = database
        self._clock = clock
        self._log = logging.getLogger(type(self).__module__)
        self._under_way: dict[str, tuple[str, asyncio.Task[None]]] = {}
        self._setbacks = Setbacks()
        # For each item that has just succeeded, when it may be repeated, on the loop's clock.
        self._rests: dict[str, float] = {}
        self._is_over = False

    @abstractmethod
    async def _due(self, tx: Transaction, look: Poll) -> Sequence[DueItem]: ...

    @abstractmethod
    async def _next_at(self, tx: Transaction, look: Poll) -> int | None: ...

    async def step(self) -> int:
        """Handle everything that is due now, each item once. Return the number of items."""
        handled: set[str] = set()
        while started := await self._start_due(handled):
            handled.update(started)
            await asyncio.gather(*self._tasks(), return_exceptions=True)
        return len(handled)

    async def _poll(self) -> float:
        now_s = asyncio.get_running_loop().time()
        self._rests = {item: until for item, until in self._rests.items() if until > now_s}
        await self._start_due(self._rests)
        return await self._wait_s()

    async def _stop(self) -> None:
        self._is_over = True
        tasks = self._tasks()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _start_due(self, exclude_ids: Iterable[str]) -> list[str]:
        started: list[str] = []
        # Repeat the query, because items of a place that is now full may have hidden others.
        while (room := self.under_way_max - len(self._under_way)) > 0:
            look = self._looking([*exclude_ids, *started], limit=self.under_way_max)
            due = await self._database.read(partial(self._due, look=look))
            begun = self._begin(due, room)
            started += begun
            if not begun or len(due) < look.limit:
                break
        return started

    def _begin(self, due: Sequence[DueItem], room: int) -> list[str]:
        counted = self._counted()
        begun: list[str] = []
        for item in due:
            is_free = item.id not in self._under_way and counted[item.place] < self.at_one_place_max
            if len(begun) < room and is_free:
                counted[item.place] += 1
                task = asyncio.ensure_future(self._handle(item))
                self._under_way[item.id] = (item.place, task)
                task.add_done_callback(partial(self._ended, item.id))
                begun.append(item.id)
        return begun

    def _looking(self, exclude_ids: Iterable[str], *, limit: int) -> Poll:
        full = [
            place for place, number in self._counted().items() if number >= self.at_one_place_max
        ]
        not_now = {*exclude_ids, *self._under_way, *self._setbacks.held_back()}
        return Poll(self._clock.now_us(), limit, sorted(not_now), sorted(full))

    def _counted(self) -> Counter[str]:
        return Counter(place for place, _ in self._under_way.values())

    def _tasks(self) -> list["asyncio.Task[None]"]:
        return [task for _, task in self._under_way.values()]

    def _ended(self, item_id: str, task: "asyncio.Task[None]") -> None:
        del self._under_way[item_id]
        if task.cancelled() and not self._is_over:
            # The task was cancelled by its handler, not by this loop.
            self._log.error("%s.broke", self.name, extra={"fields": {self.subject: item_id}})
            self._setbacks.failed(item_id)
        self.wake()

    async def _wait_s(self) -> float:
        now_s = asyncio.get_running_loop().time()
        waits = [self.beat_s, *(until - now_s for until in self._rests.values())]
        held_s = self._setbacks.next_s()
        if held_s is not None:
            waits.append(held_s)
        if len(self._under_way) < self.under_way_max:
            look = self._looking(self._rests, limit=1)
            next_at = await self._database.read(partial(self._next_at, look=look))
            if next_at is not None:
                due_s = (next_at - self._clock.now_us()) / SECOND_US
                waits.append(due_s if due_s > 0 else PAUSE_S)
        return max(0.0, min(waits))

    async def _handle(self, item: DueItem) -> None:
        try:
            await item.go()
        except (StoreError, DomainError) as error:
            # The row was deleted or the database can't be reached, so the item is retried.
            fields = {self.subject: item.id, "error": str(error)}
            self._log.warning("%s.delayed", self.name, extra={"fields": fields})
            self._setbacks.failed(item.id)
        except Exception:
            self._log.exception("%s.broke", self.name, extra={"fields": {self.subject: item.id}})
            self._setbacks.failed(item.id)
        else:
            self._setbacks.went_well(item.id)
            self._rests[item.id] = asyncio.get_running_loop().time() + PAUSE_S


class ProviderLoop(DueLoop):
    """A loop over a table's rows. Each row has a provider to call."""

    rows: ClassVar[DueRows[Any]]

    @abstractmethod
    async def _call(self, row: Any) -> None:
        pass

    async def _due(self, tx: Transaction, look: Poll) -> Sequence[DueItem]:
        due = await self.rows.due(
            tx,
            now_us=look.now_us,
            limit=look.limit,
            exclude_ids=look.exclude_ids,
            exclude_keys=look.exclude_keys,
        )
        return [
            DueItem(one.id, place_of(one.environment, one.provider), partial(self._call, one))
            for one in due
        ]

    async def _next_at(self, tx: Transaction, look: Poll) -> int | None:
        return await self.rows.next_at(
            tx, exclude_ids=look.exclude_ids, exclude_keys=look.exclude_keys
        )
