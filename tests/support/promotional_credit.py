"""Promotional credit of any amount and any end: the move of a paid order's promotional part, alone."""

from dataclasses import dataclass

from billing.engine.batch_state import BatchState, ReadSet
from billing.ledger.ledger import Code, LedgerAccountKind
from kernel.ids import new_id
from kernel.tenant import Tenant


@dataclass(frozen=True, slots=True)
class GivePromotion:
    """Results in the grant's id; expires_at in microseconds, None: never."""

    tenant: Tenant
    amount_micros: int
    expires_at: int | None

    def declare(self, read_set: ReadSet) -> None:
        read_set.tenants.add(self.tenant)
        read_set.places.add((*self.tenant, LedgerAccountKind.PROMOTION, ""))

    def decide(self, state: BatchState) -> str:
        grant_id, ledger = new_id("grt"), state.ledger
        promotion = ledger.account(self.tenant, LedgerAccountKind.PROMOTION)
        grant = ledger.account(
            self.tenant, LedgerAccountKind.GRANT, grant_id, expires_at=self.expires_at
        )
        state.move(promotion, grant, self.amount_micros, Code.GRANT, subject_id=grant_id)
        return grant_id
