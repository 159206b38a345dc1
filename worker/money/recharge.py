"""Falls of balances are charged, and charges whose outcome is unknown asked about, until they end.

Promise: a fall is taken up when the transaction that made it is committed, or within beat_s where the
hint was lost; several workers may look at once; a charge that breaks or hangs is told and held back alone. The
rules are billing/payments/recharging/charging.py's.
"""

from collections.abc import Sequence
from functools import partial

from billing.payments.recharging.charging import Charging
from billing.recharges import records
from kernel.clock import Clock
from store.database import Database, Transaction
from worker.due_loop import DueItem, DueLoop, Look


class Recharger(DueLoop):
    """The worker's loop over recharges; woken, or timed to the next charge to ask about."""

    name = "recharge"
    subject = "item"
    under_way_max = 8
    at_one_place_max = 8
    beat_s = 15.0

    def __init__(self, database: Database, clock: Clock, charging: Charging) -> None:
        super().__init__(database, clock)
        self._charging = charging

    async def _due(self, tx: Transaction, look: Look) -> Sequence[DueItem]:
        charging, limit, but_ids = self._charging, look.limit, look.but_ids
        retries = await records.retries(tx, now_us=look.now_us, limit=limit, but_tenants=but_ids)
        begun = await records.begun(tx, limit=limit, but_ids=but_ids)
        due = await records.due(tx, now_us=look.now_us, limit=limit, but_ids=but_ids)
        return [
            *(DueItem("/".join(one), "", partial(charging.retry, one)) for one in retries),
            *(DueItem(id_, "", partial(charging.begin, whose, id_)) for whose, id_ in begun),
            *(DueItem(one.order_id, "", partial(charging.go_on, one)) for one in due),
        ]

    async def _next_at(self, tx: Transaction, look: Look) -> int | None:
        return await records.next_due_at(tx, but_ids=look.but_ids)
