"""Limit how often a caller may make us call out: a row's paces, and look-ups of a webhook's host.

All keys of an account share one rate, and an anonymous sandbox account has an hourly limit, so that nobody
scans networks or tires a receiver through us. A refusal is 4001 with Retry-After. Counted in Redis over all
processes, and in each one alone while Redis is away.
"""

from collections.abc import Sequence
from typing import Final

from gateway.http.rate_limit import take_one
from keys.act import Pace
from keys.principal import Principal
from runtime.limiter import Limiter

# More than the endpoints that an account may have, so that it can set up all of them.
TARGETS: Final = (
    Pace(60, 60, "new webhook addresses of one account"),
    Pace(30, 3600, "new webhook addresses of a sandbox account", is_sandbox=True),
)


async def pace(
    limiter: Limiter,
    principal: Principal,
    name: str,
    paces: Sequence[Pace],
    object_id: str = "",
) -> None:
    """Count one call of that name; raise RateLimited."""
    for one in paces:
        if one.is_sandbox and not principal.is_sandbox:
            continue
        # The caller chooses the id, so the account stands before it: nobody uses up another's rate.
        key = f"{name}:{principal.account_id}:{one.period_s}"
        await take_one(
            limiter,
            f"{key}:{object_id}" if one.is_per_object else key,
            count=one.calls,
            period_s=one.period_s,
            detail=f"{one.calls} {one.what} are allowed in {one.period_s} seconds",
        )


async def pace_target(limiter: Limiter, principal: Principal) -> None:
    """Count one address for a webhook, whose host is looked up; raise RateLimited."""
    await pace(limiter, principal, "target", TARGETS)
