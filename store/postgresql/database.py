"""Use PostgreSQL through asyncpg, with a few small pools. Each connection prepares a statement once.

The isolation level is READ COMMITTED. Rows that must not change are locked first and read afterwards.

A single read runs without a transaction, which saves two round trips. Otherwise, one timer per transaction limits the
wait for the server.
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, Final

from store import commit_token
from store.database import ANYTHING, Lock, OnHint, OnHints, T, Transaction, Work, no_hint, pass_on
from store.errors import (
    CannotOpen,
    CommitUnknown,
    ConnectionLost,
    Contention,
    LockTimeout,
    StoreError,
)
from store.fingerprint import fingerprints
from store.kept.commits import AcknowledgedCommits
from store.postgresql.commit import (
    LONG_READ,
    READ,
    BeginWithLock,
    begin_text,
    commit,
    give_up,
    was_kept,
)
from store.postgresql.errors import CONNECTION_FAILURES, named
from store.postgresql.pool import (
    CLOSE_TIMEOUT_S,
    END_STALLED,
    PLACE,
    ROOM,
    SHORT_STATEMENT_TIMEOUT_S,
    ConnectionPool,
    PooledConnection,
)
from store.postgresql.servers import Servers
from store.postgresql.transaction import PostgresqlTransaction
from store.servers import PoolOptions, ServerRoom

CHANNEL: Final = "topup_hints"
_SEND: Final = f"SELECT pg_notify('{CHANNEL}', :names)"
_BYTES_MAX: Final = 7_000
_RETRY_S: Final = 1.0
# The pause before listening again while a pooler shares sessions, which only an operator can end.
_RETRY_SHARED_S: Final = 60.0

# If a timer fires this late, the process itself was suspended for a while.
LATE_S: Final = 0.5
AGAIN_S: Final = 1.0
_COLUMNS = """
    SELECT c.relname::text, a.attname::text, format_type(a.atttypid, a.atttypmod),
        a.attnotnull, a.atthasdef
    FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
    WHERE c.relnamespace = CURRENT_SCHEMA()::text::regnamespace AND c.relkind IN ('r', 'p')
        AND a.attnum > 0 AND NOT a.attisdropped"""
_INDEXES = """
    SELECT c.relname::text, i.indisunique, i.indpred IS NOT NULL, (
        SELECT STRING_AGG(COALESCE(a.attname::text, '()'), ',' ORDER BY place)
        FROM UNNEST(i.indkey::int2[]) WITH ORDINALITY AS key(number, place)
        LEFT JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = number AND number > 0
        WHERE place <= i.indnkeyatts)
    FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid
    WHERE c.relnamespace = CURRENT_SCHEMA()::text::regnamespace"""
# After these times, the connection is closed. The server's own limits are shorter, so a live server ends the
# statement first.
SHORT_ANSWER_S = 4.0
MORE_ANSWER_S = 5.0
LONG_ANSWER_S = 660.0
TRIES_MAX = 6
RETRY_WAIT_S = 0.02
# If sessions are shared, each transaction sends the settings.
_AT_ONCE = BeginWithLock("BEGIN")
_log = logging.getLogger(__name__)


async def send(tx: Transaction, names: str) -> None:
    await tx.fetch(_SEND, names=names if len(names.encode()) <= _BYTES_MAX else ANYTHING)


async def hear(pool: ConnectionPool, on_hints: OnHints) -> None:
    """Listen for hints until cancelled, even through outages. Don't use the pool for anything else."""
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
            # This is logged only once. Until hints arrive again, work is found by polling.
            _log.warning("hints.not_heard", extra={"reason": reason})
            is_told = True
        await asyncio.sleep(wait_s)


async def _hear_once(pool: ConnectionPool, on_hints: OnHints) -> float:
    """Listen until the connection ends. Return how many seconds to wait before the next connection."""
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


class NotSingle(Exception):
    """The work isn't a single read, so it must run again in a transaction."""


