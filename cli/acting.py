"""Log what the command line did to an account's security, for its tenant."""

from typing import Any

from kernel.clock import SystemClock
from kernel.tenant import Tenant
from keys import audit_log
from keys.audit_log import Actor
from store.database import Transaction


async def tell(tx: Transaction, tenant: Tenant, action: str, subject_id: str, **more: Any) -> None:
    """Write the entry with its act. An empty environment: it concerns the whole account."""
    entry = audit_log.security(
        Actor(),
        action,
        account_id=tenant.account_id,
        environment=tenant.environment,
        subject_id=subject_id,
        now_us=SystemClock().now_us(),
        **more,
    )
    await audit_log.record(tx, [entry])
