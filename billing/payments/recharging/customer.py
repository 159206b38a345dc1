"""An account's customer at a provider that saves payment methods.

Simultaneous requests leave one, and the provider makes one for the same key.
"""

from billing.providers.abilities.saved_payment import SavedPayments
from billing.subscriptions import records as subscription_rows
from kernel.clock import Clock
from kernel.tenant import Tenant
from store.database import Database


async def find_customer(database: Database, tenant: Tenant, provider: str) -> str | None:
    return await database.read(lambda tx: subscription_rows.find_customer(tx, tenant, provider))


async def customer_of(
    database: Database, clock: Clock, saved: SavedPayments, tenant: Tenant, provider: str
) -> str:
    """Return the provider's ID of the account, made if missing; raise what the provider does."""
    known = await find_customer(database, tenant, provider)
    if known is not None:
        return known
    row = await database.read(
        lambda tx: tx.fetch_one("SELECT email FROM accounts WHERE id = :id", id=tenant.account_id)
    )
    key = f"{tenant.account_id}/{tenant.environment}"
    made = await saved.new_customer(key, None if row is None else row["email"])
    now_us = clock.now_us()
    return await database.transaction(
        lambda tx: subscription_rows.keep_first_customer(
            tx, tenant, provider, made, gone=None, now_us=now_us
        )
    )
