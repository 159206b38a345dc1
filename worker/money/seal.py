"""The chore that seals the days of the ledger and the record log, and adds sealed days to their sums.

Looked for every ten minutes; the record log is sealed once an hour. The first look is at the start: it also makes the
signing key of a new installation.
"""

from typing import Final

from billing.checkpoints.sealing import Sealer
from billing.checkpoints.summing import add_sealed
from billing.records.sealing import RecordSealer
from runtime.context import Context
from worker.chores import PAUSE_S, Chore

LOOK_S: Final = 600.0
# A day of ten million transfers takes ten minutes, beside which a delivery is as quick as without.
SEALING_PAUSE_S: Final = 0.02


def sealing_chore(context: Context) -> Chore:
    """Each day once, in one of all workers; the record log by whichever comes first."""
    parts = (context.database, context.vault, context.clock)
    sealer = Sealer(*parts, pause_s=SEALING_PAUSE_S)
    records = RecordSealer(*parts, pause_s=SEALING_PAUSE_S)

    async def seal() -> None:
        await sealer.seal_due()
        await records.seal_due()
        await add_sealed(context.database, pause_s=PAUSE_S)

    return Chore("checkpoints.seal", LOOK_S, seal)
