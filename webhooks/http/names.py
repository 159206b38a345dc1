"""Look up and vet addresses of names, with a share of the look-ups for each account.

addresses() returns within 5 s, with vetted addresses or UrlRefused. A result is at most 2 s old, so a name
that changes is caught at the next attempt. An account has a limited number of look-ups under way and a line
of its own, so its unresolvable names delay no other account. A failed name isn't looked up again for a
growing time. All callers of an account share one look-up of a name, which ends with the last caller.
"""

import asyncio
import contextlib
import math
from collections import OrderedDict
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Final

from webhooks.http.guard import ParsedUrl, Policy, unreachable, vet
from webhooks.http.resolver import Resolver

LOOKUP_TIMEOUT_S: Final = 5.0
ANSWER_AGE_S_MAX: Final = 2.0
ANSWERS_MAX: Final = 10_000
LOOKUPS_PER_ACCOUNT_MAX: Final = 8
LOOPBACK: Final = ("127.0.0.1", "::1")
# A silent name costs a look-up its whole time, so it is left alone for longer than one with a negative
# response (no such name, a server's failure).
SILENT_WAIT_S: Final = 5.0
SILENT_WAIT_S_MAX: Final = 60.0
REFUSED_WAIT_S: Final = 1.0
REFUSED_WAIT_S_MAX: Final = 15.0
# A name from the operator's settings is tried again soon, because money waits for it.
OPERATOR_FAILURE_WAIT_S_MAX: Final = 2.0
# A look-up that was given up sooner says nothing about the name.
ASKED_S_MIN: Final = 1.0
# A failure this long ago doesn't make the next wait longer.
FORGOTTEN_S: Final = 600.0


@dataclass(slots=True)
class _Failure:
    """The name isn't looked up before until_s; log_reason is for the operator."""

    until_s: float
    wait_s: float
    log_reason: str


class Failures:
    """Names that recently failed; a bounded number. Times are the event loop's."""

    def __init__(self, *, names_max: int = ANSWERS_MAX, wait_s_max: float = math.inf) -> None:
        self._names_max = names_max
        self._wait_s_max = wait_s_max
        self._failures: OrderedDict[str, _Failure] = OrderedDict()

    def __len__(self) -> int:
        return len(self._failures)

    def check(self, name: str, now_s: float) -> None:
        """Raise UrlRefused while the name is left alone."""
        failure = self._failures.get(name)
        if failure is not None and now_s < failure.until_s:
            raise unreachable(
                f"{failure.log_reason}; asked again in {failure.until_s - now_s:.0f} s"
            )

    def add(self, name: str, log_reason: str, *, is_silent: bool, now_s: float) -> None:
        """Record a failure: the first wait, or twice the last one."""
        wait_s = SILENT_WAIT_S if is_silent else REFUSED_WAIT_S
        before = self._failures.pop(name, None)
        if before is not None and now_s < before.until_s + FORGOTTEN_S:
            wait_s = max(wait_s, before.wait_s * 2)
        longest_s = SILENT_WAIT_S_MAX if is_silent else REFUSED_WAIT_S_MAX
        wait_s = min(wait_s, longest_s, self._wait_s_max)
        self._failures[name] = _Failure(now_s + wait_s, wait_s, log_reason)
        if len(self._failures) > self._names_max:
            self._failures.popitem(last=False)

    def forget(self, name: str) -> None:
        self._failures.pop(name, None)


class LookupLimiter:
    """Limits an account's look-ups at a time, first come, first served."""

    def __init__(self, per_account_max: int) -> None:
        self._per_account_max = per_account_max
        self._lines: dict[str, tuple[asyncio.Semaphore, set[object]]] = {}

    def __len__(self) -> int:
        """Return how many accounts have a look-up under way or waiting."""
        return len(self._lines)

    @contextlib.asynccontextmanager
    async def turn(self, account_id: str) -> AsyncIterator[None]:
        line = self._lines.get(account_id)
        if line is None:
            line = self._lines[account_id] = (asyncio.Semaphore(self._per_account_max), set())
        semaphore, waiting = line
        one = object()
        waiting.add(one)
        try:
            async with semaphore:
                yield
        finally:
            waiting.discard(one)
            if not waiting:
                del self._lines[account_id]


@dataclass(slots=True)
class _Lookup:
    task: "asyncio.Task[tuple[str, ...]]"
    callers: int = 0


_Key = tuple[str, str, Policy]  # account id, host, policy


