"""How many deliveries there were lately, by state."""

from kernel.tenant import Tenant
from store.activity import Activity, count_by_step
from store.database import Transaction

_OWN = "account_id = :account_id AND environment = :environment"
_NEWEST = f"""
    SELECT created_at, status, 0 AS amount FROM deliveries WHERE {_OWN} AND created_at >= :since
    ORDER BY created_at DESC, id DESC LIMIT :rows"""
_EDGE = f"""
    SELECT created_at FROM deliveries WHERE {_OWN}
    ORDER BY created_at DESC, id DESC LIMIT 1 OFFSET :rows"""


async def deliveries_lately(tx: Transaction, tenant: Tenant, *, now_us: int) -> Activity:
    """By step and state; see store/activity.py for how far back it goes."""
    return await count_by_step(tx, tenant, newest=_NEWEST, edge=_EDGE, now_us=now_us)
