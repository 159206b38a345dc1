"""Request refunds at their providers, and follow them until their outcome is clear.

One of several workers calls, and a dead worker's refund is followed up. A provider that hangs delays only its
own; no transaction is open during a call (billing/refunds/refunder.py).
"""

from collections.abc import Sequence
from functools import partial

from billing.refunds import queries as refund_rows
from billing.refunds.refunder import Refunder
from kernel.clock import Clock
from store.database import Database, Transaction
from worker.due_loop import DueItem, DueLoop, Look, place_of


class RefundLoop(DueLoop):
    name = "refunds"
    subject = "refund_id"
    under_way_max = 16
    at_one_place_max = 4
    beat_s = 30.0

    def __init__(self, database: Database, clock: Clock, refunder: Refunder) -> None:
        super().__init__(database, clock)
        self._refunder = refunder

    async def _due(self, tx: Transaction, look: Look) -> Sequence[DueItem]:
        due = await refund_rows.DUE.due(
            tx,
            now_us=look.now_us,
            limit=look.limit,
            exclude_ids=look.exclude_ids,
            exclude_keys=look.exclude_keys,
        )
        return [
            DueItem(
                one.id, place_of(one.environment, one.provider), partial(self._refunder.ask, one)
            )
            for one in due
        ]

    async def _next_at(self, tx: Transaction, look: Look) -> int | None:
        return await refund_rows.DUE.next_at(
            tx, exclude_ids=look.exclude_ids, exclude_keys=look.exclude_keys
        )
