"""Translate SQL that is written once for both databases. Each text is translated once.

A statement has named parameters and these marks. Only three types mean the same in both databases: int8, text and
bytes.

    :name                             a value
    IN :ids[text]                     a list of values
    :rows[id text, delta bigint] AS v a list of tuples, as a table v
    FOR NO KEY UPDATE, SKIP LOCKED    row locks, removed for SQLite, which has one writer at a time
    [[free.url | (SELECT …) AS url]]  PostgreSQL's text | SQLite's, where RETURNING names one table only
    DATABASE_NOW_US()                 the server's clock, or NULL on SQLite, which uses this machine's clock
"""

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

SQLITE = "sqlite"
POSTGRESQL = "postgresql"

_MARK = re.compile(
    r"IN :(?P<list>\w+)\[(?P<list_type>\w+)\]"
    r"|:(?P<rows>\w+)\[(?P<columns>[^\]]+)\] AS (?P<alias>\w+)"
    r"|(?<![:\w]):(?P<value>[a-z_]\w*)"
)
# Lists can't contain bytes, because SQLite would receive them as base64.
_LISTED_TYPES = frozenset({"text", "bigint"})
_EITHER = re.compile(rf"\[\[(?P<{POSTGRESQL}>[^|\[\]]+) \| (?P<{SQLITE}>[^|\[\]]+)\]\]")
_LOCK = re.compile(r"(?<!\s)\s+FOR (NO KEY )?UPDATE( OF \w+)?( SKIP LOCKED)?")
_FUNCTIONS = (
    (re.compile(r"\bGREATEST\("), "MAX("),
    (re.compile(r"\bLEAST\("), "MIN("),
    (re.compile(r"\bSTRING_AGG\("), "GROUP_CONCAT("),
    (re.compile(r"\bDATABASE_NOW_US\(\)"), "NULL"),
)
_SERVER_NOW_US = "CAST(EXTRACT(EPOCH FROM CLOCK_TIMESTAMP()) * 1000000 AS BIGINT)"
_WHOLE = -1
_to_json = msgspec.json.Encoder().encode

Values = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class SqlStatement:
    text: str
    bind: Callable[[Values], Sequence[Any]]


def translate(text: str, *, name: str) -> SqlStatement:
    """Translate the text for the database called `name`.

    Raise ValueError if the name is unknown, or if a list contains anything but text or bigint.
    """
    for match in _MARK.finditer(text):
        columns = (match["columns"] or "").split(",")
        kinds = {match["list_type"]} if match["list"] else {c.split()[1] for c in columns if c}
        if not kinds <= _LISTED_TYPES:
            raise ValueError(f"a list holds text or bigint: {match[0]}")
    if name not in _TRANSLATIONS:
        raise ValueError(f"no such database: {name}")
    return _TRANSLATIONS[name](_EITHER.sub(rf"\g<{name}>", text))


def _translate_sqlite(text: str) -> SqlStatement:
    # Bind a value again for each of its marks. Python deprecates numbered marks (?1) with a sequence of values.
    order: list[str] = []
    as_json: set[str] = set()

    def place(name: str) -> str:
        order.append(name)
        return "?"

    def replace(match: re.Match[str]) -> str:
        if name := match["list"]:
            as_json.add(name)
            return f"IN (SELECT value FROM json_each({place(name)}))"
        if name := match["rows"]:
            as_json.add(name)
            columns = [column.split()[0] for column in match["columns"].split(",")]
            picks = ", ".join(
                f"json_extract(value, '$[{index}]') AS {column}"
                for index, column in enumerate(columns)
            )
            return f"(SELECT {picks} FROM json_each({place(name)})) AS {match['alias']}"
        return place(match["value"])

    translated = _MARK.sub(replace, _LOCK.sub("", text))
    for pattern, function in _FUNCTIONS:
        translated = pattern.sub(function, translated)

    def bind(values: Values) -> Sequence[Any]:
        if not as_json:
            return [values[name] for name in order]
        return [
            _to_json(values[name]).decode() if name in as_json else values[name] for name in order
        ]

    return SqlStatement(translated, bind)


def _translate_postgresql(text: str) -> SqlStatement:
    order: list[tuple[str, int | None]] = []
    lists: set[str] = set()

    def place(name: str, column: int | None = None) -> str:
        if (name, column) not in order:
            order.append((name, column))
        return f"${order.index((name, column)) + 1}"

    def replace(match: re.Match[str]) -> str:
        if name := match["list"]:
            lists.add(name)
            return f"= ANY({place(name)}::{match['list_type']}[])"
        if name := match["rows"]:
            columns = [column.split() for column in match["columns"].split(",")]
            arrays = ", ".join(
                f"{place(name, index)}::{kind}[]" for index, (_, kind) in enumerate(columns)
            )
            return f"unnest({arrays}) AS {match['alias']}({', '.join(c for c, _ in columns)})"
        return place(match["value"])

    translated = _MARK.sub(replace, text).replace("DATABASE_NOW_US()", _SERVER_NOW_US)
    plain = [(name, _WHOLE if name in lists else column) for name, column in order]

    def bind(values: Values) -> Sequence[Any]:
        return [
            values[name]
            if column is None
            else list(values[name])
            if column == _WHOLE
            else [row[column] for row in values[name]]
            for name, column in plain
        ]

    return SqlStatement(translated, bind)


def unindexed(column: str) -> str:
    """Return the column as an expression that no index matches, so that the database uses another index.

    SQLite has no statistics, and PostgreSQL has none at first. With the plain column, both might read all rows of
    an account.
    """
    return f"{column} || ''"


def by_itself(select: str) -> str:
    """Return a form of the SELECT for use in FROM (...). It is planned separately from the outer statement.

    Both databases merge a plain SELECT into the outer statement, but not a SELECT with a LIMIT.
    """
    return f"{select} LIMIT {2**62}"


_TRANSLATIONS = {SQLITE: _translate_sqlite, POSTGRESQL: _translate_postgresql}


def insert_text(
    table: str,
    columns: Sequence[str],
    on_conflict: str,
    *,
    given: Collection[int] | None = None,
    rows: int = 1,
) -> str:
    """Return an INSERT of several rows for SQLite.

    `given` has the positions of the columns that are bound. The others are NULL. If `given` is None, all columns are
    bound.
    """
    marks = ", ".join(
        "?" if given is None or place in given else "NULL" for place in range(len(columns))
    )
    values = ", ".join([f"({marks})"] * rows)
    return f"INSERT INTO {table} ({', '.join(columns)}) VALUES {values} {on_conflict}"


def values_insert_text(table: str, columns: Sequence[str], on_conflict: str) -> str:
    marks = ", ".join(f"${number}" for number in range(1, len(columns) + 1))
    return f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({marks}) {on_conflict}"


def array_insert_text(
    table: str,
    columns: Sequence[str],
    on_conflict: str,
    types: Mapping[str, str],
    *,
    shared: Sequence[str] = (),
) -> str:
    """Return a bulk INSERT for PostgreSQL. Each column is an array of the type in `types`.

    A shared column has one value for all rows, given after the arrays.
    """
    own = [column for column in columns if column not in shared]
    numbers = {column: number for number, column in enumerate((*own, *shared), start=1)}
    arrays = ", ".join(f"${numbers[column]}::{types[column]}[]" for column in own)
    values = ", ".join(
        f"${numbers[column]}::{types[column]}" if column in shared else column for column in columns
    )
    return (
        f"INSERT INTO {table} ({', '.join(columns)}) SELECT {values}"
        f" FROM unnest({arrays}) AS v ({', '.join(own)}) {on_conflict}"
    )
