"""PostgreSQL through asyncpg: two small pools, statements prepared once per connection.

READ COMMITTED: whatever must not change under us is locked by the caller first and read by later
statements only, since a snapshot taken together with a lock is stale after a wait.
"""

import asyncio
import contextlib
import itertools
import time
from collections.abc import Callable, Sequence
from typing import Any, cast

from store.beginning import Beginning
from store.bulk import BulkInsert
from store.db import Lock, OnHint, Reading, Row, T, Work, no_hint, tell
from store.errors import CommitUnknown, ConnectionLost, Contention, StoreError, check_touched
from store.postgresql_errors import named
from store.postgresql_pool import ConnectionPool
from store.statement import POSTGRESQL, Statement, translate
from store.together import Union, written_together

TRANSACTION_TIMEOUT_S = 120.0
TRIES_MAX = 6
RETRY_WAIT_S = 0.02
# How long an outage around COMMIT is waited out before its outcome stays unknown.
LOOK_TIMEOUT_S = 15.0
LOOK_WAIT_S_MAX = 1.0

# A plan of its own for each execution costs as much as the execution [half of a batch's time].
_BEGIN_DURABLE = "BEGIN; SET LOCAL plan_cache_mode = force_generic_plan"
_BEGIN_SOON_DURABLE = "BEGIN"
# Null where nothing was written; PostgreSQL 13 and newer.
_TRANSACTION_ID = "SELECT pg_current_xact_id_if_assigned()::text"
_STATUS = "SELECT pg_xact_status($1::text::xid8)"

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

    async def write_last(self) -> str | None:
        """Writes what was gathered in one statement; the transaction's id, None without any."""
        if not self._last:
            return None
        last, self._last = self._last, []
        self.statements_run += 1
        row = await self._connection.fetchrow(
            written_together(tuple(text for text, _, _ in last)),
            *itertools.chain.from_iterable(arguments for _, arguments, _ in last),
        )
        for place, (_, _, expected) in enumerate(last):
            if expected is not None:
                check_touched(row[place], expected)
        return cast(str, row["id"])

    def hint(self, name: str) -> None:
        self.hints.add(name)


class PostgresqlDatabase:
    """The database behind `url`; connects on first use and again after an outage."""

    def __init__(
        self,
        url: str,
        *,
        on_hint: OnHint = no_hint,
        transaction_timeout_s: float = TRANSACTION_TIMEOUT_S,
    ) -> None:
        self.statements_run = 0
        self._on_hint = on_hint
        self._transaction_timeout_s = transaction_timeout_s
        self._pool = ConnectionPool(url)
        # As for the batches, a plan of its own for each claim would cost more than the claim.
        self._soon_pool = ConnectionPool(
            url, synchronous_commit="off", plan_cache_mode="force_generic_plan"
        )

    async def transaction(
        self,
        work: Work[T],
        *,
        durable: bool = True,
        is_short: bool = False,  # noqa: ARG002 the loop never waits for this one
        lock: Lock | None = None,
        meanwhile: Callable[[], None] | None = None,
    ) -> T:
        if meanwhile is not None:
            # After this step of the loop, which ends where the server is first waited for.
            asyncio.get_running_loop().call_soon(meanwhile)
        begin = Beginning(_BEGIN_DURABLE if durable else _BEGIN_SOON_DURABLE, lock)
        pool = self._pool if durable else self._soon_pool
        has_lost_connection = False
        for attempt in range(1, TRIES_MAX + 1):
            try:
                return await self._once(work, begin, pool, is_resolved=durable)
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
        async with self._soon_pool.connection() as connection:
            transaction = PostgresqlTransaction(connection)
            guard = self._guard(connection)
            try:
                value = await work(transaction)
                await transaction.write_last()
            except BaseException as error:
                raise named(error, is_committing=True) from None
            finally:
                guard.cancel()
                self.statements_run += transaction.statements_run
            tell(self._on_hint, transaction.hints)
            return value

    async def read(self, work: Work[T]) -> T:
        begin = Beginning("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
        try:
            return await self._once(work, begin, self._pool, is_resolved=False)
        except (ConnectionLost, CommitUnknown):
            # A pooled connection can be dead before it is used; a fresh one tells the truth.
            return await self._once(work, begin, self._pool, is_resolved=False)

    async def close(self) -> None:
        await self._pool.close()
        await self._soon_pool.close()

    async def _once(
        self, work: Work[T], begin: Beginning, pool: ConnectionPool, *, is_resolved: bool
    ) -> T:
        """One try; where the server does not answer in time the connection is given up.

        is_resolved: where the connection dies around COMMIT, finds out what became of it; then
        ConnectionLost says that nothing was kept.
        """
        transaction_id = None
        async with pool.connection() as connection:
            transaction = PostgresqlTransaction(connection)
            is_committing = is_asked = False
            guard = self._guard(connection)
            try:
                await begin.run(connection)
                value = await work(transaction)
                transaction_id = await transaction.write_last()
                is_asked = is_resolved and transaction_id is None
                if is_asked:
                    transaction_id = await connection.fetchval(_TRANSACTION_ID)
                is_committing = True
                # Where work went on after a failed statement, COMMIT rolls back and says only so.
                if await connection.execute("COMMIT") != "COMMIT":
                    raise StoreError("25P02")
                is_committing = False
            except BaseException as error:
                await _roll_back(connection)
                failure = named(error, is_committing=is_committing)
                if not (is_resolved and isinstance(failure, CommitUnknown)):
                    raise failure from None
            finally:
                guard.cancel()
                self.statements_run += transaction.statements_run + 2 + is_asked
            if not is_committing:
                # Before the connection goes back, which waits and may be cancelled.
                tell(self._on_hint, transaction.hints)
                return value
        if transaction_id is not None and not await self._was_committed(transaction_id):
            raise ConnectionLost("before COMMIT")
        tell(self._on_hint, transaction.hints)
        return value

    def _guard(self, connection: Any) -> asyncio.TimerHandle:
        """Gives the connection up in time, should its server never answer again."""
        loop = asyncio.get_running_loop()
        return loop.call_later(self._transaction_timeout_s, connection.terminate)

    async def _was_committed(self, transaction_id: str) -> bool:
        """Asks the server what became of a transaction; an outage around COMMIT may last a while.

        Whatever stands in the way, the outcome is unknown then: never a failure that work is run
        again for.
        """
        ends_at_s = time.monotonic() + LOOK_TIMEOUT_S
        wait_s = RETRY_WAIT_S
        while True:
            try:
                async with self._pool.connection() as connection:
                    status = await connection.fetchval(_STATUS, transaction_id)
            except StoreError as error:
                code = error.code
            except Exception as error:
                raise CommitUnknown(type(error).__name__) from error
            else:
                if status in {"committed", "aborted"}:
                    return bool(status == "committed")
                # The lost connection's COMMIT is still on its way through the server.
                code = str(status)
            if time.monotonic() + wait_s > ends_at_s:
                raise CommitUnknown(code)
            await asyncio.sleep(wait_s)
            wait_s = min(2 * wait_s, LOOK_WAIT_S_MAX)


async def _roll_back(connection: Any) -> None:
    with contextlib.suppress(Exception):
        if not connection.is_closed() and connection.is_in_transaction():
            await connection.execute("ROLLBACK")


def _touched(tag: str) -> int:
    """The row count at the end of a command tag such as "UPDATE 3"."""
    count = tag.rpartition(" ")[2]
    return int(count) if count.isdigit() else 0
