"""The sandbox clock: a staging account may see a later time, to watch what ends or begins then.

What goes by it: the ends of keys and of their replaced secrets, caps and mandates, approvals, holds,
promotional credit, codes, check-ins, scheduled sends, subscriptions, and what is shown of them. What does
not: sign-ins and tokens, rates of requests, test credit of a day, idempotency, events and every created_at.
It goes forward only. Commands ask `BatchState.now_of`, reads `now_of` here; a live account's time is ours.
The offset is a column of account_environments, which each batch reads anyway under the account's lock.
"""

from kernel.clock import DAY_US, SECOND_US
from kernel.errors import InvalidInput
from kernel.tenant import Tenant
from store.database import Transaction

HINT = "clock"
# A yearly subscription renews within one call; ten years are as far as it goes.
ADVANCE_S_MAX = 400 * 86_400
AHEAD_US_MAX = 3660 * DAY_US


async def advance(tx: Transaction, tenant: Tenant, *, advance_s: int) -> int:
    """Moves the clock on; returns how far ahead of ours it is now, in microseconds.

    Tells the worker, which ends what is due. Raises InvalidInput beyond ten years.
    """
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
        raise InvalidInput("the clock would be too far ahead", param="advance_s")
    tx.hint(HINT)
    return await ahead_us(tx, tenant)


async def ahead_us(tx: Transaction, tenant: Tenant) -> int:
    """How far the tenant's clock is ahead of ours; one statement in staging, none in live."""
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
    """The tenant's own time; one statement in staging, none in live."""
    return now_us + await ahead_us(tx, tenant)
