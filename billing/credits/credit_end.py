"""What credit.expiring and credit.expired say of a grant."""

from typing import Any

from billing.engine.batch_state import BatchState
from billing.ledger.ledger import LedgerAccount
from billing.ledger.money import CURRENCY, micros_to_cents
from kernel.clock import rfc3339
from kernel.tenant import Tenant


def ending_shape(
    grant: LedgerAccount,
    amount_micros: int,
    *,
    plan_id: str | None = None,
    subscription_id: str | None = None,
) -> dict[str, Any]:
    """The amount is what is left of it; plan_id and subscription_id: of a plan's credit."""
    assert grant.expires_at is not None, "it ends"
    return {
        "id": grant.name,
        "kind": "plan" if grant.is_paid else "promotional",
        "amount_micros": amount_micros,
        "amount_cents": micros_to_cents(amount_micros),
        "currency": CURRENCY,
        "expires_at": rfc3339(grant.expires_at),
        "plan_id": plan_id,
        "subscription_id": subscription_id,
    }


def tell_expired(
    state: BatchState,
    tenant: Tenant,
    grant: LedgerAccount,
    amount_micros: int,
    *,
    plan_id: str | None = None,
    subscription_id: str | None = None,
) -> None:
    """credit.expired, in the transaction that takes what is left."""
    state.publish(
        tenant,
        "credit.expired",
        ending_shape(grant, amount_micros, plan_id=plan_id, subscription_id=subscription_id),
    )
