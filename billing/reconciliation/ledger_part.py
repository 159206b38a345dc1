"""Check the ledger by every rule of `topup audit`, in one environment, from the last proof on."""

from collections.abc import AsyncIterator

from billing.checkpoints.sums import open_basis
from billing.proof.audit import audit
from billing.reconciliation.comparison import Comparison
from billing.reconciliation.differences import MICROS
from billing.reconciliation.kinds import FoundDifference
from store.database import Database, Transaction


async def compare_ledger(
    database: Database, comparison: Comparison
) -> AsyncIterator[FoundDifference]:
    comparison.checked = await database.read(lambda tx: _accounts(tx, comparison.environment))
    basis = await open_basis(database, is_full=False, now_us=comparison.now_us)
    async for finding in audit(database, comparison.environment, basis=basis):
        yield FoundDifference(
            "ledger_rule",
            f"{finding.rule}: {finding.row_id}",
            finding.expected,
            finding.found,
            MICROS,
            f"{finding.rule} ({finding.row_id})",
            finding.account_id,
        )


async def _accounts(tx: Transaction, environment: str) -> int:
    row = await tx.fetch_one(
        "SELECT COUNT(*) AS number FROM account_environments WHERE environment = :environment",
        environment=environment,
    )
    assert row is not None, "a count has one row"
    return int(row["number"])
