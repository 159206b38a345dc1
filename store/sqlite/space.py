"""Return free pages of SQLite's file to the disk in steps, and leave some for new rows.

That needs auto_vacuum = INCREMENTAL, as `topup migrate` makes the file; otherwise only a full rewrite does
it.
"""

import contextlib
import os
import sqlite3
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from store.sqlite.errors import opening
from store.sqlite.file import connect, open_turn, turn

# What stays free for new rows: this share of the file, and at least this many pages of 4 KiB.
KEPT_SHARE: Final = 10
KEPT_PAGES: Final = 2_000
# Moving a page takes about 12 us, and nobody can write meanwhile.
STEP_PAGES: Final = 500
INCREMENTAL: Final = 2


@dataclass(frozen=True, slots=True)
class FileSpace:
    """In bytes. can_give_back: in steps, while others work."""

    size: int
    free: int
    can_give_back: bool


def give_back(connection: sqlite3.Connection) -> int:
    """Return at most STEP_PAGES to the disk, and return how many more are spare; raise what the driver raises."""
    if _pragma(connection, "auto_vacuum") != INCREMENTAL:
        return 0
    spare = _spare(connection)
    if spare > 0:
        # execute() would stop after the first page, because the statement has rows without columns.
        connection.executescript(f"PRAGMA incremental_vacuum({min(spare, STEP_PAGES)})")
        spare = _spare(connection)
    return max(0, spare)


def space(path: Path) -> FileSpace:
    """Measure an existing file; raise StoreError."""
    with opening(path), contextlib.closing(connect(path)) as connection:
        page = _pragma(connection, "page_size")
        return FileSpace(
            page * _pragma(connection, "page_count"),
            page * _pragma(connection, "freelist_count"),
            can_give_back=_pragma(connection, "auto_vacuum") == INCREMENTAL,
        )


def vacuum(path: Path) -> None:
    """Rewrite the file so that it can return pages in steps; raise StoreError.

    Takes the writers' turn meanwhile, and free disk space of twice the file's size.
    """
    with opening(path), contextlib.closing(connect(path)) as connection:
        turn_fd = open_turn(path)
        try:
            with turn(turn_fd):
                connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
                connection.execute("VACUUM")
                connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        finally:
            os.close(turn_fd)


def _spare(connection: sqlite3.Connection) -> int:
    kept = max(KEPT_PAGES, _pragma(connection, "page_count") // KEPT_SHARE)
    return _pragma(connection, "freelist_count") - kept


def _pragma(connection: sqlite3.Connection, pragma: str) -> int:
    return int(connection.execute(f"PRAGMA {pragma}").fetchone()[0])
