"""Migrate a database to the newest schema. store/version.py says which schemas a process accepts.

A migration with `pre` in its file name adds something, and runs before the deploy. A migration with `post` removes
something, and runs after the deploy. On PostgreSQL, migrations hold an advisory lock and use a lock timeout. On a
table with rows, a new constraint is added as NOT VALID and validated later.
"""

import asyncio
import contextlib
import fcntl
import functools
import os
import re
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import asyncpg
import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from kernel.clock import SystemClock
from kernel.version import running
from store.errors import CannotOpen, Fault
from store.open import SQLITE_PREFIX, open_database
from store.postgresql.errors import cannot_open as cannot_open_server
from store.schema import metadata
from store.sqlite.database import make_private_file
from store.sqlite.file import cannot_open as cannot_open_file
from store.version import (
    BASELINE,
    BEFORE_BASELINE,
    VERSIONS,
    before_baseline,
    changed_tables,
    check_schema,
    differs,
    schema_version,
)

MIGRATIONS = Path(__file__).parent / "migrations"
_ADVISORY_LOCK = 7_306_941
_LOCK_TIMEOUT = "5s"
_CONNECT_TIMEOUT_S: Final = 10.0
_NEWEST = "head"
_NUMBER = re.compile(r"\d{4}").fullmatch
_FAULTS: Final = {"42501": Fault.NOT_PERMITTED, "55P03": Fault.TABLE_BUSY}
_NOT_VALID: Final = """
    SELECT t.relname, c.conname FROM pg_constraint c JOIN pg_class t ON t.oid = c.conrelid
    WHERE NOT c.convalidated AND t.relname = ANY(CAST(:tables AS text[]))
      AND t.relnamespace = CAST(current_schema() AS regnamespace)
    ORDER BY t.relname, c.conname"""
_ADOPT: Final = "UPDATE alembic_version SET version_num = :version"
_NOTE: Final = """
    INSERT INTO schema_notes (version, oldest_code, code_version, reached_at)
    VALUES (:version, :oldest_code, :code_version, :reached_at)
    ON CONFLICT (version) DO UPDATE SET oldest_code = excluded.oldest_code,
        code_version = excluded.code_version, reached_at = excluded.reached_at"""


class RevisionPassed(Exception):
    """The database has a newer revision than the requested one. Migrations can't be undone."""


def migrate(url: str, *, revision: str = _NEWEST) -> None:
    """Upgrade the database, unless it already has this revision or a newer one.

    Errors from Alembic and the driver are raised unchanged.
    """
    before = None if _is_missing(url) else asyncio.run(_check_before(url))
    if before is not None and before > VERSIONS[-1]:
        return
    try:
        if url.startswith(SQLITE_PREFIX):
            _migrate_file(Path(url.removeprefix(SQLITE_PREFIX)), revision)
        else:
            asyncio.run(_migrate_server(url, revision))
    except (sa.exc.SQLAlchemyError, sqlite3.Error, OSError) as error:
        raise _fault_of(error, url) or error from None


def _is_missing(url: str) -> bool:
    if not url.startswith(SQLITE_PREFIX):
        return False
    path = Path(url.removeprefix(SQLITE_PREFIX))
    return not path.exists() or not path.stat().st_size


async def _check_before(url: str) -> str | None:
    database = open_database(url)
    try:
        version = await schema_version(database)
        if database.is_sharing_sessions:
            raise CannotOpen(Fault.POOLER_SHARES_SESSIONS, "pooler")
        if version is None:
            return None
        if not _NUMBER(version) or version > VERSIONS[-1]:
            await check_schema(database)
        if version < BASELINE and version != BEFORE_BASELINE:
            raise before_baseline(version)
        if changed := await changed_tables(database, version):
            raise differs(version, changed)
        return version
    finally:
        await database.close()


