"""What the first request under a reused Idempotency-Key was about: its top-up, where it had one."""

from typing import Any

from billing import topup as topups
from gateway.call import Call
from gateway.envelope import code_of, transaction_id_of
from store.db import Transaction
from store.idempotency import KeyReused, find


async def name_first(call: Call[Any, Any], error: KeyReused) -> None:
    """Adds the first request's transaction id and that top-up's status to the refusal."""
    key, scope = call.request_key, call.principal.scope
    if key is None:
        return

    async def work(tx: Transaction) -> topups.TopUp | None:
        stored = (await find(tx, [key])).get(key.place)
        if stored is None or stored.is_sealed or not stored.body or not code_of(stored.body):
            return None
        topup_id = transaction_id_of(stored.body)
        return None if topup_id is None else (await topups.load(tx, [topup_id])).get(topup_id)

    first = await call.context.database.read(work)
    if first is not None and first.scope == scope:
        error.extra.update(transaction_id=first.id, status=first.status)
