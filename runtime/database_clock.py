"""Keep one time for all processes: the database's, carried forward by a monotonic counter.

The server's clock is measured at the start and every REFRESH_S, with an error of at most half a round trip.
So a wrong or jumping clock on one machine changes no due time, lease or signature. With SQLite, each process
counts from its machine's time at its start.
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
# Measure this often, because the quickest response is the most exact one.
SAMPLES: Final = 3
# A correction changes the clock's speed by one part in this many.
SLEW_PARTS: Final = 10
_NOW = "SELECT DATABASE_NOW_US() AS now_us"

logger = logging.getLogger(__name__)

# This counter includes the machine's sleep, if the system offers one that does.
_COUNTER: Final = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


def monotonic_us() -> int:
    """Return microseconds since the machine started, including sleep if the system counts it."""
    return time.clock_gettime_ns(_COUNTER) // 1000


class SteadyClock:
    """A clock that reads `wall` once and then counts. Only `correct` changes its time.

    The time never goes back. A correction is spread over time, so that work doesn't fall due all at once.
    """

    def __init__(self, wall: Clock, monotonic_us: Callable[[], int] = monotonic_us) -> None:
        self._monotonic_us = monotonic_us
        self._since_us = monotonic_us()
        self._offset_us = wall.now_us() - self._since_us
        self._left_us = 0  # the correction that was still to be made at since_us
        self._last_us = 0

    def now_us(self) -> int:
        counted_us = self._monotonic_us()
        now_us = counted_us + self._offset_us
        if self._left_us:
            now_us += self._corrected_us(counted_us)
        # Two threads may read at once. Neither may get an earlier time than it got before.
        if now_us < self._last_us:
            return self._last_us
        self._last_us = now_us
        return now_us

    def begin(self, true_us: int, at_monotonic_us: int) -> None:
        """Set the clock to `true_us` as of that counter value. Call this before the clock is used."""
        self._offset_us, self._since_us = true_us - at_monotonic_us, at_monotonic_us
        self._left_us = self._last_us = 0

    def correct(self, true_us: int, at_monotonic_us: int) -> int:
        """Move the clock gradually to what was `true_us` at that counter value. Return its error."""
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
        # The counter was read before another thread's correction.
        return 0 if may_us < 0 else may_us if left_us > 0 else -may_us


class DatabaseClock:
    """A process's clock, set from the database. `wall` is this machine's clock, used if the database has none."""

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
        """Measure the database's time. The first result is used at once; later ones are approached gradually."""
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
    """Return the given clock, or else the database's, kept exact while this is open."""
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
