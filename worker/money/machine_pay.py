"""Follow machine payments until their settlement is known; return those whose top-up failed.

A payment left in the middle continues after its lease; several workers may run at once
(billing/machine_payments/settling.py).
"""

from collections.abc import Sequence
from functools import partial

from billing.machine_payments import payment as payments
from billing.machine_payments.settling import MachinePayments
from kernel.clock import Clock
from store.database import Database, Transaction
from worker.due_loop import DueItem, DueLoop, Look, place_of


class MachinePayer(DueLoop):
    name = "machine_pay"
    subject = "payment"
    under_way_max = 32
    at_one_place_max = 16
    beat_s = 10.0

    def __init__(self, database: Database, clock: Clock, paying: MachinePayments) -> None:
        super().__init__(database, clock)
        self._paying = paying

    async def _due(self, tx: Transaction, look: Look) -> Sequence[DueItem]:
        due = await payments.DUE.due(
            tx, now_us=look.now_us, limit=look.limit, exclude_ids=look.exclude_ids
        )
        ended = await payments.undelivered(tx, limit=look.limit, exclude_ids=look.exclude_ids)
        return [
            *(
                DueItem(
                    one.id,
                    place_of(one.environment, one.protocol),
                    partial(self._paying.go_on, one),
                )
                for one in due
                # A facilitator that is no longer set up can't be called.
                if self._paying.can_ask(one)
            ),
            # Calls no one, so it takes nobody's share.
            *(DueItem(one.id, one.id, partial(self._paying.deliver, one)) for one in ended),
        ]

    async def _next_at(self, tx: Transaction, look: Look) -> int | None:
        return await payments.DUE.next_at(tx, exclude_ids=look.exclude_ids)
