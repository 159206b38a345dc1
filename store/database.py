"""Transactions over either database: one function of a Transaction, run once or more.

    async def work(tx: Transaction) -> T: ...
    value = await database.transaction(work)

The value is returned only after a durable commit of everything in `work`. `work` may run again (contention,
a lost connection), so it changes nothing else, and awaits only its own statements; SQLite enforces that.
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
    """A result row, read by column name, position or slice."""

    def __getitem__(self, key: str | int | slice) -> Any: ...

    def __iter__(self) -> Iterator[Any]: ...


Rows = Sequence[Row]


def check_touched(touched: int, expected: int) -> None:
    """Raise StoreError unless a statement changed the rows that were read under a lock."""
    if touched != expected:
        raise StoreError("rows", f"{touched} touched, not {expected}")


class BatchRead:
    """A statement, and the function that takes its rows. An empty text reads nothing."""

    __slots__ = ("take", "text", "values")

    def __init__(self, text: str, take: Callable[[Rows], None], **values: Any) -> None:
        self.text = text
        self.take = take
        self.values: Mapping[str, Any] = values


class Lock:
    """Rows to lock as a transaction begins: a SELECT ... FOR UPDATE whose result is ignored.

    Later statements read what the locks guard, because their snapshots are younger.
    """

    __slots__ = ("text", "values")

    def __init__(self, text: str, **values: Any) -> None:
        self.text = text
        self.values: Mapping[str, Any] = values


class Transaction(Protocol):
    """Statements of one transaction, in the portable form of store/statement.py."""

    async def fetch(self, text: str, **values: Any) -> Sequence[Row]: ...

    async def fetch_one(self, text: str, **values: Any) -> Row | None: ...

    async def fetch_many(self, readings: Sequence[BatchRead]) -> None:
        """Pass each reading's rows to its `take`, in one round trip on PostgreSQL."""
        ...

    async def execute(self, text: str, **values: Any) -> int:
        """Run a write, and return the number of rows it touched."""
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
        """Insert before the next other statement or the commit, in one round trip with other deferred writes.

        Deferred writes touch different rows.
        """
        ...

    async def execute_deferred(self, text: str, *, touching: int | None, **values: Any) -> None:
        """Run a write like insert_deferred. Raises StoreError unless it touches `touching` rows."""
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
        """Run the update, which ends in `RETURNING … AS updated_id`, insert the rows of these ids, and return
        them.

        A row's first value is its id. One round trip on PostgreSQL.
        """
        ...

    async def pause(self) -> None:
        """Let the rest of the process run during long work without statements."""
        ...

    def hint(self, name: str) -> None:
        """Notify the process's listener after the commit that there is work of this name."""
        ...


class Database(Protocol):
    @property
    def statements_run(self) -> int:
        """Return the number of driver-level statements so far."""
        ...

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

        - lock: rows locked in the round trip that begins the transaction.
        - lock_wait_s: after waiting this long for a locked row, raise LockTimeout and don't run work again.
        - meanwhile: called on the event loop while the database works, if there is such a time.
        - is_short: work takes a few milliseconds at most. It may run on the event loop's thread.
        - durable=False: a crash may lose the last moments, and a lost COMMIT isn't resolved. Money never
          uses it.

        Raises StoreError and what work raises. Nothing was stored then, except after CommitUnknown.
        """
        ...

    async def autocommit(self, work: Work[T]) -> T:
        """Run work of a few milliseconds without a transaction, which saves two round trips.

        After a StoreError any number of the statements may have been stored.
        """
        ...

    async def read(self, work: Work[T], *, is_single: bool = False) -> T:
        """Run work on one consistent snapshot that can't write.

        is_single: work takes a few milliseconds and usually runs one statement, so PostgreSQL uses no
        transaction unless a second statement comes.
        """
        ...

    async def close(self) -> None: ...


class Store(Database, Protocol):
    """A database as a process opens it."""

    @property
    def pool_waits(self) -> tuple[int, float]:
        """Return how often callers waited for a connection, and the total seconds."""
        ...

    @property
    def is_sharing_sessions(self) -> bool:
        """Return whether a pooler gives each transaction another session; known after the first one."""
        ...

    def unhurried(self) -> Database:
        """Return a view for reads that may take minutes."""
        ...

    def reserve(self, connections: int) -> "Store":
        """Return a view for short transactions with connections of its own. It is closed with this one."""
        ...

    async def send_hints(self, names: Sequence[str]) -> None:
        """Send hints to every listening process; they may be lost. Raises StoreError.

        Call it once after many commits, never for each.
        """
        ...

    async def hear_hints(self, on_hints: OnHints) -> None:
        """Call on_hints with the names of hints from any process, through any outage, until cancelled.

        ANYTHING means that some may have been missed. on_hints must not block.
        """
        ...

    async def end_stalled(self) -> int:
        """End what a lost process still holds on the server, and return how many."""
        ...

    async def room(self) -> ServerRoom | None:
        """Return the server's connections; None without a server."""
        ...

    @property
    def servers(self) -> ServerWatch: ...

    async def place(self) -> str:
        """Name the database and its running server; empty without a server."""
        ...

    async def give_back(self) -> int:
        """Return some unused space to the disk if the server doesn't; return the pages left."""
        ...

    async def shape(self) -> dict[str, str]:
        """Return each table's digest (store/fingerprint.py)."""
        ...

    async def probe(self, filler: bytes, *, now_us: int) -> None:
        """Commit a row of that size that nobody reads; raise StoreError if nothing can be stored."""
        ...


def no_hint(_name: str) -> None: ...


def tell(on_hint: OnHint, names: Iterable[str]) -> None:
    """Pass hints on, and log a listener's failure, because the commit has happened."""
    for name in sorted(names):
        try:
            on_hint(name)
        except Exception:
            _log.exception("hint not taken", extra={"hint": name})
