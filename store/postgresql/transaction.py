"""The statements of one transaction of PostgreSQL, cached for the process.

The last writes are gathered and sent in one round trip, with the connection's commit token.
"""

import asyncio
import itertools
from collections.abc import Sequence
from typing import Any, cast

from store import commit_token
from store.database import BatchRead, Row
from store.errors import check_touched
from store.postgresql.bulk import BulkInsert
from store.postgresql.pipelined import Union, of_updated, pipelined, updating
from store.postgresql.pool import PooledConnection
from store.statement import POSTGRESQL, SqlStatement, translate

_COLUMN_TYPES = """
    SELECT attname::text AS name, format_type(atttypid, NULL) AS type FROM pg_attribute
    WHERE attrelid = $1::text::regclass AND attnum > 0 AND NOT attisdropped"""

_statements: dict[str, SqlStatement] = {}
_inserts: dict[tuple[str, tuple[str, ...], str], BulkInsert] = {}
_unions: dict[tuple[str, ...], Union] = {}


def _statement(text: str) -> SqlStatement:
    found = _statements.get(text)
    if found is None:
        found = _statements[text] = translate(text, name=POSTGRESQL)
    return found


class PostgresqlTransaction:
    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self.hints: set[str] = set()
        self.statements_run = 0
        # Text, arguments, and how many rows it must touch.
        self._last: list[tuple[str, Sequence[Any], int | None]] = []

    async def fetch(self, text: str, **values: Any) -> Sequence[Row]:
        statement = _statement(text)
        if self._last:
            await self.write_deferred()
        self.statements_run += 1
        rows = await self._connection.fetch(statement.text, *statement.bind(values))
        return cast(Sequence[Row], rows)

    async def fetch_one(self, text: str, **values: Any) -> Row | None:
        statement = _statement(text)
        if self._last:
            await self.write_deferred()
        self.statements_run += 1
        row = await self._connection.fetchrow(statement.text, *statement.bind(values))
        return cast(Row | None, row)

    async def fetch_many(self, readings: Sequence[BatchRead]) -> None:
        wanted = [reading for reading in readings if reading.text]
        if not wanted:
            return
        if self._last:
            await self.write_deferred()
        self.statements_run += 1
        statements = [_statement(reading.text) for reading in wanted]
        union = await self._union(tuple(statement.text for statement in statements))
        bound = (one.bind(reading.values) for one, reading in zip(statements, wanted, strict=True))
        records = await self._connection.fetch(union.text, *itertools.chain.from_iterable(bound))
        for reading, rows in zip(wanted, union.split(records), strict=True):
            reading.take(cast(Sequence[Row], rows))

    async def _union(self, texts: tuple[str, ...]) -> Union:
        found = _unions.get(texts)
        if found is None:
            prepared = [(await self._connection.prepare(text)).get_attributes() for text in texts]
            columns = [[(one.name, one.type.name) for one in listed] for listed in prepared]
            found = _unions[texts] = Union(texts, columns)
        return found

    async def execute(self, text: str, **values: Any) -> int:
        statement = _statement(text)
        if self._last:
            await self.write_deferred()
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
            await self.write_deferred()
        self.statements_run += 1
        text, arguments = (await self._bulk_insert(table, columns, on_conflict)).bind(rows)
        return _touched(await self._connection.execute(text, *arguments))

    async def insert_deferred(
        self,
        table: str,
        columns: Sequence[str],
        rows: Sequence[Sequence[Any]],
        on_conflict: str = "",
    ) -> None:
        if rows:
            text, arguments = (await self._bulk_insert(table, columns, on_conflict)).bind(rows)
            await self._gather(text, arguments, None)

    async def execute_deferred(self, text: str, *, touching: int | None, **values: Any) -> None:
        statement = _statement(text)
        await self._gather(statement.text, statement.bind(values), touching)

    async def update_and_insert(
        self,
        update: str,
        table: str,
        columns: Sequence[str],
        rows: Sequence[Sequence[Any]],
        /,
        **values: Any,
    ) -> frozenset[str]:
        if self._last:
            await self.write_deferred()
        self.statements_run += 1
        statement = _statement(update)
        bulk = await self._bulk_insert(table, columns, of_updated(columns[0]))
        insert, arguments = bulk.bind_arrays(rows)
        text = updating(statement.text, insert)
        found = await self._connection.fetch(text, *statement.bind(values), *arguments)
        return frozenset(record[0] for record in found)

    async def _bulk_insert(self, table: str, columns: Sequence[str], conflict: str) -> BulkInsert:
        key = (table, tuple(columns), conflict)
        found = _inserts.get(key)
        if found is None:
            rows = await self._connection.fetch(_COLUMN_TYPES, table)
            found = _inserts[key] = BulkInsert(*key, {row["name"]: row["type"] for row in rows})
        return found

    async def _gather(self, text: str, arguments: Sequence[Any], touching: int | None) -> None:
        # One statement can't see that the same text touches the same row twice.
        if any(text == gathered for gathered, _, _ in self._last):
            await self.write_deferred()
        self._last.append((text, arguments, touching))

    async def pause(self) -> None:
        await asyncio.sleep(0)

    async def write_deferred(self) -> None:
        if self._last:
            await self._write_gathered()

    async def end(self, session: PooledConnection) -> int | None:
        """Write what was gathered with the connection's next token, which the COMMIT makes true.

        Return the token; None if the transaction wrote nothing.
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
        expected = {i: one for i, (_, _, one) in enumerate(last) if one is not None}
        row = await self._connection.fetchrow(
            pipelined(tuple(text for text, _, _ in last), tuple(expected)),
            *itertools.chain.from_iterable(arguments for _, arguments, _ in last),
        )
        for touched, wanted in zip(row, expected.values(), strict=False):
            check_touched(touched, wanted)

    def hint(self, name: str) -> None:
        self.hints.add(name)


def _touched(tag: str) -> int:
    count = tag.rpartition(" ")[2]
    return int(count) if count.isdigit() else 0
