"""Open SQLite's file, and take the turns in which processes write it."""

import contextlib
import fcntl
import os
import sqlite3
import sys
from collections.abc import Iterator
from pathlib import Path

# While it is being opened, and for readers and checkpoints.
BUSY_TIMEOUT_MS = 5_000
# Each connection caches this much; the writer's hold the upper levels of every index it adds to. Four times
# as much saved nothing beside 300,000 top-ups, because the system's page cache holds the rest.
WRITER_CACHE_KIB = 8 * 1024
READER_CACHE_KIB = 4 * 1024
# SQLite's own checkpoint inside a commit, if store/sqlite/checkpoint.py can't keep up.
AUTOCHECKPOINT_PAGES = 32_000


def open_turn(path: Path) -> int:
    return os.open(f"{path}.turn", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)


@contextlib.contextmanager
def turn(fd: int) -> Iterator[None]:
    fcntl.flock(fd, fcntl.LOCK_EX)
    try:
        yield
    finally:
        fcntl.flock(fd, fcntl.LOCK_UN)


def connect(
    path: Path, *, cache_kib: int = READER_CACHE_KIB, busy_timeout_ms: int = BUSY_TIMEOUT_MS
) -> sqlite3.Connection:
    connection = sqlite3.connect(
        path,
        timeout=busy_timeout_ms / 1000,
        isolation_level=None,
        check_same_thread=False,
        cached_statements=512,
    )
    connection.row_factory = sqlite3.Row
    try:
        _configure(connection, cache_kib)
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def _configure(connection: sqlite3.Connection, cache_kib: int) -> None:
    connection.execute("PRAGMA auto_vacuum = INCREMENTAL")  # takes effect on a new file only
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    if sys.platform == "darwin":
        connection.execute("PRAGMA fullfsync = 1")
    connection.execute(f"PRAGMA cache_size = -{cache_kib}")
    connection.execute(f"PRAGMA wal_autocheckpoint = {AUTOCHECKPOINT_PAGES}")
    connection.execute("PRAGMA temp_store = MEMORY")
