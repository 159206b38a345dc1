"""A small pool of connections to PostgreSQL, opened at its first use and again after an outage."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import asyncpg

from store.postgresql_errors import CONNECTION_FAILURES, named

CONNECTIONS_MAX = 6
CONNECT_TIMEOUT_S = 5.0
# The server ends a statement that takes longer; should it not answer at all, the connection is given
# up with the transaction. A timer of the driver's own for each statement would cost three times the
# statement [39 us of a SELECT 1 against 13].
STATEMENT_TIMEOUT_S = 30

# Every statement probes indexes, and a plan made once is kept. Made while a table is small or has no
# statistics yet, it would be a scan with a hash join, kept while the table grows under it until the
# first autovacuum [in 15,000 sends from 5,800 to 3,500 a second, a lone one from 4.6 to 12.5 ms;
# with these settings 5,800 to 5,000, and 3.5 to 3.9 ms].
_SERVER_SETTINGS = {
    "application_name": "topup",
    "jit": "off",
    "enable_seqscan": "off",
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
    "statement_timeout": f"{STATEMENT_TIMEOUT_S}s",
}


class ConnectionPool:
    """At most CONNECTIONS_MAX connections to `url`; settings are the server's, for each session."""

    def __init__(self, url: str, **settings: str) -> None:
        self._url = url
        self._settings = {**_SERVER_SETTINGS, **settings}
        self._pool: Any = None
        self._lock = asyncio.Lock()

    @contextlib.asynccontextmanager
    async def connection(self) -> AsyncIterator[Any]:
        """One of them; raises ConnectionLost where none can be had in time."""
        try:
            pool = await self._open()
            # Waiting with a time limit costs more than a statement; an idle connection needs none.
            timeout_s = None if pool.get_idle_size() else CONNECT_TIMEOUT_S
            connection = await pool.acquire(timeout=timeout_s)
        except Exception as error:
            raise named(error, is_committing=False) from None
        try:
            yield connection
        finally:
            with contextlib.suppress(*CONNECTION_FAILURES):
                await pool.release(connection)

    async def close(self) -> None:
        if self._pool is not None:
            await self._pool.close()

    async def _open(self) -> Any:
        async with self._lock:
            if self._pool is None:
                self._pool = await asyncpg.create_pool(
                    self._url,
                    min_size=1,
                    max_size=CONNECTIONS_MAX,
                    timeout=CONNECT_TIMEOUT_S,
                    statement_cache_size=1024,
                    max_cached_statement_lifetime=0,
                    reset=_no_reset,
                    server_settings=self._settings,
                )
            return self._pool


async def _no_reset(_connection: Any) -> None:
    """Nothing outlives a transaction here: no session settings, listeners or cursors."""
