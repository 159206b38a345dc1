"""Call providers about pending orders until they end, with or without a notification.

Every minute for a quarter of an hour, then hourly until the order expires, so a lost notification costs one
such wait. One of several workers calls; a provider that is away delays only its own orders
(billing/payments/payments.py).
"""

from collections.abc import Sequence
from functools import partial

from billing.orders import records as order_list
from billing.payments.payments import Payments
from kernel.clock import Clock
from store.database import Database, Transaction
from worker.due_loop import DueItem, DueLoop, Look, place_of


class Reconciler(DueLoop):
    """Timed to the next pending order."""

    name = "reconcile"
    subject = "order_id"
    under_way_max = 32
    at_one_place_max = 16
    # A new order is due a minute later at the earliest, so this interval misses none.
    beat_s = 30.0

    def __init__(self, database: Database, clock: Clock, payments: Payments) -> None:
        super().__init__(database, clock)
        self._payments = payments

    async def _due(self, tx: Transaction, look: Look) -> Sequence[DueItem]:
        due = await order_list.DUE.due(
            tx,
            now_us=look.now_us,
            limit=look.limit,
            exclude_ids=look.exclude_ids,
            exclude_keys=look.exclude_keys,
        )
        return [
            DueItem(
                one.id, place_of(one.environment, one.provider), partial(self._payments.check, one)
            )
            for one in due
        ]

    async def _next_at(self, tx: Transaction, look: Look) -> int | None:
        return await order_list.DUE.next_at(
            tx, exclude_ids=look.exclude_ids, exclude_keys=look.exclude_keys
        )
