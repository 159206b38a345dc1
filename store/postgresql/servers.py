"""Choose among the servers that a database URL names.

All connections lead to the server with the greatest position. That server must have the commits that were
acknowledged here (store/kept/commits.py). After a promotion, connections to the old server are closed at once.
"""

import asyncio
import contextlib
import logging
import os
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Final, NamedTuple
from urllib.parse import parse_qs, unquote, urlsplit

import asyncpg
from asyncpg.protocol import protocol

from store.errors import CannotOpen, Fault
from store.kept.commits import AcknowledgedCommit, AcknowledgedCommits
from store.postgresql.errors import UrlParts, cannot_open
from store.servers import PoolOptions, Position, SeenServer

# This is FirstGenbkiObjectId in PostgreSQL's access/transam.h. Types that users add have larger numbers.
_BUILT_IN_END: Final = 10_000

# The driver checks values against the classes with these names. If a release renames them, the driver uses its own
# classes.
_ASKED: Final = {"IterableABC": (list, tuple), "SizedABC": (list, tuple), "MappingABC": dict}
_NAME: Final = "application_name"
_PID: Final = "SELECT pg_backend_pid()"
# Any role may run this statement. After a promotion, the log file's name contains the new timeline at once. A
# standby writes no log.
_WHO: Final = """
SELECT pg_backend_pid() AS pid, pg_is_in_recovery() AS is_standby,
  (SELECT system_identifier FROM pg_control_system()) AS system,
  CASE WHEN pg_is_in_recovery() THEN 0
    ELSE ('x' || SUBSTR(pg_walfile_name(pg_current_wal_lsn()), 1, 8))::bit(32)::int END AS timeline,
  (EXTRACT(EPOCH FROM pg_postmaster_start_time()) * 1000000)::bigint AS started_at
"""
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
_MIXED_UP: Final = (
    asyncpg.InvalidSQLStatementNameError,
    asyncpg.DuplicatePreparedStatementError,
)
_LOOKS: Final = 3
# The columns say when an operator last accepted a loss, which of our commits are missing, and when the loss began.
_COMPARE: Final = """
SELECT (SELECT COALESCE(MAX(accepted_at), 0) FROM accepted_losses) AS accepted_at,
  ARRAY(SELECT c.id FROM UNNEST($1::text[], $2::bigint[]) AS c(id, token) WHERE NOT EXISTS (
    SELECT FROM commit_tokens AS t WHERE t.id = c.id AND t.token >= c.token)) AS missing,
  (SELECT COALESCE(MAX(written_at), 0) FROM commit_tokens WHERE id = ANY($1::text[])) AS newest_at
"""
# The database isn't migrated, or this role can't read the tables. Other checks report this.
_NOTHING_TO_COMPARE: Final = (asyncpg.UndefinedTableError, asyncpg.InsufficientPrivilegeError)
_WORST_FIRST: Final = (
    Fault.WENT_BACK,
    Fault.TWO_PRIMARIES,
    Fault.OLD_PRIMARY,
    Fault.NO_SUCH_SERVER,
    Fault.PASSWORD_WRONG,
    Fault.TOO_MANY_CONNECTIONS,
)
# A server with one of these faults responds but must not be used. Any other fault is an outage.
_REFUSED: Final = frozenset({Fault.WENT_BACK, Fault.TWO_PRIMARIES, Fault.OLD_PRIMARY})
_CLOSE_TIMEOUT_S: Final = 1.0
_LOOK_SETTINGS: Final = {"application_name": "topup", "statement_timeout": "3s"}
_log = logging.getLogger(__name__)
_no_transaction = contextlib.nullcontext


class _Asked(NamedTuple):
    name: str = "known"


class KnowingConnection(asyncpg.Connection):  # type: ignore[misc]  # the driver has no types
    """A driver connection that caches built-in types, so that a process queries them only once."""

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


def send_as_values() -> None:
    for name, classes in _ASKED.items():
        setattr(protocol, name, classes)


@dataclass(frozen=True, slots=True)
class ServerIdentity:
    """A server's identity. `system` is the same in all copies, and `timeline` is 0 for a standby.

    `started_at` is measured on the server's clock.
    """

    is_standby: bool
    system: int
    timeline: int
    started_at: int
    pid: int


@dataclass(frozen=True, slots=True)
class Place:
    """The address of one server. If the host is empty or the port is 0, the URL's value applies."""

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
    """Return the servers that the URL names, or one empty place if the driver must parse the URL."""
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
    host, colon, port = text.rpartition(":")
    if not colon or text.endswith("]"):
        host, port = text, ""
    return Place(unquote(host.removeprefix("[").removesuffix("]")), int(port) if port else 0)


class Pooler:
    """What is known about a pooler in front of the database.

    is_between means that there is a pooler. is_sharing means that each transaction may run in a different session. Once
    set, is_sharing stays set.
    """

    __slots__ = ("is_between", "is_sharing")

    def __init__(self) -> None:
        self.is_between = False
        self.is_sharing = False


