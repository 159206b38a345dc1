"""The daily three-way reconciliation as a worker's chore; it looks for due parts every minute.

The first look is a minute after the start: a restart wants its cores for waiting work, and the first thing a
newcomer reads under `topup dev` is its greeting, not the lines of these runs.
"""

from functools import partial
from typing import Final

from billing.reconciliation.daily import DailyReconciliation
from runtime.context import Context
from worker.chores import Chore

# A due part begins at most this much later; one that failed is due again in an hour.
LOOK_S: Final = 60.0


def reconciliation_chore(context: Context) -> Chore:
    """Run each part once a day, in one of all workers."""
    run = partial(_run, reconciliation_of(context))
    return Chore("money.reconcile", LOOK_S, run, first_s=LOOK_S)


def reconciliation_of(context: Context) -> DailyReconciliation:
    """Return the comparisons on the context's parts."""
    return DailyReconciliation(context.database, context.clock, context.payments, context.suppliers)


async def _run(daily: DailyReconciliation) -> None:
    await daily.run_due()
