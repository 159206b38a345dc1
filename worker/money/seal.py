"""The chore that seals the days of the ledger, and adds them to the sealed sums: looked for every ten minutes.

The first look is at the start: it also makes the signing key of a new installation.
"""

from functools import partial
from typing import Final

from billing.checkpoints.sealing import Sealer
from billing.checkpoints.summing import add_sealed
from runtime.context import Context
from store.database import Database
from worker.chores import PAUSE_S, Chore

LOOK_S: Final = 600.0
# A day of ten million transfers takes ten minutes, beside which a delivery is as quick as without.
SEALING_PAUSE_S: Final = 0.02


def sealing_chore(context: Context) -> Chore:
    """Each day once, in one of all workers."""
    sealer = Sealer(context.database, context.vault, context.clock, pause_s=SEALING_PAUSE_S)
    return Chore("checkpoints.seal", LOOK_S, partial(_seal, sealer, context.database))


async def _seal(sealer: Sealer, database: Database) -> None:
    await sealer.seal_due()
    await add_sealed(database, pause_s=PAUSE_S)
