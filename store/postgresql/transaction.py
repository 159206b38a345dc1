"""Run the statements of one PostgreSQL transaction. Generated texts are cached per process.

- Deferred writes and the connection's commit token are sent as one WITH statement, in one round trip.
- Reads that share a round trip become a UNION ALL. Each row has the number of its read.
- Many rows are inserted as arrays. A value that all rows share is sent once, which saves 8 µs per send.
"""

import asyncio
import functools
import itertools
import re
from collections.abc import Callable, Mapping, Sequence
from operator import itemgetter
from typing import Any, Final, cast

from store import commit_token
from store.database import BatchRead, Row, check_touched
from store.postgresql.pool import PooledConnection
from store.statement import (
    POSTGRESQL,
    SqlStatement,
    array_insert_text,
    translate,
    values_insert_text,
)

_PARAMETER = re.compile(r"\$(\d+)")

NamedTypes = Sequence[tuple[str, str]]


class Union:
    """Several SELECTs combined into one statement. `columns` has the names and PostgreSQL types of their columns."""

    def __init__(self, texts: Sequence[str], columns: Sequence[NamedTypes]) -> None:
        slots: list[str] = []
        self._picks: list[Callable[[Any], tuple[Any, ...]]] = []
        placed = []
        for listed in columns:
            places = _places(slots, [kind for _, kind in listed])
            placed.append(dict(zip(places, (name for name, _ in listed), strict=True)))
            self._picks.append(_pick([place + 1 for place in places]))
        parts = []
        for number, text in enumerate(_counted_on(texts)):
            own = placed[number]
            picks = (
                f"q.{own[place]}" if place in own else f"NULL::{kind}"
                for place, kind in enumerate(slots)
            )
            parts.append(f"SELECT {number}, {', '.join(picks)} FROM ({text}) AS q")
        self.text = " UNION ALL ".join(parts)

    def split(self, records: Sequence[Any]) -> list[list[tuple[Any, ...]]]:
        found: list[list[tuple[Any, ...]]] = [[] for _ in self._picks]
        for record in records:
            number = record[0]
            found[number].append(self._picks[number](record))
        return found


def _pick(places: Sequence[int]) -> Callable[[Any], tuple[Any, ...]]:
    if len(places) == 1:
        [place] = places
        return lambda record: (record[place],)
    return itemgetter(*places)


@functools.cache
def pipelined(texts: tuple[str, ...], counted: tuple[int, ...]) -> str:
    """Combine writes into one statement. The statement returns how many rows each write in `counted` changed.

    The server runs the other writes last, in the reverse order of their names. So they are named in reverse.
    """
    numbered = list(enumerate(_counted_on(texts)))
    firsts = [f"w{i} AS ({text} RETURNING 1)" for i, text in numbered if i in counted]
    others = [f"w{i} AS ({text})" for i, text in reversed(numbered) if i not in counted]
    counts = [f"(SELECT count(*) FROM w{place})" for place in counted] or ["1"]
    return f"WITH {', '.join([*firsts, *others])} SELECT {', '.join(counts)}"


def of_updated(column: str) -> str:
    """Return a condition that selects the rows whose IDs were updated.

    A join would compare all pairs, because hash joins are off.
    """
    return f"WHERE ({column} IN (SELECT updated_id FROM updated)) IS TRUE"


@functools.cache
def updating(update: str, insert: str) -> str:
    first, second = _counted_on([update, insert])
    return f"WITH updated AS ({first}), inserted AS ({second}) SELECT updated_id FROM updated"


def _counted_on(texts: Sequence[str]) -> list[str]:
    shifted, offset = [], 0
    for text in texts:
        numbers = [int(number) for number in _PARAMETER.findall(text)]
        shifted.append(_PARAMETER.sub(lambda found: f"${int(found[1]) + offset}", text))  # noqa: B023
        offset += max(numbers, default=0)
    return shifted


def _places(slots: list[str], kinds: Sequence[str]) -> list[int]:
    free = list(range(len(slots)))
    places = []
    for kind in kinds:
        place = next((one for one in free if slots[one] == kind), None)
        if place is None:
            place = len(slots)
            slots.append(kind)
        else:
            free.remove(place)
        places.append(place)
    return places


SHARING_ROWS_MIN: Final = 4
_OFTEN_SHARED = (
    frozenset({"account_id", "environment", "spent_by", "key_name", "debit_id"}),
    frozenset(
        {
            *("created_at", "settled_at", "status", "type", "code", "fulfilment", "event_type"),
            *("failure_reason", "fulfilment_code", "handed_over_at", "next_check_at"),
            *("checks_made", "subject_id", "is_sealed", "lease_until_at", "replay_of"),
            *("code_sealed", "supplier", "deliverable", "scheduled_for"),
        }
    ),
    frozenset(
        {
            *("platform", "reference", "metadata", "note", "delivery", "trace"),
            *("fee_cents", "earned_fee_cents", "counted_in"),
        }
    ),
)
_Variant = tuple[str, tuple[int, ...], tuple[int, ...]]


class BulkInsert:
    """The variants of one INSERT. In each variant, a different set of column groups has one value for all rows."""

    def __init__(
        self, table: str, columns: Sequence[str], on_conflict: str, types: Mapping[str, str]
    ) -> None:
        self._groups = [
            tuple(place for place, column in enumerate(columns) if column in group)
            for group in _OFTEN_SHARED
        ]
        self._variants = {
            mixture: self._variant(table, columns, on_conflict, types, mixture)
            for mixture in itertools.product((False, True), repeat=len(self._groups))
        }
        self._plain = self._variants[(False,) * len(self._groups)]
        self._single = values_insert_text(table, columns, on_conflict)

    def bind(self, rows: Sequence[Sequence[Any]]) -> tuple[str, list[Any]]:
        if len(rows) == 1:
            return self._single, list(rows[0])
        return self.bind_arrays(rows)

    def bind_arrays(self, rows: Sequence[Sequence[Any]]) -> tuple[str, list[Any]]:
        arrays = [list(values) for values in zip(*rows, strict=True)]
        if len(rows) < SHARING_ROWS_MIN:
            return self._plain[0], arrays
        mixture = tuple(_is_shared(arrays, group) for group in self._groups)
        text, own, shared = self._variants[mixture]
        return text, [*(arrays[place] for place in own), *(arrays[place][0] for place in shared)]

    def _variant(
        self,
        table: str,
        columns: Sequence[str],
        on_conflict: str,
        types: Mapping[str, str],
        mixture: tuple[bool, ...],
    ) -> _Variant:
        shared = [
            place
            for group, is_taken in zip(self._groups, mixture, strict=True)
            for place in group
            if is_taken
        ]
        own = [place for place in range(len(columns)) if place not in shared]
        named = [columns[place] for place in shared]
        text = array_insert_text(table, columns, on_conflict, types, shared=named)
        return text, tuple(own), tuple(shared)


def _is_shared(arrays: Sequence[list[Any]], group: Sequence[int]) -> bool:
    return all(arrays[place].count(arrays[place][0]) == len(arrays[place]) for place in group)


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
        # One statement can't change a row twice, and writes with the same SQL text may change the same row.
        if any(text == gathered for gathered, _, _ in self._last):
            await self.write_deferred()
        self._last.append((text, arguments, touching))

    async def pause(self) -> None:
        await asyncio.sleep(0)

    async def write_deferred(self) -> None:
        if self._last:
            await self._write_gathered()

    async def end(self, session: PooledConnection) -> int | None:
        """Run the deferred writes with the connection's next token. Return the token, or None if nothing was written."""
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
