"""One portable text becomes each database's own, and means the same in both."""

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from store.database import Database, Transaction
from store.statement import POSTGRESQL, SQLITE, array_insert_text, insert_text, translate

INT64 = st.integers(min_value=-(2**63), max_value=2**63 - 1)
# PostgreSQL keeps no NUL in text, and no database a lone surrogate; the edge refuses both.
TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)
ON_BOTH = settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


@pytest.mark.parametrize(
    ("text", "sqlite", "postgresql"),
    [
        ("SELECT :a, :b, :a", "SELECT ?, ?, ?", "SELECT $1, $2, $1"),
        (
            "SELECT id FROM t WHERE id IN :ids[text] AND n > :n",
            "SELECT id FROM t WHERE id IN (SELECT value FROM json_each(?)) AND n > ?",
            "SELECT id FROM t WHERE id = ANY($1::text[]) AND n > $2",
        ),
        (
            "SELECT v.n FROM :rows[id text, n bigint] AS v",
            (
                "SELECT v.n FROM (SELECT json_extract(value, '$[0]') AS id,"
                " json_extract(value, '$[1]') AS n FROM json_each(?)) AS v"
            ),
            "SELECT v.n FROM unnest($1::text[], $2::bigint[]) AS v(id, n)",
        ),
        (
            "UPDATE t SET n = :n FROM u RETURNING [[u.a | (SELECT a FROM u) AS a]], [[u.b | 1 AS b]]",
            "UPDATE t SET n = ? FROM u RETURNING (SELECT a FROM u) AS a, 1 AS b",
            "UPDATE t SET n = $1 FROM u RETURNING u.a, u.b",
        ),
        (
            "SELECT id FROM t WHERE id = :id FOR NO KEY UPDATE OF t SKIP LOCKED",
            "SELECT id FROM t WHERE id = ?",
            "SELECT id FROM t WHERE id = $1 FOR NO KEY UPDATE OF t SKIP LOCKED",
        ),
        ("SELECT id FROM t FOR UPDATE", "SELECT id FROM t", "SELECT id FROM t FOR UPDATE"),
        (
            "SELECT GREATEST(a, 0), LEAST(a, 0), STRING_AGG(id, ' ') FROM t",
            "SELECT MAX(a, 0), MIN(a, 0), GROUP_CONCAT(id, ' ') FROM t",
            "SELECT GREATEST(a, 0), LEAST(a, 0), STRING_AGG(id, ' ') FROM t",
        ),
        (
            "SELECT DATABASE_NOW_US()",
            "SELECT NULL",
            "SELECT CAST(EXTRACT(EPOCH FROM CLOCK_TIMESTAMP()) * 1000000 AS BIGINT)",
        ),
        ("SELECT a::text, 'at 12:30'", "SELECT a::text, 'at 12:30'", "SELECT a::text, 'at 12:30'"),
    ],
)
def test_a_text_is_translated(text: str, sqlite: str, postgresql: str) -> None:
    assert translate(text, name=SQLITE).text == sqlite
    assert translate(text, name=POSTGRESQL).text == postgresql


def test_values_are_bound_in_the_order_of_their_places() -> None:
    text = (
        "SELECT :b FROM :rows[id text, n bigint] AS v WHERE id IN :ids[text] AND x = :a AND y = :b"
    )
    values = {"a": 1, "b": 2, "ids": ["x", "y"], "rows": [("p", 3), ("q", None)]}

    assert list(translate(text, name=SQLITE).bind(values)) == [
        2,
        '[["p",3],["q",null]]',
        '["x","y"]',
        1,
        2,
    ]
    assert list(translate(text, name=POSTGRESQL).bind(values)) == [
        2,
        ["p", "q"],
        [3, None],
        ["x", "y"],
        1,
    ]


def test_a_missing_value_is_an_error() -> None:
    for name in (SQLITE, POSTGRESQL):
        with pytest.raises(KeyError):
            translate("SELECT :a", name=name).bind({"b": 1})


def test_no_third_database_is_known() -> None:
    with pytest.raises(ValueError, match="no such database"):
        translate("SELECT 1", name="oracle")


@pytest.mark.parametrize("text", ["x IN :ids[bytea]", "FROM :rows[id text, n int] AS v"])
def test_a_list_of_a_type_that_one_database_lacks_is_an_error(text: str) -> None:
    for name in (SQLITE, POSTGRESQL):
        with pytest.raises(ValueError, match="a list holds text or bigint"):
            translate(text, name=name)


