"""Insert many rows into SQLite in each statement, without columns that are NULL in every row.

Each statement has fixed costs: cursors of all of its table's indexes, the interpreter's lock, a search from
the root of each index. One statement for 64 rows takes two thirds of the time of 64 [4 us of a send]. Binding
a NULL costs as much as a short text, and a top-up has fourteen [2 us of a send].
"""

import sqlite3
from collections.abc import Sequence
from functools import lru_cache
from itertools import chain
from operator import itemgetter
from typing import Any, Final

from store.statement import insert_text

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
