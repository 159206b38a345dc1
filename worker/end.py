"""End the deliveries of deleted and disabled endpoints in small steps (webhooks/deliveries/ending.py), at a
hint or now and then. An endpoint that breaks a step waits for the next look.
"""

import asyncio
import contextlib
import logging
from functools import partial
from typing import Final

from kernel.clock import Clock
from store.database import Database, Transaction
from store.errors import StoreError
from webhooks.deliveries import ending, endpoint_queue

LOOK_S: Final = 15.0
PAUSE_S: Final = 0.005
ENDPOINTS_PER_LOOK: Final = 50

logger = logging.getLogger(__name__)


class Ender:
    def __init__(self, database: Database, clock: Clock, *, look_s: float = LOOK_S) -> None:
        self._database = database
        self._clock = clock
        self._look_s = look_s
        self._woken = asyncio.Event()

    def wake(self) -> None:
        self._woken.set()

    async def run(self) -> None:
        while True:
            self._woken.clear()
            await self.sweep()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._look_s):
                    await self._woken.wait()

    async def sweep(self) -> int:
        ended, failed = 0, 0
        try:
            found = await self._database.read(partial(_ending, now_us=self._clock.now_us()))
        except StoreError as error:
            logger.warning("ending.waits", extra={"error": str(error)})
            return 0
        for endpoint_id in found:
            try:
                ended += await self._end(endpoint_id)
            except StoreError as error:
                failed += 1
                logger.warning(
                    "ending.waits", extra={"endpoint_id": endpoint_id, "error": str(error)}
                )
            except Exception:
                failed += 1
                logger.exception("ending.broke", extra={"endpoint_id": endpoint_id})
        if len(found) == ENDPOINTS_PER_LOOK and not failed:
            self.wake()
        return ended

    async def _end(self, endpoint_id: str) -> int:
        place: ending.EndingCursor | None = ending.EndingCursor()
        ended = 0
        while place is not None:
            step = partial(_step, endpoint_id=endpoint_id, place=place, now_us=self._clock.now_us())
            # Not durable: if a crash of the machine undoes a step, it is taken again.
            place, changed = await self._database.transaction(step, durable=False)
            ended += changed
            await asyncio.sleep(PAUSE_S)
        if ended:
            logger.info("ending.ended", extra={"endpoint_id": endpoint_id, "deliveries": ended})
        return ended


async def _ending(tx: Transaction, *, now_us: int) -> list[str]:
    return await endpoint_queue.ending(tx, now_us=now_us, limit=ENDPOINTS_PER_LOOK)


async def _step(
    tx: Transaction, *, endpoint_id: str, place: ending.EndingCursor, now_us: int
) -> tuple[ending.EndingCursor | None, int]:
    return await ending.step(tx, endpoint_id, place, now_us=now_us)
