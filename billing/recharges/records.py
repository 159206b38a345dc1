"""Rows of recharges and their charges, read and written in sets.

Only this module writes them. The caller holds the tenants' locks, except for a worker's notes on a charge.
"""

from collections.abc import Iterable, Sequence

from billing.recharges.recharge import FallCharge, Recharge
from kernel.tenant import Tenant
from store.database import Transaction
from store.row_mapping import RowMapping

_ROWS = RowMapping(Recharge)
CHARGES = RowMapping(FallCharge)
_LOAD = f"""
SELECT {_ROWS.of("r")} FROM :tenants[account_id text, environment text] AS v
CROSS JOIN recharges r
WHERE r.account_id = v.account_id AND r.environment = v.environment
"""
_CHANGING = tuple(name for name in _ROWS.columns if name not in {"account_id", "environment"})
_KEEP = f"""ON CONFLICT (account_id, environment) DO UPDATE SET
{", ".join(f"{name} = excluded.{name}" for name in _CHANGING)}"""
_LOAD_CHARGES = f"SELECT {CHARGES.listed} FROM recharge_charges WHERE order_id IN :ids[text]"
_CHARGE_CHANGING = ("next_at", "is_counted", "reason", "url", "disputed_at")
_CHANGED = CHARGES.part("order_id", *_CHARGE_CHANGING)
_UPDATE_CHARGES = f"""
UPDATE recharge_charges SET {CHARGES.part(*_CHARGE_CHANGING).assigned}
FROM :rows[{_CHANGED.typed}] AS v WHERE recharge_charges.order_id = v.order_id
"""
_SPENT = """
SELECT c.account_id, c.environment, c.month, SUM(c.amount_cents) AS cents
FROM :tenants[account_id text, environment text] AS v
CROSS JOIN recharge_charges c
WHERE c.account_id = v.account_id AND c.environment = v.environment AND c.is_counted = 1
GROUP BY c.account_id, c.environment, c.month
"""


async def load(tx: Transaction, tenants: Iterable[Tenant]) -> dict[Tenant, Recharge]:
    rows = await tx.fetch(_LOAD, tenants=sorted(set(tenants)))
    return {found.tenant: found for found in map(_ROWS.read, rows)}


async def find(tx: Transaction, tenant: Tenant) -> Recharge | None:
    return (await load(tx, [tenant])).get(tenant)


async def load_charges(tx: Transaction, order_ids: Iterable[str]) -> dict[str, FallCharge]:
    rows = await tx.fetch(_LOAD_CHARGES, ids=sorted(set(order_ids)))
    return {found.order_id: found for found in map(CHARGES.read, rows)}


async def latest_charges(tx: Transaction, tenant: Tenant, *, limit: int) -> Sequence[FallCharge]:
    rows = await tx.fetch(
        f"""SELECT {CHARGES.listed} FROM recharge_charges
            WHERE account_id = :account_id AND environment = :environment
            ORDER BY order_id DESC LIMIT :limit""",
        account_id=tenant.account_id,
        environment=tenant.environment,
        limit=limit,
    )
    return [CHARGES.read(row) for row in rows]


async def spent_cents(tx: Transaction, tenants: Iterable[Tenant]) -> dict[tuple[Tenant, str], int]:
    rows = await tx.fetch(_SPENT, tenants=sorted(set(tenants)))
    return {
        (Tenant(row["account_id"], row["environment"]), row["month"]): int(row["cents"])
        for row in rows
    }


async def keep(tx: Transaction, recharges: Iterable[Recharge]) -> None:
    rows = [_ROWS.write(one) for one in sorted(recharges, key=lambda one: one.tenant)]
    await tx.insert("recharges", _ROWS.columns, rows, on_conflict=_KEEP)


async def remove(tx: Transaction, tenants: Iterable[Tenant]) -> None:
    for tenant in sorted(set(tenants)):
        await tx.execute(
            "DELETE FROM recharges WHERE account_id = :account_id AND environment = :environment",
            account_id=tenant.account_id,
            environment=tenant.environment,
        )


async def insert_charges(tx: Transaction, charges: Iterable[FallCharge]) -> None:
    rows = [CHARGES.write(one) for one in sorted(charges, key=lambda one: one.order_id)]
    await tx.insert("recharge_charges", CHARGES.columns, rows)


async def update_charges(tx: Transaction, charges: Iterable[FallCharge]) -> None:
    rows = [_CHANGED.write(one) for one in sorted(charges, key=lambda one: one.order_id)]
    if rows:
        await tx.execute(_UPDATE_CHARGES, rows=rows)


async def note_asking(tx: Transaction, charge: FallCharge, *, now_us: int, next_at: int) -> bool:
    """Record that the provider is about to be called; return False if another worker calls it. The first time
    is when the charge may have been made.
    """
    touched = await tx.execute(
        """UPDATE recharge_charges
           SET sent_at = COALESCE(sent_at, :now_us), asked = asked + 1, next_at = :next_at
           WHERE order_id = :id AND asked = :seen AND next_at IS NOT NULL""",
        now_us=now_us,
        next_at=next_at,
        id=charge.order_id,
        seen=charge.asked,
    )
    return touched == 1


async def list_open(
    tx: Transaction, environment: str, *, before_us: int, limit: int
) -> Sequence[FallCharge]:
    rows = await tx.fetch(
        f"""SELECT {CHARGES.listed} FROM recharge_charges
            WHERE next_at IS NOT NULL AND created_at <= :before AND environment = :environment
            ORDER BY created_at, order_id LIMIT :limit""",
        before=before_us,
        environment=environment,
        limit=limit,
    )
    return [CHARGES.read(row) for row in rows]


async def count_open(tx: Transaction, *, before_us: int) -> dict[str, int]:
    """Count older charges with an unknown outcome, by environment."""
    rows = await tx.fetch(
        """SELECT environment, COUNT(*) AS number FROM recharge_charges
           WHERE next_at IS NOT NULL AND created_at <= :before GROUP BY environment""",
        before=before_us,
    )
    return {row["environment"]: int(row["number"]) for row in rows}
