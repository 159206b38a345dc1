"""Open one connection in which our settings hold: directly, or through a pooler.

A pooler refuses or drops unknown settings of the first message, so it gets them in a statement after
opening. If it gives each transaction another session (PgBouncer's transaction mode), each transaction sets
them, and no statement is prepared by name.

The driver is spared two costs: checking whether array elements are arrays (3 to 5 % of a send's CPU), and
querying built-in array types (8 ms a session).
"""

import asyncio
import os
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Final, NamedTuple
from urllib.parse import parse_qs, unquote, urlsplit

import asyncpg
from asyncpg.protocol import protocol

from store.pool_options import PoolOptions
from store.postgresql.errors import UrlParts

# FirstGenbkiObjectId of PostgreSQL's access/transam.h; added types have larger numbers.
_BUILT_IN_END: Final = 10_000


class _Asked(NamedTuple):
    """Replaces the driver's own statement, which it keeps if name isn't empty."""

    name: str = "known"


class KnowingConnection(asyncpg.Connection):  # type: ignore[misc]  # the driver has no types
    """A driver's connection that remembers built-in types. If the driver renames the method, it queries as
    before.
    """

    _known: ClassVar[dict[tuple[int, ...], Any]] = {}

    async def _introspect_types(
        self,
        typeoids: Collection[int],
        timeout: float | None,  # noqa: ASYNC109 the driver's signature
    ) -> tuple[Any, Any]:
        numbers = tuple(sorted(typeoids))
        if numbers in self._known:
            return self._known[numbers], _Asked()
        types, statement = await super()._introspect_types(typeoids, timeout)
        if numbers[-1] < _BUILT_IN_END:
            self._known[numbers] = types
        return types, statement


# The driver's names for those classes, and replacements. With other names it checks as before.
_ASKED: Final = {"IterableABC": (list, tuple), "SizedABC": (list, tuple), "MappingABC": dict}


def send_as_values() -> None:
    """Treat only lists and tuples as arrays in this process."""
    for name, classes in _ASKED.items():
        setattr(protocol, name, classes)


_NAME: Final = "application_name"
_PID: Final = "SELECT pg_backend_pid()"
# Any role may run this. The control file names a timeline only after its first checkpoint, the log
# file's name from the moment of promotion. A standby writes no log.
_WHO: Final = """
SELECT pg_backend_pid() AS pid, pg_is_in_recovery() AS is_standby,
  (SELECT system_identifier FROM pg_control_system()) AS system,
  CASE WHEN pg_is_in_recovery() THEN 0
    ELSE ('x' || SUBSTR(pg_walfile_name(pg_current_wal_lsn()), 1, 8))::bit(32)::int END AS timeline,
  (EXTRACT(EPOCH FROM pg_postmaster_start_time()) * 1000000)::bigint AS started_at
"""
# A server that is only like PostgreSQL, or whose operator revoked the right.
_UNSAID: Final = (
    asyncpg.InsufficientPrivilegeError,
    asyncpg.FeatureNotSupportedError,
    asyncpg.UndefinedFunctionError,
    asyncpg.UndefinedTableError,
    asyncpg.ObjectNotInPrerequisiteStateError,
)
_SET: Final = (
    "SELECT set_config(name, value, false) FROM UNNEST($1::text[], $2::text[]) AS s(name, value)"
)
_ARRAYS: Final = "SELECT NULL::bigint[], NULL::integer[], NULL::text[], NULL::bytea[]"
# A statement that was prepared in another session.
_MIXED_UP: Final = (
    asyncpg.InvalidSQLStatementNameError,
    asyncpg.DuplicatePreparedStatementError,
)
# Two connections that share sessions would each get the session used last.
_LOOKS: Final = 3


@dataclass(frozen=True, slots=True)
class ServerIdentity:
    """system is the same for all copies; timeline is 0 for a standby; started_at is by the server's clock."""

    is_standby: bool
    system: int
    timeline: int
    started_at: int
    pid: int


@dataclass(frozen=True, slots=True)
class Place:
    """One of a URL's servers; an empty host or a port of 0 is the URL's."""

    host: str = ""
    port: int = 0

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}" if self.port else host

    @property
    def arguments(self) -> dict[str, Any]:
        given = {"host": self.host, "port": self.port}
        return {name: value for name, value in given.items() if value}