def _fault_of(error: Exception, url: str) -> CannotOpen | None:
    cause = getattr(error, "orig", None) or error
    sqlstate = str(getattr(cause, "sqlstate", "") or "")
    if sqlstate in _FAULTS:
        return CannotOpen(_FAULTS[sqlstate], sqlstate)
    if url.startswith(SQLITE_PREFIX):
        return cannot_open_file(cause, Path(url.removeprefix(SQLITE_PREFIX)))
    return None


def _migrate_file(path: Path, revision: str) -> None:
    if not path.parent.parent.is_dir():
        # Only the last folder is created. If its parent is also missing, the path may be misspelt, or a disk isn't
        # mounted.
        raise CannotOpen(Fault.FOLDER_MISSING, "ENOENT", str(path))
    make_private_file(path)
    # The path isn't parsed as a URL, because some characters have a special meaning there.
    engine = sa.create_engine(sa.URL.create("sqlite", database=str(path)))
    # The driver would begin a transaction only before an INSERT. Half of a failed migration would then be stored.
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
        # This setting takes effect only before the first table exists.
        connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
        connection.execute("PRAGMA journal_mode = WAL")


def _leave_begin_to_us(connection: Any, _record: object) -> None:
    connection.isolation_level = None


def _begin(connection: sa.Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")


@contextlib.contextmanager
def _turn(path: Path) -> Iterator[None]:
    """Hold the lock that every writer of the file takes. Until it is released, no other process can migrate or
    write.
    """
    turn_fd = os.open(f"{path}.turn", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(turn_fd, fcntl.LOCK_EX)
        yield
    finally:
        os.close(turn_fd)


async def _migrate_server(url: str, revision: str) -> None:
    engine = create_async_engine(
        "postgresql+asyncpg://", async_creator=functools.partial(_connect, url)
    )
    try:
        async with engine.begin() as connection:
            # Wait for another process that migrates, but only briefly for a busy table.
            await connection.execute(sa.text(f"SELECT pg_advisory_xact_lock({_ADVISORY_LOCK})"))
            await connection.execute(sa.text(f"SET lock_timeout = '{_LOCK_TIMEOUT}'"))
            await connection.run_sync(_upgrade, revision)
        await _validate(engine)
    finally:
        await engine.dispose()


async def _validate(engine: AsyncEngine) -> None:
    """Validate each constraint that was added as NOT VALID. If this is interrupted, the next `migrate` continues."""
    async with engine.connect() as connection:
        found = await connection.execute(sa.text(_NOT_VALID), {"tables": list(metadata.tables)})
        waiting = found.all()
    for table, constraint in waiting:
        async with engine.begin() as connection:
            await connection.execute(sa.text(f"SET LOCAL lock_timeout = '{_LOCK_TIMEOUT}'"))
            await connection.execute(
                sa.text(f"ALTER TABLE {table} VALIDATE CONSTRAINT {constraint}")
            )


async def _connect(url: str) -> Any:
    try:
        return await asyncpg.connect(url, timeout=_CONNECT_TIMEOUT_S)
    except Exception as error:
        raise cannot_open_server(error, url) or error from None


def _upgrade(connection: sa.Connection, revision: str) -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    before = MigrationContext.configure(connection).get_current_revision()
    if before is not None and _NUMBER(revision) and revision < before:
        raise RevisionPassed(
            f"the database is at {before} already, and {revision} is older: nothing was done."
            " Migrations do not go back; a copy of before can be restored"
        )
    if before == BEFORE_BASELINE:
        connection.execute(sa.text(_ADOPT), {"version": BASELINE})
    command.upgrade(config, revision)
    after = MigrationContext.configure(connection).get_current_revision()
    if after is not None and after != before:
        _note(connection, ScriptDirectory.from_config(config), after)


def _note(connection: sa.Connection, scripts: ScriptDirectory, version: str) -> None:
    note = {
        "version": version,
        "oldest_code": scripts.get_revision(version).module.oldest_code,
        "code_version": running(),
        "reached_at": SystemClock().now_us(),
    }
    connection.execute(sa.text(_NOTE), note)
