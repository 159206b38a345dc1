"""Falls of balances are charged, and charges whose outcome is unknown asked about, until they end.

Promise: a fall is taken up when the transaction that made it is committed, or within BEAT_S where the
hint was lost; a provider that hangs delays others' charges by no more than its own answers take, since
several are made at once; several workers may look at once. A charge that breaks is told and held back alone. The rules are billing/payments/recharging/charging.py's.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import Final

from billing.payments.recharging.charging import Charging
from billing.recharges import records
from kernel.clock import SECOND_US, Clock
from kernel.errors import DomainError
from store.database import Database, Transaction
from store.errors import StoreError
from worker.setbacks import Setbacks
from worker.woken_loop import PAUSE_S, WokenLoop

DUE_MAX: Final = 64
AT_ONCE_MAX: Final = 8
BEAT_S: Final = 15.0

_log = logging.getLogger(__name__)


class Recharger(WokenLoop):
    """The worker's loop over recharges; woken, or timed to the next charge to ask about."""

    name = "recharge"

    def __init__(self, database: Database, clock: Clock, charging: Charging) -> None:
        super().__init__()
        self._database = database
        self._clock = clock
        self._charging = charging
        self._setbacks = Setbacks()

    async def _look(self) -> float:
        found = await self.step()
        return PAUSE_S if found else await self._wait_s()

    async def step(self) -> int:
        """Goes on with all that is due; returns how many steps that took."""
        now_us = self._clock.now_us()
        held_back = self._setbacks.held_back()

        async def look(tx: Transaction) -> list[_Step]:
            charging = self._charging
            retries = await records.retries(tx, now_us=now_us, limit=DUE_MAX, but_tenants=held_back)
            begun = await records.begun(tx, limit=DUE_MAX, but_ids=held_back)
            due = await records.due(tx, now_us=now_us, limit=DUE_MAX, but_ids=held_back)
            return [
                *(_Step("/".join(one), partial(charging.retry, one)) for one in retries),
                *(_Step(id_, partial(charging.begin, whose, id_)) for whose, id_ in begun),
                *(_Step(one.order_id, partial(charging.go_on, one)) for one in due),
            ]

        steps = await self._database.read(look)
        gate = asyncio.Semaphore(AT_ONCE_MAX)

        async def one_of(step: _Step) -> None:
            async with gate:
                await self._try(step)

        await asyncio.gather(*(one_of(step) for step in steps))
        return len(steps)

    async def _try(self, step: "_Step") -> None:
        try:
            await step.go()
        except (DomainError, StoreError) as error:
            # Erased meanwhile, or the database is away: it is due again.
            fields = {"item": step.item, "error": str(error)}
            _log.warning("recharge.delayed", extra={"fields": fields})
            self._setbacks.failed(step.item)
        except Exception:
            _log.exception("recharge.broke", extra={"fields": {"item": step.item}})
            self._setbacks.failed(step.item)
        else:
            self._setbacks.went_well(step.item)

    async def _wait_s(self) -> float:
        held_back = self._setbacks.held_back()
        next_at = await self._database.read(partial(records.next_due_at, but_ids=held_back))
        if next_at is None:
            return BEAT_S
        return min(BEAT_S, max(PAUSE_S, (next_at - self._clock.now_us()) / SECOND_US))


@dataclass(frozen=True, slots=True)
class _Step:
    """What is to be done, and the name by which it is held back if it cannot be."""

    item: str
    go: Callable[[], Awaitable[None]]
