"""Seal days of the ledger, which join the sealed sums, and the record log once an hour.

Each chore looks every ten minutes, and neither delays the other. The first look also makes a new
installation's signing key.
"""

from collections.abc import Sequence
from typing import Final

from billing.checkpoints.sealing import Sealer
from billing.checkpoints.sums import add_sealed
from billing.records.sealing import RecordSealer
from runtime.context import Context
from worker.chores import PAUSE_S, Chore

LOOK_S: Final = 600.0
# A day of ten million transfers takes ten minutes, while deliveries are as quick as without.
SEALING_PAUSE_S: Final = 0.02


def sealing_chores(context: Context) -> Sequence[Chore]:
    """Seal each day once, in one of all workers; the record log in whichever comes first."""
    parts = (context.database, context.vault, context.clock)
    sealer = Sealer(*parts, pause_s=SEALING_PAUSE_S)
    records = RecordSealer(*parts, pause_s=SEALING_PAUSE_S)

    async def seal() -> None:
        await sealer.seal_due()
        await add_sealed(context.database, pause_s=PAUSE_S)

    return (
        Chore("checkpoints.seal", LOOK_S, seal),
        Chore("records.seal", LOOK_S, records.seal_due),
    )
