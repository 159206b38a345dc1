"""Limit rates with token buckets that all processes share. Most calls need no round trip.

A process takes tokens from Redis in blocks. One round trip gets tokens for all keys that have run out. So a
thousand busy keys cost as few round trips as one.

All processes together give a key at most `burst` tokens, plus `rate_per_s` for each second. While Redis is
unreachable, each process uses a bucket of its own. It starts as full as the shared bucket was when last seen.
"""

import asyncio
import logging
import math
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple, cast

import msgspec

from runtime.redis_link import RedisAway, RedisLink

KEY_PREFIX = "topup:limit:"
# A process takes at most this many tokens at once, and at most what the key earns in 0.1 s. Other processes can't
# use them, so it returns unused ones after HOLD_S. If it held them for only one second, there would be three times
# as many round trips.
BLOCK_TOKENS_MAX = 1024
BLOCK_EARNED_S = 0.1
HOLD_S = 5.0
# Some keys are strangers' addresses, so their number must be limited.
SHARES_MAX = 10_000
ROUNDS_MAX = 8
# While the script runs, Redis serves nobody else. For this many buckets, it takes about a millisecond.
KEYS_AT_ONCE_MAX = 256

# A bucket is stored as one number, the time on Redis's clock at which it is full again (GCRA). A missing key
# means a full bucket. KEYS are the buckets. ARGV is one text, because separate arguments take more time. For
# each bucket, it has six numbers: microseconds per token, burst, least, wanted, block, and returned tokens. The
# script returns four numbers for each: tokens granted, tokens left, and the microseconds until `least` is
# available and until the bucket is full.
_TAKE = """
local numbers = {}
for word in string.gmatch(ARGV[1], '%S+') do numbers[#numbers + 1] = tonumber(word) end
local t = redis.call('TIME')
local now = t[1] * 1000000 + t[2]
local answers = {}
for number, key in ipairs(KEYS) do
  local at = (number - 1) * 6
  local interval, burst, least = numbers[at + 1], numbers[at + 2], numbers[at + 3]
  local wanted, block, returned = numbers[at + 4], numbers[at + 5], numbers[at + 6]
  local full_at = tonumber(redis.call('GET', key) or '0') - returned * interval
  full_at = math.min(math.max(full_at, now), now + burst * interval)
  local free = math.floor((now + burst * interval - full_at) / interval + 0.000001)
  local granted, wait = 0, 0
  if free >= least then
    local spare = math.min(block, math.floor(free / 4))
    granted = math.min(free, math.max(wanted, spare))
    full_at = full_at + granted * interval
  else
    wait = math.max(1, math.ceil(full_at + least * interval - now - burst * interval))
  end
  if full_at > now then
    local life = math.ceil((full_at - now) / 1000)
    redis.call('SET', key, string.format('%.0f', math.ceil(full_at)), 'PX', life)
  else
    redis.call('DEL', key)
  end
  for _, answer in ipairs({granted, free - granted, wait, math.ceil(full_at - now)}) do
    answers[#answers + 1] = answer
  end
end
return answers
"""
_ANSWERS = 4
logger = logging.getLogger(__name__)


class Decision(msgspec.Struct, frozen=True, gc=False):
    """Whether a call is allowed. `limit` is the burst. `remaining` is a close estimate across all processes.

    `reset_s` is the time until the bucket is full. `retry_after_s` is the time until the same call would be
    allowed.
    """

    allowed: bool
    limit: int
    remaining: int
    reset_s: int
    retry_after_s: int


class Bucket(NamedTuple):
    """A key with its limit. `rate_per_s` can be below 1. If it is 0, there is no limit."""

    key: str
    rate_per_s: float
    burst: int


UNLIMITED = Decision(allowed=True, limit=0, remaining=0, reset_s=0, retry_after_s=0)


@dataclass(slots=True)
class _Share:
    """What this process knows about a key's bucket. Times are in monotonic seconds."""

    in_hand: int = 0
    taken_at_s: float = -math.inf
    block: int = 1
    # The tokens left in Redis at the last response, and the time at which the bucket there is full.
    left: int = 0
    full_at_s: float = 0.0
    # Until this time, Redis would refuse this cost and any larger one.
    denied_until_s: float = -math.inf
    denied_cost: int = 0
    waiting: int = 0
    answered: "asyncio.Future[bool] | None" = None
    # The time at which this process's own bucket is full again. It is used while Redis is unreachable.
    own_full_at_s: float = -math.inf

    def has(self, cost: int, now_s: float) -> bool:
        return self.in_hand >= cost and now_s < self.taken_at_s + HOLD_S


