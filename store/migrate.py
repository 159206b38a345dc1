"""Brings a database to the newest schema; store/version.py says which one a process accepts.

Migrations expand first and contract later; their file names say `pre` (before the deploy) or `post`.
PostgreSQL migrates under an advisory lock and a lock timeout, so two starters do not collide and a
busy table is not queued behind.
"""

import asyncio
import contextlib
import fcntl
import functools
import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import asyncpg
import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from sqlalchemy.ext.asyncio import create_async_engine

from store.open import SQLITE_PREFIX
from store.sqlite.database import make_private_file

MIGRATIONS = Path(__file__).parent / "migrations"
_ADVISORY_LOCK = 7_306_941
_LOCK_TIMEOUT = "5s"


def migrate(url: str, *, revision: str = "head") -> None:
    """Upgrades the database behind `url`; does nothing when it is there already."""
    if url.startswith(SQLITE_PREFIX):
        _migrate_file(Path(url.removeprefix(SQLITE_PREFIX)), revision)
    else:
        asyncio.run(_migrate_server(url, revision))


def _migrate_file(path: Path, revision: str) -> None:
    make_private_file(path)
    # Never through a URL: a path may hold what is a mark there.
    engine = sa.create_engine(sa.URL.create("sqlite", database=str(path)))
    # The driver's own BEGIN comes before INSERT only, and would keep half of a failed migration.
    sa.event.listen(engine, "connect", _leave_begin_to_us)
    sa.event.listen(engine, "begin", _begin)
    try:
        with _turn(path):
            _prepare_file(path)
            with engine.begin() as connection:
                _upgrade(connection, revision)
    finally:
        engine.dispose()


def _prepare_file(path: Path) -> None:
    with contextlib.closing(sqlite3.connect(path)) as connection:
        # The first takes effect only before the first table exists.
        connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
        connection.execute("PRAGMA journal_mode = WAL")


def _leave_begin_to_us(connection: Any, _record: object) -> None:
    connection.isolation_level = None


def _begin(connection: sa.Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")


@contextlib.contextmanager
def _turn(path: Path) -> Iterator[None]:
    """The writers' turn of store/sqlite/database.py: two starters, or a starter and a running gateway."""
    turn_fd = os.open(f"{path}.turn", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(turn_fd, fcntl.LOCK_EX)
        yield
    finally:
        os.close(turn_fd)


async def _migrate_server(url: str, revision: str) -> None:
    # The driver reads the operator's URL itself, so whatever it takes to run is taken here too.
    engine = create_async_engine(
        "postgresql+asyncpg://", async_creator=functools.partial(asyncpg.connect, url)
    )
    try:
        async with engine.begin() as connection:
            # Another starter's migration is waited for; a busy table is not.
            await connection.execute(sa.text(f"SELECT pg_advisory_xact_lock({_ADVISORY_LOCK})"))
            await connection.execute(sa.text(f"SET lock_timeout = '{_LOCK_TIMEOUT}'"))
            await connection.run_sync(_upgrade, revision)
    finally:
        await engine.dispose()


def _upgrade(connection: sa.Connection, revision: str) -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, revision)
