"""SQLite: one writer thread, a few readers, WAL, fsync before every answer.

A transaction's coroutine is driven to its end by one thread: its statements return without
suspending. That is the writer's thread; a short transaction that need not wait for its turn runs on
the event loop instead, and only its COMMIT, the part that waits for the disk, is the thread's: two
threads of Python that share a batch's time cost more than one [185 us a send against 155]. Two
processes write (gateway, worker); they take turns by a flock before BEGIN IMMEDIATE, since SQLite's
own busy handler sleeps in steps of up to 100 ms [half the rate and 1.1 s worst, against 0.14 s].
"""

import asyncio
import contextlib
import fcntl
import functools
import os
import queue
import sqlite3
import sys
from collections.abc import Awaitable, Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, cast

from store.checkpoint import Checkpointer
from store.db import Lock, OnHint, Reading, Row, T, Work, no_hint, tell
from store.errors import ConnectionLost, Contention, DataRefused, StoreError, check_touched
from store.statement import SQLITE, Statement, insert_text, translate

VERSION_MIN = (3, 35, 0)
BUSY_TIMEOUT_MS = 5_000
READERS = 2
# Pages kept by each connection: the writer's hold the upper levels of every index it adds to.
WRITER_CACHE_KIB = 32 * 1024
READER_CACHE_KIB = 4 * 1024
# SQLite's own checkpoint inside a commit, should the one of store/checkpoint.py not keep up.
AUTOCHECKPOINT_PAGES = 32_000

_statements: dict[str, Statement] = {}


def _statement(text: str) -> Statement:
    found = _statements.get(text)
    if found is None:
        found = _statements[text] = translate(text, name=SQLITE)
    return found


_insert = functools.cache(insert_text)


