"""Release scheduled top-ups within about a second of their time, by the account's own clock.

Each command checks under its account's lock, so each is released once. One that is refused or breaks is
held back alone.
"""

import asyncio
import logging
import time
from collections.abc import Callable
from functools import partial
from typing import Final

from billing.engine.engine import Engine
from billing.topups import settlement
from kernel.clock import SECOND_US, Clock
from kernel.errors import DomainError, Unavailable
from store.database import Database, Transaction
from store.errors import StoreError
from worker.woken_loop import Setbacks, WokenLoop

RELEASED_MAX: Final = 500
# The longest sleep: another worker's hint may be lost, and a clock may be set.
BEAT_S: Final = 15.0

_log = logging.getLogger(__name__)


class Releaser(WokenLoop):
    name = "release"

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
        self._engine = engine
        self._setbacks = Setbacks(now_s)

    async def _look(self) -> float:
        return 0.0 if await self.sweep() == RELEASED_MAX else await self._wait_s()

    async def sweep(self) -> int:
        now_us = self._clock.now_us()

        async def look(tx: Transaction) -> list[settlement.DueSend]:
            return await settlement.due_scheduled(
                tx, now_us=now_us, limit=RELEASED_MAX, exclude_ids=self._setbacks.held_back()
            )

        due = await self._database.read(look)
        # Together, to share batches; each has its own outcome.
        were_reached = await asyncio.gather(*(self._release(one) for one in due))
        if not all(were_reached):
            raise Unavailable("The database is not reachable.")
        return len(due)

    async def _release(self, one: settlement.DueSend) -> bool:
        fields = {"transaction_id": one.id}
        command = settlement.Release(one.id, one.tenant, one.spent_by)
        try:
            await self._engine.submit(command)
        except (StoreError, Unavailable):
            return False
        except DomainError as refusal:
            _log.info("release.refused", extra={"fields": {**fields, "reason": refusal.detail}})
            self._setbacks.failed(one.id)
        except Exception:
            _log.exception("release.broke", extra={"fields": fields})
            self._setbacks.failed(one.id)
        else:
            self._setbacks.went_well(one.id)
        return True

    async def _wait_s(self) -> float:
        read = partial(settlement.next_scheduled_at, exclude_ids=self._setbacks.held_back())
        next_due_at = await self._database.read(read)
        held_back_s = self._setbacks.next_s()
        wait_s = BEAT_S if held_back_s is None else min(BEAT_S, held_back_s)
        if next_due_at is None:
            return wait_s
        return min(wait_s, max(0.0, (next_due_at - self._clock.now_us()) / SECOND_US))
