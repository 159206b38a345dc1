"""Limit how often an account may make us call out, so that nobody scans networks through us."""

from collections.abc import Sequence
from typing import Final

from gateway.http.rate_limit import take_one
from keys.act import Pace
from keys.principal import Principal
from runtime.limiter import Limiter

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
    for one in paces:
        if one.is_sandbox and not principal.is_sandbox:
            continue
        key = f"{name}:{principal.account_id}:{one.period_s}"
        await take_one(
            limiter,
            f"{key}:{object_id}" if one.is_per_object else key,
            count=one.calls,
            period_s=one.period_s,
            detail=f"{one.calls} {one.what} are allowed in {one.period_s} seconds",
        )


async def pace_target(limiter: Limiter, principal: Principal) -> None:
    await pace(limiter, principal, "target", TARGETS)
