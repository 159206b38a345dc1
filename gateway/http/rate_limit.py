"""Limit how often credentials and accounts call, and how much CPU time callers without a credential use.

- Headers follow draft-ietf-httpapi-ratelimit-headers. A burst is twice the rate, so the window is two seconds.
- Callers without a credential must not slow down sends. The event loop serves one of them at a time, and uses
  at most SHARE of its time for them. One address can use WORK_BURST_S of CPU time at once. After that, it gets
  SHARE_OF_ADDRESS of a core.
"""

import asyncio
import math
import time
from collections import OrderedDict, deque
from collections.abc import Awaitable, Callable, Generator, Sequence
from contextvars import ContextVar
from functools import lru_cache, partial
from typing import Any, Final, NamedTuple, TypeVar
from urllib.parse import urlsplit

from msgspec import UnsetType

from billing.topups.rules import NotRedeemable
from gateway.http.auth import LOOPBACK, PROBED, block_of, is_within
from gateway.http.request_context import RequestContext
from kernel.clock import SECOND_US, rfc3339
from kernel.errors import DomainError
from kernel.limits import BULK_BODY_BYTES_MAX
from keys.act import Pace
from keys.principal import Network, Principal
from keys.signatures.web_bot_auth import AGENT_HEADER, Target
from runtime.limiter import Bucket, Decision, Limiter

BURST_S = 2
SANDBOX_SHARE = 5
KNOWN_MAX = 10_000
LOOK_UPS = 600
LOOK_UPS_PER_S = 10.0
MISS_COST = 10
# Ignore the size of bodies up to this many bytes.
SMALL_BODY_BYTES = 4 * 1024
WORK_MAX = BULK_BODY_BYTES_MAX // 1024
_NAMES = (b"account", b"default")
# The share of the event loop's time for callers without a credential.
SHARE: Final = 0.25
WORK_BURST_S: Final = 1.0
SHARE_OF_ADDRESS: Final = 0.05
ADDRESSES_MAX: Final = 10_000
AROUND_S: Final = 0.00006
_OWED_S_MIN: Final = 0.001
_PAUSE_S_MAX: Final = 0.25
_REFUSED: Final = 400
_READS: Final = frozenset({"GET", "HEAD"})
DETAIL: Final = (
    "Requests without a credential from this address took too much of the server's time. Repeat this one after the"
    " seconds of Retry-After."
)

HeaderList = list[tuple[bytes, bytes]]
T = TypeVar("T")


class RateLimited(DomainError):
    pass


class RateLimit:
    """The rate limits of credentials and accounts. If rate_per_s is 0, there is no limit. If account_rate_per_s is 0,
    only credentials are limited.

    An account's limit is never lower than a credential's.
    """

    def __init__(self, limiter: Limiter, rate_per_s: int, account_rate_per_s: int = 0) -> None:
        self._limiter = limiter
        self._rate_per_s = rate_per_s
        self._account_rate_per_s = max(account_rate_per_s, rate_per_s) if account_rate_per_s else 0
        # Each caller's limits are cached, because making them costs as much as checking them.
        self._known: dict[tuple[str, bool], tuple[Bucket, ...]] = {}
        share = account_rate_per_s // SANDBOX_SHARE
        self._sandbox_rate_per_s = max(share, rate_per_s) if account_rate_per_s else 0

    def take_now(self, caller: Principal, headers: HeaderList) -> bool:
        if self._rate_per_s == 0:
            return True
        buckets = self._buckets(caller)
        decisions = self._limiter.take_each_now(buckets)
        if decisions is None:
            return False
        _add_headers(buckets, decisions, headers)
        return True

    async def take(self, caller: Principal, headers: HeaderList) -> None:
        buckets = self._buckets(caller)
        _add_headers(buckets, await self._limiter.take_each(buckets), headers)

    def add_unused(self, headers: HeaderList) -> None:
        add_unused(self._rate_per_s, headers)

    def _buckets(self, caller: Principal) -> tuple[Bucket, ...]:
        """Return the limits to check. The account's comes first, so a call that it refuses doesn't count against the
        credential's.
        """
        who = (caller.credential_id, caller.is_sandbox)
        known = self._known.get(who)
        if known is not None:
            return known
        rate = self._rate_per_s
        made: tuple[Bucket, ...] = (Bucket(caller.credential_id, rate, rate * BURST_S),)
        total = self._sandbox_rate_per_s if caller.is_sandbox else self._account_rate_per_s
        if total:
            key = f"{caller.account_id}:{caller.environment}"
            made = (Bucket(key, total, total * BURST_S), *made)
        if len(self._known) >= KNOWN_MAX:
            self._known.clear()
        self._known[who] = made
        return made


def _add_headers(
    buckets: Sequence[Bucket], decisions: Sequence[Decision], headers: HeaderList
) -> None:
    tightest, at = decisions[-1], len(decisions) - 1
    if tightest.allowed and decisions[0].remaining < tightest.remaining:
        tightest, at = decisions[0], 0
    name = _NAMES[at - len(buckets)]
    headers += (
        _policy(name, tightest.limit),
        (b"ratelimit", b'"%b";r=%d;t=%d' % (name, tightest.remaining, tightest.reset_s)),
    )
    if not tightest.allowed:
        whose = "by this account" if name == _NAMES[0] else "with this credential"
        raise refusal(tightest, f"too many requests {whose}")