class SqliteTransaction:
    """Statements on one connection; each returns without suspending."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self.hints: set[str] = set()
        self.statements_run = 0

    async def fetch(self, text: str, **values: Any) -> Sequence[Row]:
        statement = _statement(text)
        self.statements_run += 1
        return self._connection.execute(statement.text, statement.bind(values)).fetchall()

    async def fetch_one(self, text: str, **values: Any) -> Row | None:
        statement = _statement(text)
        self.statements_run += 1
        cursor = self._connection.execute(statement.text, statement.bind(values))
        return cast(Row | None, cursor.fetchone())

    async def fetch_together(self, readings: Sequence[Reading]) -> None:
        for reading in readings:
            if reading.text:
                reading.take(await self.fetch(reading.text, **reading.values))

    async def execute(self, text: str, **values: Any) -> int:
        statement = _statement(text)
        self.statements_run += 1
        return self._connection.execute(statement.text, statement.bind(values)).rowcount

    async def insert(
        self,
        table: str,
        columns: Sequence[str],
        rows: Sequence[Sequence[Any]],
        on_conflict: str = "",
    ) -> int:
        if not rows:
            return 0
        self.statements_run += 1
        text = _insert(table, tuple(columns), on_conflict)
        return self._connection.executemany(text, rows).rowcount

    async def insert_last(
        self,
        table: str,
        columns: Sequence[str],
        rows: Sequence[Sequence[Any]],
        on_conflict: str = "",
    ) -> None:
        await self.insert(table, columns, rows, on_conflict)

    async def execute_last(self, text: str, *, touching: int, **values: Any) -> None:
        check_touched(await self.execute(text, **values), touching)

    def hint(self, name: str) -> None:
        self.hints.add(name)


class SqliteDatabase:
    """The file at `path`; see store/db.py for what each call promises."""

    def __init__(self, path: Path, *, on_hint: OnHint = no_hint) -> None:
        if sqlite3.sqlite_version_info < VERSION_MIN:
            raise RuntimeError(f"SQLite {sqlite3.sqlite_version} is older than 3.35")
        self.statements_run = 0
        self._on_hint = on_hint
        make_private_file(path)
        with _named_failures():
            self._write_connection = _connect(path, cache_kib=WRITER_CACHE_KIB)
        self._turn_fd = _open_turn(path)
        # A lock belongs to the open file, so the checkpointer's turn needs one of its own.
        self._checkpoint_turn_fd = _open_turn(path)
        self._checkpointer = Checkpointer(_connect(path), partial(_turn, self._checkpoint_turn_fd))
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="sqlite-write")
        self._readers = ThreadPoolExecutor(READERS, thread_name_prefix="sqlite-read")
        self._read_connections: queue.SimpleQueue[sqlite3.Connection] = queue.SimpleQueue()
        for _ in range(READERS):
            connection = _connect(path)
            connection.execute("PRAGMA query_only = 1")
            self._read_connections.put(connection)
        self._is_durable = True
        self._is_closed = False
        self._writes_waiting = 0

    async def transaction(
        self,
        work: Work[T],
        *,
        durable: bool = True,
        is_short: bool = False,
        lock: Lock | None = None,  # noqa: ARG002 there is one writer at a time
        meanwhile: Callable[[], None] | None = None,  # noqa: ARG002 nothing is waited for
    ) -> T:
        if is_short and self._begin_now(durable=durable):
            written = self._write_here(work, durable=durable)
        else:
            self._writes_waiting += 1
            written = self._hop(self._writer, lambda: self._write(work, durable=durable))
            written.add_done_callback(self._note_written)
        written.add_done_callback(self._after_write)
        value, _ = await asyncio.shield(written)
        return value

    async def autocommit(self, work: Work[T]) -> T:
        return await self.transaction(work, durable=False, is_short=True)

    async def read(self, work: Work[T]) -> T:
        return await asyncio.shield(self._hop(self._readers, lambda: self._read(work)))

    async def close(self) -> None:
        if self._is_closed:
            return
        self._is_closed = True
        await asyncio.shield(self._hop(self._writer, self._write_connection.close))
        self._writer.shutdown()
        self._readers.shutdown()
        self._checkpointer.close()
        while not self._read_connections.empty():
            self._read_connections.get().close()
        os.close(self._turn_fd)
        os.close(self._checkpoint_turn_fd)

    def _hop(self, pool: ThreadPoolExecutor, call: Callable[[], T]) -> "asyncio.Future[T]":
        """The call in the pool's thread. Awaited behind a shield: a caller that goes away must not
        stop a commit half way, so the thread always finishes.
        """
        try:
            return asyncio.get_running_loop().run_in_executor(pool, call)
        except RuntimeError as error:
            raise ConnectionLost("closed") from error

    def _begin_now(self, *, durable: bool) -> bool:
        """Begins a transaction on this thread, unless anybody else is writing."""
        if self._writes_waiting or self._is_closed:
            return False
        try:
            fcntl.flock(self._turn_fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        try:
            self._begin(durable=durable)
        except sqlite3.Error:
            # Such as a stranger's lock: the writer's thread can wait for it.
            fcntl.flock(self._turn_fd, fcntl.LOCK_UN)
            return False
        return True

    def _write_here(self, work: Work[T], *, durable: bool) -> "asyncio.Future[tuple[T, set[str]]]":
        """The begun transaction's work at once.

        A COMMIT that waits for the disk is the writer's thread's, and with it the end of our turn:
        until then every other write waits behind it there. Any other COMMIT is a copy to the page
        cache, for which a hand-over would cost ten times as much [0.7 ms of a lone delivery].
        """
        transaction = SqliteTransaction(self._write_connection)
        rows_before = self._write_connection.total_changes

        def commit() -> tuple[T, set[str]]:
            self._end(transaction, "COMMIT")
            self._checkpointer.note(self._write_connection.total_changes - rows_before)
            return value, transaction.hints

        done: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        try:
            with _named_failures():
                value = _drive(work(transaction))
        except BaseException as error:
            self._end(transaction, "ROLLBACK")
            done.set_exception(error)
            return done
        if not durable:
            try:
                done.set_result(commit())
            except Exception as error:
                done.set_exception(error)
            return done
        self._writes_waiting += 1
        written = self._hop(self._writer, commit)
        written.add_done_callback(self._note_written)
        return written

    def _end(self, transaction: SqliteTransaction, how: str) -> None:
        """COMMIT or ROLLBACK, and the end of our turn whatever comes of it."""
        connection = self._write_connection
        try:
            with _named_failures():
                connection.execute(how)
        finally:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            fcntl.flock(self._turn_fd, fcntl.LOCK_UN)
            self.statements_run += transaction.statements_run + 2

    def _note_written(self, _written: "asyncio.Future[Any]") -> None:
        self._writes_waiting -= 1

    def _after_write(self, written: "asyncio.Future[tuple[Any, set[str]]]") -> None:
        # Not the caller's business: it may be gone, and the rows are there all the same.
        if not written.cancelled() and written.exception() is None:
            tell(self._on_hint, written.result()[1])

    def _write(self, work: Work[T], *, durable: bool) -> tuple[T, set[str]]:
        connection = self._write_connection
        rows_before = connection.total_changes
        with _named_failures(), _turn(self._turn_fd):
            self._begin(durable=durable)
            transaction = SqliteTransaction(connection)
            try:
                value = _drive(work(transaction))
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise
            finally:
                self.statements_run += transaction.statements_run + 2
        self._checkpointer.note(connection.total_changes - rows_before)
        return value, transaction.hints

    def _begin(self, *, durable: bool) -> None:
        connection = self._write_connection
        if durable is not self._is_durable:
            connection.execute(f"PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}")
            self._is_durable = durable
        connection.execute("BEGIN IMMEDIATE")

    def _read(self, work: Work[T]) -> T:
        connection = self._read_connections.get()
        try:
            with _named_failures():
                connection.execute("BEGIN")
                transaction = SqliteTransaction(connection)
                try:
                    return _drive(work(transaction))
                finally:
                    connection.execute("ROLLBACK")
                    self.statements_run += transaction.statements_run + 2
        finally:
            self._read_connections.put(connection)


def make_private_file(path: Path) -> None:
    """Makes the file and its folder for their owner alone, where they are missing.

    SQLite gives its log and shared memory the mode of the file. What exists stays as it is, and is
    not opened here: closing any descriptor of it would drop this process's locks on it.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with contextlib.suppress(FileExistsError):
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))


