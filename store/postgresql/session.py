"""Opening one connection, so that our settings hold in it: directly, or through a pooler.

Directly they go with the first message. A pooler refuses or drops those that it does not know, so it
gets them as a statement once the connection is open, which needs a session of the server for as long
as the connection lives. A pooler that gives each transaction another session (PgBouncer's transaction
mode) has none for that: each transaction sets them for itself as it begins, and no statement is
prepared by name.
"""

import asyncio
from collections.abc import Mapping
from typing import Any, Final

import asyncpg

from store.pool_options import PoolOptions

_NAME: Final = "application_name"
_PID: Final = "SELECT pg_backend_pid()"
_SET: Final = (
    "SELECT set_config(name, value, false) FROM UNNEST($1::text[], $2::text[]) AS s(name, value)"
)
_ARRAYS: Final = "SELECT NULL::bigint[], NULL::integer[], NULL::text[], NULL::bytea[]"
# A statement that was prepared in another session than the one that is asked for it.
_MIXED_UP: Final = (
    asyncpg.InvalidSQLStatementNameError,
    asyncpg.DuplicatePreparedStatementError,
)
# Of two connections that share sessions each look would find the session that was used last.
_LOOKS: Final = 3


class Pooler:
    """What is known of the way to one database. is_between: something answers in the server's place;
    is_sharing: it gives each transaction another session, which stays so for as long as we run.
    """

    __slots__ = ("is_between", "is_sharing")

    def __init__(self) -> None:
        self.is_between = False
        self.is_sharing = False


async def open_session(
    url: str, options: PoolOptions, settings: Mapping[str, str], pooler: Pooler
) -> Any:
    """A connection, in which these settings of the server hold unless pooler.is_sharing; raises what
    the driver raises. Finds out what pooler is to know.
    """
    name = {_NAME: settings[_NAME]}
    if not pooler.is_sharing:
        connection = await _open(url, options, settings, pooler)
        if connection is not None:
            return connection
    connection = await _connect(url, options, name, statement_cache=0)
    try:
        await _learn_types(connection)
    except BaseException:
        connection.terminate()
        raise
    return connection


async def _open(
    url: str, options: PoolOptions, settings: Mapping[str, str], pooler: Pooler
) -> Any | None:
    """None where sessions are shared, which the pooler then is known to do."""
    name = {_NAME: settings[_NAME]}
    try:
        connection = await _connect(url, options, settings)
    except asyncpg.ProtocolViolationError:
        # PgBouncer's answer to a setting in the first message, where it was not told to ignore it.
        connection = await _connect(url, options, name)
    try:
        # A pooler tells a number of its own as the session's.
        if await _session_of(connection) != connection.get_server_pid():
            pooler.is_between = True
            pooler.is_sharing = await _is_shared(connection, url, options, name)
            if not pooler.is_sharing:
                await connection.execute(_SET, list(settings), list(settings.values()))
    except _MIXED_UP:
        pooler.is_between = pooler.is_sharing = True
    except BaseException:
        connection.terminate()
        raise
    if pooler.is_sharing:
        connection.terminate()
        return None
    return connection


async def _connect(
    url: str,
    options: PoolOptions,
    settings: Mapping[str, str],
    *,
    statement_cache: int | None = None,
) -> Any:
    cached = options.statement_cache if statement_cache is None else statement_cache
    return await asyncpg.connect(
        url,
        timeout=options.connect_timeout_s,
        statement_cache_size=cached,
        max_cached_statement_lifetime=0,
        server_settings=dict(settings),
    )


async def _learn_types(connection: Any) -> None:
    """Has the driver ask now for the types that our columns' arrays have. It turns jit off in the
    session meanwhile, and back: within a transaction of ours, in which it is off, it would leave it so
    for whoever has the session next.
    """
    async with connection.transaction():
        await connection.fetch(_ARRAYS)


async def _session_of(connection: Any) -> Any:
    """The number of the session that answers; nothing is left in it, which a name would be."""
    return await (await connection.prepare(_PID, name="")).fetchval()


async def _is_shared(
    connection: Any, url: str, options: PoolOptions, name: Mapping[str, str]
) -> bool:
    """Whether the connection and another one meet in a session of the server."""
    other = await _connect(url, options, name, statement_cache=0)
    try:
        first = await _session_of(connection)
        for _ in range(_LOOKS):
            async with asyncio.timeout(options.connect_timeout_s):
                theirs = await _session_of(other)
            if theirs == first or await _session_of(connection) != first:
                return True
    except TimeoutError:
        # No session is left for the other one, though ours is idle: it is not shared.
        return False
    finally:
        other.terminate()
    return False
