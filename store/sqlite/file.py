"""Open an SQLite file, take turns with other processes that write it, and run its checkpoints.

By default, SQLite copies the log into the database during a commit, which then takes 10 to 30 ms. Here a thread copies
most of the log while others write. It copies the rest during its own turn, so that the log can start over.
"""

import contextlib
import errno
import fcntl
import logging
import os
import sqlite3
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from store.errors import CannotOpen, Contention, DataRefused, Fault, StoreError, Unable
from store.servers import NOWHERE, Position, SeenServer

_UNABLE = ("SQLITE_FULL", "SQLITE_READONLY", "SQLITE_IOERR", "SQLITE_CANTOPEN", "SQLITE_NOMEM")
_FAULTS = {
    "SQLITE_NOTADB": Fault.NO_SQLITE,
    "SQLITE_CORRUPT": Fault.NO_SQLITE,
    "SQLITE_BUSY": Fault.LOCKED,
    "SQLITE_LOCKED": Fault.LOCKED,
    "SQLITE_READONLY": Fault.NOT_WRITABLE,
    "SQLITE_CANTOPEN": Fault.NOT_WRITABLE,
    "SQLITE_PERM": Fault.NOT_WRITABLE,
}
_NO_FOLDER = {errno.ENOENT, errno.ENOTDIR, errno.EEXIST}

BUSY_TIMEOUT_MS = 5_000
# The writer's cache holds the upper levels of every index. With 300,000 top-ups, a larger cache was no faster.
WRITER_CACHE_KIB = 8 * 1024
READER_CACHE_KIB = 4 * 1024
# If the Checkpointer can't keep up and the log reaches this size, SQLite itself runs a checkpoint in a commit.
AUTOCHECKPOINT_PAGES = 32_000
_log = logging.getLogger(__name__)
# A checkpoint starts after this many commits (30 MB of log) or rows (60 MB), whichever is reached first.
COMMITS_BETWEEN = 500
ROWS_BETWEEN = 40_000
ROUNDS_BESIDE = 2
# A tenth of the file stays free for new rows, but at least this many 4 KiB pages.
KEPT_SHARE: Final = 10
KEPT_PAGES: Final = 2_000
# Moving a page takes about 12 µs. During the move, no process can write.
STEP_PAGES: Final = 500
INCREMENTAL: Final = 2


def cannot_open(error: BaseException, path: Path) -> CannotOpen | None:
    if isinstance(error, OSError):
        fault = Fault.FOLDER_MISSING if error.errno in _NO_FOLDER else Fault.NOT_WRITABLE
        return CannotOpen(fault, type(error).__name__, str(path))
    code = getattr(error, "sqlite_errorname", "")
    fault_of_code = next((_FAULTS[name] for name in _FAULTS if code.startswith(name)), None)
    return None if fault_of_code is None else CannotOpen(fault_of_code, code, str(path))


@contextlib.contextmanager
def opening(path: Path) -> Iterator[None]:
    try:
        with named_failures():
            yield
    except CannotOpen:
        raise
    except (StoreError, OSError) as error:
        cause = error.__context__ if isinstance(error, StoreError) else error
        found = cannot_open(cause, path) if cause is not None else None
        raise found or error from None


@contextlib.contextmanager
def named_failures() -> Iterator[None]:
    try:
        yield
    except sqlite3.IntegrityError as error:
        raise DataRefused(error.sqlite_errorname, str(error).rpartition(": ")[2]) from None
    except (sqlite3.DataError, sqlite3.InterfaceError, OverflowError, UnicodeEncodeError) as error:
        raise DataRefused(type(error).__name__) from None
    except sqlite3.OperationalError as error:
        code = getattr(error, "sqlite_errorname", "SQLITE_ERROR")
        if code.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
            raise Contention(code) from None
        if code.startswith(_UNABLE):
            raise Unable(code) from None
        raise StoreError(code, str(error) if code == "SQLITE_ERROR" else "") from None
    except sqlite3.ProgrammingError as error:
        raise StoreError("SQLITE_MISUSE", str(error)) from None
    except sqlite3.Error as error:
        raise StoreError(getattr(error, "sqlite_errorname", type(error).__name__)) from None


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
    connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    if sys.platform == "darwin":
        connection.execute("PRAGMA fullfsync = 1")
    connection.execute(f"PRAGMA cache_size = -{cache_kib}")
    connection.execute(f"PRAGMA wal_autocheckpoint = {AUTOCHECKPOINT_PAGES}")
    connection.execute("PRAGMA temp_store = MEMORY")


class OpenFile:
    """The identity of the opened file. After a restore, a process must not write to the old file."""

    system = 0
    position = NOWHERE

    def __init__(self, path: Path) -> None:
        self._path = path
        self._id = self._id_now()
        self.fault: Fault | None = None

    def check(self) -> None:
        """Raise CannotOpen if the file has been replaced or removed. This takes 2 µs."""
        if self.fault is None and self._id_now() != self._id:
            self.fault = Fault.FILE_REPLACED
            _log.error("database.file_replaced", extra={"path": str(self._path)})
        if self.fault is not None:
            raise CannotOpen(self.fault, self.fault.value, str(self._path))

    def note(self, system: int, position: Position) -> None: ...

    async def check_all(self) -> list[SeenServer]:
        return []

    def _id_now(self) -> tuple[int, int] | None:
        try:
            there = self._path.stat()
        except OSError:
            return None
        return there.st_dev, there.st_ino


class Checkpointer:
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
        """Count a commit and the rows it changed. Start a checkpoint when one is due."""
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
            _log.warning("checkpoint.failed", extra={"error": type(error).__name__})

    def _copy(self) -> None:
        if self._connection is None:
            self._connection = self._connect()
        self._connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()


@dataclass(frozen=True, slots=True)
class FileSpace:
    """The file's size and free space in bytes.

    If can_give_back is set, free space can be returned to the disk in steps while the file is in use.
    """

    size: int
    free: int
    can_give_back: bool


def free_space(connection: sqlite3.Connection) -> int:
    """Release up to STEP_PAGES free pages to the disk. Return how many more could be released."""
    if _pragma(connection, "auto_vacuum") != INCREMENTAL:
        return 0
    spare = _spare(connection)
    if spare > 0:
        # execute() would stop after the first page, because the statement returns empty rows.
        connection.executescript(f"PRAGMA incremental_vacuum({min(spare, STEP_PAGES)})")
        spare = _spare(connection)
    return max(0, spare)


def space(path: Path) -> FileSpace:
    with opening(path), contextlib.closing(connect(path)) as connection:
        page = _pragma(connection, "page_size")
        return FileSpace(
            page * _pragma(connection, "page_count"),
            page * _pragma(connection, "freelist_count"),
            can_give_back=_pragma(connection, "auto_vacuum") == INCREMENTAL,
        )


def vacuum(path: Path) -> None:
    """Rewrite the file so that it can later shrink in steps. Raise StoreError if this fails.

    During the rewrite, no other process can write. The disk needs free space of twice the file's size.
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
