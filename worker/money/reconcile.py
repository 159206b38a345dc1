"""Pending orders are asked about at their provider until they end, whether it told us or not.

Promise: every minute for a quarter of an hour, then hourly until the order expires; of several
workers one asks at a time; a provider that is away delays its own orders only. So a notification
that was never sent, or never taken, costs at most one such wait. The rules are billing/payments/payments.py's.
"""

import asyncio
import logging
from collections.abc import Sequence
from functools import partial

from billing.orders import queries as order_list
from billing.orders.order import Order
from billing.payments.payments import Payments
from kernel.clock import SECOND_US, Clock
from kernel.errors import DomainError
from store.database import Database, Transaction
from store.errors import StoreError
from worker.setbacks import Setbacks

DUE_ORDERS_MAX = 64
ASKED_AT_ONCE_MAX = 16
# A new order is due a minute later at the earliest, so looking this often misses none.
BEAT_S = 30.0
PAUSE_S = 1.0

_log = logging.getLogger(__name__)


class Reconciler:
    """The worker's loop over pending orders; timed to the next one."""

    def __init__(self, database: Database, clock: Clock, payments: Payments) -> None:
        self._database = database
        self._clock = clock
        self._payments = payments
        self._setbacks = Setbacks()

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            try:
                found = await self.step()
                wait_s = PAUSE_S if found == DUE_ORDERS_MAX else await self._wait_s()
            except (StoreError, DomainError) as error:
                _log.warning("reconcile.delayed", extra={"fields": {"error": str(error)}})
                wait_s = PAUSE_S
            except Exception:
                # What breaks here must not take the deliveries down with it.
                _log.exception("reconcile.broke")
                wait_s = PAUSE_S
            await asyncio.sleep(wait_s)

    async def step(self) -> int:
        """Asks about what is due now; returns how many orders there were."""
        now_us = self._clock.now_us()

        async def look(tx: Transaction) -> Sequence[Order]:
            return await order_list.due(
                tx, now_us=now_us, limit=DUE_ORDERS_MAX, but_ids=self._setbacks.held_back()
            )

        due = await self._database.read(look)
        gate = asyncio.Semaphore(ASKED_AT_ONCE_MAX)

        async def one(order: Order) -> None:
            async with gate:
                await self._check(order)

        await asyncio.gather(*(one(order) for order in due))
        return len(due)

    async def _check(self, order: Order) -> None:
        try:
            await self._payments.check(order)
        except (DomainError, StoreError) as error:
            # Erased meanwhile, or the database is away: it is due again.
            fields = {"order_id": order.id, "error": str(error)}
            _log.warning("reconcile.delayed", extra={"fields": fields})
            self._setbacks.failed(order.id)
        except Exception:
            # What one provider's answer breaks must not keep others' orders waiting.
            _log.exception("reconcile.broke", extra={"fields": {"order_id": order.id}})
            self._setbacks.failed(order.id)
        else:
            self._setbacks.went_well(order.id)

    async def _wait_s(self) -> float:
        next_due_at = await self._database.read(
            partial(order_list.next_due_at, but_ids=self._setbacks.held_back())
        )
        if next_due_at is None:
            return BEAT_S
        return min(BEAT_S, max(PAUSE_S, (next_due_at - self._clock.now_us()) / SECOND_US))
