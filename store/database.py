"""Run transactions on SQLite or PostgreSQL. A transaction is a function that may run more than once.

    async def work(tx: Transaction) -> T: ...
    value = await database.transaction(work)

The value is returned only after everything in `work` is durably committed. After contention or a lost connection,
`work` runs again. So it must change nothing outside the database, and await only its own statements.
"""

import logging
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Protocol, TypeVar

from store.errors import StoreError
from store.servers import ServerRoom, ServerWatch

T = TypeVar("T")
Work = Callable[["Transaction"], Awaitable[T]]
OnHint = Callable[[str], None]
OnHints = Callable[[Sequence[str]], None]
ANYTHING = "*"

_log = logging.getLogger(__name__)


class Row(Protocol):
    """A result row. A value is read by its column's name or position."""

    def __getitem__(self, key: str | int | slice) -> Any: ...

    def __iter__(self) -> Iterator[Any]: ...


Rows = Sequence[Row]


def check_touched(touched: int, expected: int) -> None:
    """Raise StoreError if a statement didn't change as many rows as were read under a lock."""
    if touched != expected:
        raise StoreError("rows", f"{touched} touched, not {expected}")


class BatchRead:
    """A statement and the function that receives its rows. If the statement is empty, nothing is read."""

    __slots__ = ("take", "text", "values")

    def __init__(self, text: str, take: Callable[[Rows], None], **values: Any) -> None:
        self.text = text
        self.take = take
        self.values: Mapping[str, Any] = values


class Lock:
    """Rows to lock when a transaction begins. The text is a SELECT ... FOR UPDATE whose result is ignored.

    Later statements read the rows again, because only they see everything that was committed before the lock.
    """

    __slots__ = ("text", "values")

    def __init__(self, text: str, **values: Any) -> None:
        self.text = text
        self.values: Mapping[str, Any] = values


class Transaction(Protocol):
    """A transaction. Its statements have the portable form that store/statement.py describes."""

    async def fetch(self, text: str, **values: Any) -> Sequence[Row]: ...

    async def fetch_one(self, text: str, **values: Any) -> Row | None: ...

    async def fetch_many(self, readings: Sequence[BatchRead]) -> None:
        """Run all reads and pass each one's rows to its `take`. On PostgreSQL, this takes one round trip."""
        ...

    async def execute(self, text: str, **values: Any) -> int:
        """Run a write, and return the number of changed rows."""
        ...

    async def insert(
        self,
        table: str,
        columns: Sequence[str],
        rows: Sequence[Sequence[Any]],
        on_conflict: str = "",
    ) -> int:
        """Insert all rows in one statement, and return how many were inserted."""
        ...

    async def insert_deferred(
        self,
        table: str,
        columns: Sequence[str],
        rows: Sequence[Sequence[Any]],
        on_conflict: str = "",
    ) -> None:
        """Insert the rows before the commit, or before the next statement that isn't deferred.

        Deferred writes share one round trip, so they must change different rows.
        """
        ...

    async def execute_deferred(self, text: str, *, touching: int | None, **values: Any) -> None:
        """Defer a write, as insert_deferred does. Raise StoreError unless it changes `touching` rows."""
        ...

    async def update_and_insert(
        self,
        update: str,
        table: str,
        columns: Sequence[str],
        rows: Sequence[Sequence[Any]],
        /,
        **values: Any,
    ) -> frozenset[str]:
        """Run an update that returns IDs as `updated_id`. Insert the rows whose first value is one of these IDs.
        Return the IDs.

        On PostgreSQL, both statements take one round trip.
        """
        ...

    async def pause(self) -> None:
        """Let other tasks run. Call this during long work that runs no SQL statements."""
        ...

    def hint(self, name: str) -> None:
        """Notify the process's listener of work with this name, once the transaction has committed."""
        ...


class Database(Protocol):
    @property
    def statements_run(self) -> int: ...

    async def transaction(
        self,
        work: Work[T],
        *,
        durable: bool = True,
        is_short: bool = False,
        lock: Lock | None = None,
        lock_wait_s: float | None = None,
        meanwhile: Callable[[], None] | None = None,
    ) -> T:
        """Run work and commit.

        - lock: rows that are locked in the round trip that begins the transaction.
        - lock_wait_s: how long to wait for a locked row. Then LockTimeout is raised without a retry.
        - meanwhile: a function that may be called while the database works.
        - is_short: work takes a few milliseconds at most, so it may run on the event loop's thread.
        - durable: if false, a crash may lose the newest transactions. Money is always written durably.

        Errors from `work` are raised unchanged. After any error except CommitUnknown, nothing was stored.
        """
        ...

    async def autocommit(self, work: Work[T]) -> T:
        """Run short work without a transaction. This saves two round trips.

        After a StoreError, some of the statements may have taken effect.
        """
        ...

    async def read(self, work: Work[T], *, is_single: bool = False) -> T:
        """Run work that only reads, on one consistent snapshot.

        Set is_single if work takes a few milliseconds and usually runs one statement. PostgreSQL then begins a
        transaction only for a second statement.
        """
        ...

    async def close(self) -> None: ...


class Store(Database, Protocol):
    @property
    def pool_waits(self) -> tuple[int, float]:
        """Return how often callers have waited for a connection, and for how many seconds in total."""
        ...

    @property
    def is_sharing_sessions(self) -> bool:
        """Return whether a pooler may run each transaction in a different session. This is known after the first
        transaction.
        """
        ...

    def unhurried(self) -> Database:
        """Return a view of the database for reads that can take minutes."""
        ...

    def reserve(self, connections: int) -> "Store":
        """Return a view with its own connections, for short transactions. It is closed together with this object."""
        ...

    async def send_hints(self, names: Sequence[str]) -> None:
        """Send the names of new work to every listening process. Raise StoreError if this fails.

        Hints may be lost. Call this method once after many commits, not after each commit.
        """
        ...

    async def hear_hints(self, on_hints: OnHints) -> None:
        """Call on_hints with the names of new work in any process, until cancelled, even through outages.

        The name ANYTHING means that hints may have been missed. on_hints must not block.
        """
        ...

    async def end_stalled(self) -> int:
        """End stalled sessions on the server, and return how many were ended."""
        ...

    async def room(self) -> ServerRoom | None:
        """Return how much of the server's limits is used, or None if there is no server."""
        ...

    @property
    def servers(self) -> ServerWatch: ...

    async def place(self) -> str:
        """Return a name for the database and its running server. It is empty if there is no server."""
        ...

    async def free_space(self) -> int:
        """Return some unused space to the disk, and return how many unused pages are left. Servers do this themselves."""
        ...

    async def shape(self) -> dict[str, str]:
        """Return a digest of each table's columns and indexes (store/fingerprint.py)."""
        ...

    async def probe(self, filler: bytes, *, now_us: int) -> None:
        """Commit a test row that contains the filler. Raise StoreError if nothing can be stored."""
        ...


def no_hint(_name: str) -> None: ...


def pass_on(on_hint: OnHint, names: Iterable[str]) -> None:
    """Pass each hint to the listener. An error is only logged, because the commit has already happened."""
    for name in sorted(names):
        try:
            on_hint(name)
        except Exception:
            _log.exception("hint not taken", extra={"hint": name})