def places_of(url: str) -> list[Place]:
    """Return each server of the URL, or one without a host if the driver is to parse it."""
    try:
        hosts = UrlParts.of(url).hosts.split(",")
        ports = parse_qs(urlsplit(url).query).get("port", [os.environ.get("PGPORT", "")])[-1]
        given = [int(port) if port else 0 for port in ports.split(",")]
        places = [_place(host) for host in hosts]
    except ValueError:
        return [Place()]
    if len(hosts) == 1 or "" in hosts or len(given) not in {1, len(hosts)}:
        return [Place()]
    if len(given) == 1:
        given *= len(hosts)
    return [
        Place(place.host, place.port or port) for place, port in zip(places, given, strict=True)
    ]


def _place(text: str) -> Place:
    """Parse host, host:port or [address]:port; raise ValueError."""
    host, colon, port = text.rpartition(":")
    if not colon or text.endswith("]"):
        host, port = text, ""
    return Place(unquote(host.removeprefix("[").removesuffix("]")), int(port) if port else 0)


class Pooler:
    """What is known of the way to one database.

    is_between: something responds in the server's place. is_sharing: it gives each transaction another
    session; once seen, true for good.
    """

    __slots__ = ("is_between", "is_sharing")

    def __init__(self) -> None:
        self.is_between = False
        self.is_sharing = False


async def open_session(
    url: str, options: PoolOptions, settings: Mapping[str, str], pooler: Pooler, place: Place
) -> tuple[Any, ServerIdentity | None]:
    """Return a connection, and the server it leads to (None if unknown); raise what the driver raises.

    The settings hold in it unless pooler.is_sharing, which this finds out.
    """
    name = {_NAME: settings[_NAME]}
    if not pooler.is_sharing:
        opened = await _open(url, options, settings, pooler, place)
        if opened is not None:
            return opened
    connection = await _connect(url, options, name, place, statement_cache=0)
    try:
        await _learn_types(connection)
        async with connection.transaction():
            identity = await _who(connection)
    except BaseException:
        connection.terminate()
        raise
    return connection, identity


async def _who(connection: Any) -> ServerIdentity | None:
    """Identify the server without a named prepared statement, because the name would stay in the session."""
    try:
        row = await (await connection.prepare(_WHO, name="")).fetchrow()
    except _UNSAID:
        return None
    # As the server's own programs print it, without a sign.
    system = row["system"] % 2**64
    return ServerIdentity(row["is_standby"], system, row["timeline"], row["started_at"], row["pid"])


async def _open(
    url: str, options: PoolOptions, settings: Mapping[str, str], pooler: Pooler, place: Place
) -> tuple[Any, ServerIdentity | None] | None:
    """Return None if sessions are shared, and set that in pooler."""
    name = {_NAME: settings[_NAME]}
    try:
        connection = await _connect(url, options, settings, place)
    except asyncpg.ProtocolViolationError:
        # PgBouncer refuses unknown settings unless configured to ignore them.
        connection = await _connect(url, options, name, place)
    identity = None
    try:
        identity = await _who(connection)
        pid = await _session_of(connection) if identity is None else identity.pid
        # A pooler reports a number of its own as the session's.
        if pid != connection.get_server_pid():
            pooler.is_between = True
            pooler.is_sharing = await _is_shared(connection, url, options, name, place)
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
    return connection, identity


async def _connect(
    url: str,
    options: PoolOptions,
    settings: Mapping[str, str],
    place: Place,
    *,
    statement_cache: int | None = None,
) -> Any:
    send_as_values()
    cached = options.statement_cache if statement_cache is None else statement_cache
    return await asyncpg.connect(
        url,
        **place.arguments,
        connection_class=KnowingConnection,
        timeout=options.connect_timeout_s,
        statement_cache_size=cached,
        max_cached_statement_lifetime=0,
        server_settings=dict(settings),
    )


async def _learn_types(connection: Any) -> None:
    """Make the driver load our columns' array types now.

    It turns jit off and on again. Inside a transaction, where jit is off, it would leave jit off for the
    session's next user.
    """
    async with connection.transaction():
        await connection.fetch(_ARRAYS)


async def _session_of(connection: Any) -> Any:
    return await (await connection.prepare(_PID, name="")).fetchval()


async def _is_shared(
    connection: Any, url: str, options: PoolOptions, name: Mapping[str, str], place: Place
) -> bool:
    other = await _connect(url, options, name, place, statement_cache=0)
    try:
        first = await _session_of(connection)
        for _ in range(_LOOKS):
            async with asyncio.timeout(options.connect_timeout_s):
                theirs = await _session_of(other)
            if theirs == first or await _session_of(connection) != first:
                return True
    except TimeoutError:
        # No session is left for the other connection though ours is idle, so ours isn't shared.
        return False
    finally:
        other.terminate()
    return False
