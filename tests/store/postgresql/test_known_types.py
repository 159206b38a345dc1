"""Only the first connection of a process asks what arrays are made of."""

import asyncpg
import pytest

from store.postgresql.servers import KnowingConnection

pytestmark = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
ARRAYS = "SELECT $1::bigint[] AS numbers, ARRAY['a', NULL]::text[] AS texts"
QUESTIONS = """
    SELECT COUNT(*) FROM pg_prepared_statements
    WHERE statement LIKE '%typeinfo%' AND statement NOT LIKE '%pg_prepared_statements%'
"""


async def asked_by_one(
    url: str, query: str = ARRAYS, value: object = (5, -7)
) -> tuple[int, object]:
    """How often a new connection asked, and the query's first row."""
    connection = await asyncpg.connect(url, connection_class=KnowingConnection)
    try:
        row = await connection.fetchrow(query, value)
        return await connection.fetchval(QUESTIONS), tuple(row)
    finally:
        await connection.close()


async def test_a_second_connection_knows_what_the_first_one_asked(database_url: str) -> None:
    await asked_by_one(database_url)

    asked, row = await asked_by_one(database_url)

    assert asked == 0
    assert row == ([5, -7], ["a", None])


async def test_a_type_of_the_database_is_asked_for_each_time(database_url: str) -> None:
    connection = await asyncpg.connect(database_url)
    try:
        await connection.execute("CREATE TYPE weekday AS ENUM ('monday')")
        query = "SELECT $1::weekday[]"
        await asked_by_one(database_url, query, ["monday"])
        asked, row = await asked_by_one(database_url, query, ["monday"])
    finally:
        await connection.execute("DROP TYPE weekday")
        await connection.close()

    assert asked == 1
    assert row == (["monday"],)
