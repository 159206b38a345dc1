"""The database's time, carried by a clock that only counts: one time for every process.

Promise: due times, leases and signatures of all gateways and workers are by one clock, the server's,
exact to half a round trip, and a machine whose own time is wrong or jumps changes none of them. On
SQLite, where all run on one machine, it is that machine's time at the start, steady from then on.
Invariant: no statement of its own on anybody's path: it is measured at the start and every REFRESH_S
beside the work; an outage keeps what was known.
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
# The quickest of so many answers is the most exact one.
SAMPLES: Final = 3
# A correction is made at one part in so many: a second in ten.
SLEW_PARTS: Final = 10
_NOW = "SELECT DATABASE_NOW_US() AS now_us"

logger = logging.getLogger(__name__)


# It counts sleep, too, where the system has it.
_COUNTER: Final = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


def monotonic_us() -> int:
    """Microseconds since the machine was started, sleep included where the system counts it."""
    return time.clock_gettime_ns(_COUNTER) // 1000


class SteadyClock:
    """A clock that a jump of the machine's time does not reach: it reads `wall` once, and then counts.

    `correct` is the only way to tell it another time. Between two readings it never goes back, and it
    differs from true elapsed time by SLEW_PARTS at most, whatever it is told: a correction is spread
    over time, so that nothing falls due all at once.
    """

    def __init__(self, wall: Clock, monotonic_us: Callable[[], int] = monotonic_us) -> None:
        self._monotonic_us = monotonic_us
        self._since_us = monotonic_us()
        self._offset_us = wall.now_us() - self._since_us
        self._left_us = 0  # what is still to be corrected, as of since_us
        self._last_us = 0

    def now_us(self) -> int:
        counted_us = self._monotonic_us()
        now_us = counted_us + self._offset_us
        if self._left_us:
            now_us += self._corrected_us(counted_us)
        # Two threads may read at once; neither is told a time before the one that it had.
        if now_us < self._last_us:
            return self._last_us
        self._last_us = now_us
        return now_us

    def begin(self, true_us: int, at_monotonic_us: int) -> None:
        """It was true_us at that count: from now on, and at once. For before its first use."""
        self._offset_us, self._since_us = true_us - at_monotonic_us, at_monotonic_us
        self._left_us = self._last_us = 0

    def correct(self, true_us: int, at_monotonic_us: int) -> int:
        """It was true_us at that count: moves there slowly. Returns how far it is off."""
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
        # A count from before a correction that another thread has made since: nothing of it yet.
        return 0 if may_us < 0 else may_us if left_us > 0 else -may_us


class DatabaseClock:
    """One for each process. wall is this machine's time, which counts where there is no server's."""

    def __init__(
        self,
        database: Database,
        wall: Clock | None = None,
        monotonic_us: Callable[[], int] = monotonic_us,
        on_measured: Callable[[int], None] = lambda _off_us: None,
    ) -> None:
        """on_measured: told by how many microseconds this machine's own clock is ahead."""
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
        """Asks what time it is; the first answer counts at once, later ones are moved to slowly."""
        is_first, self._is_begun = not self._is_begun, True
        try:
            true_us, at_us = await self._ask()
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
        """Said when it begins and when it ends: nothing goes by this machine's clock but its logs."""
        self._on_measured(off_us)
        is_off = abs(off_us) > SKEW_US_WARNED
        if is_off and not self._is_machine_off:
            logger.warning("clock.skewed", extra={"offset_ms": off_us // 1000})
        elif self._is_machine_off and not is_off:
            logger.info("clock.agrees")
        self._is_machine_off = is_off

    async def keep(self) -> None:
        """Refreshes it now and then, until cancelled."""
        while True:
            await asyncio.sleep(REFRESH_S)
            with contextlib.suppress(Exception):
                await self.refresh()

    async def _ask(self) -> tuple[int, int]:
        """The time, and the count at which it was so."""
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
    """The clock that was given, else the database's, kept exact while this is open."""
    if given is not None:
        yield given
        return
    clock = DatabaseClock(
        database, on_measured=lambda off_us: metrics.clock_off_seconds.set(off_us / SECOND_US)
    )
    await clock.refresh()
    keeping = asyncio.create_task(clock.keep())
    try:
        yield clock
    finally:
        keeping.cancel()
        await asyncio.gather(keeping, return_exceptions=True)
