"""Rate limits at the edge: one bucket for each credential, told in the standard headers.

RateLimit-Policy: "default";q=400;w=2 and RateLimit: "default";r=399;t=1, on allowed answers too
(draft-ietf-httpapi-ratelimit-headers); Retry-After with a refusal. A credential's burst is twice
its rate, so the window is two seconds.
"""

import time

from kernel.clock import SECOND_US, rfc3339
from kernel.errors import DomainError
from runtime.limiter import Decision, Limiter

BURST_S = 2

HeaderList = list[tuple[bytes, bytes]]


class RateLimited(DomainError):
    """Too many requests; retry_after_s says when the next one passes."""


class RateLimit:
    """The limit of each credential; rate_per_s 0 turns it off."""

    def __init__(self, limiter: Limiter, rate_per_s: int) -> None:
        self._limiter = limiter
        self._rate_per_s = rate_per_s
        self._burst = rate_per_s * BURST_S
        self._policy = (b"ratelimit-policy", b'"default";q=%d;w=%d' % (self._burst, BURST_S))

    def take_now(self, key: str, headers: HeaderList) -> bool:
        """As take, without waiting for anything; False when that must be waited for."""
        if self._rate_per_s == 0:
            return True
        decision = self._limiter.take_now(key, self._rate_per_s, self._burst)
        if decision is None:
            return False
        self._tell(decision, headers)
        return True

    async def take(self, key: str, headers: HeaderList) -> None:
        """Takes one token and adds the headers; raises RateLimited."""
        self._tell(await self._limiter.take(key, self._rate_per_s, self._burst), headers)

    def _tell(self, decision: Decision, headers: HeaderList) -> None:
        left = b'"default";r=%d;t=%d' % (decision.remaining, decision.reset_s)
        headers += (self._policy, (b"ratelimit", left))
        if not decision.allowed:
            raise refusal(decision)


async def take_one(limiter: Limiter, key: str, *, count: int, period_s: int, detail: str) -> None:
    """One of `count` in each period for the key, such as 5 an hour; raises RateLimited."""
    decision = await limiter.take(key, count / period_s, count)
    if not decision.allowed:
        raise refusal(decision, detail)


def refusal(
    decision: Decision, detail: str = "too many requests with this credential"
) -> RateLimited:
    """What the caller is told."""
    wait_s = max(1, decision.retry_after_s)
    resets_at = rfc3339(time.time_ns() // 1000 + wait_s * SECOND_US)
    return RateLimited(
        detail,
        retry_after_s=wait_s,
        extra={"limit": decision.limit, "remaining": decision.remaining, "resets_at": resets_at},
    )
