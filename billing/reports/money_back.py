"""Back."""

from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import groupby
from typing import Final, NamedTuple

from billing.orders.refund import LISTED, gone_of, read_row
from kernel.clock import DAY_US, SECOND_US
from store.database import Row, Transaction

RevenueKey = tuple[str, str, str]  # month, provider, currency


class RevenuePeriod(NamedTuple):
    """since <= time < until."""

    environment: str
    since: int
    until: int


def month_of(day: int) -> str:
    return datetime.fromtimestamp(day * DAY_US // SECOND_US, UTC).strftime("%Y-%m")


async def money_back(tx: Transaction, period: RevenuePeriod) -> dict[RevenueKey, int]:
    """Return what was refunded or disputed in the period, by month, in the currency's smallest unit, as of
    now.

    All months of a payment add up to what billing/orders/refund.py counts. A single refund has the month of
    its report. What only a growing sum reports has the month of its first report.
    """
    sums: dict[RevenueKey, int] = {}
    for text in (_OF_ORDERS, _OF_PERIODS):
        rows = await tx.fetch(
            text, environment=period.environment, since=period.since, until=period.until
        )
        for _, of_one in groupby(rows, key=lambda row: str(row["owner_id"])):
            _add(sums, list(of_one), period)
    return {key: amount for key, amount in sums.items() if amount}


def _add(sums: dict[RevenueKey, int], rows: Sequence[Row], period: RevenuePeriod) -> None:
    first = rows[0]
    told = [read_row(row) for row in rows]
    # Behind refunds with their own time a sum only adds what they lack.
    told.sort(key=lambda one: (one.kind == "refund", one.created_at, one.key))
    before = 0
    for count, one in enumerate(told, 1):
        gone = gone_of(told[:count], first["paid"])
        if period.since <= one.created_at < period.until:
            key = (month_of(one.created_at // DAY_US), first["provider"], first["currency"])
            sums[key] = sums.get(key, 0) + gone - before
        before = gone


_LISTED: Final = ", ".join(f"r.{name.strip()}" for name in LISTED.split(","))
_OF_ORDERS: Final = f"""
SELECT r.order_id AS owner_id, {_LISTED}, o.provider,
    COALESCE(o.paid_currency, o.pay_currency) AS currency,
    COALESCE(o.paid_amount, o.pay_amount) AS paid
FROM order_reversals r JOIN orders o ON o.id = r.order_id
WHERE o.paid_at IS NOT NULL AND o.kind <> 'subscription' AND r.order_id IN (
    SELECT order_id FROM order_reversals
    WHERE environment = :environment AND created_at >= :since AND created_at < :until)
ORDER BY r.order_id
"""
_OF_PERIODS: Final = f"""
SELECT r.period_id AS owner_id, {_LISTED}, s.provider, p.currency, p.amount AS paid
FROM period_reversals r
JOIN subscription_periods p ON p.id = r.period_id
JOIN subscriptions s ON s.id = p.subscription_id
WHERE r.period_id IN (
    SELECT period_id FROM period_reversals
    WHERE environment = :environment AND created_at >= :since AND created_at < :until)
ORDER BY r.period_id
"""