def add_unused(rate_per_s: int, headers: HeaderList) -> None:
    if rate_per_s and not any(name == b"ratelimit-policy" for name, _ in headers):
        burst = rate_per_s * BURST_S
        headers += (
            _policy(_NAMES[1], burst),
            (b"ratelimit", b'"%b";r=%d;t=0' % (_NAMES[1], burst)),
        )


@lru_cache(maxsize=64)
def _policy(name: bytes, limit: int) -> tuple[bytes, bytes]:
    return b"ratelimit-policy", b'"%b";q=%d;w=%d' % (name, limit, BURST_S)


class Allowance(NamedTuple):
    """How many calls are allowed in each period. A caller can make all of them at once."""

    calls: int
    period_s: int


async def take_one(limiter: Limiter, key: str, allowed: Allowance, detail: str) -> None:
    decision = await limiter.take(key, allowed.calls / allowed.period_s, allowed.calls)
    if not decision.allowed:
        raise refusal(decision, detail)


async def guarded(limiter: Limiter, caller: Principal, look_up: Callable[[], Awaitable[T]]) -> T:
    """Look up a secret code. A wrong code counts ten times as much toward the account's limit as a valid one."""
    key = f"voucher:{caller.account_id}"
    decision = await limiter.take(key, LOOK_UPS_PER_S, LOOK_UPS)
    # Refuse a caller whose bucket has too few tokens for a wrong code. Otherwise, the last guesses would be cheap.
    if not decision.allowed or decision.remaining < MISS_COST - 1:
        raise refusal(decision, "too many voucher codes, or too many wrong ones")
    try:
        return await look_up()
    except NotRedeemable:
        await limiter.take(key, LOOK_UPS_PER_S, LOOK_UPS, cost=MISS_COST - 1)
        raise


