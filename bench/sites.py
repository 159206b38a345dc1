"""Databases of one PostgreSQL that differ in their tables alone, and what the server uses for the same calls on each."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import asyncpg

from bench.tenants import Merchant, opened
from kernel.clock import SECOND_US, SystemClock
from store.database import Database, Transaction
from webhooks.deliveries import delivery
from webhooks.deliveries.claim import claim
from webhooks.deliveries.message import settlement_of
from webhooks.deliveries.stage import Claimed
from webhooks.http.transport import SendResult

LEASE_US: Final = 35 * SECOND_US
CLOCK: Final = SystemClock()
_BACKENDS = """
SELECT pid FROM pg_stat_activity WHERE datname = current_database()
    AND backend_type = 'client backend' AND pid <> pg_backend_pid()
"""


@dataclass(slots=True)
class Site:
    """One of the databases, and what PostgreSQL has used for each call there, in µs by round."""

    database: Database
    admin: "asyncpg.Connection[Any]"
    tenants: Sequence[Merchant]
    found: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))

    async def measured(self, name: str, calls: int, work: Callable[[], Awaitable[object]]) -> None:
        before_us = await self._cpu_us()
        await work()
        self.found[name].append((await self._cpu_us() - before_us) / calls)

    async def asked(self, name: str, rows: int, statements: Sequence[str]) -> None:
        """What its administrator's connection uses for these, for each of so many rows."""
        pid = self.admin.get_server_pid()
        before_us = _used_us(pid)
        for statement in statements:
            await self.admin.execute(statement)
        self.found[name].append((_used_us(pid) - before_us) / rows)

    async def _cpu_us(self) -> float:
        """Of the processes that serve this database, but for the one that asks."""
        return sum(_used_us(row["pid"]) for row in await self.admin.fetch(_BACKENDS))


def _used_us(pid: int) -> float:
    """CPU of a process."""
    return int(Path(f"/proc/{pid}/schedstat").read_text().split()[0]) / 1000


@asynccontextmanager
async def site_of(url: str, tenants: Sequence[Merchant]) -> AsyncIterator[Site]:
    admin = await asyncpg.connect(url)
    try:
        async with opened(url) as database:
            yield Site(database, admin, tenants)
    finally:
        await admin.close()


async def take(database: Database, ids_max: int) -> Sequence[Claimed]:
    """Claims all that is due, ids_max of an endpoint at most."""

    async def work(tx: Transaction) -> Sequence[Claimed]:
        found = await claim(
            tx,
            lambda candidates: [id_ for one in candidates for id_ in one.due],
            now_us=CLOCK.now_us(),
            lease_us=LEASE_US,
            ids_max=ids_max,
        )
        return found.claimed

    return await database.transaction(work, durable=False)


async def settle(database: Database, claimed: Sequence[Claimed]) -> None:
    """As delivered at once."""
    now_us = CLOCK.now_us()
    answered = SendResult(200, None, None, {}, b"", False, None, {}, now_us, now_us)

    async def work(tx: Transaction) -> None:
        settled = [settlement_of(one, answered, [], ended_at_us=now_us) for one in claimed]
        await delivery.settle(tx, settled)

    await database.transaction(work, durable=False)


def ran_on(url: str, work: Callable[["asyncpg.Connection[Any]"], Awaitable[object]]) -> None:
    """Work over a connection of its own."""

    async def run() -> None:
        connection = await asyncpg.connect(url)
        try:
            await work(connection)
        finally:
            await connection.close()

    asyncio.run(run())
