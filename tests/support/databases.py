"""PostgreSQL databases for the tests of one process: migrated, empty, and used again.

Making one costs the server a third of a second, emptying one a few hundredths, and most tests need
one. So a database goes from test to test, emptied in between, and is thrown away when emptying does
not undo what was done to it: statistics for the planner, other tables, a statement still under way,
or sheer size. The connection that empties it stays open meanwhile: a new one would first read the
catalogue of all its tables.
Invariant: whoever is lent one finds in it what `migrate` leaves there, and nothing else.
"""

import asyncio
import contextlib
import itertools
import os
from collections.abc import Sequence
from typing import Any

import asyncpg

from tests.support.postgres_server import create_database, drop_database
from tests.support.templates import SHAPE, SIZE, make_on_server, shared

# Emptied tables keep their dead rows for a while.
GROWN_BYTES_MAX = 16 * 1024 * 1024
# Of a connection that the test forgot and that is only now ended.
LOCK_TIMEOUT_MS = 5_000
# The states of everybody else's sessions.
_OTHERS = """
    SELECT state FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid()
"""
_LEAVE = """
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid()
"""
_numbers = itertools.count(1)


class Server:
    """Lends databases on the server at `url`, one after the other; close() removes them all."""

    def __init__(self, url: str) -> None:
        self._url = url
        all_use = shared()
        made = all_use.on_server(url) if all_use else None
        self._is_own = made is None
        self._made = made or make_on_server(url, f"topup_template_{os.getpid()}")
        self.template = self._made.name
        self._spare = ""
        self._once: set[str] = set()
        # Of the database that goes from test to test; the loop is the connection's own.
        self._loop = asyncio.new_event_loop()
        self._connection: Any = None
        self._connected_to = ""

    def lend(self, *, is_new: bool = False) -> str:
        """The URL of a migrated, empty database; is_new: for this test and no other."""
        if self._spare and not is_new:
            url, self._spare = self._spare, ""
        else:
            name = f"topup_test_{os.getpid()}_{next(_numbers)}"
            url = create_database(self._url, name, template=self.template)
        if is_new:
            self._once.add(url)
        return url

    def take_back(self, url: str) -> None:
        """Empties it for the next test, or throws it away."""
        is_kept = not self._spare and url not in self._once
        if is_kept and self._loop.run_until_complete(self._emptied(url)):
            self._spare = url
        else:
            drop_database(self._url, url.rpartition("/")[2])

    def close(self) -> None:
        self._loop.run_until_complete(self._leave())
        self._loop.close()
        for name in (self._spare.rpartition("/")[2], self.template if self._is_own else ""):
            if name:
                drop_database(self._url, name)

    async def _emptied(self, url: str) -> bool:
        """Whether it is as new; if not, nothing of ours is connected to it any more."""
        with contextlib.suppress(OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
            if await self._empty(await self._connected(url)):
                return True
        await self._leave()
        return False

    async def _connected(self, url: str) -> Any:
        """The connection to that database; a test may have ended the one of before."""
        if self._connected_to != url or self._connection.is_closed():
            await self._leave()
            self._connection = await asyncpg.connect(
                url, server_settings={"lock_timeout": str(LOCK_TIMEOUT_MS)}
            )
            self._connected_to = url
        return self._connection

    async def _leave(self) -> None:
        if self._connection is not None:
            self._connection.terminate()
            self._connection, self._connected_to = None, ""

    async def _empty(self, connection: Any) -> bool:
        shape = await connection.fetch(SHAPE)
        if [row[0] for row in shape] != self._made.shape or any(row[1] for row in shape):
            return False
        others = {row[0] for row in await connection.fetch(_OTHERS)}
        if others - {"idle", None}:
            return False
        if await connection.fetchval(SIZE) > self._made.size + GROWN_BYTES_MAX:
            return False
        if others:
            await connection.fetch(_LEAVE)
        filled = await connection.fetch(_filled(list(self._made.rows)))
        async with connection.transaction():
            await connection.execute(";".join(f"DELETE FROM {row[0]}" for row in filled))
            for table, rows in self._made.rows.items():
                if rows:
                    await connection.copy_records_to_table(table, records=rows)
        return True


def _filled(tables: Sequence[str]) -> str:
    """The question which of the tables have rows."""
    return " UNION ALL ".join(
        f"SELECT '{table}' WHERE EXISTS (SELECT FROM {table})" for table in tables
    )
