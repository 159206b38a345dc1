"""End."""

from dataclasses import dataclass
from typing import Any

from billing.engine.batch_state import BatchState
from billing.ledger.ledger import LedgerAccount
from billing.ledger.money import CURRENCY, micros_to_cents
from kernel.clock import rfc3339
from kernel.tenant import Tenant


@dataclass(frozen=True, slots=True, kw_only=True)
class EndOfCredit:
    """plan_id and subscription_id: of a plan's paid credit."""

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


def tell_expired(state: BatchState, tenant: Tenant, end: EndOfCredit, lost_micros: int) -> None:
    """Publish credit.expired, after which the credit is lost for certain."""
    state.publish(tenant, "credit.expired", end.shape(lost_micros))
