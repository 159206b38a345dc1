"""Bound the work of callers without a credential, so that none of them slows a send.

The event loop serves one of them at a time, and gives all of them at most SHARE of its time. One
address uses at most BURST_S of CPU time at once, then SHARE_OF_ADDRESS of a core.
"""

import asyncio
import math
import time
from collections import OrderedDict, deque
from collections.abc import Awaitable, Callable, Generator, Sequence
from contextvars import ContextVar
from functools import partial
from typing import Any, Final, TypeVar

from gateway.http.auth import LOOPBACK, PROBED, block_of, is_within
from gateway.http.rate_limit import RateLimited
from gateway.http.request_context import RequestContext
from keys.principal import Network

T = TypeVar("T")

SHARE: Final = 0.25
BURST_S: Final = 1.0
SHARE_OF_ADDRESS: Final = 0.05
ADDRESSES_MAX: Final = 10_000
AROUND_S: Final = 0.00006
# Timers are no finer, so the line waits once it owes this much to the loop's other work.
_OWED_S_MIN: Final = 0.001
_PAUSE_S_MAX: Final = 0.25
_REFUSED: Final = 400
_READS: Final = frozenset({"GET", "HEAD"})
DETAIL: Final = (
    "Requests without a credential from this address took too much of the server's time. Repeat this one after the"
    " seconds of Retry-After."
)


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
        # For each address, when its whole burst is available again.
        self._full_at_s: OrderedDict[str, float] = OrderedDict()

    async def serve(
        self,
        call: RequestContext[Any, Any],
        work: Callable[[], Awaitable[T]],
        *,
        is_free: bool = False,
    ) -> T:
        """Do the work when its turn comes; raise TooMuchWork unless it is free."""
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
        if ahead_s * SHARE_OF_ADDRESS >= BURST_S:
            wait_s = max(1, math.ceil(ahead_s - BURST_S / SHARE_OF_ADDRESS))
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
