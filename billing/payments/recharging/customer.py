"""Who the account is at a provider that keeps its means of payment."""

from billing.engine.engine import Engine
from billing.providers.abilities.saved_payment import SavedPayments
from billing.subscriptions import records as subscription_rows
from kernel.tenant import Tenant
from store.database import Database, Transaction


async def find_customer(database: Database, tenant: Tenant, provider: str) -> str | None:
    """The provider's id of the account, or None where it knows none."""
    return await database.read(lambda tx: subscription_rows.find_customer(tx, tenant, provider))
