"""Pool connections to PostgreSQL. They are opened when first used, and reopened after an outage.

If one connection doesn't respond in time, all connections to its database are closed. After a failover, all of
them lead to the lost server. So their callers fail at once.
"""

import asyncio
import contextlib
import itertools
import secrets
import socket
import sys
import time
from collections import deque
from collections.abc import Mapping
from typing import Any, Final

from store.errors import ConnectionLost
from store.postgresql.errors import CONNECTION_FAILURES, named
from store.postgresql.servers import Servers
from store.servers import PoolOptions

CLOSE_TIMEOUT_S = 2.0

# The server enforces these limits, so that a suspended process or a lost host doesn't block others.
SHORT_STATEMENT_TIMEOUT_S: Final = 3
IDLE_TIMEOUT_S: Final = 3
_KEEPALIVE_IDLE_S: Final = 2
_KEEPALIVE_INTERVAL_S: Final = 1
_KEEPALIVE_COUNT: Final = 3
_UNSENT_TIMEOUT_MS: Final = 5_000

# Plans are reused, so every statement should use indexes. A plan made while a table was small would scan the whole
# table until the first autovacuum.
SERVER_SETTINGS = {
    "application_name": "topup",
    "jit": "off",
    "enable_seqscan": "off",
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
    "idle_in_transaction_session_timeout": f"{IDLE_TIMEOUT_S}s",
    "tcp_keepalives_idle": str(_KEEPALIVE_IDLE_S),
    "tcp_keepalives_interval": str(_KEEPALIVE_INTERVAL_S),
    "tcp_keepalives_count": str(_KEEPALIVE_COUNT),
    "tcp_user_timeout": str(_UNSENT_TIMEOUT_MS),
}
# The driver sends a statement in three parts. If the last part is lost, no server time limit applies, and the session
# keeps its locks. END_STALLED ends such sessions.
ROOM: Final = f"""
SELECT CURRENT_SETTING('max_connections')::bigint
    - CURRENT_SETTING('superuser_reserved_connections')::bigint AS connections_max,
  COUNT(*) FILTER (WHERE is_ours) AS ours, COUNT(*) FILTER (WHERE NOT is_ours) AS others,
  (SELECT MAX(AGE(datfrozenxid)) FROM pg_database)::bigint AS transaction_id_age
FROM (SELECT application_name = '{SERVER_SETTINGS["application_name"]}' AS is_ours
  FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> PG_BACKEND_PID()) AS sessions
"""
PLACE: Final = """
SELECT EXTRACT(EPOCH FROM pg_postmaster_start_time())::text || ' ' || oid::text AS place
FROM pg_database WHERE datname = CURRENT_DATABASE()
"""
END_STALLED: Final = f"""
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE datname = CURRENT_DATABASE() AND usename = CURRENT_USER
  AND application_name = '{SERVER_SETTINGS["application_name"]}'
  AND state = 'active' AND wait_event = 'ClientRead'
  AND state_change < CLOCK_TIMESTAMP() - INTERVAL '{IDLE_TIMEOUT_S} s'
"""


class PooledConnection:
    """A connection and its row of commit_tokens.

    `settings` is SQL that each transaction sends. It is empty unless a pooler shares sessions.
    """

    __slots__ = ("_tokens", "connection", "settings", "token_id", "was_warned")

    def __init__(self, connection: Any, settings: str = "") -> None:
        self.connection = connection
        self.settings = settings
        self.token_id = secrets.token_hex(10)
        self._tokens = itertools.count(1)
        # If the wait for replication is cancelled, COMMIT succeeds. Only a warning reports this.
        self.was_warned = False
        connection.add_log_listener(self._listen)

    def next_token(self) -> int:
        return next(self._tokens)

    def _listen(self, _connection: Any, message: Any) -> None:
        if (message.sqlstate or "").startswith("01"):
            self.was_warned = True


