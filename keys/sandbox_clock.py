"""Move a staging account's clock forward, to test things that begin or end later.

Caps, approvals, holds, codes, subscriptions and keys' expiry follow this clock. Sign-ins, tokens, request
rates, idempotency and created_at don't.
"""

from kernel.clock import DAY_US, SECOND_US
from kernel.errors import InvalidInput
from kernel.tenant import Tenant
from store.database import Transaction

HINT = "clock"
ADVANCE_S_MAX = 400 * 86_400
AHEAD_US_MAX = 3660 * DAY_US


async def advance(tx: Transaction, tenant: Tenant, *, advance_s: int) -> int:
    """Move the clock forward and wake the worker. Return how far the clock is ahead now."""
    assert tenant.environment == "staging", "a sandbox clock is staging's"
    assert advance_s > 0, "it goes forward"
    touched = await tx.execute(
        """UPDATE account_environments SET clock_ahead_us = clock_ahead_us + :by_us
           WHERE account_id = :account_id AND environment = :environment
             AND clock_ahead_us + :by_us <= :ahead_us_max""",
        by_us=advance_s * SECOND_US,
        ahead_us_max=AHEAD_US_MAX,
        account_id=tenant.account_id,
        environment=tenant.environment,
    )
    if touched == 0:
        raise InvalidInput("The clock can be at most ten years ahead.", param="advance_s")
    tx.hint(HINT)
    return await ahead_us(tx, tenant)


async def ahead_us(tx: Transaction, tenant: Tenant) -> int:
    if tenant.environment != "staging":
        return 0
    row = await tx.fetch_one(
        """SELECT clock_ahead_us FROM account_environments
           WHERE account_id = :account_id AND environment = :environment""",
        account_id=tenant.account_id,
        environment=tenant.environment,
    )
    return 0 if row is None else int(row["clock_ahead_us"])


async def now_of(tx: Transaction, tenant: Tenant, *, now_us: int) -> int:
    return now_us + await ahead_us(tx, tenant)
