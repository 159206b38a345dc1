"""The pages of SQLite's file that nothing is in: given back to the disk in steps, or kept for what comes.

A file keeps its size whatever is deleted. One that was made with auto_vacuum = INCREMENTAL, as `topup
migrate` makes it, can give its free pages back a few at a time; any other one only by being written
anew as a whole.
"""

import contextlib
import os
import sqlite3
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from store.database import Transaction
from store.sqlite.errors import opening
from store.sqlite.file import connect, open_turn, turn

# What is kept free for what comes next: this share of the file, and at least so many pages of 4 KiB.
KEPT_SHARE: Final = 10
KEPT_PAGES: Final = 2_000
# Moving a page costs about 5 us, and nobody else writes meanwhile.
STEP_PAGES: Final = 1_000
INCREMENTAL: Final = 2


@dataclass(frozen=True, slots=True)
class FileSpace:
    """In bytes. can_give_back: in steps, while others work."""

    size: int
    free: int
    can_give_back: bool


async def give_back(tx: Transaction) -> int:
    """One step of at most STEP_PAGES; how many pages are still free beyond what is kept."""
    if await _number(tx, "auto_vacuum") != INCREMENTAL:
        return 0
    spare = await _spare(tx)
    if spare > 0:
        await tx.fetch(f"PRAGMA incremental_vacuum({min(spare, STEP_PAGES)})")
        spare = await _spare(tx)
    return max(0, spare)


def space(path: Path) -> FileSpace:
    """Of the file at path, which has to be there; raises StoreError."""
    with opening(path), contextlib.closing(connect(path)) as connection:
        page = _pragma(connection, "page_size")
        return FileSpace(
            page * _pragma(connection, "page_count"),
            page * _pragma(connection, "freelist_count"),
            can_give_back=_pragma(connection, "auto_vacuum") == INCREMENTAL,
        )


def vacuum(path: Path) -> None:
    """Writes the file anew, without free pages and so that it can give them back from now on.

    Takes the writers' turn as long as it lasts, and as much free disk as the file has bytes, twice.
    Raises StoreError.
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


async def _spare(tx: Transaction) -> int:
    kept = max(KEPT_PAGES, await _number(tx, "page_count") // KEPT_SHARE)
    return await _number(tx, "freelist_count") - kept


async def _number(tx: Transaction, pragma: str) -> int:
    row = await tx.fetch_one(f"PRAGMA {pragma}")
    return 0 if row is None else int(row[0])


def _pragma(connection: sqlite3.Connection, pragma: str) -> int:
    return int(connection.execute(f"PRAGMA {pragma}").fetchone()[0])
