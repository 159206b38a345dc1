"""Subscriptions whose provider gave no clear answer: it is asked again, until it has said what came of it.

Promise: of several workers one asks about a wish; a provider that hangs delays the others by no more than its
own answers take, since several are asked at once; what breaks is told and held back alone.
"""

import asyncio
import logging
from collections.abc import Sequence
from typing import Final

from billing.payments.steering import SubscriptionSteering
from billing.subscriptions import steer_rows
from billing.subscriptions.steer_rows import Steer
from kernel.clock import Clock
from kernel.errors import DomainError, Unavailable
from store.database import Database, Transaction
from store.errors import StoreError
from worker.setbacks import Setbacks
from worker.woken_loop import WokenLoop

DUE_MAX: Final = 64
ASKED_AT_ONCE_MAX: Final = 8
# Whoever asked is told that it is unclear, and the first wait is ten seconds.
BEAT_S: Final = 10.0

_log = logging.getLogger(__name__)


class Steerer(WokenLoop):
    """The worker's loop over wishes that are due."""

    name = "steer"

    def __init__(self, database: Database, clock: Clock, steering: SubscriptionSteering) -> None:
        super().__init__()
        self._database = database
        self._clock = clock
        self._steering = steering
        self._setbacks = Setbacks()

    async def _look(self) -> float:
        await self.step()
        return BEAT_S

    async def step(self) -> int:
        """Asks about all that is due now; returns how many wishes that were."""
        now_us = self._clock.now_us()

        async def look(tx: Transaction) -> Sequence[Steer]:
            return await steer_rows.due(
                tx, now_us=now_us, limit=DUE_MAX, but_ids=self._setbacks.held_back()
            )

        due = await self._database.read(look)
        gate = asyncio.Semaphore(ASKED_AT_ONCE_MAX)

        async def one(steer: Steer) -> None:
            async with gate:
                await self._go_on(steer)

        await asyncio.gather(*(one(steer) for steer in due))
        return len(due)

    async def _go_on(self, steer: Steer) -> None:
        try:
            await self._steering.go_on(steer)
        except (StoreError, Unavailable):
            raise
        except Exception as error:
            self._setbacks.failed(steer.id)
            if not isinstance(error, DomainError):  # which is: erased meanwhile
                _log.exception("steer.broke", extra={"fields": {"steer": steer.id}})
        else:
            self._setbacks.went_well(steer.id)
