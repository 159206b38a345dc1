"""Events as their reader may see them: with codes for the sender and whoever may see all."""

from collections.abc import Sequence

from billing.topups.voucher import VoucherCodes, unseen
from keys.principal import Principal
from store.database import Transaction
from webhooks.events.log import Event


async def shown(
    codes: VoucherCodes, tx: Transaction, principal: Principal, events: Sequence[Event]
) -> list[Event]:
    """Return the events, each with its code where the caller may see it. At most one statement."""
    coded = {
        event.transaction_id
        for event in events
        if event.code_at is not None and event.transaction_id is not None
    }
    hidden = await unseen(tx, principal, coded)
    return [
        event if event.transaction_id in hidden else event.with_code(codes.issued)
        for event in events
    ]
