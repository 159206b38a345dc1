"""Limit how often a caller may make us call out: test pings, and look-ups of a webhook's host.

All keys of an account share one rate, and an anonymous sandbox account has an hourly limit, so that nobody
scans networks or tires a receiver through us. A refusal is 4001 with Retry-After. Counted in Redis over all
processes, and in each one alone while Redis is away.
"""

from typing import Final, NamedTuple

from gateway.http.rate_limit import take_one
from keys.principal import Principal
from runtime.limiter import Limiter


class CallRate(NamedTuple):
    """calls at once, and as many again in each period."""

    calls: int
    period_s: int


ENDPOINT_PINGS: Final = CallRate(5, 5)
ACCOUNT_PINGS: Final = CallRate(20, 10)
SANDBOX_PINGS: Final = CallRate(30, 3600)
# A run is some fifty requests.
ACCOUNT_CERTIFICATIONS: Final = CallRate(3, 180)
SANDBOX_CERTIFICATIONS: Final = CallRate(6, 3600)
# More than the endpoints that an account may have, so that it can set up all of them.
ACCOUNT_TARGETS: Final = CallRate(60, 60)
SANDBOX_TARGETS: Final = CallRate(30, 3600)


async def pace_ping(limiter: Limiter, principal: Principal, endpoint_id: str) -> None:
    """Count one test ping; raise RateLimited."""
    # The caller chooses the id, so the account stands before it: nobody uses up another's rate.
    account = f"ping:{principal.account_id}"
    await _take(limiter, f"{account}:{endpoint_id}", ENDPOINT_PINGS, "test pings of one webhook")
    await _take(limiter, account, ACCOUNT_PINGS, "test pings of one account")
    if principal.is_sandbox:
        await _take(limiter, f"{account}:hour", SANDBOX_PINGS, "test pings of a sandbox account")


async def pace_certification(limiter: Limiter, principal: Principal) -> None:
    """Count one run of checks against a receiver; raise RateLimited."""
    account = f"certify:{principal.account_id}"
    await _take(limiter, account, ACCOUNT_CERTIFICATIONS, "certifications of one account")
    if principal.is_sandbox:
        what = "certifications of a sandbox account"
        await _take(limiter, f"{account}:hour", SANDBOX_CERTIFICATIONS, what)


async def pace_target(limiter: Limiter, principal: Principal) -> None:
    """Count one address for a webhook, whose host is looked up; raise RateLimited."""
    account = f"target:{principal.account_id}"
    await _take(limiter, account, ACCOUNT_TARGETS, "new webhook addresses of one account")
    if principal.is_sandbox:
        await _take(
            limiter,
            f"{account}:hour",
            SANDBOX_TARGETS,
            "new webhook addresses of a sandbox account",
        )


async def _take(limiter: Limiter, key: str, pace: CallRate, what: str) -> None:
    await take_one(
        limiter,
        key,
        count=pace.calls,
        period_s=pace.period_s,
        detail=f"{pace.calls} {what} are allowed in {pace.period_s} seconds",
    )
