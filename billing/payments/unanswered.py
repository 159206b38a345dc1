"""What a provider was asked about payments and has not answered for an hour: for metrics. Writes nothing."""

from typing import Final, Literal

from billing.recharges import records
from billing.subscriptions import steer_rows
from kernel.clock import HOUR_US
from keys.principal import ENVIRONMENTS
from store.database import Transaction

UnansweredKind = Literal["steer", "recharge"]
UNANSWERED_US: Final = HOUR_US


async def count_unanswered(
    tx: Transaction, *, now_us: int
) -> dict[tuple[str, UnansweredKind], int]:
    """How many, by environment and kind, 0 too: wishes of subscriptions, and charges of recharges."""
    before_us = now_us - UNANSWERED_US
    steers = await steer_rows.count_open(tx, before_us=before_us)
    charges = await records.count_open(tx, before_us=before_us)
    counted: dict[tuple[str, UnansweredKind], int] = {}
    for environment in ENVIRONMENTS:
        counted[environment, "steer"] = steers.get(environment, 0)
        counted[environment, "recharge"] = charges.get(environment, 0)
    return counted
