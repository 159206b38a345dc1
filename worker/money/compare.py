"""The daily three-way reconciliation as a chore.

The first look is a minute after the start: waiting work goes first, and so does the greeting of `topup dev`.
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
    run = partial(_run, context.part(DailyReconciliation))
    return Chore("money.reconcile", LOOK_S, run, first_s=LOOK_S)


async def _run(daily: DailyReconciliation) -> None:
    await daily.run_due()