async def take_work(call: RequestContext[Any, Any], caller: Principal) -> None:
    """Take one unit per record or per KiB of the request's body, whichever is more."""
    settings = call.context.settings
    rate = settings.rate_limit_records_per_s if settings.rate_limit_per_s else 0
    if rate and caller.is_sandbox:
        rate = max(1, rate // SANDBOX_SHARE)
    records = call.body.records_in_call
    size = len(call.raw) if len(call.raw) > SMALL_BODY_BYTES else 0
    units = max(records, -(-size // 1024))
    if not rate or units <= 1:
        return
    key = f"{caller.account_id}:{caller.environment}:records"
    burst = max(rate * BURST_S, WORK_MAX)
    decision = await call.context.limiter.take(key, rate, burst, min(units, burst))
    if not decision.allowed:
        raise refusal(
            decision,
            f"too many records or bytes by this account: this call counts as {units}, one for each record or KiB,"
            f" and {rate} a second are taken. Wait, or send less in each call",
        )


def refusal(
    decision: Decision, detail: str = "too many requests with this credential"
) -> RateLimited:
    wait_s = max(1, decision.retry_after_s)
    resets_at = rfc3339(time.time_ns() // 1000 + wait_s * SECOND_US)
    return RateLimited(
        detail,
        retry_after_s=wait_s,
        extra={"limit": decision.limit, "remaining": decision.remaining, "resets_at": resets_at},
    )


_PORTS = {"http": ":80", "https": ":443"}


def agent_of(call: RequestContext[Any, Any]) -> str | None:
    """Return the URL of the agent that signed the request, or None. The first call stores the result."""
    if AGENT_HEADER not in call.headers:
        return None
    if isinstance(call.agent, UnsetType):
        call.agent = call.context.agents.caller_of(_target_of(call), call.credential)
    return call.agent


async def limit_agent(call: RequestContext[Any, Any]) -> None:
    rate_per_s = call.context.settings.rate_limit_agent_per_s
    agent = agent_of(call) if rate_per_s else None
    if agent is not None:
        await take_one(
            call.context.limiter,
            f"agent:{agent}",
            Allowance(2 * rate_per_s, 2),
            f"{rate_per_s} calls a second are allowed for the agent {agent}",
        )


def _target_of(call: RequestContext[Any, Any]) -> Target:
    scheme, host = call.scope["scheme"], call.headers.get(b"host", b"").decode("latin-1").lower()
    if call.context.settings.public_url:
        parts = urlsplit(call.context.settings.public_url)
        scheme, host = parts.scheme, parts.netloc.lower()
    raw_path = call.scope.get("raw_path") or call.path.encode()
    return Target(
        call.method,
        scheme,
        host.removesuffix(_PORTS.get(scheme, "")),
        raw_path.partition(b"?")[0].decode("latin-1"),
        call.scope["query_string"].decode("latin-1"),
        call.headers,
    )


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
            Allowance(one.calls, one.period_s),
            f"{one.calls} {one.what} are allowed in {one.period_s} seconds",
        )


async def pace_target(limiter: Limiter, principal: Principal) -> None:
    await pace(limiter, principal, "target", TARGETS)


class TooMuchWork(RateLimited):
    pass


class _Bill:
    __slots__ = ("elsewhere_s", "spent_s")

    def __init__(self) -> None:
        self.spent_s = self.elsewhere_s = 0.0


_bill: ContextVar[_Bill | None] = ContextVar("bill", default=None)


def charge(seconds: float) -> None:
    bill = _bill.get()
    if bill is not None:
        bill.elsewhere_s += seconds


class Strangers:
    def __init__(
        self,
        trusted: Sequence[Network] = (),
        *,
        monotonic: Callable[[], float] = time.monotonic,
        cpu: Callable[[], float] = time.thread_time,
    ) -> None:
        self._uncounted = (*LOOPBACK, *trusted)
        self._monotonic = monotonic
        self._cpu = cpu
        self._lines: tuple[deque[asyncio.Future[None]], ...] = (deque(), deque())
        self._is_serving = False
        self._free_at_s = 0.0
        # For each address, the time at which its whole burst is available again.
        self._full_at_s: OrderedDict[str, float] = OrderedDict()

    async def serve(
        self,
        call: RequestContext[Any, Any],
        work: Callable[[], Awaitable[T]],
        *,
        is_free: bool = False,
    ) -> T:
        """Do the work when its turn comes. Raise TooMuchWork if the address has used up its time.

        If `is_free` is true, don't limit the address's time.
        """
        address = None if is_free else self._counted_as(call)
        if address is not None:
            self._check(address)
        await self.turn(call)
        bill = _Bill()
        token = _bill.set(bill)
        try:
            done: T = await _Metered(work(), self._cpu, bill, self._spend)
            is_free = call.method not in _READS and not _is_refusal(done)
            return done
        finally:
            _bill.reset(token)
            if address is not None and not is_free:
                self._charge(address, bill.spent_s + bill.elsewhere_s + AROUND_S)

    async def turn(self, call: RequestContext[Any, Any]) -> None:
        if self._is_serving:
            waiting = asyncio.get_running_loop().create_future()
            self._lines[call.path in PROBED].append(waiting)
            await waiting
        else:
            self._is_serving = True
            asyncio.get_running_loop().call_soon(self._serve_next)
        self._spend(AROUND_S)

    def _serve_next(self) -> None:
        loop = asyncio.get_running_loop()
        owed_s = self._free_at_s - self._monotonic()
        if owed_s > _OWED_S_MIN:
            loop.call_later(owed_s, self._serve_next)
            return
        self._lines = self._lines[::-1]
        for line in self._lines:
            while line:
                waiting = line.popleft()
                if not waiting.done():
                    waiting.set_result(None)
                    loop.call_soon(self._serve_next)
                    return
        self._is_serving = False

    def _spend(self, seconds: float) -> None:
        now_s = self._monotonic()
        owed_s = max(self._free_at_s - now_s, 0.0) + seconds * (1 / SHARE - 1)
        self._free_at_s = now_s + min(owed_s, _PAUSE_S_MAX)

    def _counted_as(self, call: RequestContext[Any, Any]) -> str | None:
        address = call.address
        is_one = address is not None and not is_within(address, self._uncounted)
        return block_of(address) if is_one and call.path not in PROBED else None

    def _check(self, address: str) -> None:
        ahead_s = self._full_at_s.get(address, 0.0) - self._monotonic()
        if ahead_s * SHARE_OF_ADDRESS >= WORK_BURST_S:
            wait_s = max(1, math.ceil(ahead_s - WORK_BURST_S / SHARE_OF_ADDRESS))
            raise TooMuchWork(DETAIL, retry_after_s=wait_s, reason="address")

    def _charge(self, address: str, seconds: float) -> None:
        now_s = self._monotonic()
        full_at_s = max(self._full_at_s.pop(address, 0.0), now_s) + seconds / SHARE_OF_ADDRESS
        self._full_at_s[address] = full_at_s
        if len(self._full_at_s) > ADDRESSES_MAX:
            self._full_at_s.popitem(last=False)


def _is_refusal(reply: object) -> bool:
    status: int = getattr(reply, "status", 0) or getattr(reply, "status_code", 0)
    return status >= _REFUSED


class _Metered:
    def __init__(
        self,
        work: Awaitable[Any],
        cpu: Callable[[], float],
        bill: _Bill,
        spend: Callable[[float], None],
    ) -> None:
        self._work = work
        self._cpu = cpu
        self._bill = bill
        self._spend = spend

    def __await__(self) -> Generator[Any, Any, Any]:
        steps = self._work.__await__()
        step: Callable[[], Any] = partial(next, steps)
        while True:
            began_s = self._cpu()
            try:
                asked = step()
            except StopIteration as done:
                return done.value
            finally:
                spent_s = self._cpu() - began_s
                self._bill.spent_s += spent_s
                self._spend(spent_s)
            try:
                yield asked
                step = partial(next, steps)
            except BaseException as error:
                step = partial(steps.throw, error)
