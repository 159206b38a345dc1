"""The database's time, for leases: machines whose own clocks differ must agree on when one ends.

Invariant: on one machine (SQLite) it is that machine's clock. Between refreshes the offset stands
still; an outage keeps the last one.
"""

import logging

from kernel.clock import Clock
from store.db import Database, Row, Transaction
from store.errors import StoreError

_NOW = "SELECT DATABASE_NOW_US() AS now_us"
SKEW_US_WARNED = 1_000_000

logger = logging.getLogger(__name__)


class DatabaseClock:
    """A clock that follows the database server's; exact to half a round trip."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._offset_us = 0

    def now_us(self) -> int:
        return self._clock.now_us() + self._offset_us

    async def refresh(self) -> None:
        """Measures the offset anew; logs where the clocks are far apart."""
        spans: list[tuple[int, int]] = []

        async def work(tx: Transaction) -> Row | None:
            before_us = self._clock.now_us()
            row = await tx.fetch_one(_NOW)
            spans.append((before_us, self._clock.now_us()))
            return row

        try:
            row = await self._database.read(work)
        except StoreError as error:
            logger.warning("clock.unknown", extra={"error": str(error)})
            return
        if row is None or row["now_us"] is None:
            return
        before_us, after_us = spans[-1]
        self._offset_us = int(row["now_us"]) - (before_us + after_us) // 2
        if abs(self._offset_us) > SKEW_US_WARNED:
            logger.warning("clock.skewed", extra={"offset_ms": self._offset_us // 1000})
