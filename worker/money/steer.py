"""Call providers about subscription changes without a clear outcome, and end pauses.

One of several workers calls; a provider that hangs delays only its own changes
(billing/payments/steering.py).
"""

from collections.abc import Sequence
from functools import partial
from typing import Any

from billing.payments.steering import SubscriptionSteering
from billing.subscriptions import change_rows, records as subscription_rows
from kernel.clock import Clock
from store.database import Database, Transaction
from worker.due_loop import DueItem, DueLoop, Look, place_of


class Steerer(DueLoop):
    name = "steer"
    subject = "steer"
    under_way_max = 16
    at_one_place_max = 8
    # The caller already knows that the outcome is unclear, and the first wait is ten seconds.
    beat_s = 10.0

    def __init__(self, database: Database, clock: Clock, steering: SubscriptionSteering) -> None:
        super().__init__(database, clock)
        self._steering = steering

    async def _due(self, tx: Transaction, look: Look) -> Sequence[DueItem]:
        asked: Any = {
            "now_us": look.now_us,
            "limit": look.limit,
            "exclude_ids": look.exclude_ids,
            "exclude_keys": look.exclude_keys,
        }
        due = await change_rows.due(tx, **asked)
        wishes = [
            DueItem(one.id, place_of(one.environment, provider), partial(self._steering.go_on, one))
            for provider, one in due
        ]
        paused = await subscription_rows.due_checks(tx, **asked)
        checks = [
            DueItem(
                one.id,
                place_of(one.environment, one.provider),
                partial(self._steering.check_pause, one),
            )
            for one in paused
        ]
        return [*wishes, *checks][: look.limit]

    async def _next_at(self, tx: Transaction, look: Look) -> int | None:
        left_out: Any = {"exclude_ids": look.exclude_ids, "exclude_keys": look.exclude_keys}
        wish_at = await change_rows.next_due_at(tx, **left_out)
        check_at = await subscription_rows.next_check_at(tx, **left_out)
        return min((at for at in (wish_at, check_at) if at is not None), default=None)
