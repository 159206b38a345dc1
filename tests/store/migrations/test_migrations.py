"""The migrations make exactly the schema that the code is written against, once, and as a whole."""

import asyncio
import contextlib
import functools
import sqlite3
from collections.abc import Callable
from pathlib import Path

import asyncpg
import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy.ext.asyncio import create_async_engine

from store.database import Store
from store.errors import ConnectionLost
from store.migrate import MIGRATIONS, migrate
from store.open import open_database
from store.schema import metadata
from store.version import VERSIONS, SchemaOutOfRange, check_schema, schema_version


def differences(connection: sa.Connection) -> object:
    context = MigrationContext.configure(
        connection, opts={"compare_type": True, "compare_server_default": True}
    )
    return compare_metadata(context, metadata)


def checks(connection: sa.Connection) -> set[tuple[str, str]]:
    """(table, name) of the check constraints, which the comparison above does not look at."""
    inspector = sa.inspect(connection)
    return {
        (table, str(check["name"]))
        for table in metadata.tables
        for check in inspector.get_check_constraints(table)
    }


def where_clauses(connection: sa.Connection) -> dict[str, bool]:
    """Index -> whether it is partial, which the comparison does not look at either."""
    inspector = sa.inspect(connection)
    return {
        str(index["name"]): any(
            str(option).endswith("_where") for option in index.get("dialect_options", {})
        )
        for table in metadata.tables
        for index in inspector.get_indexes(table)
    }


async def asked(url: str, question: Callable[[sa.Connection], object]) -> object:
    if url.startswith("sqlite"):
        engine = sa.create_engine(url)
        with engine.connect() as connection:
            answer = question(connection)
        engine.dispose()
        return answer
    server = create_async_engine(
        "postgresql+asyncpg://", async_creator=functools.partial(asyncpg.connect, url)
    )
    async with server.connect() as connection_of_server:
        answer = await connection_of_server.run_sync(question)
    await server.dispose()
    return answer


async def test_migrations_make_exactly_the_schema(database_url: str) -> None:
    assert await asked(database_url, differences) == []


async def test_migrations_make_the_checks_of_the_schema(database_url: str) -> None:
    expected = {
        (table.name, str(constraint.name))
        for table in metadata.tables.values()
        for constraint in table.constraints
        if isinstance(constraint, sa.CheckConstraint)
    }

    assert expected > {("ledger_accounts", "balance_not_negative")}
    assert await asked(database_url, checks) == expected


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
async def test_rows_of_before_are_looked_at_by_the_next_migrate_where_one_was_cut_off(
    database_url: str,
) -> None:
    database = open_database(database_url)
    rule = "ADD CONSTRAINT not_negative CHECK (amount_cents >= 0) NOT VALID"
    try:
        await database.transaction(lambda tx: tx.execute(f"ALTER TABLE topups {rule}"))
        await asyncio.to_thread(migrate, database_url)

        found = await database.read(
            lambda tx: tx.fetch("SELECT conname FROM pg_constraint WHERE NOT convalidated")
        )
        assert [row[0] for row in found] == []
    finally:
        await database.transaction(
            lambda tx: tx.execute("ALTER TABLE topups DROP CONSTRAINT IF EXISTS not_negative")
        )
        await database.close()


async def test_migrations_make_partial_what_the_schema_makes_partial(database_url: str) -> None:
    dialect = database_url.partition(":")[0]
    expected = {
        str(index.name): index.dialect_options[dialect]["where"] is not None
        for table in metadata.tables.values()
        for index in table.indexes
    }

    assert await asked(database_url, where_clauses) == expected


async def test_text_of_the_server_is_ordered_by_bytes(database_url: str) -> None:
    if database_url.startswith("sqlite"):
        pytest.skip("SQLite always orders text by bytes")
    database = open_database(database_url)

    rows = await database.read(
        lambda tx: tx.fetch(
            """SELECT table_name, column_name FROM information_schema.columns
               WHERE table_schema = 'public' AND data_type = 'text' AND collation_name IS DISTINCT FROM 'C'
                 AND table_name <> 'alembic_version'"""
        )
    )

    assert [(row["table_name"], row["column_name"]) for row in rows] == []
    await database.close()


async def test_migrating_again_changes_nothing(database_url: str) -> None:
    await asyncio.to_thread(migrate, database_url)

    assert await asked(database_url, differences) == []


async def test_a_migrated_database_is_accepted(database: Store) -> None:
    await check_schema(database)

    assert await schema_version(database) == VERSIONS[-1]


def test_the_accepted_range_ends_at_the_newest_migration() -> None:
    files = sorted(path.name for path in (MIGRATIONS / "versions").glob("[0-9]*.py"))

    assert files[-1].partition("_")[0] == VERSIONS[-1]
    assert all(name.split("_")[1] in {"pre", "post"} for name in files)


async def test_an_unmigrated_database_is_refused_with_what_to_do(tmp_path: Path) -> None:
    database = open_database(f"sqlite:///{tmp_path / 'new.db'}")

    with pytest.raises(SchemaOutOfRange, match="run `topup migrate`"):
        await check_schema(database)

    await database.close()


async def test_a_newer_schema_is_refused(database: Store) -> None:
    await database.transaction(
        lambda tx: tx.execute("UPDATE alembic_version SET version_num = :new", new="9999")
    )

    with pytest.raises(SchemaOutOfRange, match="9999"):
        await check_schema(database)


async def test_a_server_that_is_away_is_not_taken_for_an_old_schema() -> None:
    database = open_database("postgresql://topup@127.0.0.1:1/topup")

    with pytest.raises(ConnectionLost):
        await schema_version(database)


@pytest.fixture
def half_made(tmp_path: Path) -> Path:
    """A file in which the last table is in the way, so that a migration fails at its end."""
    path = tmp_path / "half.db"
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE voucher_redemptions (id TEXT)")
    return path


def tables_of(path: Path) -> list[str]:
    with contextlib.closing(sqlite3.connect(path)) as connection:
        rows = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        return sorted(name for (name,) in rows)


def test_a_migration_that_fails_leaves_nothing_of_itself(half_made: Path) -> None:
    with pytest.raises(sa.exc.OperationalError, match="already exists"):
        migrate(f"sqlite:///{half_made}")

    assert tables_of(half_made) == ["voucher_redemptions"]
    with contextlib.closing(sqlite3.connect(half_made)) as connection:
        connection.execute("DROP TABLE voucher_redemptions")
    migrate(f"sqlite:///{half_made}")
    assert set(tables_of(half_made)) == {*metadata.tables, "alembic_version"}


async def test_starters_that_migrate_at_once_do_not_collide(
    tmp_path: Path,
) -> None:
    url = f"sqlite:///{tmp_path / 'new.db'}"

    await asyncio.gather(*(asyncio.to_thread(migrate, url) for _ in range(3)))

    assert await asked(url, differences) == []