def _open_turn(path: Path) -> int:
    return os.open(f"{path}.turn", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)


@contextlib.contextmanager
def _turn(fd: int) -> Iterator[None]:
    fcntl.flock(fd, fcntl.LOCK_EX)
    try:
        yield
    finally:
        fcntl.flock(fd, fcntl.LOCK_UN)


def _connect(path: Path, *, cache_kib: int = READER_CACHE_KIB) -> sqlite3.Connection:
    connection = sqlite3.connect(
        path,
        timeout=BUSY_TIMEOUT_MS / 1000,
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


def _drive(coroutine: Awaitable[T]) -> T:
    """Runs a transaction's coroutine to its end; it has nothing to wait for."""
    steps = coroutine.__await__()
    try:
        next(steps)
    except StopIteration as end:
        return cast(T, end.value)
    if (close := getattr(coroutine, "close", None)) is not None:
        close()
    raise RuntimeError("a transaction waits for nothing but its own statements")


@contextlib.contextmanager
def _named_failures() -> Iterator[None]:
    """Driver errors as ours: they hold the code and the constraint, never a value."""
    try:
        yield
    except sqlite3.IntegrityError as error:
        # "UNIQUE constraint failed: table.column": names only.
        raise DataRefused(error.sqlite_errorname, str(error).rpartition(": ")[2]) from None
    except (sqlite3.DataError, sqlite3.InterfaceError, OverflowError, UnicodeEncodeError) as error:
        raise DataRefused(type(error).__name__) from None
    except sqlite3.OperationalError as error:
        code = getattr(error, "sqlite_errorname", "SQLITE_ERROR")
        if code.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
            raise Contention(code) from None
        raise StoreError(code, str(error) if code == "SQLITE_ERROR" else "") from None
    except sqlite3.ProgrammingError as error:
        raise StoreError("SQLITE_MISUSE", str(error)) from None
    except sqlite3.Error as error:
        # Such as a damaged file, which is neither of the above.
        raise StoreError(getattr(error, "sqlite_errorname", type(error).__name__)) from None
