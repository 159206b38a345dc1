"""What commands ask of the batch's state before they are decided, subject by subject.

A subject beyond wallets and top-ups (orders, codes, holds, …) keeps its rows on a working set of its own:
the command that names the working set pays for its statements, a batch without one does not.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import TypeVar

from billing.ledger.ledger import Place, Scope
from keys.caps import Window
from store.database import Transaction
from store.idempotency import RequestKey

S = TypeVar("S", bound="WorkingSet")


class WorkingSet(ABC):
    """One subject's rows in one transaction: what commands asked for, found, and changed.

    A command's `declare` adds ids to its fields; `load` reads them set-based, after the tenants were
    locked; `decide` changes rows in memory and counts in `changes`; `flush` writes them in bulk.
    Rows that tenants share are locked in `load`, sorted by id; working sets load in the order of their
    names, so no two batches wait for each other.
    """

    changes = 0

    @abstractmethod
    async def load(self, tx: Transaction, read_set: "ReadSet", now_us: int) -> None:
        """Reads the rows; may add places, windows and ledger_ids that they need."""

    @abstractmethod
    async def flush(self, tx: Transaction, now_us: int) -> None:
        """Writes what changed; called once, after every command was decided."""


@dataclass(slots=True)
class ReadSet:
    """What a command wants to find in the batch's state."""

    scopes: set[Scope] = field(default_factory=set)
    places: set[Place] = field(default_factory=set)
    ledger_ids: set[str] = field(default_factory=set)  # ledger accounts, by id
    key_ids: set[str] = field(default_factory=set)
    windows: set[Window] = field(default_factory=set)  # beside today's of each key
    references: set[tuple[str, str, str]] = field(default_factory=set)
    topup_ids: set[str] = field(default_factory=set)
    redeemed_topup_ids: set[str] = field(default_factory=set)  # whose vouchers are redeemed
    request_keys: set[RequestKey] = field(default_factory=set)
    voucher_ids: list[str] = field(default_factory=list)  # top-ups that may get a voucher
    funding_accounts: set[str] = field(default_factory=set)  # whose test credit of today counts
    working_sets: dict[type[WorkingSet], WorkingSet] = field(default_factory=dict)

    def working_set(self, kind: type[S]) -> S:
        """The batch's one working set of that kind."""
        found = self.working_sets.get(kind)
        if found is None:
            found = self.working_sets[kind] = kind()
        assert isinstance(found, kind)
        return found