class SingleRead(PostgresqlTransaction):
    """A transaction for one read. A second statement, or a write, raises NotSingle."""

    def __init__(self, connection: Any) -> None:
        super().__init__(_OneStatement(connection))

    async def _gather(self, *_: Any, **__: Any) -> None:
        raise NotSingle


class _OneStatement:
    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self._is_used = False

    async def fetch(self, *arguments: Any) -> Any:
        self._use()
        return await self._connection.fetch(*arguments)

    async def fetchrow(self, *arguments: Any) -> Any:
        self._use()
        return await self._connection.fetchrow(*arguments)

    async def prepare(self, text: str) -> Any:
        return await self._connection.prepare(text)

    async def execute(self, *_: Any) -> Any:
        raise NotSingle

    def _use(self) -> None:
        if self._is_used:
            raise NotSingle
        self._is_used = True


class Guard:
    __slots__ = ("_loop", "_on_silence", "_timer")

    def __init__(self, on_silence: Callable[[], None], answer_s: float) -> None:
        self._loop = asyncio.get_running_loop()
        self._on_silence = on_silence
        self._timer = self._loop.call_later(answer_s, self._fire)

    def cancel(self) -> None:
        self._timer.cancel()

    def _fire(self) -> None:
        if self._loop.time() - self._timer.when() > LATE_S:
            # This process was suspended for a while. A response may have arrived but not been read.
            self._timer = self._loop.call_later(AGAIN_S, self._fire)
        else:
            self._on_silence()


async def shape(tx: Transaction) -> dict[str, str]:
    return fingerprints(await tx.fetch(_COLUMNS), await tx.fetch(_INDEXES))


class _Shared:
    def __init__(
        self,
        url: str,
        on_hint: OnHint,
        short_answer_s: float,
        options: PoolOptions,
        kept: AcknowledgedCommits,
    ) -> None:
        self.url = url
        self.options = options
        self.kept = kept
        self.servers = Servers(url, options, kept, on_moved=self.drop)
        self.on_hint = on_hint
        self.short_answer_s = short_answer_s
        self.statements_run = 0
        self.answer_s = options.statement_timeout_s + MORE_ANSWER_S
        self.pools: list[ConnectionPool] = []
        self.soon_pool = self.open_pool(
            statement_timeout=f"{SHORT_STATEMENT_TIMEOUT_S}s",
            synchronous_commit="off",
            plan_cache_mode="force_generic_plan",
        )

    def open_pool(
        self,
        *,
        connections_max: int | None = None,
        servers: Servers | None = None,
        **settings: str,
    ) -> ConnectionPool:
        options = self.options
        if connections_max is not None:
            options = replace(options, connections_max=connections_max)
        pool = ConnectionPool(servers or self.servers, options, **settings)
        self.pools.append(pool)
        return pool

    def open_direct(self) -> ConnectionPool:
        direct = self.options.direct_url
        servers = Servers(direct, self.options, self.kept, on_moved=self.drop) if direct else None
        return self.open_pool(connections_max=1, servers=servers)

    def drop(self) -> None:
        for pool in self.pools:
            pool.drop()


