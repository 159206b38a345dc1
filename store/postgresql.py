"""PostgreSQL through asyncpg: a few small pools, statements prepared once per connection.

READ COMMITTED: whatever must not change under us is locked by the caller first and read by later
statements only, since a snapshot taken together with a lock is stale after a wait.
"""

import asyncio
import itertools
import logging
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, cast

from store import commit_token
from store.beginning import LONG_READ, READ, Beginning, begin_text
from store.bulk import BulkInsert
from store.db import Lock, OnHint, Reading, Row, T, Transaction, Work, no_hint, tell
from store.errors import CommitUnknown, ConnectionLost, Contention, LockTimeout, check_touched
from store.postgresql_commit import commit, roll_back, was_kept
from store.postgresql_errors import named
from store.postgresql_guard import Guard
from store.postgresql_pool import (
    END_STALLED,
    SHORT_STATEMENT_TIMEOUT_S,
    ConnectionPool,
    Session,
)
from store.statement import POSTGRESQL, Statement, translate
from store.together import Union, written_together

# How long the server may take to answer a whole transaction before its connection is given up. Each
# is longer than the server's own limit of a statement, so a server that lives ends the statement.
SHORT_ANSWER_S = 4.0
ANSWER_S = 35.0
LONG_ANSWER_S = 660.0
TRIES_MAX = 6
RETRY_WAIT_S = 0.02
_log = logging.getLogger(__name__)

_COLUMN_TYPES = """
    SELECT attname::text AS name, format_type(atttypid, NULL) AS type FROM pg_attribute
    WHERE attrelid = $1::text::regclass AND attnum > 0 AND NOT attisdropped"""

_statements: dict[str, Statement] = {}
_inserts: dict[tuple[str, tuple[str, ...], str], BulkInsert] = {}
_unions: dict[tuple[str, ...], Union] = {}


def _statement(text: str) -> Statement:
    found = _statements.get(text)
    if found is None:
        found = _statements[text] = translate(text, name=POSTGRESQL)
    return found


class PostgresqlTransaction:
    """Statements on one connection."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self.hints: set[str] = set()
        self.statements_run = 0
        # Text, arguments, and how many rows it must touch.
        self._last: list[tuple[str, Sequence[Any], int | None]] = []

    async def fetch(self, text: str, **values: Any) -> Sequence[Row]:
        statement = _statement(text)
        if self._last:
            await self.write_last()
        self.statements_run += 1
        rows = await self._connection.fetch(statement.text, *statement.bind(values))
        return cast(Sequence[Row], rows)

    async def fetch_one(self, text: str, **values: Any) -> Row | None:
        statement = _statement(text)
        if self._last:
            await self.write_last()
        self.statements_run += 1
        row = await self._connection.fetchrow(statement.text, *statement.bind(values))
        return cast(Row | None, row)

    async def fetch_together(self, readings: Sequence[Reading]) -> None:
        wanted = [reading for reading in readings if reading.text]
        if not wanted:
            return
        if self._last:
            await self.write_last()
        self.statements_run += 1
        statements = [_statement(reading.text) for reading in wanted]
        union = await self._union(tuple(statement.text for statement in statements))
        bound = (one.bind(reading.values) for one, reading in zip(statements, wanted, strict=True))
        records = await self._connection.fetch(union.text, *itertools.chain.from_iterable(bound))
        for reading, rows in zip(wanted, union.split(records), strict=True):
            reading.take(cast(Sequence[Row], rows))

    async def _union(self, texts: tuple[str, ...]) -> Union:
        """The one for these statements, made once in a process: the server says their columns."""
        found = _unions.get(texts)
        if found is None:
            prepared = [(await self._connection.prepare(text)).get_attributes() for text in texts]
            columns = [[(one.name, one.type.name) for one in listed] for listed in prepared]
            found = _unions[texts] = Union(texts, columns)
        return found

    async def execute(self, text: str, **values: Any) -> int:
        statement = _statement(text)
        if self._last:
            await self.write_last()
        self.statements_run += 1
        return _touched(await self._connection.execute(statement.text, *statement.bind(values)))

    async def insert(
        self,
        table: str,
        columns: Sequence[str],
        rows: Sequence[Sequence[Any]],
        on_conflict: str = "",
    ) -> int:
        if not rows:
            return 0
        if self._last:
            await self.write_last()
        self.statements_run += 1
        text, arguments = (await self._bulk_insert(table, columns, on_conflict)).bind(rows)
        return _touched(await self._connection.execute(text, *arguments))

    async def insert_last(
        self,
        table: str,
        columns: Sequence[str],
        rows: Sequence[Sequence[Any]],
        on_conflict: str = "",
    ) -> None:
        if rows:
            text, arguments = (await self._bulk_insert(table, columns, on_conflict)).bind(rows)
            await self._gather(text, arguments, None)

    async def execute_last(self, text: str, *, touching: int, **values: Any) -> None:
        statement = _statement(text)
        await self._gather(statement.text, statement.bind(values), touching)

    async def _bulk_insert(self, table: str, columns: Sequence[str], conflict: str) -> BulkInsert:
        """The one for this statement, made once in a process: the server says the columns' types."""
        key = (table, tuple(columns), conflict)
        found = _inserts.get(key)
        if found is None:
            rows = await self._connection.fetch(_COLUMN_TYPES, table)
            found = _inserts[key] = BulkInsert(*key, {row["name"]: row["type"] for row in rows})
        return found

    async def _gather(self, text: str, arguments: Sequence[Any], touching: int | None) -> None:
        # The same text twice may mean the same row twice, which one statement does not see.
        if any(text == gathered for gathered, _, _ in self._last):
            await self.write_last()
        self._last.append((text, arguments, touching))

    async def write_last(self) -> None:
        """Writes what was gathered, in one statement."""
        if self._last:
            await self._write_gathered()

    async def end(self, session: Session) -> int | None:
        """As write_last, and the connection's next token with it, which COMMIT makes true or not.

        Returns the token; None where the transaction wrote nothing.
        """
        token = session.next_token()
        if self._last:
            self._last.append((commit_token.WRITE, (session.token_id, token), None))
            await self._write_gathered()
            return token
        self.statements_run += 1
        written = commit_token.WRITE_IF_ANYTHING
        tag = await self._connection.execute(written, session.token_id, token)
        return token if _touched(tag) else None

    async def _write_gathered(self) -> None:
        last, self._last = self._last, []
        self.statements_run += 1
        row = await self._connection.fetchrow(
            written_together(tuple(text for text, _, _ in last)),
            *itertools.chain.from_iterable(arguments for _, arguments, _ in last),
        )
        for place, (_, _, expected) in enumerate(last):
            if expected is not None:
                check_touched(row[place], expected)

    def hint(self, name: str) -> None:
        self.hints.add(name)


