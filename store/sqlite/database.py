"""Use SQLite in WAL mode, with one writer thread and a few readers. Responses wait for an fsync.

- Transactions run on the writer's thread. A short transaction that needn't wait runs on the event loop, and only
  its COMMIT on the thread. Short reads also run on the event loop, because changing threads takes time.
- Processes take turns writing: each takes an flock before BEGIN IMMEDIATE. SQLite's own busy handler sleeps up to 100
  ms at a time, which would halve the write rate.
- A transaction that gets no turn within TURN_WAIT_S fails with Contention and never runs.
"""

import asyncio
import contextlib
import errno
import fcntl
import os
import queue
import secrets
import sqlite3
import stat
import threading
import time
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache, partial
from itertools import chain
from operator import itemgetter
from pathlib import Path
from typing import Any, Final, cast

from store import commit_token
from store.database import (
    ANYTHING,
    BatchRead,
    Lock,
    OnHint,
    OnHints,
    Row,
    T,
    Transaction,
    Work,
    check_touched,
    no_hint,
    pass_on,
)
from store.errors import CannotOpen, ConnectionLost, Contention
from store.fingerprint import fingerprints
from store.sqlite.file import (
    BUSY_TIMEOUT_MS,
    ROWS_BETWEEN,
    WRITER_CACHE_KIB,
    Checkpointer,
    OpenFile,
    connect,
    free_space,
    named_failures,
    open_turn,
    opening,
    turn,
)
from store.statement import SQLITE, SqlStatement, insert_text, translate

_MARK: Final = ".hints-"
# A write of at most this size is never mixed with another writer's.
_BYTES_MAX: Final = 512
_READ_BYTES: Final = 65_536

_Rows = Sequence[Sequence[Any]]
_TOGETHER: Final = (64, 16)
_LEAVING_OUT_ROWS_MIN: Final = 4
_TEXTS_MAX: Final = 256
_text = lru_cache(_TEXTS_MAX)(insert_text)
_statements: dict[str, SqlStatement] = {}
_COLUMNS = """
    SELECT m.name, c.name, c.type, c."notnull", c.dflt_value IS NOT NULL
    FROM sqlite_master m JOIN pragma_table_info(m.name) c
    WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite_%'"""
_INDEXES = """
    SELECT m.name, l."unique", l.partial, (
        SELECT GROUP_CONCAT(COALESCE(k.name, '()'), ',')
        FROM (SELECT name FROM pragma_index_info(l.name) ORDER BY seqno) AS k)
    FROM sqlite_master m JOIN pragma_index_list(m.name) l
    WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite_%'"""
VERSION_MIN = (3, 35, 0)
TURN_WAIT_S = 4.0
BUSY_RETRY_S = 0.01
READERS = 2


def send(path: Path, names: str) -> None:
    text = names if len(names.encode()) < _BYTES_MAX else ANYTHING
    message = f"{text}\n".encode()
    for pipe in path.parent.glob(f"{path.name}{_MARK}*"):
        with contextlib.suppress(OSError):
            _write(pipe, message)


