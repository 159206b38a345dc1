"""Alarm."""

from billing.fulfilment.stock import StockLevel
from kernel.tenant import Tenant
from keys.account import lock_tenants
from store.database import Transaction
from webhooks.events.event import Outbox

STOCK_LOW = "stock.low"
_OPERATORS = """
SELECT e.account_id FROM accounts a
JOIN account_environments e ON e.account_id = a.id AND e.environment = :environment
WHERE a.is_operator = 1 ORDER BY e.account_id
"""


async def notify_low_stock(tx: Transaction, level: StockLevel, *, now_us: int) -> None:
    rows = await tx.fetch(_OPERATORS, environment=level.kind.environment)
    tenants = [Tenant(row["account_id"], level.kind.environment) for row in rows]
    if not tenants:
        return
    await lock_tenants(tx, tenants)
    outbox = await Outbox.load(tx, tenants)
    data = {
        "supplier": level.kind.supplier,
        "platform": level.kind.platform,
        "amount_cents": level.kind.amount_cents,
        "remaining": level.left,
        "low_threshold": level.low_threshold,
    }
    for tenant in tenants:
        outbox.publish(tenant, type=STOCK_LOW, data=data, now_us=now_us)
    await outbox.flush(tx)
