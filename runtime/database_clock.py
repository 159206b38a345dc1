"""Give all processes the database's time. Between readings, a monotonic clock advances it.

The server's clock is measured at the start and every REFRESH_S. The error is at most half a round trip. If one
machine's clock is wrong or jumps, no due time, lease or signature changes. With SQLite, each process counts from its
machine's time at the start.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator, Callable
from typing import Final

from kernel.clock import SECOND_US, Clock, SystemClock
from runtime.metrics import Metrics
from store.database import Database, Row, Transaction
from store.errors import StoreError

REFRESH_S: Final = 30.0
SKEW_US_WARNED: Final = 1_000_000
# Measure this many times, and use the quickest response, which is the most exact.
SAMPLES: Final = 3
# During a correction, the clock is faster or slower by one part in this many.
SLEW_PARTS: Final = 10
_NOW = "SELECT DATABASE_NOW_US() AS now_us"

logger = logging.getLogger(__name__)

# If the system has CLOCK_BOOTTIME, this counter continues while the machine sleeps.
_COUNTER: Final = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


def monotonic_us() -> int:
    return time.clock_gettime_ns(_COUNTER) // 1000


class SteadyClock:
    """A clock that reads `wall` once and then adds the elapsed time. Only `begin` and `correct` adjust it.

    The time never goes back. A correction is made gradually, so that work doesn't become due all at once.
    """

    def __init__(self, wall: Clock, monotonic_us: Callable[[], int] = monotonic_us) -> None:
        self._monotonic_us = monotonic_us
        self._since_us = monotonic_us()
        self._offset_us = wall.now_us() - self._since_us
        self._left_us = 0
        self._last_us = 0

    def now_us(self) -> int:
        counted_us = self._monotonic_us()
        now_us = counted_us + self._offset_us
        if self._left_us:
            now_us += self._corrected_us(counted_us)
        # Two threads may read at once. A thread must never get an earlier time than before.
        if now_us < self._last_us:
            return self._last_us
        self._last_us = now_us
        return now_us

    def begin(self, true_us: int, at_monotonic_us: int) -> None:
        """Set the clock to `true_us` at the given counter value. Call this before the clock is used."""
        self._offset_us, self._since_us = true_us - at_monotonic_us, at_monotonic_us
        self._left_us = self._last_us = 0

    def correct(self, true_us: int, at_monotonic_us: int) -> int:
        """Correct the clock gradually. At `at_monotonic_us`, it should have shown `true_us`. Return its error."""
        now_us = self._monotonic_us()
        self._offset_us += self._corrected_us(now_us)
        self._since_us = now_us
        self._left_us = true_us - at_monotonic_us - self._offset_us
        return self._left_us

    def _corrected_us(self, counted_us: int) -> int:
        may_us = (counted_us - self._since_us) // SLEW_PARTS
        left_us = self._left_us
        if -may_us <= left_us <= may_us:
            return left_us
        # Another thread made a correction after this thread read the counter.
        return 0 if may_us < 0 else may_us if left_us > 0 else -may_us


class DatabaseClock:
    """A process's clock. It is set from the database or, if that has no clock, from this machine's `wall`."""

    def __init__(
        self,
        database: Database,
        wall: Clock | None = None,
        monotonic_us: Callable[[], int] = monotonic_us,
        on_measured: Callable[[int], None] = lambda _off_us: None,
    ) -> None:
        """Call `on_measured` with the microseconds by which this machine's own clock is ahead."""
        self._database = database
        self._on_measured = on_measured
        self._is_machine_off = False
        self._wall = wall or SystemClock()
        self._monotonic_us = monotonic_us
        self._steady = SteadyClock(self._wall, monotonic_us)
        self._is_begun = False

    def now_us(self) -> int:
        return self._steady.now_us()

    async def refresh(self) -> None:
        """Measure the database's time. Use the first result at once. Approach later ones gradually."""
        is_first, self._is_begun = not self._is_begun, True
        try:
            true_us, at_us = await self._sample()
        except StoreError as error:
            logger.warning("clock.unknown", extra={"error": str(error)})
            return
        self._note_machine(self._wall.now_us() - (true_us + self._monotonic_us() - at_us))
        if is_first:
            self._steady.begin(true_us, at_us)
            return
        off_us = self._steady.correct(true_us, at_us)
        if abs(off_us) > SKEW_US_WARNED:
            logger.warning("clock.corrected", extra={"offset_ms": off_us // 1000})

    def _note_machine(self, off_us: int) -> None:
        """Log when this machine's clock becomes wrong or right again. Only log lines use that clock."""
        self._on_measured(off_us)
        is_off = abs(off_us) > SKEW_US_WARNED
        if is_off and not self._is_machine_off:
            logger.warning("clock.skewed", extra={"offset_ms": off_us // 1000})
        elif self._is_machine_off and not is_off:
            logger.info("clock.agrees")
        self._is_machine_off = is_off

    async def keep_fresh(self) -> None:
        while True:
            await asyncio.sleep(REFRESH_S)
            with contextlib.suppress(Exception):
                await self.refresh()

    async def _sample(self) -> tuple[int, int]:
        samples: list[tuple[int, int, int | None]] = []

        async def work(tx: Transaction) -> None:
            samples.clear()
            for _ in range(SAMPLES):
                before_us = self._monotonic_us()
                row: Row | None = await tx.fetch_one(_NOW)
                after_us = self._monotonic_us()
                now_us = None if row is None else row["now_us"]
                samples.append((after_us - before_us, (before_us + after_us) // 2, now_us))

        await self._database.read(work)
        _, at_us, now_us = min(samples, key=lambda sample: sample[0])
        if now_us is None:
            return self._wall.now_us(), self._monotonic_us()
        return int(now_us), at_us


@contextlib.asynccontextmanager
async def open_clock(
    database: Database, given: Clock | None, metrics: Metrics
) -> AsyncIterator[Clock]:
    """Yield the given clock. If it is None, yield the database's clock, and keep that clock exact."""
    if given is not None:
        yield given
        return
    clock = DatabaseClock(
        database, on_measured=lambda off_us: metrics.clock_off_seconds.set(off_us / SECOND_US)
    )
    await clock.refresh()
    keeping = asyncio.create_task(clock.keep_fresh())
    try:
        yield clock
    finally:
        keeping.cancel()
        await asyncio.gather(keeping, return_exceptions=True)
