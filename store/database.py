"""Transactions over either database: one function of a Transaction, run once or again.

    async def work(tx: Transaction) -> T: ...
    value = await database.transaction(work)

Invariant: what `work` did is kept as a whole or not at all, and a value is returned only after the
commit is durable. `work` may be run again (contention, a lost connection), so it changes nothing
outside the transaction. It waits for nothing but its own statements: on SQLite it is driven to its
end in one go, and any other await is an error, which also keeps network calls out of transactions.
"""

import logging
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Protocol, TypeVar

from store.pool_options import ServerRoom
from store.servers import ServerWatch

T = TypeVar("T")
Work = Callable[["Transaction"], Awaitable[T]]
OnHint = Callable[[str], None]
OnHints = Callable[[Sequence[str]], None]
# The name of a hint that may be about anything.
ANYTHING = "*"

_log = logging.getLogger(__name__)


class Row(Protocol):
    """A result row: by column name, by position, or several by a slice."""

    def __getitem__(self, key: str | int | slice) -> Any: ...

    def __iter__(self) -> Iterator[Any]:
        """Its values."""
        ...


Rows = Sequence[Row]


class BatchRead:
    """What to read, and what to do with its rows, which are known by position; without a text there
    is nothing to read.
    """

    __slots__ = ("take", "text", "values")

    def __init__(self, text: str, take: Callable[[Rows], None], **values: Any) -> None:
        self.text = text
        self.take = take
        self.values: Mapping[str, Any] = values


class Lock:
    """Rows to lock as a transaction begins: a SELECT ... FOR UPDATE whose result nobody looks at.

    Whatever they guard is read by the transaction's own statements, whose snapshots are younger.
    """

    __slots__ = ("text", "values")

    def __init__(self, text: str, **values: Any) -> None:
        self.text = text
        self.values: Mapping[str, Any] = values


class Transaction(Protocol):
    """Statements of one transaction, in the portable form of store/statement.py."""

    async def fetch(self, text: str, **values: Any) -> Sequence[Row]:
        """All rows."""
        ...

    async def fetch_one(self, text: str, **values: Any) -> Row | None:
        """The first row, or None."""
        ...

    async def fetch_many(self, readings: Sequence[BatchRead]) -> None:
        """Each reading's rows to its `take`, in one round trip where there are such."""
        ...

    async def execute(self, text: str, **values: Any) -> int:
        """Runs a write and returns the number of rows it touched."""
        ...

    async def insert(
        self,
        table: str,
        columns: Sequence[str],
        rows: Sequence[Sequence[Any]],
        on_conflict: str = "",
    ) -> int:
        """Inserts all rows in one statement and returns how many went in; none is no statement."""
        ...

    async def insert_deferred(
        self,
        table: str,
        columns: Sequence[str],
        rows: Sequence[Sequence[Any]],
        on_conflict: str = "",
    ) -> None:
        """As insert, but perhaps later: with its neighbours in one round trip, at the latest before
        the next other statement or the commit. Neighbours touch different rows.
        """
        ...

    async def execute_deferred(self, text: str, *, touching: int | None, **values: Any) -> None:
        """As execute, perhaps later like insert_deferred; StoreError unless so many rows are touched.
        None: whatever is there.
        """
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
        """Runs the update, which ends in `RETURNING … AS updated_id`, and inserts those rows whose first
        value is among the ids that it returned; gives these ids. One round trip where there are such.
        """
        ...

    async def pause(self) -> None:
        """Lets the rest of the process go on, in the middle of long work that runs no statement."""
        ...

    def hint(self, name: str) -> None:
        """After the commit, tell the process's listener that work of this name is there."""
        ...


