"""Subscriptions whose provider gave no clear answer: it is asked again, until it has said what came of it.

Promise: of several workers one asks about a wish; a provider that hangs delays its own only. The rules are
billing/payments/steering.py's.
"""

from collections.abc import Sequence
from functools import partial

from billing.payments.steering import SubscriptionSteering
from billing.subscriptions import steer_rows
from kernel.clock import Clock
from store.database import Database, Transaction
from worker.due_loop import DueItem, DueLoop, Look, place_of


class Steerer(DueLoop):
    """The worker's loop over wishes that are due."""

    name = "steer"
    subject = "steer"
    under_way_max = 16
    at_one_place_max = 8
    # Whoever asked is told that it is unclear, and the first wait is ten seconds.
    beat_s = 10.0

    def __init__(self, database: Database, clock: Clock, steering: SubscriptionSteering) -> None:
        super().__init__(database, clock)
        self._steering = steering

    async def _due(self, tx: Transaction, look: Look) -> Sequence[DueItem]:
        due = await steer_rows.due(
            tx,
            now_us=look.now_us,
            limit=look.limit,
            but_ids=look.but_ids,
            but_places=look.but_places,
        )
        return [
            DueItem(one.id, place_of(one.environment, provider), partial(self._steering.go_on, one))
            for provider, one in due
        ]

    async def _next_at(self, tx: Transaction, look: Look) -> int | None:
        return await steer_rows.next_due_at(tx, but_ids=look.but_ids, but_places=look.but_places)
