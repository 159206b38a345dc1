"""Add codes to the events of callers who may see them."""

from collections.abc import Sequence

from billing.topups.voucher import VoucherCodes, unseen
from keys.principal import Principal
from store.database import Transaction
from webhooks.events.log import Event


async def shown(
    codes: VoucherCodes, tx: Transaction, principal: Principal, events: Sequence[Event]
) -> list[Event]:
    """Return the events, each with its code if the caller may see it. Runs at most one statement."""
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
