"""The sandbox clock: a staging account may see a later time, to watch what ends or begins then.

What runs by it: holds, promotional credit, approvals, check-ins, subscriptions. What does not: keys,
caps, idempotency, events and every created_at. Commands ask `BatchState.now_of`, reads `now_of` here; a
live account's time is ours. The offset is a column of account_environments (keys/account.py), which
each batch reads anyway under the account's lock.
"""

from kernel.clock import DAY_US, SECOND_US
from kernel.tenant import Tenant
from keys.account import advance_clock, read_tenants
from store.database import Transaction

HINT = "clock"
# A yearly subscription renews within one call; ten years are as far as it goes.
ADVANCE_S_MAX = 400 * 86_400
AHEAD_US_MAX = 3660 * DAY_US


async def advance(tx: Transaction, tenant: Tenant, *, advance_s: int) -> int:
    """Moves the clock on; returns how far ahead of ours it is now, in microseconds.

    Tells the worker, which ends what is due. Raises InvalidInput beyond ten years.
    """
    by_us = advance_s * SECOND_US
    ahead_us = await advance_clock(tx, tenant, by_us=by_us, ahead_us_max=AHEAD_US_MAX)
    tx.hint(HINT)
    return ahead_us


async def now_of(tx: Transaction, tenant: Tenant, *, now_us: int) -> int:
    """The tenant's own time; one statement in staging, none in live."""
    if tenant.environment != "staging":
        return now_us
    standings = await read_tenants(tx, [tenant])
    return now_us + standings.clocks_ahead_us.get(tenant, 0)
