"""Count a tenant's recent top-ups, deliveries and balance changes."""

from dataclasses import dataclass

from billing.ledger.ledger import LedgerAccountKind
from kernel.tenant import Tenant
from store.activity import Activity, count_by_step
from store.database import Transaction

_OWN = "account_id = :account_id AND environment = :environment"
_NEWEST = f"""
    SELECT created_at, status, amount FROM (
        SELECT created_at, status, amount_cents AS amount FROM topups WHERE {_OWN} ORDER BY id DESC LIMIT :rows) AS t
    WHERE created_at >= :since"""
_EDGE = f"SELECT created_at FROM topups WHERE {_OWN} ORDER BY id DESC LIMIT 1 OFFSET :rows"

_DELIVERIES = f"""
    SELECT created_at, status, 0 AS amount FROM deliveries WHERE {_OWN} AND created_at >= :since
    ORDER BY created_at DESC, id DESC LIMIT :rows"""
_DELIVERIES_EDGE = f"""
    SELECT created_at FROM deliveries WHERE {_OWN}
    ORDER BY created_at DESC, id DESC LIMIT 1 OFFSET :rows"""

_BALANCE = f"('{LedgerAccountKind.WALLET}', '{LedgerAccountKind.GRANT}')"
_MOVED = f"""
    SELECT created_at, 'moved' AS status, amount FROM (
        SELECT t.created_at,
               CASE WHEN c.kind IN {_BALANCE} THEN t.amount_micros ELSE 0 END
               - CASE WHEN d.kind IN {_BALANCE} THEN t.amount_micros ELSE 0 END AS amount
        FROM (SELECT * FROM transfers WHERE {_OWN} ORDER BY id DESC LIMIT :rows) AS t
        JOIN ledger_accounts d ON d.id = t.debit_id
        JOIN ledger_accounts c ON c.id = t.credit_id) AS m
    WHERE created_at >= :since"""
_MOVED_EDGE = f"SELECT created_at FROM transfers WHERE {_OWN} ORDER BY id DESC LIMIT 1 OFFSET :rows"


@dataclass(frozen=True, slots=True)
class LatelyDone:
    """An account's recent activity by time step. `changes` contains balance changes in micros."""

    topups: Activity
    deliveries: Activity
    changes: Activity


async def lately(tx: Transaction, tenant: Tenant, *, now_us: int) -> LatelyDone:
    return LatelyDone(
        await topups_lately(tx, tenant, now_us=now_us),
        await deliveries_lately(tx, tenant, now_us=now_us),
        await changes_lately(tx, tenant, now_us=now_us),
    )


async def topups_lately(tx: Transaction, tenant: Tenant, *, now_us: int) -> Activity:
    return await count_by_step(tx, tenant, newest=_NEWEST, edge=_EDGE, now_us=now_us)


async def deliveries_lately(tx: Transaction, tenant: Tenant, *, now_us: int) -> Activity:
    return await count_by_step(tx, tenant, newest=_DELIVERIES, edge=_DELIVERIES_EDGE, now_us=now_us)


async def changes_lately(tx: Transaction, tenant: Tenant, *, now_us: int) -> Activity:
    return await count_by_step(tx, tenant, newest=_MOVED, edge=_MOVED_EDGE, now_us=now_us)
