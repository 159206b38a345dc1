"""Opening one connection, so that our settings hold in it: directly, or through a pooler.

Directly they go with the first message. A pooler refuses or drops those that it does not know, so it
gets them as a statement once the connection is open, which needs a session of the server for as long
as the connection lives. A pooler that gives each transaction another session (PgBouncer's transaction
mode) is refused: a setting would reach strangers, and statements prepared by name would be missing.
"""

from collections.abc import Mapping
from typing import Any, Final

import asyncpg

from store.faults import CannotOpen, Fault
from store.pool_options import PoolOptions

_NAME: Final = "application_name"
_PID: Final = "SELECT pg_backend_pid()"
_SET: Final = (
    "SELECT set_config(name, value, false) FROM UNNEST($1::text[], $2::text[]) AS s(name, value)"
)
# A statement that was prepared in another session than the one that is asked for it.
_MIXED_UP: Final = (
    asyncpg.InvalidSQLStatementNameError,
    asyncpg.DuplicatePreparedStatementError,
)
# Of two connections that share sessions each look would find the session that was used last.
_LOOKS: Final = 3


async def open_session(url: str, options: PoolOptions, settings: Mapping[str, str]) -> Any:
    """A connection with these settings of the server; raises what the driver raises, and CannotOpen
    for a pooler whose sessions are shared.
    """
    try:
        connection = await _connect(url, options, settings)
    except asyncpg.ProtocolViolationError:
        # PgBouncer's answer to a setting in the first message, where it was not told to ignore it.
        connection = await _connect(url, options, {_NAME: settings[_NAME]})
    try:
        # A pooler tells a number of its own as the session's.
        if await connection.fetchval(_PID) != connection.get_server_pid():
            await _refuse_shared(connection, url, options, settings[_NAME])
            await connection.execute(_SET, list(settings), list(settings.values()))
    except _MIXED_UP:
        connection.terminate()
        raise CannotOpen(Fault.POOLER_SHARES_SESSIONS, "pooler") from None
    except BaseException:
        connection.terminate()
        raise
    return connection


async def _connect(url: str, options: PoolOptions, settings: Mapping[str, str]) -> Any:
    return await asyncpg.connect(
        url,
        timeout=options.connect_timeout_s,
        statement_cache_size=options.statement_cache,
        max_cached_statement_lifetime=0,
        server_settings=dict(settings),
    )


async def _refuse_shared(connection: Any, url: str, options: PoolOptions, name: str) -> None:
    """Raises CannotOpen where the connection and another one meet in a session of the server."""
    other = await _connect(url, options, {_NAME: name})
    try:
        first = await connection.fetchval(_PID)
        for _ in range(_LOOKS):
            theirs = await other.fetchval(_PID, timeout=options.connect_timeout_s)
            if theirs == first or await connection.fetchval(_PID) != first:
                raise CannotOpen(Fault.POOLER_SHARES_SESSIONS, "pooler")
    except TimeoutError:
        # No session is left for the other one, though ours is idle: it is not shared.
        return
    finally:
        other.terminate()