async def hear(path: Path, on_hints: OnHints) -> None:
    pipe = path.with_name(f"{path.name}{_MARK}{secrets.token_hex(8)}")
    os.mkfifo(pipe, 0o600)
    try:
        fd = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        # This process also opens the pipe for writing, so that a read never reaches the end of the file.
        held_fd = os.open(pipe, os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        loop = asyncio.get_running_loop()
        try:
            loop.add_reader(fd, _reader(fd, on_hints))
            on_hints([ANYTHING])
            await asyncio.Event().wait()
        finally:
            loop.remove_reader(fd)
            os.close(fd)
            os.close(held_fd)
    finally:
        pipe.unlink(missing_ok=True)


def _reader(fd: int, on_hints: OnHints) -> Callable[[], None]:
    def read() -> None:
        try:
            said = os.read(fd, _READ_BYTES)
        except BlockingIOError:
            return
        # A read that fills the buffer may have cut off a message. Its hints are then unknown.
        names = said.decode(errors="replace").split() if len(said) < _READ_BYTES else [ANYTHING]
        on_hints(names)

    return read


def _write(pipe: Path, message: bytes) -> None:
    if not stat.S_ISFIFO(pipe.lstat().st_mode):
        return
    try:
        fd = os.open(pipe, os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        if error.errno == errno.ENXIO:
            pipe.unlink(missing_ok=True)
        return
    try:
        with contextlib.suppress(BlockingIOError, BrokenPipeError):
            os.write(fd, message)
    finally:
        os.close(fd)


def insert_rows(
    connection: sqlite3.Connection,
    table: str,
    columns: tuple[str, ...],
    on_conflict: str,
    rows: _Rows,
) -> int:
    given = _given(rows, len(columns))
    bound = rows if given is None else list(map(itemgetter(*given), rows))
    touched = at = 0
    for count in _TOGETHER:
        while len(bound) - at >= count:
            text = _text(table, columns, on_conflict, given=given, rows=count)
            values = list(chain.from_iterable(bound[at : at + count]))
            touched += connection.execute(text, values).rowcount
            at += count
    if at < len(bound):
        text = _text(table, columns, on_conflict, given=given)
        touched += connection.executemany(text, bound[at:]).rowcount
    return touched


def _given(rows: _Rows, columns: int) -> tuple[int, ...] | None:
    """Return the positions of the columns in which some row has a value, or None to bind all columns."""
    if len(rows) < _LEAVING_OUT_ROWS_MIN or None not in rows[0]:
        return None
    given = tuple(
        place
        for place, values in enumerate(zip(*rows, strict=True))
        if values.count(None) < len(values)
    )
    return given if 1 < len(given) < columns else None


def _statement(text: str) -> SqlStatement:
    found = _statements.get(text)
    if found is None:
        found = _statements[text] = translate(text, name=SQLITE)
    return found


class SqliteTransaction:
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

    async def fetch_many(self, readings: Sequence[BatchRead]) -> None:
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
        return insert_rows(self._connection, table, tuple(columns), on_conflict, rows)

    async def insert_deferred(
        self,
        table: str,
        columns: Sequence[str],
        rows: Sequence[Sequence[Any]],
        on_conflict: str = "",
    ) -> None:
        await self.insert(table, columns, rows, on_conflict)

    async def execute_deferred(self, text: str, *, touching: int | None, **values: Any) -> None:
        touched = await self.execute(text, **values)
        if touching is not None:
            check_touched(touched, touching)

    async def update_and_insert(
        self,
        update: str,
        table: str,
        columns: Sequence[str],
        rows: Sequence[Sequence[Any]],
        /,
        **values: Any,
    ) -> frozenset[str]:
        updated = frozenset(row["updated_id"] for row in await self.fetch(update, **values))
        await self.insert(table, columns, [row for row in rows if row[0] in updated])
        return updated

    async def pause(self) -> None:
        # This runs in the writer's thread. Release the interpreter lock, because the event loop may be waiting for it.
        time.sleep(0)  # noqa: ASYNC251 no event loop drives it

    def hint(self, name: str) -> None:
        self.hints.add(name)


async def shape(tx: Transaction) -> dict[str, str]:
    return fingerprints(await tx.fetch(_COLUMNS), await tx.fetch(_INDEXES))


class SqliteDatabase:
    def __init__(
        self, path: Path, *, on_hint: OnHint = no_hint, turn_wait_s: float = TURN_WAIT_S
    ) -> None:
        if sqlite3.sqlite_version_info < VERSION_MIN:
            raise RuntimeError(f"SQLite {sqlite3.sqlite_version} is older than 3.35")
        self.statements_run = 0
        self._path = path
        self._on_hint = on_hint
        self._turn_wait_s = turn_wait_s
        with opening(path):
            make_private_file(path)
            self._write_connection = connect(path, cache_kib=WRITER_CACHE_KIB)
            # The event loop uses this connection for short writes, and must not wait.
            self._write_connection.execute("PRAGMA busy_timeout = 0")
            self._turn_fd = open_turn(path)
        self.servers = OpenFile(path)
        self._checkpoint_turn_fd = open_turn(path)
        self._checkpointer = Checkpointer(
            self._open_another, partial(turn, self._checkpoint_turn_fd)
        )
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="sqlite-write")
        self._readers = ThreadPoolExecutor(READERS, thread_name_prefix="sqlite-read")
        self._read_connections: queue.SimpleQueue[sqlite3.Connection] = queue.SimpleQueue()
        self._here: sqlite3.Connection | None = None
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
        lock_wait_s: float | None = None,  # noqa: ARG002 and it waits for its turn
        meanwhile: Callable[[], None] | None = None,  # noqa: ARG002 nothing is waited for
    ) -> T:
        if durable:
            self.servers.check()
        if is_short and self._begin_now(durable=durable):
            written = self._write_here(work, durable=durable)
        else:
            written = self._write_in_turn(work, durable=durable)
        written.add_done_callback(self._after_write)
        try:
            value, _ = await asyncio.shield(written)
        finally:
            # An error's traceback keeps this frame's objects in memory until the garbage collector runs.
            del written
        return value

    async def autocommit(self, work: Work[T]) -> T:
        return await self.transaction(work, durable=False, is_short=True)

    @property
    def pool_waits(self) -> tuple[int, float]:
        return 0, 0.0

    @property
    def is_sharing_sessions(self) -> bool:
        return False

    def unhurried(self) -> "SqliteDatabase":
        return self

    def reserve(self, connections: int) -> "SqliteDatabase":  # noqa: ARG002 one writer serves all
        return self

    async def send_hints(self, names: Sequence[str]) -> None:
        send(self._path, " ".join(names))

    async def hear_hints(self, on_hints: OnHints) -> None:
        await hear(self._path, on_hints)

    async def end_stalled(self) -> int:
        return 0

    async def room(self) -> None:
        return None

    async def place(self) -> str:
        return ""

    async def free_space(self) -> int:
        self._writes_waiting += 1
        given = self._hop(self._writer, self._free_space)
        given.add_done_callback(self._note_written)
        spare = await asyncio.shield(given)
        if not spare:
            self._checkpointer.note(ROWS_BETWEEN)
        return spare

    async def shape(self) -> dict[str, str]:
        return await self.read(shape)

    async def probe(self, filler: bytes, *, now_us: int) -> None:
        await self.transaction(
            lambda tx: commit_token.write_probe(tx, filler, now_us=now_us), is_short=True
        )

    async def read(self, work: Work[T], *, is_single: bool = False) -> T:
        if is_single and not self._is_closed:
            # In a thread, the read would wait for the interpreter lock at each row. Here, 250 keys take 2 ms.
            with contextlib.suppress(Contention, CannotOpen):
                return self._read_on(self._reader_here(), work)
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
        if self._here is not None:
            self._here.close()
        os.close(self._turn_fd)
        os.close(self._checkpoint_turn_fd)

    def _hop(self, pool: ThreadPoolExecutor, call: Callable[[], T]) -> "asyncio.Future[T]":
        """Run the call in the pool's thread. The call continues even if its caller disconnects."""
        try:
            return asyncio.get_running_loop().run_in_executor(pool, call)
        except RuntimeError as error:
            raise ConnectionLost("closed") from error

    def _write_in_turn(
        self, work: Work[T], *, durable: bool
    ) -> "asyncio.Future[tuple[T, set[str]]]":
        loop = asyncio.get_running_loop()
        answered: asyncio.Future[tuple[T, set[str]]] = loop.create_future()
        decision = threading.Lock()
        self._writes_waiting += 1
        written = self._hop(self._writer, lambda: self._write(work, decision, durable=durable))
        written.add_done_callback(self._note_written)

        def give_up() -> None:
            if decision.acquire(blocking=False):
                answered.set_exception(Contention("SQLITE_BUSY"))

        def pass_on(done: "asyncio.Future[tuple[T, set[str]]]") -> None:
            timer.cancel()
            failure = None if done.cancelled() else done.exception()
            if answered.done():
                return
            if done.cancelled():
                answered.cancel()
            elif failure is not None:
                answered.set_exception(failure)
            else:
                answered.set_result(done.result())

        timer = loop.call_later(self._turn_wait_s, give_up)
        written.add_done_callback(pass_on)
        return answered

    def _begin_now(self, *, durable: bool) -> bool:
        """Begin a transaction on this thread and return True. If another thread or process is writing, return False."""
        if self._writes_waiting or self._is_closed:
            return False
        try:
            fcntl.flock(self._turn_fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        try:
            self._begin(durable=durable)
        except sqlite3.Error:
            fcntl.flock(self._turn_fd, fcntl.LOCK_UN)
            return False
        return True

    def _write_here(self, work: Work[T], *, durable: bool) -> "asyncio.Future[tuple[T, set[str]]]":
        """Run the work of a transaction that has begun. Its errors are raised unchanged.

        A durable COMMIT waits for the disk, so it runs on the writer's thread. Any other COMMIT runs here,
        because on the thread it would take ten times as long.
        """
        transaction = SqliteTransaction(self._write_connection)
        rows_before = self._write_connection.total_changes

        def commit() -> tuple[T, set[str]]:
            self._end(transaction, "COMMIT")
            self._checkpointer.note(self._write_connection.total_changes - rows_before)
            return value, transaction.hints

        try:
            with named_failures():
                value = _drive(work(transaction))
        except BaseException:
            self._end(transaction, "ROLLBACK")
            raise
        if not durable:
            done: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
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
        """Commit or roll back. End this process's turn even after an error."""
        connection = self._write_connection
        try:
            with named_failures():
                connection.execute(how)
        finally:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            fcntl.flock(self._turn_fd, fcntl.LOCK_UN)
            self.statements_run += transaction.statements_run + 2

    def _note_written(self, _written: "asyncio.Future[Any]") -> None:
        self._writes_waiting -= 1

    def _after_write(self, written: "asyncio.Future[tuple[Any, set[str]]]") -> None:
        if not written.cancelled() and written.exception() is None:
            pass_on(self._on_hint, written.result()[1])

    def _write(
        self, work: Work[T], decision: threading.Lock, *, durable: bool
    ) -> tuple[T, set[str]]:
        connection = self._write_connection
        rows_before = connection.total_changes
        with named_failures(), turn(self._turn_fd):
            self._begin_patiently(durable=durable)
            if not decision.acquire(blocking=False):
                connection.execute("ROLLBACK")
                raise Contention("SQLITE_BUSY")
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

    def _begin_patiently(self, *, durable: bool) -> None:
        """Begin a transaction. First, wait for programs that write without taking turns, such as the SQLite shell."""
        ends_at_s = time.monotonic() + self._turn_wait_s
        while True:
            try:
                self._begin(durable=durable)
            except sqlite3.OperationalError as error:
                code = getattr(error, "sqlite_errorname", "")
                if not code.startswith("SQLITE_BUSY") or time.monotonic() > ends_at_s:
                    raise
            else:
                return
            time.sleep(BUSY_RETRY_S)

    def _begin(self, *, durable: bool) -> None:
        connection = self._write_connection
        if durable is not self._is_durable:
            connection.execute(f"PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}")
            self._is_durable = durable
        connection.execute("BEGIN IMMEDIATE")

    def _free_space(self) -> int:
        with named_failures(), turn(self._turn_fd):
            return free_space(self._write_connection)

    def _open_another(self, busy_timeout_ms: int = BUSY_TIMEOUT_MS) -> sqlite3.Connection:
        with opening(self._path):
            self.servers.check()
            return connect(self._path, busy_timeout_ms=busy_timeout_ms)

    def _reader(self) -> sqlite3.Connection:
        with contextlib.suppress(queue.Empty):
            return self._read_connections.get_nowait()
        return self._open_reader()

    def _open_reader(self, busy_timeout_ms: int = BUSY_TIMEOUT_MS) -> sqlite3.Connection:
        connection = self._open_another(busy_timeout_ms)
        connection.execute("PRAGMA query_only = 1")
        return connection

    def _reader_here(self) -> sqlite3.Connection:
        if self._here is None:
            self._here = self._open_reader(0)
        return self._here

    def _read(self, work: Work[T]) -> T:
        connection = self._reader()
        try:
            return self._read_on(connection, work)
        finally:
            self._read_connections.put(connection)

    def _read_on(self, connection: sqlite3.Connection, work: Work[T]) -> T:
        with named_failures():
            connection.execute("BEGIN")
            transaction = SqliteTransaction(connection)
            try:
                return _drive(work(transaction))
            finally:
                connection.execute("ROLLBACK")
                self.statements_run += transaction.statements_run + 2


def make_private_file(path: Path) -> None:
    """Create a missing file and its folder. Only their owner can use them.

    An existing file isn't opened, because closing any of its descriptors would drop this process's locks.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with contextlib.suppress(FileExistsError):
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))


def _drive(coroutine: Awaitable[T]) -> T:
    steps = coroutine.__await__()
    try:
        next(steps)
    except StopIteration as end:
        return cast(T, end.value)
    if (close := getattr(coroutine, "close", None)) is not None:
        close()
    raise RuntimeError("a transaction waits for nothing but its own statements")
