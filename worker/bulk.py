"""Finish batches: continue half accepted ones after a crash, and publish each one's end. A batch that breaks
is held back alone.
"""

import asyncio
import logging
import time
from collections.abc import Callable
from functools import partial
from typing import Final

from billing.bulk import batch as batches
from billing.bulk.batch import LookedAt, SendBatch
from billing.bulk.runner import BatchRunner
from billing.engine.engine import Engine
from kernel.clock import SECOND_US, Clock
from kernel.errors import Unavailable
from store.database import Database, Transaction
from store.errors import StoreError
from worker.woken_loop import PAUSE_S, Setbacks, WokenLoop

LOOKED_AT_MAX: Final = 50
BEAT_S: Final = 15.0

_log = logging.getLogger(__name__)


class Batcher(WokenLoop):
    name = "batches"
    rest_s = PAUSE_S

    def __init__(
        self,
        database: Database,
        clock: Clock,
        engine: Engine,
        *,
        now_s: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__()
        self._database = database
        self._clock = clock
        self._runner = BatchRunner(database, clock, engine)
        self._setbacks = Setbacks(now_s)

    async def _look(self) -> float:
        await self.sweep()
        return await self._wait_s()

    async def sweep(self) -> int:
        now_us = self._clock.now_us()

        async def look(tx: Transaction) -> list[LookedAt]:
            return await batches.due(
                tx, now_us=now_us, limit=LOOKED_AT_MAX, exclude_ids=self._setbacks.held_back()
            )

        due = await self._database.read(look)
        waiting = [one.batch for one in due if one.is_waiting]
        if waiting:
            await self._database.transaction(
                partial(batches.postpone, batches=waiting, now_us=now_us)
            )
        went_on = [self._go_on(one.batch) for one in due if not one.is_waiting]
        if not all(await asyncio.gather(*went_on)):
            raise Unavailable("The database is not reachable.")
        return len(due)

    async def _go_on(self, batch: SendBatch) -> bool:
        try:
            await self._runner.run(batch)
        except (StoreError, Unavailable):
            return False
        except Exception:
            _log.exception("batches.broke", extra={"fields": {"batch_id": batch.id}})
            self._setbacks.failed(batch.id)
        else:
            self._setbacks.went_well(batch.id)
        return True

    async def _wait_s(self) -> float:
        read = partial(batches.next_check_at, exclude_ids=self._setbacks.held_back())
        look_at = await self._database.read(read)
        if look_at is None:
            return BEAT_S
        return min(BEAT_S, max(0.0, (look_at - self._clock.now_us()) / SECOND_US))