class VettedNames:
    """A short-lived cache of vetted results and of failures in front of a resolver."""

    def __init__(
        self,
        resolver: Resolver,
        *,
        answer_age_s_max: float = ANSWER_AGE_S_MAX,
        lookup_timeout_s: float = LOOKUP_TIMEOUT_S,
        answers_max: int = ANSWERS_MAX,
        lookups_per_account_max: int = LOOKUPS_PER_ACCOUNT_MAX,
        failure_wait_s_max: float = math.inf,
    ) -> None:
        self._answers_max = answers_max
        self._resolver = resolver
        self._answer_age_s_max = answer_age_s_max
        self._lookup_timeout_s = lookup_timeout_s
        self._answers: dict[tuple[str, Policy], tuple[float, tuple[str, ...]]] = {}
        self._lookups: dict[_Key, _Lookup] = {}
        self._limiter = LookupLimiter(lookups_per_account_max)
        self._failures = Failures(names_max=answers_max, wait_s_max=failure_wait_s_max)

    def fresh(self, url: ParsedUrl, policy: Policy, now_s: float) -> tuple[str, ...] | None:
        answer = self._answers.get((url.host, policy))
        if answer is None or now_s >= answer[0]:
            return None
        return answer[1]

    async def addresses(
        self, url: ParsedUrl, policy: Policy, account_id: str = ""
    ) -> tuple[str, ...]:
        """Look the name up in the account's share, and return vetted addresses; raise UrlRefused.

        A name that failed recently is refused at once. account_id is empty for the operator.
        """
        if url.literal is not None:
            # The result can't change.
            vetted = vet(url.host, (url.host,), policy)
            self._remember((url.host, policy), vetted, math.inf)
            return vetted
        loop = asyncio.get_running_loop()
        self._failures.check(_asked(url.host, policy), loop.time())
        key = (account_id, url.host, policy)
        lookup = self._lookups.get(key)
        if lookup is None:
            task = loop.create_task(self._ask(url.host, policy, account_id))
            lookup = self._lookups[key] = _Lookup(task)
            task.add_done_callback(lambda done: self._settle(key, done))
        lookup.callers += 1
        try:
            # Shielded, so that a caller that gives up doesn't take the result from the others.
            return await asyncio.shield(lookup.task)
        finally:
            lookup.callers -= 1
            if not lookup.callers and not lookup.task.done():
                # The next caller starts another look-up, because this one is about to end.
                self._lookups.pop(key, None)
                lookup.task.cancel()

    def close(self) -> None:
        for lookup in list(self._lookups.values()):
            lookup.task.cancel()
        self._answers.clear()

    async def _ask(self, host: str, policy: Policy, account_id: str) -> tuple[str, ...]:
        if policy.trusts_name(host) and (host == "localhost" or host.endswith(".localhost")):
            # RFC 6761: loopback, whatever a name server says.
            return vet(host, LOOPBACK, policy)
        try:
            async with asyncio.timeout(self._lookup_timeout_s), self._limiter.turn(account_id):
                found = await self._found(_asked(host, policy))
        except TimeoutError:
            raise unreachable(f"{host}: no answer in {self._lookup_timeout_s} s") from None
        except (OSError, UnicodeError) as cause:
            raise unreachable(f"{host}: {type(cause).__name__}: {cause}") from cause
        return vet(host, found, policy)

    async def _found(self, name: str) -> tuple[str, ...]:
        """Remember a failure, unless the caller gave up early."""
        loop = asyncio.get_running_loop()
        began_s = loop.time()
        try:
            found = tuple(await self._resolver.lookup(name))
        except asyncio.CancelledError:
            asked_s = loop.time() - began_s
            if asked_s >= min(ASKED_S_MIN, self._lookup_timeout_s / 2):
                reason = f"{name}: no answer in {asked_s:.1f} s"
                self._failures.add(name, reason, is_silent=True, now_s=loop.time())
            raise
        except (OSError, UnicodeError) as cause:
            reason = f"{name}: {type(cause).__name__}: {cause}"
            now_s = loop.time()
            self._failures.add(name, reason, is_silent=now_s - began_s > ASKED_S_MIN, now_s=now_s)
            raise
        self._failures.forget(name)
        return found

    def _settle(self, key: _Key, task: "asyncio.Task[tuple[str, ...]]") -> None:
        lookup = self._lookups.get(key)
        if lookup is not None and lookup.task is task:
            del self._lookups[key]
        answered = key[1:]
        # exception() also marks it as retrieved, in case every caller has gone.
        if task.cancelled() or task.exception() is not None:
            self._answers.pop(answered, None)
            return
        self._remember(answered, task.result(), task.get_loop().time() + self._answer_age_s_max)

    def _remember(
        self, answered: tuple[str, Policy], vetted: tuple[str, ...], until_s: float
    ) -> None:
        if len(self._answers) >= self._answers_max:
            self._answers.clear()
        self._answers[answered] = (until_s, vetted)


def _asked(host: str, policy: Policy) -> str:
    """Return the name as it is looked up.

    Strangers' names are absolute, or a search domain could lead inside; a name that the operator allows may
    be local.
    """
    return host if policy.trusts_name(host) else host + "."
