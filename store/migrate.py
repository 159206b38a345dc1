"""Brings a database to the newest schema, and says which schema a process accepts.

Migrations expand first and contract later; their file names say `pre` (before the deploy) or `post`.
PostgreSQL migrates under an advisory lock and a lock timeout, so two starters do not collide and a
busy table is not queued behind.
"""

import asyncio
import contextlib
import sqlite3
from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from sqlalchemy.ext.asyncio import create_async_engine

from store.db import Database, Transaction
from store.errors import StoreError
from store.open import SQLITE_PREFIX

MIGRATIONS = Path(__file__).parent / "migrations"
# The range of schema versions this code runs on, oldest first.
VERSIONS = ("0001",)
_ADVISORY_LOCK = 7_306_941
_LOCK_TIMEOUT = "5s"


class SchemaOutOfRange(RuntimeError):
    """The database's schema is older or newer than this code accepts."""


def migrate(url: str, *, revision: str = "head") -> None:
    """Upgrades the database behind `url`; does nothing when it is there already."""
    if url.startswith(SQLITE_PREFIX):
        _migrate_file(Path(url.removeprefix(SQLITE_PREFIX)), revision)
    else:
        asyncio.run(_migrate_server(url, revision))


async def schema_version(database: Database) -> str | None:
    """The version the database is at, or None when it was never migrated."""

    async def work(tx: Transaction) -> str | None:
        row = await tx.fetch_one("SELECT version_num FROM alembic_version")
        return None if row is None else str(row["version_num"])

    try:
        return await database.read(work)
    except StoreError:
        return None


async def check_schema(database: Database) -> None:
    """Raises SchemaOutOfRange unless this code runs on the database's schema."""
    version = await schema_version(database)
    if version not in VERSIONS:
        found = version or "none"
        raise SchemaOutOfRange(
            f"the database's schema is {found}, this code runs on {VERSIONS[0]} to {VERSIONS[-1]}:"
            " run `topup migrate`"
        )


def _migrate_file(path: Path, revision: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    # Takes effect only before the first table exists.
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
        connection.execute("PRAGMA journal_mode = WAL")
    engine = sa.create_engine(f"{SQLITE_PREFIX}{path}")
    try:
        with engine.begin() as connection:
            _upgrade(connection, revision)
    finally:
        engine.dispose()


async def _migrate_server(url: str, revision: str) -> None:
    # From here on only the driver's name differs from the operator's URL.
    engine = create_async_engine("postgresql+asyncpg://" + url.partition("://")[2])
    try:
        async with engine.begin() as connection:
            await connection.execute(sa.text(f"SET lock_timeout = '{_LOCK_TIMEOUT}'"))
            await connection.execute(sa.text(f"SELECT pg_advisory_xact_lock({_ADVISORY_LOCK})"))
            await connection.run_sync(_upgrade, revision)
    finally:
        await engine.dispose()


def _upgrade(connection: sa.Connection, revision: str) -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["connection"] = connection
    command.upgrade(config, revision)