class ConnectionPool:
    def __init__(self, servers: Servers, options: PoolOptions, **settings: str) -> None:
        self._servers = servers
        self._options = options
        self._connections_max = options.connections_max
        self._settings = {**server_settings(options), **settings}
        self._idle: list[PooledConnection] = []
        self._lent: set[PooledConnection] = set()
        self._opening = 0
        self._waiters: deque[asyncio.Future[PooledConnection | None]] = deque()
        self._is_closed = False
        self.waits = 0
        self.waited_s = 0.0
        self._is_back = asyncio.Event()

    def session(self) -> "_Loan":
        """Return a context manager that lends a connection. Entering it may raise ConnectionLost or CannotOpen."""
        return _Loan(self)

    async def lend(self) -> PooledConnection:
        try:
            found = self._take_idle() or await self._acquire()
        except Exception as error:
            raise named(error, is_committing=False) from None
        self._lent.add(found)
        return found

    def take_back(self, session: PooledConnection) -> None:
        self._lent.discard(session)
        self._put_back(session)
        self._is_back.set()

    @property
    def is_sharing_sessions(self) -> bool:
        return self._servers.pooler.is_sharing

    def drop(self) -> None:
        """Close every connection at once without notifying the server, even during a transaction."""
        idle, self._idle = self._idle, []
        for session in (*idle, *self._lent):
            session.connection.terminate()
        for _ in idle:
            self._note_room()

    async def close(self) -> None:
        self._is_closed = True
        idle, self._idle = self._idle, []
        for session in idle:
            with contextlib.suppress(*CONNECTION_FAILURES):
                await session.connection.close(timeout=CLOSE_TIMEOUT_S)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_TIMEOUT_S):
                while self._lent or self._opening:
                    self._is_back.clear()
                    await self._is_back.wait()
        for session in self._lent:
            session.connection.terminate()
        await asyncio.sleep(0)

    def _take_idle(self) -> PooledConnection | None:
        while self._idle and not self._is_closed:
            session = self._idle.pop()
            if not session.connection.is_closed():
                return session
        return None

    async def _acquire(self) -> PooledConnection:
        if self._is_closed:
            raise ConnectionLost("closed")
        async with asyncio.timeout(self._options.pool_timeout_s):
            while len(self._lent) + self._opening + len(self._idle) >= self._connections_max:
                waiter: asyncio.Future[PooledConnection | None] = (
                    asyncio.get_running_loop().create_future()
                )
                self._waiters.append(waiter)
                self.waits += 1
                began_s = time.monotonic()
                try:
                    handed = await waiter
                except BaseException:
                    self._pass_on(waiter)
                    raise
                finally:
                    self.waited_s += time.monotonic() - began_s
                if handed is not None:
                    return handed
            self._opening += 1
            try:
                return await self._open()
            finally:
                self._opening -= 1
                self._is_back.set()

    async def _open(self) -> PooledConnection:
        try:
            connection = await self._servers.open(self._settings)
        except BaseException:
            self._note_room()
            raise
        keep_alive(connection)
        local = local_settings(self._settings) if self.is_sharing_sessions else ""
        return PooledConnection(connection, local)

    def _put_back(self, session: PooledConnection) -> None:
        connection = session.connection
        # If a caller is cancelled twice, its transaction may still be open.
        if self._is_closed or connection.is_closed() or connection.is_in_transaction():
            connection.terminate()
            self._note_room()
            return
        while self._waiters:
            waiter = self._waiters.popleft()
            if not waiter.done():
                # The connection is marked as lent until the waiter gets it.
                self._lent.add(session)
                waiter.set_result(session)
                return
        self._idle.append(session)

    def _note_room(self) -> None:
        while self._waiters:
            waiter = self._waiters.popleft()
            if not waiter.done():
                waiter.set_result(None)
                return

    def _pass_on(self, waiter: "asyncio.Future[PooledConnection | None]") -> None:
        if waiter.cancelled() or not waiter.done():
            waiter.cancel()
            return
        handed = waiter.result()
        if handed is None:
            self._note_room()
        else:
            self._lent.discard(handed)
            self._put_back(handed)


class _Loan:
    """A context manager that lends a connection."""

    __slots__ = ("_pool", "_session")

    _session: PooledConnection

    def __init__(self, pool: ConnectionPool) -> None:
        self._pool = pool

    async def __aenter__(self) -> PooledConnection:
        self._session = await self._pool.lend()
        return self._session

    async def __aexit__(self, *_: object) -> None:
        self._pool.take_back(self._session)


def server_settings(options: PoolOptions) -> dict[str, str]:
    return {
        **SERVER_SETTINGS,
        "statement_timeout": str(round(options.statement_timeout_s * 1000)),
        "lock_timeout": str(round(options.lock_timeout_s * 1000)),
    }


def local_settings(settings: Mapping[str, str]) -> str:
    return "; ".join(
        f"SET LOCAL {name} = '{value}'"
        for name, value in settings.items()
        if name != "application_name" and not name.startswith("tcp_")
    )


def keep_alive(connection: Any) -> None:
    """Set TCP keep-alive, so that the connection closes if the network loses all packets."""
    transport = getattr(connection, "_transport", None)
    opened = None if transport is None else transport.get_extra_info("socket")
    if opened is None or opened.family not in {socket.AF_INET, socket.AF_INET6}:
        return
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    if sys.platform == "linux":
        opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, _KEEPALIVE_IDLE_S)
        opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, _KEEPALIVE_INTERVAL_S)
        opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, _KEEPALIVE_COUNT)
        opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, _UNSENT_TIMEOUT_MS)
