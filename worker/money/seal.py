"""The chore that seals the days of the ledger: what is due is looked for every ten minutes.

The first look is at the start: it also makes the signing key of a new installation.
"""

from typing import Final

from billing.checkpoints.sealing import Sealer
from runtime.context import Context
from worker.chores import Chore

LOOK_S: Final = 600.0


def sealing_chore(context: Context) -> Chore:
    """Each day once, in one of all workers."""
    sealer = Sealer(context.database, context.vault, context.clock)
    return Chore("checkpoints.seal", LOOK_S, sealer.seal_due)
