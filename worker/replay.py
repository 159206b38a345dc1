"""The worker's loop over replays: takes each job's step when it is due, on any worker, one at a time."""

import asyncio
import logging
from functools import partial
from typing import Final

from kernel.clock import SECOND_US, Clock
from store.database import Database
from store.errors import StoreError
from webhooks.replays import step as replay_step
from webhooks.replays.step import Due

JOBS_AT_ONCE: Final = 64
LOOK_S: Final = 1.0
# Others may write between two steps.
PAUSE_S: Final = 0.005
RETRY_S: Final = 1.0

logger = logging.getLogger(__name__)


class Replayer:
    """Its clock is the one that deliveries fall due by."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def run(self) -> None:
        while True:
            wait_s = await self.look()
            await asyncio.sleep(wait_s)

    async def look(self) -> float:
        try:
            jobs = await self._database.read(partial(replay_step.due, limit=JOBS_AT_ONCE))
        except StoreError as error:
            logger.warning("replay.waits", extra={"error": str(error)})
            return RETRY_S
        except Exception:
            logger.exception("replay.broke")
            return RETRY_S
        now_us = self._clock.now_us()
        due = [job for job in jobs if job.next_step_at <= now_us]
        if due:
            were_taken = [await self._take(job) for job in due]
            return PAUSE_S if any(were_taken) else RETRY_S
        if not jobs:
            return LOOK_S
        return min(LOOK_S, max(PAUSE_S, (jobs[0].next_step_at - now_us) / SECOND_US))

    async def _take(self, job: Due) -> bool:
        try:
            # Not durable: a crash of the machine undoes the rows and the cursor together.
            step = await self._database.transaction(
                partial(replay_step.step, job=job, now_us=self._clock.now_us()), durable=False
            )
        except StoreError as error:
            logger.warning("replay.waits", extra={"replay_id": job.id, "error": str(error)})
            return False
        except Exception:
            # A job that breaks us must not stop the deliveries and the other jobs.
            logger.exception("replay.broke", extra={"replay_id": job.id})
            return False
        if step is not None and step.is_over:
            account_id, environment = job.tenant
            logger.info(
                "replay.ended",
                extra={"replay_id": job.id, "account_id": account_id, "environment": environment},
            )
        return True
