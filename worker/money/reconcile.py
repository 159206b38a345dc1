"""Call providers about pending orders until they end, with or without a notification.

Every minute for a quarter of an hour, then hourly until the order expires, so a lost notification costs one
such wait. One of several workers calls; a provider that is away delays only its own orders
(billing/payments/payments.py).
"""

from billing.orders import records as order_list
from billing.orders.order import Order
from billing.payments.payments import Payments
from kernel.clock import Clock
from store.database import Database
from worker.due_loop import ProviderLoop


class Reconciler(ProviderLoop):
    """Timed to the next pending order."""

    name = "reconcile"
    rows = order_list.DUE
    subject = "order_id"
    under_way_max = 32
    at_one_place_max = 16
    # A new order is due a minute later at the earliest, so this interval misses none.
    beat_s = 30.0

    def __init__(self, database: Database, clock: Clock, payments: Payments) -> None:
        super().__init__(database, clock)
        self._payments = payments

    async def _ask(self, row: Order) -> None:
        await self._payments.check(row)