def test_an_insert_is_one_statement_for_any_number_of_rows() -> None:
    columns = ("id", "event_no", "body")
    types = {"id": "text", "event_no": "bigint", "body": "bytea"}

    assert insert_text("events", columns, "") == (
        "INSERT INTO events (id, event_no, body) VALUES (?, ?, ?) "
    )
    assert insert_text("events", columns, "", given=(0, 2), rows=2) == (
        "INSERT INTO events (id, event_no, body) VALUES (?, NULL, ?), (?, NULL, ?) "
    )
    assert array_insert_text("events", columns, "ON CONFLICT DO NOTHING", types) == (
        "INSERT INTO events (id, event_no, body) SELECT id, event_no, body"
        " FROM unnest($1::text[], $2::bigint[], $3::bytea[]) AS v (id, event_no, body)"
        " ON CONFLICT DO NOTHING"
    )
    assert array_insert_text("events", columns, "", types, shared=("event_no",)) == (
        "INSERT INTO events (id, event_no, body) SELECT id, $3::bigint, body"
        " FROM unnest($1::text[], $2::bytea[]) AS v (id, body) "
    )


@ON_BOTH
@given(rows=st.lists(st.tuples(TEXT, st.none() | INT64), max_size=5))
async def test_rows_come_back_as_they_went_in(
    database: Database, rows: list[tuple[str, int | None]]
) -> None:
    async def work(tx: Transaction) -> list[tuple[str, int | None]]:
        found = await tx.fetch("SELECT v.id, v.n FROM :rows[id text, n bigint] AS v", rows=rows)
        return [(row["id"], row[1]) for row in found]

    assert await database.read(work) == rows


@ON_BOTH
@given(name=TEXT, sealed=st.binary(max_size=20), at=INT64, others=st.lists(TEXT, max_size=5))
async def test_every_type_of_column_keeps_its_values(
    database: Database, name: str, sealed: bytes, at: int, others: list[str]
) -> None:
    async def work(tx: Transaction) -> list[tuple[bytes, int]]:
        await tx.execute("DELETE FROM sealed_keys")
        await tx.insert("sealed_keys", ("name", "sealed", "created_at"), [(name, sealed, at)])
        found = await tx.fetch(
            "SELECT sealed, created_at FROM sealed_keys WHERE name IN :names[text]",
            names={name, *others},
        )
        return [(bytes(row["sealed"]), row["created_at"]) for row in found]

    assert await database.transaction(work) == [(sealed, at)]


@ON_BOTH
@given(names=st.sets(TEXT, max_size=8))
async def test_text_is_ordered_by_its_bytes(database: Database, names: set[str]) -> None:
    async def work(tx: Transaction) -> list[str]:
        await tx.execute("DELETE FROM sealed_keys")
        rows = [(name, b"", 0) for name in names]
        await tx.insert("sealed_keys", ("name", "sealed", "created_at"), rows)
        found = await tx.fetch("SELECT name FROM sealed_keys ORDER BY name")
        return [row["name"] for row in found]

    assert await database.transaction(work) == sorted(names, key=lambda name: name.encode())


@pytest.mark.parametrize(("held", "change", "kept"), [(5, 3, 8), (5, -9, 0)])
async def test_an_update_from_rows_touches_each_named_row(
    database: Database, held: int, change: int, kept: int
) -> None:
    async def work(tx: Transaction) -> tuple[int, list[tuple[str, int]]]:
        rows = [(name, b"", held) for name in ("a", "b", "c")]
        await tx.insert("sealed_keys", ("name", "sealed", "created_at"), rows)
        touched = await tx.execute(
            """UPDATE sealed_keys SET created_at = GREATEST(0, sealed_keys.created_at + v.delta)
               FROM :rows[name text, delta bigint] AS v WHERE sealed_keys.name = v.name""",
            rows=[("a", change), ("c", change), ("none", change)],
        )
        found = await tx.fetch("SELECT name, created_at FROM sealed_keys ORDER BY name")
        return touched, [(row["name"], row["created_at"]) for row in found]

    assert await database.transaction(work) == (2, [("a", kept), ("b", held), ("c", kept)])
