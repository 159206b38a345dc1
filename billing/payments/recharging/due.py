"""Read due recharges with their providers: drops to charge, charges to check.

A suspended account's drops and retries wait until it resumes. exclude_ids: by order ID; exclude_keys: as
"environment/provider".
"""

from collections.abc import Sequence
from typing import NamedTuple

from billing.recharges.recharge import FallCharge
from billing.recharges.records import CHARGES
from kernel.tenant import Tenant
from store.database import Transaction


class BegunFall(NamedTuple):
    """A drop without an order; provider empty: nobody wants it charged any more."""

    tenant: Tenant
    order_id: str
    provider: str


async def begun_falls(
    tx: Transaction,
    *,
    limit: int,
    exclude_ids: Sequence[str] = (),
    exclude_keys: Sequence[str] = (),
) -> list[BegunFall]:
    rows = await tx.fetch(
        """SELECT e.account_id, e.environment, e.recharge_order_id,
               COALESCE(r.provider, '') AS provider
           FROM account_environments e
           LEFT JOIN recharges r ON r.account_id = e.account_id AND r.environment = e.environment
           WHERE e.recharge_order_id IS NOT NULL AND e.suspended_at IS NULL AND NOT EXISTS (
               SELECT 1 FROM recharge_charges c WHERE c.order_id = e.recharge_order_id)
             AND NOT e.recharge_order_id IN :exclude_ids[text]
             AND NOT e.environment || '/' || COALESCE(r.provider, '') IN :exclude_keys[text]
           ORDER BY e.recharge_order_id LIMIT :limit""",
        limit=limit,
        exclude_ids=exclude_ids,
        exclude_keys=exclude_keys,
    )
    return [
        BegunFall(
            Tenant(row["account_id"], row["environment"]), row["recharge_order_id"], row["provider"]
        )
        for row in rows
    ]


async def due_charges(
    tx: Transaction,
    *,
    now_us: int,
    limit: int,
    exclude_ids: Sequence[str] = (),
    exclude_keys: Sequence[str] = (),
) -> list[tuple[str, FallCharge]]:
    """Return due charges, the longest due first, each behind its provider, which is "" if the order is gone."""
    rows = await tx.fetch(
        f"""SELECT {CHARGES.of("c")}, COALESCE(o.provider, '') AS provider {_WAITING}
              AND c.next_at <= :now
            ORDER BY c.next_at LIMIT :limit""",
        now=now_us,
        limit=limit,
        exclude_ids=exclude_ids,
        exclude_keys=exclude_keys,
    )
    return [(row["provider"], CHARGES.read(row)) for row in rows]


async def next_charge_at(
    tx: Transaction, *, exclude_ids: Sequence[str] = (), exclude_keys: Sequence[str] = ()
) -> int | None:
    row = await tx.fetch_one(
        f"SELECT c.next_at {_WAITING} ORDER BY c.next_at LIMIT 1",
        exclude_ids=exclude_ids,
        exclude_keys=exclude_keys,
    )
    return None if row is None else int(row["next_at"])


async def due_retries(
    tx: Transaction, *, now_us: int, limit: int, but_tenants: Sequence[str] = ()
) -> list[Tenant]:
    """Return tenants whose declined drop is due, by their own clocks. but_tenants: excluded, as
    "account/environment".
    """
    rows = await tx.fetch(
        """SELECT r.account_id, r.environment FROM recharges r
           JOIN account_environments e
             ON e.account_id = r.account_id AND e.environment = r.environment
           WHERE r.retry_at IS NOT NULL AND r.retry_at <= :now + e.clock_ahead_us
             AND e.suspended_at IS NULL
             AND NOT r.account_id || '/' || r.environment IN :but_tenants[text]
           ORDER BY r.retry_at LIMIT :limit""",
        now=now_us,
        limit=limit,
        but_tenants=but_tenants,
    )
    return [Tenant(row["account_id"], row["environment"]) for row in rows]


_WAITING = """
FROM recharge_charges c LEFT JOIN orders o ON o.id = c.order_id
WHERE c.next_at IS NOT NULL AND NOT c.order_id IN :exclude_ids[text]
  AND NOT c.environment || '/' || COALESCE(o.provider, '') IN :exclude_keys[text]
"""
