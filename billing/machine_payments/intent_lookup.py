"""Find the top-up that an intent names, for a request that may need no payment then."""

from billing.topups.topup import TopUp, load
from billing.topups.working_set import load_intents
from kernel.tenant import Tenant
from store.database import Transaction


async def find_named(tx: Transaction, tenant: Tenant, intent: str) -> TopUp | None:
    key = (*tenant, intent)
    topup_id = (await load_intents(tx, [key])).get(key)
    return None if topup_id is None else (await load(tx, [topup_id])).get(topup_id)
