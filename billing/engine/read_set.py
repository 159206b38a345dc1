"""What commands ask of the batch's state before they are decided, subject by subject.

A subject beyond wallets (top-ups, orders, codes, holds, …) keeps its rows on a working set of its own:
the command that names the working set pays for its statements, a batch without one does not.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Self, TypeVar

from billing.engine.rules import Rules
from billing.engine.send_limits import LimitedSend
from billing.ledger.ledger import LedgerAccountKey
from kernel.tenant import Tenant
from keys.caps import Window
from store.database import BatchRead, Transaction
from store.idempotency import RequestKey

S = TypeVar("S", bound="WorkingSet")


class WorkingSet(ABC):
    """One subject's rows in one transaction: what commands asked for, found, and changed.

    A command's `declare` adds ids to its fields; `load` and `readings` read them set-based, after the
    tenants were locked; `decide` changes rows in memory and counts in `changes`; `update` and `insert`
    write them in bulk. Rows that tenants share are locked in `load`, sorted by id; working sets load
    and write in the order of their ranks, all of them different, so no two batches wait for each
    other.
    """

    rank: ClassVar[int]
    changes = 0

    @classmethod
    def under(cls, rules: Rules) -> Self:  # noqa: ARG003 most ask for no rules of their own
        """An empty one; it may take its package's own rules."""
        return cls()

    def prepare(self) -> None:  # noqa: B027 most have nothing to prepare
        """What can be worked out before a command is decided; for another try of a batch it is not called."""

    @abstractmethod
    async def load(self, tx: Transaction, read_set: "ReadSet", now_us: int) -> None:
        """Reads the rows; may add places, windows and ledger_ids that they need."""

    def readings(self) -> Sequence[BatchRead]:
        """What is read together with the wallets, in one round trip where there are such."""
        return ()

    def further_readings(self) -> Sequence[BatchRead]:
        """What the first readings showed to be wanted, too; mostly nothing."""
        return ()

    @abstractmethod
    async def update(self, tx: Transaction, now_us: int) -> None:
        """Writes what changed at once; called once, after every command was decided."""

    async def insert(self, tx: Transaction) -> None:  # noqa: B027 most write in `update`
        """Adds rows that nothing else in the transaction waits for, deferred: after every update, in
        one round trip with the ledger's where there are such.
        """

    def hints(self) -> Iterable[str]:
        """What the commit leaves behind for the worker."""
        return ()


@dataclass(slots=True)
class ReadSet:
    """What a command wants to find in the batch's state."""

    rules: Rules
    tenants: set[Tenant] = field(default_factory=set)
    places: set[LedgerAccountKey] = field(default_factory=set)
    ledger_ids: set[str] = field(default_factory=set)  # ledger accounts, by id
    key_ids: set[str] = field(default_factory=set)
    windows: set[Window] = field(default_factory=set)  # beside today's of each key
    counted: dict[str, Tenant] = field(default_factory=dict)  # grants of apps, which are no keys
    # Whose recipients the mandates of keys look at.
    sends: list[LimitedSend] = field(default_factory=list)
    request_keys: list[RequestKey] = field(default_factory=list)
    funding_accounts: set[str] = field(default_factory=set)  # whose test credit of today counts
    working_sets: dict[type[WorkingSet], WorkingSet] = field(default_factory=dict)

    def working_set(self, kind: type[S]) -> S:
        """The batch's one working set of that kind."""
        found = self.working_sets.get(kind)
        if found is None:
            found = self.working_sets[kind] = kind.under(self.rules)
        assert isinstance(found, kind)
        return found
