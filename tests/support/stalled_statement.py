"""A row that is held by a statement whose end never comes: no time-out of the server ends it."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from store.database import Database, Transaction
from store.errors import LockTimeout, StoreError
from store.postgresql.database import PostgresqlDatabase
from store.postgresql.pool import IDLE_TIMEOUT_S
from tests.support.database_proxy import proxied


@asynccontextmanager
async def held_by_stalled(
    database: Database, database_url: str
) -> AsyncIterator[Callable[[float], Awaitable[int]]]:
    """Yields what writes the row: it waits so many seconds for it, returns 1 or raises LockTimeout."""

    async def touch(tx: Transaction) -> int:
        # With an argument: without one the driver sends it whole.
        return await tx.execute(
            "UPDATE sealed_keys SET created_at = 1 WHERE name = :name", name="a"
        )

    async def write(wait_s: float) -> int:
        return await database.transaction(touch, lock_wait_s=wait_s)

    await database.transaction(
        lambda tx: tx.insert("sealed_keys", ("name", "sealed", "created_at"), [("a", b"", 0)])
    )
    async with proxied(database_url) as (proxy, url):
        # Longer than the server lets a transaction idle, which this one does not for the server.
        lost = PostgresqlDatabase(url, short_answer_s=IDLE_TIMEOUT_S + 1)
        await lost.transaction(touch, is_short=True)
        proxy.is_cutting = True
        with pytest.raises(StoreError):
            await lost.transaction(touch, is_short=True)
        with pytest.raises(LockTimeout):
            await write(0.1)
        yield write
        await lost.close()
