"""Read an endpoint in the form that a request to it needs."""

from kernel.errors import NotFound
from kernel.tenant import Tenant
from store.database import Transaction
from webhooks.deliveries.stage import TARGET_COLUMNS, Target

_TARGET = f"""
SELECT {", ".join(TARGET_COLUMNS)} FROM endpoints
WHERE id = :id AND account_id = :account_id AND environment = :environment AND deleted_at IS NULL
"""


async def load_target(tx: Transaction, tenant: Tenant, endpoint_id: str) -> Target:
    account_id, environment = tenant
    row = await tx.fetch_one(
        _TARGET, id=endpoint_id, account_id=account_id, environment=environment
    )
    if row is None:
        raise NotFound("Webhook", param="id")
    return Target.of(endpoint_id, row)
