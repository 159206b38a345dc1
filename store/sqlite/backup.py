"""Copy an SQLite file with SQLite's online backup, and restore it."""

import contextlib
import os
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final
from urllib.parse import quote

from store.errors import BackupRefused
from store.sqlite.database import make_private_file

Progress = Callable[[int, int], None]

STEP_PAGES: Final = 2_048
_BUSY: Final = ("SQLITE_BUSY", "SQLITE_LOCKED")


def copy(source: Path, target: Path, on_progress: Progress) -> None:
    with _refusals(source), _opened(source) as from_, _opened(target) as to:
        # Every step copies the same snapshot. Otherwise, a commit by another process would restart the copy.
        from_.execute("BEGIN")
        from_.execute("SELECT 1 FROM sqlite_schema LIMIT 1").fetchone()
        from_.backup(
            to,
            pages=STEP_PAGES,
            progress=lambda _status, left, total: on_progress(total - left, total),
            sleep=0,
        )
        from_.execute("ROLLBACK")
        to.execute("PRAGMA journal_mode = DELETE")
        _check(to, source)


def put(source: Path, target: Path, *, replace: bool, aside: str, on_progress: Progress) -> None:
    if target.exists() and not replace and _has_tables(target):
        raise BackupRefused(f"{target} holds a database already: give --replace to keep it aside")
    draft = target.with_name(f".{target.name}.{os.getpid()}")
    make_private_file(draft)
    try:
        copy(source, draft, on_progress)
        sync(draft)
        _check_unused(target)
        for ending in ("", "-wal", "-shm"):
            old = target.with_name(target.name + ending)
            if old.exists():
                old.rename(target.with_name(f"{target.name}.{aside}{ending}"))
        draft.rename(target)
        sync(target.parent)
    finally:
        draft.unlink(missing_ok=True)


def _check_unused(path: Path) -> None:
    if not path.exists():
        return
    try:
        with _opened(path) as connection:
            # This statement fails if another connection is open.
            connection.execute("PRAGMA journal_mode = DELETE")
    except sqlite3.DatabaseError as error:
        # Ignore other errors, because a damaged database may be replaced.
        if getattr(error, "sqlite_errorname", "").startswith(_BUSY):
            raise BackupRefused(f"{path} is in use: stop the gateways and workers first") from None


def _has_tables(path: Path) -> bool:
    try:
        with _opened(path) as connection:
            return connection.execute("SELECT 1 FROM sqlite_schema LIMIT 1").fetchone() is not None
    except sqlite3.DatabaseError:
        return True


def _check(connection: sqlite3.Connection, source: Path) -> None:
    connection.execute("SELECT version_num FROM alembic_version").fetchone()
    (said,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    if said != "ok":
        raise BackupRefused(f"{source} is damaged: {said}")


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[sqlite3.Connection]:
    name = f"file:{quote(str(path.absolute()))}?mode=rw"
    opened = sqlite3.connect(name, uri=True, timeout=1, isolation_level=None)
    with contextlib.closing(opened) as connection:
        yield connection


@contextlib.contextmanager
def _refusals(path: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        name = getattr(error, "sqlite_errorname", type(error).__name__)
        words = f": {error}" if name == "SQLITE_ERROR" else ""
        raise BackupRefused(f"{path} cannot be copied: {name}{words}") from None


def sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
