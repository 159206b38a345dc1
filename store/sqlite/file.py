"""Open SQLite's file, take the turns in which processes write it, and run its checkpoints.

By default SQLite moves the log into the database inside a commit, which then takes 10 to 30 ms. Here a
thread moves most of it beside the writers, and the rest in the writers' turn, so the log starts over.
"""

import contextlib
import fcntl
import logging
import os
import sqlite3
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from pathlib import Path

from store.errors import CannotOpen, Fault, StoreError
from store.servers import NOWHERE, Position, SeenServer

# Also for readers and checkpoints.
BUSY_TIMEOUT_MS = 5_000
# The writer's cache holds the upper levels of every index; four times as much saved nothing beside
# 300,000 top-ups.
WRITER_CACHE_KIB = 8 * 1024
READER_CACHE_KIB = 4 * 1024
# SQLite's own checkpoint inside a commit, if Checkpointer can't keep up.
AUTOCHECKPOINT_PAGES = 32_000
_log = logging.getLogger(__name__)
# Whichever comes first: 30 MB of log by lone commits, 60 by full batches.
COMMITS_BETWEEN = 500
ROWS_BETWEEN = 40_000
# Each round copies what was written during the one before.
ROUNDS_BESIDE = 2


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


class OpenFile:
    """The file as it was opened: after a restore, a process must not write to the old one."""

    system = 0
    position = NOWHERE

    def __init__(self, path: Path) -> None:
        self._path = path
        self._id = self._id_now()
        self.fault: Fault | None = None

    def check(self) -> None:
        """Raise CannotOpen if another file is there, or none [2 us]."""
        if self.fault is None and self._id_now() != self._id:
            self.fault = Fault.FILE_REPLACED
            _log.error("database.file_replaced", extra={"path": str(self._path)})
        if self.fault is not None:
            raise CannotOpen(self.fault, self.fault.value, str(self._path))

    def note(self, system: int, position: Position) -> None: ...

    async def look_around(self) -> list[SeenServer]:
        return []

    def _id_now(self) -> tuple[int, int] | None:
        try:
            there = self._path.stat()
        except OSError:
            return None
        return there.st_dev, there.st_ino


class Checkpointer:
    """Counts one process's commits, and runs the thread."""

    def __init__(
        self,
        connect: Callable[[], sqlite3.Connection],
        turn: Callable[[], AbstractContextManager[None]],
    ) -> None:
        self._connect = connect
        self._connection: sqlite3.Connection | None = None
        self._turn = turn
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="sqlite-checkpoint")
        self._commits = 0
        self._rows = 0

    def note(self, rows: int) -> None:
        """Count a commit that changed so many rows; start a checkpoint when it is time."""
        self._commits += 1
        self._rows += rows
        if self._commits >= COMMITS_BETWEEN or self._rows >= ROWS_BETWEEN:
            self._commits = self._rows = 0
            with contextlib.suppress(RuntimeError):  # closing
                self._thread.submit(self._run)

    def close(self) -> None:
        self._thread.shutdown()
        if self._connection is not None:
            self._connection.close()

    def _run(self) -> None:
        try:
            for _ in range(ROUNDS_BESIDE):
                self._copy()
            with self._turn():
                self._copy()
        except (sqlite3.Error, StoreError) as error:
            # The next one, or SQLite's own inside a commit, makes up for it.
            _log.warning("checkpoint.failed", extra={"error": type(error).__name__})

    def _copy(self) -> None:
        if self._connection is None:
            self._connection = self._connect()
        self._connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