class Database(Protocol):
    """One open database, or a view of it; see Store for the whole of one."""

    @property
    def statements_run(self) -> int:
        """Driver-level statements since it was opened; for tests and metrics."""
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
        """Runs work and commits. lock is taken first, in the round trip that begins; meanwhile is
        what the caller may do during that time, called on the event loop where there is such a time.
        A row that another transaction holds is waited for lock_wait_s, or a few seconds, then
        LockTimeout is raised, and work is not run again.

        is_short: work takes a few milliseconds at most and may run on the event loop's thread where
        it has to wait for nobody. durable=False may lose the last moments in a crash of the machine
        (deliveries repeat; money never uses it), and does not find out what became of a COMMIT
        whose connection died. Raises StoreError and whatever work raises; nothing was kept then,
        but after CommitUnknown.
        """
        ...

    async def autocommit(self, work: Work[T]) -> T:
        """Runs work, a few milliseconds at most, as with durable=False, but each of its statements
        may be a transaction of its own: beginning and ending one are two more round trips. After a
        StoreError any number of them may have been kept.
        """
        ...

    async def read(self, work: Work[T], *, is_single: bool = False) -> T:
        """Runs work on one consistent snapshot that cannot write.

        is_single: work takes a few milliseconds at most and most often runs one statement. On PostgreSQL it
        then needs no transaction around it; where it runs another one, it is run again in one. On SQLite it
        may run on the event loop's thread.
        """
        ...

    async def close(self) -> None: ...


class Store(Database, Protocol):
    """A database as a process opens it: store/sqlite/database.py and store/postgresql/database.py."""

    @property
    def pool_waits(self) -> tuple[int, float]:
        """How often somebody waited for a connection since it was opened, and the seconds together;
        none where there is no pool.
        """
        ...

    @property
    def is_sharing_sessions(self) -> bool:
        """Whether a pooler in between gives each transaction another session of the server, as far as
        it is known: after the first transaction.
        """
        ...

    def unhurried(self) -> Database:
        """The same database, whose reads may take minutes, as when a whole tenant is proved."""
        ...

    def reserve(self, connections: int) -> "Store":
        """The same database, for short transactions, over so many connections that nobody else of
        this process uses, where there are such. It is closed with this one.
        """
        ...

    async def send_hints(self, names: Sequence[str]) -> None:
        """Tells whoever hears hints in any process, this one too; may be lost. After the commits that
        they speak of, and for many of them at once: never for each. Raises StoreError.
        """
        ...

    async def hear_hints(self, on_hints: OnHints) -> None:
        """Calls on_hints with the names of the hints that any process sends, until cancelled and
        through any outage; with ANYTHING where some may have been missed. It must not block.
        """
        ...

    async def end_stalled(self) -> int:
        """Ends what a process that was stopped, or lost, holds on the server and the server itself
        does not end; returns how many. Anybody may call it for all.
        """
        ...

    async def room(self) -> ServerRoom | None:
        """The connections of the whole server; None where there is none."""
        ...

    @property
    def servers(self) -> ServerWatch:
        """Which server it is on, and which others there are."""
        ...

    async def place(self) -> str:
        """Which database of which running server it is; empty where there is no server."""
        ...

    async def give_back(self) -> int:
        """Gives a part of the space that nothing is in back to the disk, where the server does not do
        it by itself; returns how many pages are left to give.
        """
        ...

    async def shape(self) -> dict[str, str]:
        """A digest of each table that there is (store/fingerprint.py); two or three statements."""
        ...

    async def probe(self, filler: bytes, *, now_us: int) -> None:
        """Commits a row that nobody reads, with that much in it; raises StoreError where nothing can
        be kept.
        """
        ...


def no_hint(_name: str) -> None:
    """Nobody listens."""


def tell(on_hint: OnHint, names: Iterable[str]) -> None:
    """Passes hints on. A listener's failure is its own: the commit has happened, and whoever took
    the failure for the transaction's would run the work again.
    """
    for name in sorted(names):
        try:
            on_hint(name)
        except Exception:
            _log.exception("hint not taken", extra={"hint": name})