class PostgresqlDatabase:
    """The database that `url` names. Connections are opened when first used, and reopened after an outage."""

    def __init__(
        self,
        url: str,
        *,
        on_hint: OnHint = no_hint,
        short_answer_s: float = SHORT_ANSWER_S,
        options: PoolOptions | None = None,
        kept: AcknowledgedCommits | None = None,
        view: "tuple[_Shared, ConnectionPool] | None" = None,
        is_short: bool = False,
        is_long: bool = False,
    ) -> None:
        """Open the database. `kept` holds the commits that earlier processes acknowledged.

        If `view` is given, use another database's pools, and apply is_short or is_long to all work.
        """
        self._is_short = is_short
        self._is_long = is_long
        if view is None:
            self._shared = _Shared(
                url,
                on_hint,
                short_answer_s,
                options or PoolOptions(),
                kept or AcknowledgedCommits(),
            )
            self._pool = self._shared.open_pool()
        else:
            self._shared, self._pool = view

    def reserve(self, connections: int) -> "PostgresqlDatabase":
        pool = self._shared.open_pool(
            connections_max=connections, statement_timeout=f"{SHORT_STATEMENT_TIMEOUT_S}s"
        )
        return PostgresqlDatabase(self._shared.url, view=(self._shared, pool), is_short=True)

    def unhurried(self) -> "PostgresqlDatabase":
        return PostgresqlDatabase(self._shared.url, view=(self._shared, self._pool), is_long=True)

    @property
    def statements_run(self) -> int:
        return self._shared.statements_run

    @property
    def pool_waits(self) -> tuple[int, float]:
        pools = self._shared.pools
        return sum(pool.waits for pool in pools), sum(pool.waited_s for pool in pools)

    @property
    def is_sharing_sessions(self) -> bool:
        return self._shared.servers.pooler.is_sharing

    async def transaction(
        self,
        work: Work[T],
        *,
        durable: bool = True,
        is_short: bool = False,
        lock: Lock | None = None,
        lock_wait_s: float | None = None,
        meanwhile: Callable[[], None] | None = None,
    ) -> T:
        if meanwhile is not None:
            asyncio.get_running_loop().call_soon(meanwhile)
        is_short = is_short or self._is_short
        is_long = not durable and not is_short
        text = begin_text(
            is_durable=durable,
            statement_timeout_s=self._shared.options.statement_timeout_s if is_long else None,
            lock_wait_s=lock_wait_s,
        )
        begin = BeginWithLock(text, lock)
        once = partial(
            self._once,
            work,
            begin,
            self._pool if durable else self._shared.soon_pool,
            is_resolved=durable,
            answer_s=self._shared.short_answer_s if is_short else self._shared.answer_s,
        )
        has_lost_connection = False
        for attempt in range(1, TRIES_MAX + 1):
            try:
                return await once()
            except LockTimeout:
                raise
            except Contention:
                if attempt == TRIES_MAX:
                    raise
            except ConnectionLost:
                # A pooled connection may have been lost earlier. A second failure means an outage.
                if has_lost_connection or attempt == TRIES_MAX:
                    raise
                has_lost_connection = True
            await asyncio.sleep(RETRY_WAIT_S * attempt)
        raise AssertionError("the last try returns or raises")

    async def autocommit(self, work: Work[T]) -> T:
        async with self._shared.soon_pool.session() as session:
            transaction = PostgresqlTransaction(session.connection)
            guard = self._guard(session, self._shared.short_answer_s)
            has_begun = False
            try:
                if session.settings:
                    await _AT_ONCE.run(session)
                has_begun = True
                value = await work(transaction)
                await transaction.write_deferred()
                if session.settings:
                    await commit(session)
            except BaseException as error:
                if session.settings:
                    await give_up(session.connection, error, has_begun=has_begun)
                raise named(error, is_committing=True) from None
            finally:
                guard.cancel()
                self._shared.statements_run += transaction.statements_run
            pass_on(self._shared.on_hint, transaction.hints)
            return value

    async def read(self, work: Work[T], *, is_single: bool = False) -> T:
        answer_s = self._shared.short_answer_s if self._is_short else self._shared.answer_s
        once = partial(
            self._once,
            work,
            BeginWithLock(LONG_READ if self._is_long else READ),
            self._pool,
            is_resolved=False,
            answer_s=LONG_ANSWER_S if self._is_long else answer_s,
        )
        if is_single and not self.is_sharing_sessions:
            try:
                return await self._read_alone(work)
            except NotSingle:
                pass
            except ConnectionLost:
                return await once()
        try:
            return await once()
        except CannotOpen:
            raise
        except (ConnectionLost, CommitUnknown):
            return await once()

    async def _read_alone(self, work: Work[T]) -> T:
        """Read in a session with cached plans. Raise NotSingle if the work isn't a single read."""
        async with self._shared.soon_pool.session() as session:
            reading = SingleRead(session.connection)
            guard = self._guard(session, self._shared.short_answer_s)
            try:
                return await work(reading)
            except NotSingle:
                raise
            except BaseException as error:
                raise named(error, is_committing=False) from None
            finally:
                guard.cancel()
                self._shared.statements_run += reading.statements_run

    async def send_hints(self, names: Sequence[str]) -> None:
        await self.autocommit(partial(send, names=" ".join(names)))

    async def hear_hints(self, on_hints: OnHints) -> None:
        await hear(self._shared.open_direct(), on_hints)

    async def end_stalled(self) -> int:
        async def work(tx: Transaction) -> int:
            return len(await tx.fetch(END_STALLED))

        return await self.autocommit(work)

    async def room(self) -> ServerRoom | None:
        async def work(tx: Transaction) -> ServerRoom:
            row = await tx.fetch_one(ROOM)
            assert row is not None, "it counts"
            return ServerRoom(
                row["connections_max"], row["ours"], row["others"], row["transaction_id_age"]
            )

        return await self.read(work)

    @property
    def servers(self) -> Servers:
        return self._shared.servers

    async def place(self) -> str:
        async def work(tx: Transaction) -> str:
            row = await tx.fetch_one(PLACE)
            assert row is not None, "there is one"
            return str(row["place"])

        return await self.read(work)

    async def free_space(self) -> int:
        return 0

    async def shape(self) -> dict[str, str]:
        return await self.read(shape)

    async def probe(self, filler: bytes, *, now_us: int) -> None:
        async def work(tx: PostgresqlTransaction) -> None:
            await commit_token.write_probe(tx, filler, now_us=now_us)

        await self.transaction(work, is_short=True, lock_wait_s=1.0)  # type: ignore[arg-type]

    async def close(self) -> None:
        for pool in self._shared.pools:
            await pool.close()
        self._shared.kept.close()

    async def _once(
        self,
        work: Work[T],
        begin: BeginWithLock,
        pool: ConnectionPool,
        *,
        is_resolved: bool,
        answer_s: float,
    ) -> T:
        """Run the work between `begin` and COMMIT. If the server doesn't respond in time, close all connections.

        If is_resolved is set, look up the outcome of a lost COMMIT. ConnectionLost then means that nothing was stored.
        """
        token = None
        async with pool.session() as session:
            connection = session.connection
            transaction = PostgresqlTransaction(connection)
            is_committing = has_begun = False
            guard = self._guard(session, answer_s)
            try:
                await begin.run(session)
                has_begun = True
                value = await work(transaction)
                if is_resolved:
                    token = await transaction.end(session)
                else:
                    await transaction.write_deferred()
                is_committing = True
                await commit(session)
                is_committing = False
            except BaseException as error:
                await give_up(connection, error, has_begun=has_begun)
                is_unknown = isinstance(named(error, is_committing=is_committing), CommitUnknown)
                if not (is_resolved and is_unknown):
                    # The error isn't stored in a variable. Its traceback would keep a refused request in memory
                    # until the garbage collector runs.
                    raise named(error, is_committing=is_committing) from None
            finally:
                guard.cancel()
                self._shared.statements_run += transaction.statements_run + 2
            if not is_committing:
                if token is not None:
                    self._shared.kept.note(session.token_id, token)
                # The hints are sent first, because this task may be cancelled while it returns the connection.
                pass_on(self._shared.on_hint, transaction.hints)
                return value
        if token is not None and not await was_kept(pool, session.token_id, token):
            raise ConnectionLost("before COMMIT")
        if token is not None:
            self._shared.kept.note(session.token_id, token)
        pass_on(self._shared.on_hint, transaction.hints)
        return value

    def _guard(self, session: PooledConnection, answer_s: float) -> Guard:
        return Guard(partial(self._condemn, session), answer_s)

    def _condemn(self, session: PooledConnection) -> None:
        if session.connection.is_closed():
            return
        _log.warning("database.silent", extra={"pools": len(self._shared.pools)})
        session.connection.terminate()
        self._shared.drop()
