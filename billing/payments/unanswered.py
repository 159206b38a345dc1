"""Count unanswered provider calls and overdue subscription pauses, for metrics."""

from typing import Final, Literal

from billing.payments.recharging.customer_deletion import count_forgotten
from billing.recharges import recharge
from billing.subscriptions import records as subscription_rows, subscription_change
from kernel.clock import HOUR_US
from keys.principal import ENVIRONMENTS
from store.database import Transaction

UnansweredKind = Literal["steer", "pause", "recharge", "forget"]
UNANSWERED_US: Final = HOUR_US


async def count_unanswered(
    tx: Transaction, *, now_us: int
) -> dict[tuple[str, UnansweredKind], int]:
    before_us = now_us - UNANSWERED_US
    changes = await subscription_change.count_open(tx, before_us=before_us)
    pauses = await subscription_rows.count_overdue_pauses(tx, before_us=before_us)
    charges = await recharge.count_open(tx, before_us=before_us)
    forgotten = await count_forgotten(tx, before_us=before_us)
    counted: dict[tuple[str, UnansweredKind], int] = {}
    for environment in ENVIRONMENTS:
        counted[environment, "steer"] = changes.get(environment, 0)
        counted[environment, "pause"] = pauses.get(environment, 0)
        counted[environment, "recharge"] = charges.get(environment, 0)
        counted[environment, "forget"] = forgotten.get(environment, 0)
    return counted
