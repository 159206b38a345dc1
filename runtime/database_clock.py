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
from collections.abc import Callable
from typing import Final

from kernel.clock import Clock, SystemClock
from kernel.steady_clock import SteadyClock, monotonic_us
from store.database import Database, Row, Transaction
from store.errors import StoreError

REFRESH_S: Final = 30.0
SKEW_US_WARNED: Final = 1_000_000
# The quickest of so many answers is the most exact one.
SAMPLES: Final = 3
_NOW = "SELECT DATABASE_NOW_US() AS now_us"

logger = logging.getLogger(__name__)


class DatabaseClock:
    """One for each process. wall is this machine's time, which counts where there is no server's."""

    def __init__(
        self,
        database: Database,
        wall: Clock | None = None,
        monotonic_us: Callable[[], int] = monotonic_us,
    ) -> None:
        self._database = database
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
        if is_first:
            self._steady.begin(true_us, at_us)
            off_us = self._wall.now_us() - self._steady.now_us()
        else:
            off_us = self._steady.correct(true_us, at_us)
        if abs(off_us) > SKEW_US_WARNED:
            logger.warning("clock.skewed", extra={"offset_ms": off_us // 1000})

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
