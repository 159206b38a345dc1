"""From a host name to the addresses that may be dialled, now.

Promise: addresses() answers within 5 s, with vetted addresses or UrlRefused, and an answer is at
most 2 s old, so a name that changes its mind is caught at the next attempt. Invariant: one look-up
per name at a time, however many callers wait for it.
"""

import asyncio
import math
import socket
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol

from webhooks.guard import ParsedUrl, Policy, unreachable, vet

LOOKUP_TIMEOUT_S = 5.0
ANSWER_AGE_S_MAX = 2.0
ANSWERS_MAX = 10_000
LOOKUP_THREADS_MAX = 32
LOOPBACK = ("127.0.0.1", "::1")


class Resolver(Protocol):
    """Asks for the addresses of a name. One ending in a dot is absolute: no search domains."""

    async def lookup(self, name: str) -> Sequence[str]:
        """Address texts, most preferred first; raises OSError or UnicodeError when there is none."""
        ...

    def close(self) -> None: ...


class SystemResolver:
    """The C library's resolver, in threads of its own so that slow names stall nothing else."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(LOOKUP_THREADS_MAX, thread_name_prefix="resolver")

    async def lookup(self, name: str) -> Sequence[str]:
        loop = asyncio.get_running_loop()
        found = await loop.run_in_executor(self._threads, _getaddrinfo, name)
        return list(dict.fromkeys(found))

    def close(self) -> None:
        """Gives up what is queued; a look-up under way ends by the C library's own timeout."""
        self._threads.shutdown(wait=False, cancel_futures=True)


def _getaddrinfo(name: str) -> list[str]:
    # As bytes, so that Python's own IDNA codec, older than ours, never touches the name.
    answers = socket.getaddrinfo(name.encode("ascii"), None, type=socket.SOCK_STREAM)
    return [str(sockaddr[0]) for *_, sockaddr in answers]


class VettedNames:
    """The short-lived memory of vetted answers in front of a resolver."""

    def __init__(
        self,
        resolver: Resolver,
        *,
        answer_age_s_max: float = ANSWER_AGE_S_MAX,
        lookup_timeout_s: float = LOOKUP_TIMEOUT_S,
        answers_max: int = ANSWERS_MAX,
    ) -> None:
        self._answers_max = answers_max
        self._resolver = resolver
        self._answer_age_s_max = answer_age_s_max
        self._lookup_timeout_s = lookup_timeout_s
        self._answers: dict[tuple[str, Policy], tuple[float, tuple[str, ...]]] = {}
        self._lookups: dict[tuple[str, Policy], asyncio.Task[tuple[str, ...]]] = {}

    def fresh(self, url: ParsedUrl, policy: Policy, now_s: float) -> tuple[str, ...] | None:
        """The vetted addresses, if an answer is young enough; now_s is the event loop's time."""
        answer = self._answers.get((url.host, policy))
        if answer is None or now_s >= answer[0]:
            return None
        return answer[1]

    async def addresses(self, url: ParsedUrl, policy: Policy) -> tuple[str, ...]:
        """The vetted addresses, asked for now; raises UrlRefused."""
        key = (url.host, policy)
        if url.literal is not None:
            # Nobody can answer otherwise tomorrow.
            vetted = vet(url.host, (url.host,), policy)
            self._remember(key, vetted, math.inf)
            return vetted
        lookup = self._lookups.get(key)
        if lookup is None:
            lookup = asyncio.get_running_loop().create_task(self._ask(url.host, policy))
            self._lookups[key] = lookup
            lookup.add_done_callback(lambda done: self._settle(key, done))
        # Shielded: one caller that gives up must not take the answer from the others.
        return await asyncio.shield(lookup)

    def close(self) -> None:
        for lookup in list(self._lookups.values()):
            lookup.cancel()
        self._answers.clear()

    async def _ask(self, host: str, policy: Policy) -> tuple[str, ...]:
        if policy.trusts_name(host) and (host == "localhost" or host.endswith(".localhost")):
            # RFC 6761: loopback, whatever a name server says.
            return vet(host, LOOPBACK, policy)
        # Absolute for strangers' names, or a search domain could lead inside; a name that the
        # operator vouches for may be a local one.
        name = host if policy.trusts_name(host) else host + "."
        try:
            async with asyncio.timeout(self._lookup_timeout_s):
                found = await self._resolver.lookup(name)
        except TimeoutError:
            raise unreachable(f"{host}: no answer in {self._lookup_timeout_s} s") from None
        except (OSError, UnicodeError) as cause:
            raise unreachable(f"{host}: {type(cause).__name__}: {cause}") from cause
        return vet(host, found, policy)

    def _settle(self, key: tuple[str, Policy], lookup: asyncio.Task[tuple[str, ...]]) -> None:
        del self._lookups[key]
        # exception() also marks it as seen, for the case that every caller has gone.
        if lookup.cancelled() or lookup.exception() is not None:
            self._answers.pop(key, None)
            return
        self._remember(key, lookup.result(), lookup.get_loop().time() + self._answer_age_s_max)

    def _remember(self, key: tuple[str, Policy], vetted: tuple[str, ...], until_s: float) -> None:
        if len(self._answers) >= self._answers_max:
            self._answers.clear()
        self._answers[key] = (until_s, vetted)


async def check_reachable(url: ParsedUrl, policy: Policy, resolver: Resolver) -> None:
    """Raises UrlRefused unless the host resolves now, and to allowed addresses only."""
    await VettedNames(resolver).addresses(url, policy)
