"""Count what was sent and sold into the sums of its day (billing/ledger/volume.py)."""

import asyncio
from functools import partial
from typing import Final

from billing.ledger import volume
from kernel.clock import Clock
from store.database import Database
from worker.chores import PAUSE_S, Chore

COUNT_S: Final = 30


def volume_chore(database: Database, clock: Clock) -> Chore:
    """Count twice a minute: four small statements if nothing was sent."""
    return Chore("volume.count", COUNT_S, partial(count_volume, database, clock))


async def count_volume(database: Database, clock: Clock) -> None:
    has_more = True
    while has_more:
        step = await database.read(partial(volume.read_step, now_us=clock.now_us()))
        await database.transaction(partial(volume.write_step, step=step), durable=False)
        has_more = step.is_full
        await asyncio.sleep(PAUSE_S)
