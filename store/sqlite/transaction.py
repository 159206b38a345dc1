"""The statements of one transaction of SQLite."""

import sqlite3
import time
from collections.abc import Sequence
from typing import Any, cast

from store.database import BatchRead, Row
from store.errors import check_touched
from store.sqlite.bulk import insert_rows
from store.statement import SQLITE, SqlStatement, translate

_statements: dict[str, SqlStatement] = {}


def _statement(text: str) -> SqlStatement:
    found = _statements.get(text)
    if found is None:
        found = _statements[text] = translate(text, name=SQLITE)
    return found


class SqliteTransaction:
    """Statements on one connection; each returns without suspending."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self.hints: set[str] = set()
        self.statements_run = 0

    async def fetch(self, text: str, **values: Any) -> Sequence[Row]:
        statement = _statement(text)
        self.statements_run += 1
        return self._connection.execute(statement.text, statement.bind(values)).fetchall()

    async def fetch_one(self, text: str, **values: Any) -> Row | None:
        statement = _statement(text)
        self.statements_run += 1
        cursor = self._connection.execute(statement.text, statement.bind(values))
        return cast(Row | None, cursor.fetchone())

    async def fetch_many(self, readings: Sequence[BatchRead]) -> None:
        for reading in readings:
            if reading.text:
                reading.take(await self.fetch(reading.text, **reading.values))

    async def execute(self, text: str, **values: Any) -> int:
        statement = _statement(text)
        self.statements_run += 1
        return self._connection.execute(statement.text, statement.bind(values)).rowcount

    async def insert(
        self,
        table: str,
        columns: Sequence[str],
        rows: Sequence[Sequence[Any]],
        on_conflict: str = "",
    ) -> int:
        if not rows:
            return 0
        self.statements_run += 1
        return insert_rows(self._connection, table, tuple(columns), on_conflict, rows)

    async def insert_deferred(
        self,
        table: str,
        columns: Sequence[str],
        rows: Sequence[Sequence[Any]],
        on_conflict: str = "",
    ) -> None:
        await self.insert(table, columns, rows, on_conflict)

    async def execute_deferred(self, text: str, *, touching: int | None, **values: Any) -> None:
        touched = await self.execute(text, **values)
        if touching is not None:
            check_touched(touched, touching)

    async def update_and_insert(
        self,
        update: str,
        table: str,
        columns: Sequence[str],
        rows: Sequence[Sequence[Any]],
        /,
        **values: Any,
    ) -> frozenset[str]:
        updated = frozenset(row["updated_id"] for row in await self.fetch(update, **values))
        await self.insert(table, columns, [row for row in rows if row[0] in updated])
        return updated

    async def pause(self) -> None:
        # In the writer's thread: the event loop's may be waiting for the interpreter.
        time.sleep(0)  # noqa: ASYNC251 no event loop drives it

    def hint(self, name: str) -> None:
        self.hints.add(name)
