"""An operator's decision about a top-up that is to be reversed."""

from functools import partial

from billing.desk.decisions import Person
from billing.desk.waiting import get_seen
from billing.engine.engine import Engine
from billing.fulfilment.suppliers import Suppliers
from billing.topups.reverse import EndReversal, Reverse, ReversedOutcome
from kernel.clock import Clock
from store.database import Database


async def reverse_by_hand(
    database: Database,
    clock: Clock,
    engine: Engine,
    suppliers: Suppliers,
    topup_id: str,
    reason: str,
    *,
    by: Person,
    is_revoked: bool | None = None,
) -> ReversedOutcome:
    """Reverse a delivered top-up, as POST /topup/{id}/reverse does; audited.

    is_revoked: its supplier confirmed that what was handed over is worthless, or (False) not. Raises
    NotFound, AlreadyUsed, AlreadyEnded and StillOpen.
    """
    seen = await database.read(partial(get_seen, topup_id=topup_id, now_us=clock.now_us()))
    topup = seen.topup
    if is_revoked is not None:
        return await engine.submit(
            EndReversal(
                topup.id,
                topup.tenant,
                is_revoked=is_revoked,
                reason=reason,
                actor=by.actor,
                by_name=by.name,
            )
        )
    supplier = suppliers.find(topup.environment, topup.supplier)
    can_revoke = supplier is not None and supplier.can_revoke
    return await engine.submit(
        Reverse(
            topup.id,
            topup.tenant,
            reason=reason,
            can_revoke=can_revoke,
            actor=by.actor,
            by_name=by.name,
        )
    )
