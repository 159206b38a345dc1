"""What commands need before they are decided, subject by subject.

Only a batch with a command that names a working set pays for its statements.
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
    """One subject's rows in one transaction.

    `declare` adds IDs. `load` and `readings` read in sets after the tenants are locked. `decide` changes rows
    in memory and counts in `changes`. `update` and `insert` write in bulk. Rows that tenants share are locked
    in `load`, sorted by ID; working sets load and write by rank, all different, so no two batches deadlock.
    """

    rank: ClassVar[int]
    changes = 0

    @classmethod
    def under(cls, rules: Rules) -> Self:  # noqa: ARG003 most ask for no rules of their own
        return cls()

    def prepare(self) -> None:  # noqa: B027 most have nothing to prepare
        """Compute what doesn't depend on the database; skipped when a batch is tried again."""

    @abstractmethod
    async def load(self, tx: Transaction, read_set: "ReadSet", now_us: int) -> None:
        """Read the rows; may add places, windows and ledger_ids."""

    def readings(self) -> Sequence[BatchRead]:
        """Return reads that join the wallets' round trip on PostgreSQL."""
        return ()

    def further_readings(self) -> Sequence[BatchRead]:
        """Return reads whose need the first ones showed; mostly none."""
        return ()

    @abstractmethod
    async def update(self, tx: Transaction, now_us: int) -> None:
        """Write what changed, once, after every command was decided."""

    async def insert(self, tx: Transaction) -> None:  # noqa: B027 most write in `update`
        """Add rows that nothing else in the transaction waits for. Deferred behind every update; on
        PostgreSQL in one round trip with the ledger's.
        """

    def hints(self) -> Iterable[str]:
        """Return the hints for the worker, sent after the commit."""
        return ()


@dataclass(slots=True)
class ReadSet:
    rules: Rules
    tenants: set[Tenant] = field(default_factory=set)
    places: set[LedgerAccountKey] = field(default_factory=set)
    ledger_ids: set[str] = field(default_factory=set)  # ledger accounts, by id
    key_ids: set[str] = field(default_factory=set)
    windows: set[Window] = field(default_factory=set)  # beside today's of each key
    counted: dict[str, Tenant] = field(default_factory=dict)  # grants of apps, which are no keys
    # Sends whose recipients matter to the keys' mandates.
    sends: list[LimitedSend] = field(default_factory=list)
    request_keys: list[RequestKey] = field(default_factory=list)
    funding_accounts: set[str] = field(default_factory=set)  # whose test credit of today counts
    working_sets: dict[type[WorkingSet], WorkingSet] = field(default_factory=dict)

    def working_set(self, kind: type[S]) -> S:
        found = self.working_sets.get(kind)
        if found is None:
            found = self.working_sets[kind] = kind.under(self.rules)
        assert isinstance(found, kind)
        return found
