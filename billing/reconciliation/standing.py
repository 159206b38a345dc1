"""The installation's state: what differs, by kind, and when each part was compared."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from billing.reconciliation import differences, runs
from billing.reconciliation.kinds import KINDS
from billing.reconciliation.runs import PartRun
from keys.principal import ENVIRONMENTS
from store.database import Transaction


@dataclass(frozen=True, slots=True)
class Standing:
    open: Mapping[tuple[str, str], int]
    runs: Sequence[PartRun]


async def read_standing(tx: Transaction) -> Standing:
    none = {(environment, kind): 0 for environment in ENVIRONMENTS for kind in KINDS}
    return Standing(none | await differences.count_open(tx), await runs.list_runs(tx))
