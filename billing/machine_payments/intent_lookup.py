"""Find the top-up that an intent names, for a request that may need no payment then."""

from billing.intents import intent as intents
from billing.topups.topup import TopUp, load
from kernel.tenant import Tenant
from store.database import Transaction


async def find_named(tx: Transaction, tenant: Tenant, intent: str) -> TopUp | None:
    key = (*tenant, intent)
    topup_id = (await intents.load(tx, [key])).get(key)
    return None if topup_id is None else (await load(tx, [topup_id])).get(topup_id)
