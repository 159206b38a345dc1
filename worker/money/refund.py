"""Request refunds at their providers, and follow them until their outcome is clear.

One of several workers calls, and a dead worker's refund is followed up. A provider that hangs delays only its
own; no transaction is open during a call (billing/refunds/refunder.py).
"""

from billing.orders.refund_row import Refund
from billing.refunds import queries as refund_rows
from billing.refunds.refunder import Refunder
from kernel.clock import Clock
from store.database import Database
from worker.due_loop import ProviderLoop


class RefundLoop(ProviderLoop):
    name = "refunds"
    rows = refund_rows.DUE
    subject = "refund_id"
    under_way_max = 16
    at_one_place_max = 4
    beat_s = 30.0

    def __init__(self, database: Database, clock: Clock, refunder: Refunder) -> None:
        super().__init__(database, clock)
        self._refunder = refunder

    async def _ask(self, row: Refund) -> None:
        await self._refunder.ask(row)
