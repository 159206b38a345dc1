"""Ahead."""

from dataclasses import dataclass
from typing import Final

from billing.ledger.chart import PAID_GRANT
from kernel.tenant import Tenant
from keys.account import read_tenants
from store.database import Transaction

SHOWN_MAX: Final = 20


@dataclass(frozen=True, slots=True)
class EndingCredit:
    """plan_name null: it is promotional."""

    amount_micros: int
    expires_at: int
    plan_name: str | None


@dataclass(frozen=True, slots=True)
class ComingCredit:
    amount_micros: int
    due_at: int
    plan_name: str


@dataclass(frozen=True, slots=True)
class CreditAhead:
    ending: list[EndingCredit]
    coming: ComingCredit | None


async def credit_ahead(tx: Transaction, tenant: Tenant, *, now_us: int) -> CreditAhead:
    """Read it by the tenant's own clock; at most SHOWN_MAX that end."""
    own_now_us = now_us + (await read_tenants(tx, [tenant])).clocks_ahead_us.get(tenant, 0)
    rows = await tx.fetch(
        _ENDING, account_id=tenant[0], environment=tenant[1], now=own_now_us, limit=SHOWN_MAX
    )
    following = await tx.fetch_one(_COMING, account_id=tenant[0], environment=tenant[1])
    return CreditAhead(
        [EndingCredit(row[0], row[1], row[2]) for row in rows],
        None if following is None else ComingCredit(following[0], following[1], following[2]),
    )


_ENDING = f"""
SELECT l.balance_micros, l.expires_at, s.plan_name
FROM ledger_accounts l
LEFT JOIN plan_grants g ON g.id = l.name AND SUBSTR(l.name, 1, {len(PAID_GRANT)}) = '{PAID_GRANT}'
LEFT JOIN subscriptions s ON s.id = g.subscription_id
WHERE l.account_id = :account_id AND l.environment = :environment AND l.kind = 'grant'
  AND l.is_spent = 0 AND l.expires_at > :now
ORDER BY l.expires_at, l.id LIMIT :limit
"""
_COMING = """
SELECT g.credits_micros, g.due_at, s.plan_name
FROM plan_grants g JOIN subscriptions s ON s.id = g.subscription_id
WHERE g.account_id = :account_id AND g.environment = :environment AND g.due_at IS NOT NULL
  AND s.status IN ('active', 'past_due', 'paused')
ORDER BY g.due_at, g.id LIMIT 1
"""