async def open_session(
    url: str, options: PoolOptions, settings: Mapping[str, str], pooler: Pooler, place: Place
) -> tuple[Any, ServerIdentity | None]:
    """Return a connection and its server's identity. The identity is None if it is unknown.

    Also find out whether a pooler shares sessions. If it doesn't, the settings apply to the session. Raise the
    driver's errors unchanged.
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
            identity = await _identify(connection)
    except BaseException:
        connection.terminate()
        raise
    return connection, identity


async def _identify(connection: Any) -> ServerIdentity | None:
    """Identify the server. The statement has no name, because a name would stay in the session."""
    try:
        row = await (await connection.prepare(_WHO, name="")).fetchrow()
    except _UNSAID:
        return None
    system = row["system"] % 2**64
    return ServerIdentity(row["is_standby"], system, row["timeline"], row["started_at"], row["pid"])


async def _open(
    url: str, options: PoolOptions, settings: Mapping[str, str], pooler: Pooler, place: Place
) -> tuple[Any, ServerIdentity | None] | None:
    """Return a connection and its server's identity. Return None if a pooler shares sessions."""
    name = {_NAME: settings[_NAME]}
    try:
        connection = await _connect(url, options, settings, place)
    except asyncpg.ProtocolViolationError:
        connection = await _connect(url, options, name, place)
    identity = None
    try:
        identity = await _identify(connection)
        pid = await _session_of(connection) if identity is None else identity.pid
        # A pooler reports an invented process ID instead of the session's.
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

    Otherwise, the driver may load them in a transaction that has jit off, and then leave jit off for the session's
    next user.
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
        # The other connection gets no session although ours is idle, so sessions aren't shared.
        return False
    finally:
        other.terminate()
    return False


@dataclass(frozen=True, slots=True)
class _Compared:
    position: Position
    missing: list[AcknowledgedCommit]
    newest_at: int