class _Shared:
    """What the views of one database have in common: their pools, and one count of statements."""

    def __init__(self, url: str, on_hint: OnHint, short_answer_s: float) -> None:
        self.url = url
        self.on_hint = on_hint
        self.short_answer_s = short_answer_s
        self.statements_run = 0
        self.pools: list[ConnectionPool] = []
        # As for the batches, a plan of its own for each claim would cost more than the claim.
        self.soon_pool = self.open_pool(
            statement_timeout=f"{SHORT_STATEMENT_TIMEOUT_S}s",
            synchronous_commit="off",
            plan_cache_mode="force_generic_plan",
        )

    def open_pool(self, **options: Any) -> ConnectionPool:
        pool = ConnectionPool(self.url, **options)
        self.pools.append(pool)
        return pool


class PostgresqlDatabase:
    """The database behind `url`; connects on first use and again after an outage."""

    def __init__(
        self,
        url: str,
        *,
        on_hint: OnHint = no_hint,
        short_answer_s: float = SHORT_ANSWER_S,
        view: "tuple[_Shared, ConnectionPool] | None" = None,
        is_short: bool = False,
        is_long: bool = False,
    ) -> None:
        """view: of another one, over this pool. is_short, is_long: all of its transactions, or its
        reads.
        """
        self._is_short = is_short
        self._is_long = is_long
        if view is None:
            self._shared = _Shared(url, on_hint, short_answer_s)
            self._pool = self._shared.open_pool()
        else:
            self._shared, self._pool = view

    def reserve(self, connections: int) -> "PostgresqlDatabase":
        """The same over so many connections that nobody else uses, for short transactions alone."""
        pool = self._shared.open_pool(
            connections_max=connections, statement_timeout=f"{SHORT_STATEMENT_TIMEOUT_S}s"
        )
        return PostgresqlDatabase(self._shared.url, view=(self._shared, pool), is_short=True)

    def unhurried(self) -> "PostgresqlDatabase":
        return PostgresqlDatabase(self._shared.url, view=(self._shared, self._pool), is_long=True)

    @property
    def statements_run(self) -> int:
        return self._shared.statements_run

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
            # After this step of the loop, which ends where the server is first waited for.
            asyncio.get_running_loop().call_soon(meanwhile)
        is_short = is_short or self._is_short
        is_limited = not durable and not is_short
        text = begin_text(is_durable=durable, is_limited=is_limited, lock_wait_s=lock_wait_s)
        begin = Beginning(text, lock)
        once = partial(
            self._once,
            work,
            begin,
            self._pool if durable else self._shared.soon_pool,
            is_resolved=durable,
            answer_s=self._shared.short_answer_s if is_short else ANSWER_S,
        )
        has_lost_connection = False
        for attempt in range(1, TRIES_MAX + 1):
            try:
                return await once()
            except LockTimeout:
                # As long as it may take was waited already.
                raise
            except Contention:
                if attempt == TRIES_MAX:
                    raise
            except ConnectionLost:
                # A pooled connection can be dead before it is used; a fresh one tells the truth.
                if has_lost_connection or attempt == TRIES_MAX:
                    raise
                has_lost_connection = True
            await asyncio.sleep(RETRY_WAIT_S * attempt)
        raise AssertionError("the last try returns or raises")

    async def autocommit(self, work: Work[T]) -> T:
        async with self._shared.soon_pool.session() as session:
            transaction = PostgresqlTransaction(session.connection)
            guard = self._guard(session, self._shared.short_answer_s)
            try:
                value = await work(transaction)
                await transaction.write_last()
            except BaseException as error:
                raise named(error, is_committing=True) from None
            finally:
                guard.cancel()
                self._shared.statements_run += transaction.statements_run
            tell(self._shared.on_hint, transaction.hints)
            return value

    async def read(self, work: Work[T]) -> T:
        answer_s = self._shared.short_answer_s if self._is_short else ANSWER_S
        once = partial(
            self._once,
            work,
            Beginning(LONG_READ if self._is_long else READ),
            self._pool,
            is_resolved=False,
            answer_s=LONG_ANSWER_S if self._is_long else answer_s,
        )
        try:
            return await once()
        except (ConnectionLost, CommitUnknown):
            # A pooled connection can be dead before it is used; a fresh one tells the truth.
            return await once()

    async def end_stalled(self) -> int:
        async def work(tx: Transaction) -> int:
            return len(await tx.fetch(END_STALLED))

        return await self.autocommit(work)

    async def probe(self, filler: bytes, *, now_us: int) -> None:
        async def work(tx: PostgresqlTransaction) -> None:
            await commit_token.write_probe(tx, filler, now_us=now_us)

        await self.transaction(work, is_short=True, lock_wait_s=1.0)  # type: ignore[arg-type]

    async def close(self) -> None:
        for pool in self._shared.pools:
            await pool.close()

    async def _once(
        self,
        work: Work[T],
        begin: Beginning,
        pool: ConnectionPool,
        *,
        is_resolved: bool,
        answer_s: float,
    ) -> T:
        """One try; where the server does not answer in time its connections are given up.

        is_resolved: where the connection dies around COMMIT, finds out what became of it; then
        ConnectionLost says that nothing was kept.
        """
        token = None
        async with pool.session() as session:
            connection = session.connection
            transaction = PostgresqlTransaction(connection)
            is_committing = False
            guard = self._guard(session, answer_s)
            try:
                await begin.run(connection)
                value = await work(transaction)
                if is_resolved:
                    token = await transaction.end(session)
                else:
                    await transaction.write_last()
                is_committing = True
                await commit(session)
                is_committing = False
            except BaseException as error:
                await roll_back(connection)
                failure = named(error, is_committing=is_committing)
                if not (is_resolved and isinstance(failure, CommitUnknown)):
                    raise failure from None
            finally:
                guard.cancel()
                self._shared.statements_run += transaction.statements_run + 2
            if not is_committing:
                # Before the connection goes back, which waits and may be cancelled.
                tell(self._shared.on_hint, transaction.hints)
                return value
        if token is not None and not await was_kept(pool, session.token_id, token):
            raise ConnectionLost("before COMMIT")
        tell(self._shared.on_hint, transaction.hints)
        return value

    def _guard(self, session: Session, answer_s: float) -> Guard:
        return Guard(partial(self._condemn, session), answer_s)

    def _condemn(self, session: Session) -> None:
        """Drops every connection of the process: after a failover none of them is of use."""
        if session.connection.is_closed():
            return
        _log.warning("database.silent", extra={"pools": len(self._shared.pools)})
        session.connection.terminate()
        for pool in self._shared.pools:
            pool.drop()


def _touched(tag: str) -> int:
    """The row count at the end of a command tag such as "UPDATE 3"."""
    count = tag.rpartition(" ")[2]
    return int(count) if count.isdigit() else 0
