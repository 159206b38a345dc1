"""Send hints between processes by NOTIFY and LISTEN, if Redis carries none.

A NOTIFY locks the whole database at its commit, so it is a statement of its own, after many commits. LISTEN
needs its own session, past any pooler that shares sessions.
"""

import asyncio
import contextlib
import logging
from typing import Any, Final

from store.database import ANYTHING, OnHints, Transaction
from store.errors import StoreError
from store.postgresql.errors import CONNECTION_FAILURES, named
from store.postgresql.pool import CLOSE_TIMEOUT_S, ConnectionPool

CHANNEL: Final = "topup_hints"
_SEND: Final = f"SELECT pg_notify('{CHANNEL}', :names)"
# PostgreSQL accepts less than 8,000.
_BYTES_MAX: Final = 7_000
_RETRY_S: Final = 1.0
# An operator must change a setting and restart.
_RETRY_SHARED_S: Final = 60.0

_log = logging.getLogger(__name__)


async def send(tx: Transaction, names: str) -> None:
    await tx.fetch(_SEND, names=names if len(names.encode()) <= _BYTES_MAX else ANYTHING)


async def hear(pool: ConnectionPool, on_hints: OnHints) -> None:
    """Listen through any outage, until cancelled. The pool is for this alone."""
    is_told = False
    while True:
        wait_s = _RETRY_S
        try:
            wait_s = await _hear_once(pool, on_hints)
            reason = "ended"
        except (StoreError, *CONNECTION_FAILURES) as error:
            reason = type(error).__name__
        except Exception as error:
            failure = named(error, is_committing=False)
            if not isinstance(failure, StoreError):
                raise
            reason = f"{type(failure).__name__} {failure.code}"
        if not is_told:
            # Once: other parts report the outage, and polling continues.
            _log.warning("hints.not_heard", extra={"reason": reason})
            is_told = True
        await asyncio.sleep(wait_s)


async def _hear_once(pool: ConnectionPool, on_hints: OnHints) -> float:
    """Return the seconds to wait before the next connection."""
    async with pool.session() as session:
        if pool.is_sharing_sessions:
            _log.warning("hints.need_direct_url")
            return _RETRY_SHARED_S
        connection = session.connection
        ended = asyncio.Event()

        def take(_connection: Any, _pid: int, _channel: str, names: str) -> None:
            on_hints(names.split())

        connection.add_termination_listener(lambda _connection: ended.set())
        try:
            await connection.add_listener(CHANNEL, take)
            on_hints([ANYTHING])
            await ended.wait()
            return _RETRY_S
        finally:
            with contextlib.suppress(*CONNECTION_FAILURES):
                if not connection.is_closed():
                    await connection.close(timeout=CLOSE_TIMEOUT_S)
