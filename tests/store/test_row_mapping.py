"""What a class's fields and a table's columns have to do with each other."""

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal, NamedTuple, NewType

import msgspec
import pytest

from store.database import BatchRead, Database, Row, Rows, Transaction
from store.row_mapping import NUMBERS, WORDS, WORDS_OR_NULL, Conversion, RowMapping, as_json

Name = NewType("Name", str)


class Sealed(msgspec.Struct, frozen=True):
    """As sealed_keys has it."""

    name: Name
    sealed: bytes
    created_at: int | None


class ByName(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    metadata: Mapping[str, str] = {}
    kind: Literal["a", "b"] | None = None
    is_on: bool


@dataclass(frozen=True, slots=True)
class Plain:
    id: str
    words: tuple[str, ...]
    spent_by: tuple[str, ...]
    day: date
    count: int


class Tupled(NamedTuple):
    id: str
    number: int


BY_NAME = RowMapping(ByName, stored={"metadata": as_json(dict[str, str])})
PLAIN = RowMapping(
    Plain,
    stored={
        "words": WORDS,
        "spent_by": WORDS_OR_NULL,
        "day": Conversion(date.fromisoformat, date.isoformat),
    },
)


def row_of(**columns: Any) -> Row:
    connection = sqlite3.connect(":memory:")
    connection.row_factory = sqlite3.Row
    listed = ", ".join(f"? AS {name}" for name in columns)
    row: Row = connection.execute(f"SELECT {listed}", tuple(columns.values())).fetchone()
    connection.close()
    return row


async def test_what_is_written_is_read_again(database: Database) -> None:
    mapping = RowMapping(Sealed)
    kept = [Sealed(Name("a"), b"\x00\x01", 5), Sealed(Name("b"), b"", 7)]

    async def write(tx: Transaction) -> None:
        await tx.insert("sealed_keys", mapping.columns, [mapping.write(one) for one in kept])

    async def read(tx: Transaction) -> list[Sealed]:
        rows = await tx.fetch(f"SELECT {mapping.listed}, 1 AS more FROM sealed_keys ORDER BY name")
        return [mapping.read(row) for row in rows]

    await database.transaction(write)

    assert await database.read(read) == kept


async def test_rows_that_are_fetched_together_are_read_as_well(database: Database) -> None:
    mapping = RowMapping(Tupled)
    found: list[Tupled] = []

    def take(rows: Rows) -> None:
        found.extend(map(mapping.read, rows))

    async def read(tx: Transaction) -> None:
        text = f"SELECT {mapping.of('v')} FROM :rows[id text, number bigint] AS v"
        other = "SELECT v.id FROM :ids[id text] AS v"
        await tx.fetch_many(
            [
                BatchRead(text, take, rows=[("a", 1)]),
                BatchRead(other, lambda _: None, ids=[("b",)]),
                BatchRead(text, take, rows=[("c", 2)]),
            ]
        )

    await database.read(read)

    assert found == [Tupled("a", 1), Tupled("c", 2)]


def test_the_columns_are_the_fields_in_their_order() -> None:
    assert PLAIN.columns == ("id", "words", "spent_by", "day", "count")
    assert PLAIN.listed == "id, words, spent_by, day, count"


def test_a_statement_may_call_the_table_otherwise_and_work_a_column_out() -> None:
    listed = RowMapping(Tupled).of("t", number="(SELECT COUNT(*) FROM u)")

    assert listed == "t.id, (SELECT COUNT(*) FROM u) AS number"


def test_what_is_stored_otherwise_is_converted_both_ways() -> None:
    one = Plain("x", ("a", "b"), (), date(2026, 3, 1), 3)

    assert list(PLAIN.write(one)) == ["x", "a b", None, "2026-03-01", 3]
    row = row_of(id="x", words="a b", spent_by=None, day="2026-03-01", count=3)
    assert PLAIN.read(row) == one


def test_words_that_are_there_are_kept_where_none_is_null() -> None:
    one = Plain("x", (), ("k", "l"), date(2026, 3, 1), 3)

    assert list(PLAIN.write(one)) == ["x", "", "k l", "2026-03-01", 3]
    row = row_of(id="x", words="", spent_by="k l", day="2026-03-01", count=3)
    assert PLAIN.read(row) == one


def test_a_flag_is_a_number_and_json_a_text() -> None:
    one = ByName(id="x", metadata={"a": "b"}, is_on=True)

    assert list(BY_NAME.write(one)) == ["x", '{"a":"b"}', None, 1]
    row = row_of(id="x", metadata='{"a":"b"}', kind=None, is_on=1)
    assert BY_NAME.read(row) == one


def test_numbers_are_words_of_digits() -> None:
    assert NUMBERS.write((0, 5, 30)) == "0 5 30"
    assert NUMBERS.read("0 5 30") == (0, 5, 30)
    assert NUMBERS.read("") == ()


def test_json_of_nothing_is_null() -> None:
    conversion = as_json(dict[str, str] | None)

    assert conversion.write(None) is None
    assert conversion.read(None) is None


def test_a_field_may_be_no_column() -> None:
    mapping = RowMapping(ByName, without=("metadata",))

    assert mapping.columns == ("id", "kind", "is_on")
    assert list(mapping.write(ByName(id="x", metadata={"a": "b"}, is_on=True))) == ["x", None, 1]
    assert mapping.read(row_of(id="x", kind="a", is_on=0)) == ByName(id="x", kind="a", is_on=False)


def test_a_part_of_the_columns_says_how_an_update_takes_it() -> None:
    part = BY_NAME.part("id", "is_on", "kind")

    assert part.typed == "id text, is_on bigint, kind text"
    assert part.assigned == "id = v.id, is_on = v.is_on, kind = v.kind"
    assert list(part.write(ByName(id="x", kind="a", is_on=False))) == ["x", 0, "a"]


def test_a_field_that_no_column_can_hold_is_refused_at_once() -> None:
    with pytest.raises(TypeError, match=r"Plain\.words needs a word on how tuple"):
        RowMapping(Plain)


def test_a_conversion_of_a_field_that_is_not_there_is_refused() -> None:
    with pytest.raises(TypeError, match="Tupled has no words"):
        RowMapping(Tupled, stored={"words": WORDS})