class Servers:
    """The servers of one database. `position` is the position of the server in use. After an outage, connections
    wait for that server.
    """

    def __init__(
        self,
        url: str,
        options: PoolOptions,
        kept: AcknowledgedCommits,
        on_moved: Callable[[], None],
    ) -> None:
        """Set up the servers. on_moved closes the connections to a server that is no longer used."""
        self._url = url
        self._options = options
        self._kept = kept
        self._on_moved = on_moved
        self.pooler = Pooler()
        self._places = places_of(url)
        self._hosts = ""
        self._is_several = len(self._places) > 1
        with contextlib.suppress(ValueError):
            self._hosts = UrlParts.of(url).hosts
        self._looking = asyncio.Lock()
        self._has_looked = False
        self._left: set[int] = set()
        self._is_split = False
        self.fault: Fault | None = None

    @property
    def system(self) -> int:
        return self._kept.system

    @property
    def position(self) -> Position:
        return self._kept.position

    async def open(self, settings: Mapping[str, str]) -> Any:
        if self._is_several and not self._has_looked:
            async with self._looking:
                if not self._has_looked:
                    await self.check_all()
        failures: list[Exception] = []
        # The list is copied, because failing servers are moved to its end.
        for place in tuple(self._places):
            try:
                connection = await self._open_at(place, settings)
            except Exception as error:
                failures.append(cannot_open(error, self._url) or error)
                if self._is_several:
                    self._places.remove(place)
                    self._places.append(place)
                continue
            self.fault = None
            return connection
        raise self._worst(failures)

    def note(self, system: int, position: Position) -> None:
        if system and system == self.system and position > self.position:
            self._move(system, position)

    async def check_all(self) -> list[SeenServer]:
        """Check each server over a connection of its own, and switch to one with a greater position."""
        looks = (self._check(place) for place in tuple(self._places))
        seen = await asyncio.gather(*looks)
        self._has_looked = True
        primaries = [one for one in seen if one.role == "primary" and one.position is not None]
        for one in primaries:
            assert one.position is not None
            if not self.system or (one.system == self.system and one.position > self.position):
                self._move(one.system, one.position)
        rivals = {
            one.started_at
            for one in primaries
            if (one.system, one.position) == (self.system, self.position) and not one.missing
        }
        self._split(is_split=len(rivals) > 1)
        return [self._judged(one) for one in seen]

    async def _open_at(self, place: Place, settings: Mapping[str, str]) -> Any:
        connection, identity = await open_session(
            self._url, self._options, settings, self.pooler, place
        )
        try:
            if identity is None or (identity.is_standby and not self._is_several):
                return connection
            if identity.is_standby:
                raise CannotOpen(Fault.NO_SUCH_SERVER, "standby", self._name(place))
            compared = await self._compare(connection, identity)
            # From here to the caller there is no `await`, so no switch can happen in between.
            fault = self._judge(identity, compared)
            if fault is not None:
                self._note_refused(fault, place, identity)
                raise CannotOpen(fault, fault.value, self._name(place))
        except BaseException:
            connection.terminate()
            raise
        return connection

    async def _compare(self, connection: Any, identity: ServerIdentity) -> _Compared:
        # Compare all commits, because only the response says which losses were accepted.
        commits = self._kept.newest(accepted_at=0)
        ids = [one.token_id for one in commits]
        try:
            # If sessions are shared, only a transaction keeps a statement in one session.
            async with connection.transaction() if self.pooler.is_sharing else _no_transaction():
                row = await connection.fetchrow(_COMPARE, ids, [one.token for one in commits])
        except _NOTHING_TO_COMPARE:
            return _Compared(Position(0, identity.timeline), [], 0)
        accepted_at, missing = row["accepted_at"], set(row["missing"])
        lost = [
            one for one in commits if one.token_id in missing and one.accepted_at >= accepted_at
        ]
        return _Compared(Position(accepted_at, identity.timeline), lost, row["newest_at"])

    def _judge(self, identity: ServerIdentity, compared: _Compared) -> Fault | None:
        if self._is_split:
            return Fault.TWO_PRIMARIES
        position = compared.position
        is_accepted = position.accepted_at > self.position.accepted_at
        if self.system and identity.system != self.system and not is_accepted:
            if identity.system in self._left:
                return Fault.OLD_PRIMARY
            if compared.missing:
                return Fault.WENT_BACK
            self._left.add(self.system)
            self._move(identity.system, position)
            return None
        if self.system == identity.system and position < self.position:
            return _fault_behind(position, self.position)
        if (identity.system, position) != (self.system, self.position):
            self._left.discard(identity.system)
            self._move(identity.system, position)
        return Fault.WENT_BACK if compared.missing else None

    def _move(self, system: int, position: Position) -> None:
        is_first = not self.system
        before = self.position
        self._kept.note_server(system, position)
        if is_first:
            return
        _log.warning(
            "database.moved",
            extra={"timeline": position.timeline, "timeline_before": before.timeline},
        )
        self._on_moved()

    def _split(self, *, is_split: bool) -> None:
        if is_split and not self._is_split:
            _log.error("database.two_primaries", extra={"timeline": self.position.timeline})
            self._on_moved()
        self._is_split = is_split

    def _note_refused(self, fault: Fault, place: Place, identity: ServerIdentity) -> None:
        if self.fault is not fault:
            _log.error(
                "database.refused",
                extra={
                    "reason": fault.value,
                    "server": self._name(place),
                    "timeline": identity.timeline,
                    "timeline_known": self.position.timeline,
                },
            )

    def _name(self, place: Place) -> str:
        return str(place) or self._hosts

    def _worst(self, failures: list[Exception]) -> Exception:

        def rank(error: Exception) -> int:
            fault = error.fault if isinstance(error, CannotOpen) else None
            return _WORST_FIRST.index(fault) if fault in _WORST_FIRST else len(_WORST_FIRST)

        worst = min(failures, key=rank)
        fault = worst.fault if isinstance(worst, CannotOpen) else None
        self.fault = fault if fault in _REFUSED else None
        return worst

    async def _check(self, place: Place) -> SeenServer:
        address = self._name(place)
        connection = None
        try:
            async with asyncio.timeout(self._options.connect_timeout_s):
                connection, identity = await open_session(
                    self._url, self._options, _LOOK_SETTINGS, self.pooler, place
                )
                if identity is None:
                    return SeenServer(address)
                if identity.is_standby:
                    return SeenServer(address, "standby", system=identity.system)
                compared = await self._compare(connection, identity)
        except Exception as error:
            named = cannot_open(error, self._url)
            fault = named.fault if named is not None else Fault.NO_ANSWER
            return SeenServer(address, fault=fault, error=type(error).__name__)
        finally:
            if connection is not None:
                with contextlib.suppress(Exception):
                    await connection.close(timeout=_CLOSE_TIMEOUT_S)
        return SeenServer(
            address,
            "primary",
            system=identity.system,
            position=compared.position,
            started_at=identity.started_at,
            missing=len(compared.missing),
            missing_from_s=compared.newest_at / 1_000_000 if compared.missing else 0.0,
            missing_to_s=max((one.kept_s for one in compared.missing), default=0.0),
        )

    def _judged(self, seen: SeenServer) -> SeenServer:
        if seen.role != "primary" or seen.position is None:
            return seen
        fault = None
        if self._is_split:
            fault = Fault.TWO_PRIMARIES
        elif seen.system == self.system and seen.position < self.position:
            fault = _fault_behind(seen.position, self.position)
        elif seen.system in self._left:
            fault = Fault.OLD_PRIMARY
        elif seen.missing:
            fault = Fault.WENT_BACK
        return seen if fault is None else replace(seen, fault=fault)


def _fault_behind(position: Position, known: Position) -> Fault:
    """Return the fault of a server that is behind.

    If its timeline is the known one, it is a copy from before an operator accepted a loss.
    """
    return Fault.WENT_BACK if position.timeline == known.timeline else Fault.OLD_PRIMARY