@dataclass(slots=True)
class _Lacking:
    """A bucket that needs tokens from Redis. `cost` is the number of tokens that the waiting call needs."""

    bucket: Bucket
    share: _Share
    cost: int

    def numbers(self, now_s: float) -> Sequence[float]:
        """Return the script's arguments for this bucket. With them, the script takes back unused tokens."""
        _, rate_per_s, burst = self.bucket
        share = self.share
        # If the last block was used up within HOLD_S, take twice as many tokens. Otherwise, take half as many.
        is_used_up = now_s - share.taken_at_s < HOLD_S
        block_max = max(1, min(BLOCK_TOKENS_MAX, int(rate_per_s * BLOCK_EARNED_S)))
        share.block = max(1, min(block_max, share.block * 2 if is_used_up else share.block // 2))
        returned, share.in_hand = share.in_hand, 0
        wanted = max(self.cost, share.waiting)
        return (1_000_000 / rate_per_s, burst, self.cost, wanted, share.block, returned)

    def note(self, answer: Sequence[int], now_s: float) -> None:
        share = self.share
        granted, share.left, wait_us, full_us = answer
        share.in_hand += granted
        share.taken_at_s = now_s
        share.full_at_s = now_s + full_us / 1_000_000
        if not granted:
            share.denied_until_s = now_s + wait_us / 1_000_000
            share.denied_cost = self.cost

    def end(self, *, is_answered: bool) -> None:
        answered, self.share.answered = self.share.answered, None
        if answered is not None and not answered.done():
            answered.set_result(is_answered)


class Limiter:
    """Take tokens for keys such as redeem:203.0.113.7. A key must not contain a secret."""

    def __init__(self, link: RedisLink, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._link = link
        self._kept = link.connect()
        self._monotonic = monotonic
        self._shares: OrderedDict[str, _Share] = OrderedDict()
        self._lacking: list[_Lacking] = []
        self._asking: asyncio.Task[None] | None = None

    async def take(self, key: str, rate_per_s: float, burst: int, cost: int = 1) -> Decision:
        """Take `cost` tokens (1 to burst) if the bucket has them. Don't wait for new tokens."""
        decision = self.take_now(key, rate_per_s, burst, cost)
        rounds = 0
        while decision is None and rounds < ROUNDS_MAX:
            rounds += 1
            if not await self._refill([Bucket(key, rate_per_s, burst)], cost):
                break
            decision = self.take_now(key, rate_per_s, burst, cost)
        # Redis became unreachable, or other processes were always faster. Both are rare.
        return decision or self._take_own(self._share(key), rate_per_s, burst, cost)

    async def take_each(self, buckets: Sequence[Bucket]) -> Sequence[Decision]:
        """Take one token from each bucket. If a bucket refuses, take none. The last decision is then the refusal."""
        decisions = self.take_each_now(buckets)
        rounds = 0
        while decisions is None and rounds < ROUNDS_MAX:
            rounds += 1
            if not await self._refill(buckets, 1):
                break
            decisions = self.take_each_now(buckets)
        return self._take_each_own(buckets) if decisions is None else decisions

    def take_each_now(self, buckets: Sequence[Bucket]) -> Sequence[Decision] | None:
        """Do the same as `take_each`, but without Redis. Return None if that is impossible."""
        if self._link.is_up:
            in_hand = self._take_in_hand(buckets, self._monotonic())
            if in_hand is not None:
                return in_hand
        decisions: list[Decision] = []
        for bucket in buckets:
            decision = self.take_now(*bucket)
            if decision is not None and decision.allowed:
                decisions.append(decision)
                continue
            for earlier in buckets[: len(decisions)]:
                self._return_token(earlier, is_own=not self._link.is_up)
            return None if decision is None else [*decisions, decision]
        return decisions

    def _take_in_hand(self, buckets: Sequence[Bucket], now_s: float) -> list[Decision] | None:
        """Take one token from each bucket if this process holds enough. Otherwise, take none and return None.

        Each send runs this, so most calls are inlined.
        """
        shares = self._shares
        decisions: list[Decision] = []
        for key, _, burst in buckets:
            share = shares.get(key)
            if share is None or share.in_hand < 1 or now_s >= share.taken_at_s + HOLD_S:
                for earlier in buckets[: len(decisions)]:
                    shares[earlier.key].in_hand += 1
                return None
            shares.move_to_end(key)
            share.in_hand -= 1
            remaining = share.left + share.in_hand
            ahead_s = share.full_at_s - now_s
            reset_s = _whole(ahead_s) if ahead_s > 0 else 0
            remaining = min(burst, remaining)
            decisions.append(Decision(True, burst, remaining, reset_s, 0))
        return decisions

    def _take_each_own(self, buckets: Sequence[Bucket]) -> Sequence[Decision]:
        decisions: list[Decision] = []
        for bucket in buckets:
            key, rate_per_s, burst = bucket
            decision = UNLIMITED
            if rate_per_s > 0:
                decision = self._take_own(self._share(key), rate_per_s, burst, 1)
            if not decision.allowed:
                for earlier in buckets[: len(decisions)]:
                    self._return_token(earlier, is_own=True)
            decisions.append(decision)
            if not decision.allowed:
                break
        return decisions

    def _return_token(self, bucket: Bucket, *, is_own: bool) -> None:
        if bucket.rate_per_s <= 0:
            return
        share = self._share(bucket.key)
        if is_own:
            share.own_full_at_s -= 1 / bucket.rate_per_s
        else:
            share.in_hand += 1

    def take_now(self, key: str, rate_per_s: float, burst: int, cost: int = 1) -> Decision | None:
        """Do the same as `take`, but without Redis. Return None if that is impossible."""
        if rate_per_s <= 0:
            return UNLIMITED
        assert 1 <= cost <= burst
        share = self._share(key)
        now_s = self._monotonic()
        if not self._link.is_up:
            self._link.state.refuse()
            return self._take_own(share, rate_per_s, burst, cost)
        reset_s = _whole(share.full_at_s - now_s)
        if share.has(cost, now_s):
            share.in_hand = in_hand = share.in_hand - cost
            return Decision(True, burst, min(burst, share.left + in_hand), reset_s, 0)
        if cost >= share.denied_cost and now_s < share.denied_until_s:
            retry_after_s = max(1, _whole(share.denied_until_s - now_s))
            return Decision(False, burst, share.left, reset_s, retry_after_s)
        return None

    async def _refill(self, buckets: Sequence[Bucket], cost: int) -> bool:
        """Wait until empty buckets have received tokens from Redis. Return False if Redis is unreachable."""
        now_s = self._monotonic()
        lacking = [
            (bucket, share)
            for bucket in buckets
            if bucket.rate_per_s > 0
            for share in (self._share(bucket.key),)
            if not share.has(cost, now_s)
        ]
        for _, share in lacking:
            share.waiting += cost
        try:
            answered = [self._request_share(bucket, share, cost) for bucket, share in lacking]
            # Other calls wait for this round trip, too, so a caller that disconnects must not cancel it.
            return all(
                [each.result() if each.done() else await asyncio.shield(each) for each in answered]
            )
        finally:
            for _, share in lacking:
                share.waiting -= cost

    def _request_share(self, bucket: Bucket, share: _Share, cost: int) -> "asyncio.Future[bool]":
        if share.answered is None:
            loop = asyncio.get_running_loop()
            share.answered = loop.create_future()
            self._lacking.append(_Lacking(bucket, share, cost))
            if self._asking is None:
                self._asking = loop.create_task(self._fetch_shares())
        return share.answered

    async def _fetch_shares(self) -> None:
        try:
            while self._lacking:
                taken = self._lacking[:KEYS_AT_ONCE_MAX]
                del self._lacking[:KEYS_AT_ONCE_MAX]
                is_answered = False
                try:
                    is_answered = await self._fetch(taken)
                except Exception:
                    logger.exception("limiter.broke")
                finally:
                    for each in taken:
                        each.end(is_answered=is_answered)
        finally:
            self._asking = None

    async def _fetch(self, lacking: "Sequence[_Lacking]") -> bool:
        now_s = self._monotonic()
        keys = [KEY_PREFIX + each.bucket.key for each in lacking]
        numbers = " ".join(str(number) for each in lacking for number in each.numbers(now_s))
        try:
            # A restarted Redis doesn't know the script's digest, so send the whole script.
            said = await self._link.execute(self._kept, "EVAL", _TAKE, len(keys), *keys, numbers)
        except RedisAway:
            return False
        answers = cast(list[int], said)
        now_s = self._monotonic()
        for number, each in enumerate(lacking):
            each.note(answers[_ANSWERS * number :][:_ANSWERS], now_s)
        return True

    def _take_own(self, share: _Share, rate_per_s: float, burst: int, cost: int) -> Decision:
        now_s = self._monotonic()
        full_at_s = max(share.own_full_at_s, share.full_at_s, now_s)
        # The division may give slightly too little, so add a little before rounding down.
        free = math.floor(burst - (full_at_s - now_s) * rate_per_s + 1e-6)
        if free < cost:
            retry_after_s = max(1, _whole(full_at_s - now_s - (burst - cost) / rate_per_s))
            return Decision(False, burst, free, _whole(full_at_s - now_s), retry_after_s)
        share.own_full_at_s = full_at_s + cost / rate_per_s
        reset_s = _whole(share.own_full_at_s - now_s)
        return Decision(True, burst, free - cost, reset_s, 0)

    def _share(self, key: str) -> _Share:
        share = self._shares.get(key)
        if share is None:
            share = self._shares[key] = _Share()
            if len(self._shares) > SHARES_MAX:
                self._shares.popitem(last=False)
        else:
            self._shares.move_to_end(key)
        return share


def _whole(seconds: float) -> int:
    return math.ceil(seconds - 1e-6) if seconds > 0 else 0
