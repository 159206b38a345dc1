"""The statements of one transaction of SQLite.

One statement for 64 rows takes two thirds of the time of 64 [4 us of a send]. Columns that are NULL in
every row are left out: binding a NULL costs as much as a short text [2 us of a send].
"""

import sqlite3
import time
from collections.abc import Sequence
from functools import lru_cache
from itertools import chain
from operator import itemgetter
from typing import Any, Final, cast

from store.database import BatchRead, Row
from store.errors import check_touched
from store.statement import SQLITE, SqlStatement, insert_text, translate

_Rows = Sequence[Sequence[Any]]

# Rows in one statement while there are so many; the rest are inserted singly.
_TOGETHER: Final = (64, 16)
_LEAVING_OUT_ROWS_MIN: Final = 4
# Which columns a batch leaves out depends on what is sent.
_TEXTS_MAX: Final = 256

_text = lru_cache(_TEXTS_MAX)(insert_text)


def insert_rows(
    connection: sqlite3.Connection,
    table: str,
    columns: tuple[str, ...],
    on_conflict: str,
    rows: _Rows,
) -> int:
    given = _given(rows, len(columns))
    bound = rows if given is None else list(map(itemgetter(*given), rows))
    touched = at = 0
    for count in _TOGETHER:
        while len(bound) - at >= count:
            text = _text(table, columns, on_conflict, given=given, rows=count)
            values = list(chain.from_iterable(bound[at : at + count]))
            touched += connection.execute(text, values).rowcount
            at += count
    if at < len(bound):
        text = _text(table, columns, on_conflict, given=given)
        touched += connection.executemany(text, bound[at:]).rowcount
    return touched


def _given(rows: _Rows, columns: int) -> tuple[int, ...] | None:
    """Return the places in which some row has a value; None to bind all of them."""
    if len(rows) < _LEAVING_OUT_ROWS_MIN or None not in rows[0]:
        return None
    given = tuple(
        place
        for place, values in enumerate(zip(*rows, strict=True))
        if values.count(None) < len(values)
    )
    # The values of a single place aren't rows.
    return given if 1 < len(given) < columns else None


_statements: dict[str, SqlStatement] = {}


def _statement(text: str) -> SqlStatement:
    found = _statements.get(text)
    if found is None:
        found = _statements[text] = translate(text, name=SQLITE)
    return found


class SqliteTransaction:
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
