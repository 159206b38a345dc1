"""Charge cards when balances drop, and follow unknown charges until they end.

A drop is taken up when its transaction commits, or within beat_s. Several workers may run at once; a
provider that hangs delays only its own charges (billing/payments/recharging/charging.py).
"""

from collections.abc import Sequence
from functools import partial
from typing import Any

from billing.payments.recharging.charging import (
    Charging,
    begun_falls,
    due_charges,
    due_retries,
    next_charge_at,
)
from kernel.clock import Clock
from store.database import Database, Transaction
from worker.due_loop import DueItem, DueLoop, Look, place_of


class Recharger(DueLoop):
    name = "recharge"
    subject = "item"
    under_way_max = 32
    at_one_place_max = 8
    beat_s = 15.0

    def __init__(self, database: Database, clock: Clock, charging: Charging) -> None:
        super().__init__(database, clock)
        self._charging = charging

    async def _due(self, tx: Transaction, look: Look) -> Sequence[DueItem]:
        charging, limit = self._charging, look.limit
        retries = await due_retries(
            tx, now_us=look.now_us, limit=limit, but_tenants=look.exclude_ids
        )
        but: Any = {"exclude_ids": look.exclude_ids, "exclude_keys": look.exclude_keys}
        begun = await begun_falls(tx, limit=limit, **but)
        charges = await due_charges(tx, now_us=look.now_us, limit=limit, **but)
        return [
            # Calls no one, so it takes nobody's share.
            *(
                DueItem(item := "/".join(one), item, partial(charging.retry, one))
                for one in retries
            ),
            *(
                DueItem(
                    fall.order_id,
                    place_of(fall.tenant.environment, fall.provider),
                    partial(charging.begin, fall.tenant, fall.order_id),
                )
                for fall in begun
            ),
            *(
                DueItem(one.order_id, place_of(one.environment, name), partial(charging.go_on, one))
                for name, one in charges
            ),
        ]

    async def _next_at(self, tx: Transaction, look: Look) -> int | None:
        return await next_charge_at(
            tx, exclude_ids=look.exclude_ids, exclude_keys=look.exclude_keys
        )
