"""Grant promotional credit. It is spent before other credit, and may expire.

Each grant has its own ledger account, to which refunded credit can return. A worker moves expired credit to the account
EXPIRED.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from billing.engine.batch_state import BatchState, ReadSet
from billing.ledger.chart import PAID_GRANT
from billing.ledger.ledger import Code, LedgerAccount, LedgerAccountKind
from billing.ledger.money import CURRENCY, micros_to_cents
from kernel.clock import rfc3339
from kernel.tenant import Tenant
from store.database import Transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class EndOfCredit:
    id: str
    expires_at: int
    plan_id: str | None = None
    subscription_id: str | None = None

    @classmethod
    def of(cls, grant: LedgerAccount) -> "EndOfCredit":
        assert grant.expires_at is not None, "it ends"
        return cls(id=grant.name, expires_at=grant.expires_at)

    def shape(self, lost_micros: int) -> dict[str, Any]:
        return {
            "id": self.id,
            "kind": "promotional" if self.plan_id is None else "plan",
            "amount_micros": lost_micros,
            "amount_cents": micros_to_cents(lost_micros),
            "currency": CURRENCY,
            "expires_at": rfc3339(self.expires_at),
            "plan_id": self.plan_id,
            "subscription_id": self.subscription_id,
        }


def publish_expired(state: BatchState, tenant: Tenant, end: EndOfCredit, lost_micros: int) -> None:
    state.publish(tenant, "credit.expired", end.shape(lost_micros))


@dataclass(frozen=True, slots=True)
class ExpireGrants:
    """Move a tenant's expired grants to EXPIRED. The command EndParts does this for plan credit."""

    tenant: Tenant

    def declare(self, read_set: ReadSet) -> None:
        read_set.tenants.add(self.tenant)
        read_set.places.add((*self.tenant, LedgerAccountKind.EXPIRED, ""))

    def decide(self, state: BatchState) -> int:
        found = state.ledger.expired_grants(self.tenant, state.now_us)
        expired = [grant for grant in found if not grant.is_paid]
        gone_micros = sum(grant.balance_micros for grant in expired)
        for grant in expired:
            micros = grant.balance_micros
            target = state.ledger.account(self.tenant, LedgerAccountKind.EXPIRED)
            state.move(grant, target, micros, Code.EXPIRY, subject_id=grant.name)
            publish_expired(state, self.tenant, EndOfCredit.of(grant), micros)
        # Record that the balance drops by the credit that has just expired.
        left_micros = state.ledger.balance_micros(self.tenant, state.now_us)
        state.watches.record_drop(self.tenant, left_micros + gone_micros, left_micros)
        return len(expired)


async def tenants_with_expired(
    tx: Transaction, *, now_us: int, limit: int, but_tenants: Sequence[str] = ()
) -> list[Tenant]:
    """Return tenants with expired grants. `but_tenants` lists tenants to skip, as "account/environment"."""
    rows = await tx.fetch(
        f"""SELECT plain.account_id, plain.environment FROM (
               SELECT account_id, environment FROM ledger_accounts
               WHERE kind = 'grant' AND is_spent = 0 AND expires_at <= :now
                 AND {_IS_PROMO.format(name="name")} AND NOT account_id || '/' || environment IN :but_tenants[text]
               ORDER BY expires_at LIMIT :limit) AS plain
           UNION
           SELECT l.account_id, l.environment
           FROM account_environments e
           CROSS JOIN ledger_accounts l
           WHERE e.clock_ahead_us > 0
             AND l.account_id = e.account_id AND l.environment = e.environment
             AND l.kind = 'grant' AND l.is_spent = 0 AND l.expires_at <= :now + e.clock_ahead_us
             AND {_IS_PROMO.format(name="l.name")}
             AND NOT l.account_id || '/' || l.environment IN :but_tenants[text]
           ORDER BY account_id, environment LIMIT :limit""",
        now=now_us,
        limit=limit,
        but_tenants=but_tenants,
    )
    return [Tenant(row["account_id"], row["environment"]) for row in rows]


_IS_PROMO = f"SUBSTR({{name}}, 1, {len(PAID_GRANT)}) <> '{PAID_GRANT}'"
