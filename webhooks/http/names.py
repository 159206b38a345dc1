"""Resolve host names with c-ares, vet their addresses, and recognize this deployment's own addresses.

- Results are cached for at most 2 s, so the next attempt notices a changed name.
- Each account has its own lookup queue, so its unresolvable names don't delay other accounts.
- c-ares needs no threads, and reads resolv.conf and the hosts file for each lookup. It doesn't find names that
  come from mDNS, LDAP or other nsswitch modules.
- Webhooks can't call the ports where this deployment's gateway and workers listen.
"""

import asyncio
import contextlib
import math
import re
import socket
from collections import OrderedDict
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from functools import partial
from ipaddress import ip_address
from typing import Final, Protocol

import pycares

from webhooks.http.guard import ParsedUrl, Policy, UrlRefused, unreachable, vet

# Seconds to wait for a server's first response. c-ares doubles this time in each round.
FIRST_TRY_S: Final = 1.0
TRIES_MAX: Final = 4
_TIMER_S_MIN: Final = 0.01
_NUMERIC: Final = re.compile(r"(?:.*\.)?(?:[0-9]+|0x[0-9a-f]*)")
LOOKUP_TIMEOUT_S: Final = 5.0
ANSWER_AGE_S_MAX: Final = 2.0
ANSWERS_MAX: Final = 10_000
LOOKUPS_PER_ACCOUNT_MAX: Final = 8
LOOPBACK: Final = ("127.0.0.1", "::1")
# A name that times out is retried later than one that a server refused, because each attempt waits for the full
# timeout.
SILENT_WAIT_S: Final = 5.0
SILENT_WAIT_S_MAX: Final = 60.0
REFUSED_WAIT_S: Final = 1.0
REFUSED_WAIT_S_MAX: Final = 15.0
# Payments depend on the operator's own names, so those names are retried early.
OPERATOR_FAILURE_WAIT_S_MAX: Final = 2.0
# A lookup that was cancelled sooner than this says nothing about the name.
ASKED_S_MIN: Final = 1.0
# A failure older than this doesn't lengthen the next wait.
FORGOTTEN_S: Final = 600.0
_Key = tuple[str, str, Policy]  # account id, host, policy
PUBLIC_AGE_S_MAX: Final = 60.0
# The port of the discard service. No packet is sent.
_DISCARD_PORT: Final = 9


class Resolver(Protocol):
    async def lookup(self, name: str) -> Sequence[str]:
        """Return addresses as text, in order of preference. Raise OSError or UnicodeError if the lookup fails.

        A name that ends with a dot is absolute, so search domains don't apply.
        """
        ...

    def close(self) -> None: ...


class SystemResolver:
    """Resolves names with the machine's hosts file and name servers. In tests, given servers are used instead."""

    def __init__(self, servers: Sequence[str] = ()) -> None:
        self._servers = tuple(servers)
        self._queries: set[_Query] = set()

    async def lookup(self, name: str) -> Sequence[str]:
        if not name.encode("ascii"):
            raise OSError("an empty name has no address")
        if _NUMERIC.fullmatch(name):
            # The C library parses spellings such as 0x7f.1 without a query.
            return _addresses_of_number(name)
        query = _Query(asyncio.get_running_loop(), self._servers)
        self._queries.add(query)
        try:
            return await query.resolve(name)
        finally:
            self._queries.discard(query)
            query.close()

    def close(self) -> None:
        for query in list(self._queries):
            query.give_up()


class _Query:
    def __init__(self, loop: asyncio.AbstractEventLoop, servers: Sequence[str]) -> None:
        self._loop = loop
        self._answer: asyncio.Future[list[str]] = loop.create_future()
        self._reading: set[int] = set()
        self._writing: set[int] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._is_closed = False
        try:
            # The `lookups` option isn't used, because pycares 5.2.1 frees its text before c-ares reads it.
            self._channel = pycares.Channel(
                sock_state_cb=self._on_socket,
                timeout=FIRST_TRY_S,
                tries=TRIES_MAX,
                servers=servers or None,
            )
        except pycares.AresError as cause:
            raise OSError(str(cause)) from cause

    async def resolve(self, name: str) -> list[str]:
        try:
            self._channel.getaddrinfo(name, None, type=socket.SOCK_STREAM, callback=self._on_answer)
        except pycares.AresError as cause:
            raise OSError(str(cause)) from cause
        self._arm()
        return await self._answer

    def give_up(self) -> None:
        if not self._answer.done():
            self._answer.set_exception(OSError("the resolver was closed"))

    def close(self) -> None:
        if self._is_closed:
            return
        with contextlib.suppress(RuntimeError):
            self._channel.cancel()
        # After this call, c-ares frees the channel in a thread, which must not touch the event loop.
        self._is_closed = True
        self._answer.cancel()
        if self._timer is not None:
            self._timer.cancel()
        for fd in self._reading:
            self._loop.remove_reader(fd)
        for fd in self._writing:
            self._loop.remove_writer(fd)
        self._channel.close()

    def _on_socket(self, fd: int, *waits_for: bool) -> None:
        """Watch a socket for the events that c-ares is waiting for. If there are none, c-ares will close the socket."""
        if self._is_closed:
            return
        readable, writable = waits_for
        if readable:
            self._reading.add(fd)
            self._loop.add_reader(fd, partial(self._process, fd, pycares.ARES_SOCKET_BAD))
        elif fd in self._reading:
            self._reading.discard(fd)
            self._loop.remove_reader(fd)
        if writable:
            self._writing.add(fd)
            self._loop.add_writer(fd, partial(self._process, pycares.ARES_SOCKET_BAD, fd))
        elif fd in self._writing:
            self._writing.discard(fd)
            self._loop.remove_writer(fd)

    def _on_answer(self, result: pycares.AddrInfoResult | None, error: int | None) -> None:
        if self._answer.done():
            return
        if result is None:
            code = error or pycares.errno.ARES_ENODATA
            self._answer.set_exception(OSError(pycares.errno.strerror(code)))
            return
        found = dict.fromkeys(node.addr[0].decode("ascii") for node in result.nodes)
        self._answer.set_result(list(found))

    def _process(self, read_fd: int, write_fd: int) -> None:
        if self._is_closed:
            return
        self._channel.process_fd(read_fd, write_fd)
        self._arm()

    def _arm(self) -> None:
        """Set a timer that wakes c-ares for its next query."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if not self._answer.done() and not self._is_closed:
            next_s: float = self._channel.timeout(FIRST_TRY_S)  # type: ignore[no-untyped-call]
            wait_s = max(_TIMER_S_MIN, next_s)
            self._timer = self._loop.call_later(
                wait_s, self._process, pycares.ARES_SOCKET_BAD, pycares.ARES_SOCKET_BAD
            )


def _addresses_of_number(name: str) -> list[str]:
    found = socket.getaddrinfo(name, None, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)
    return list(dict.fromkeys(str(sockaddr[0]) for *_, sockaddr in found))


@dataclass(slots=True)
class _Failure:
    until_s: float
    wait_s: float
    log_reason: str


class Failures:
    """Remembers a limited number of recently failed names. Times are on the event loop's clock."""

    def __init__(self, *, names_max: int = ANSWERS_MAX, wait_s_max: float = math.inf) -> None:
        self._names_max = names_max
        self._wait_s_max = wait_s_max
        self._failures: OrderedDict[str, _Failure] = OrderedDict()

    def __len__(self) -> int:
        return len(self._failures)

    def check(self, name: str, now_s: float) -> None:
        failure = self._failures.get(name)
        if failure is not None and now_s < failure.until_s:
            raise unreachable(
                f"{failure.log_reason}; asked again in {failure.until_s - now_s:.0f} s"
            )

    def add(self, name: str, log_reason: str, *, is_silent: bool, now_s: float) -> None:
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
    """Limits an account's concurrent lookups: first come, first served."""

    def __init__(self, per_account_max: int) -> None:
        self._per_account_max = per_account_max
        self._lines: dict[str, tuple[asyncio.Semaphore, set[object]]] = {}

    def __len__(self) -> int:
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


class VettedNames:
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
        """Return vetted addresses. Raise UrlRefused if there are none, or if a lookup failed recently."""
        if url.literal is not None:
            vetted = vet(url.host, (url.host,), policy)
            self._remember((url.host, policy), vetted, math.inf)
            return vetted
        loop = asyncio.get_running_loop()
        self._failures.check(_absolute(url.host, policy), loop.time())
        key = (account_id, url.host, policy)
        lookup = self._lookups.get(key)
        if lookup is None:
            task = loop.create_task(self._resolve(url.host, policy, account_id))
            lookup = self._lookups[key] = _Lookup(task)
            task.add_done_callback(lambda done: self._settle(key, done))
        lookup.callers += 1
        try:
            # Shielded, so that cancelling one caller doesn't cancel the lookup for the others.
            return await asyncio.shield(lookup.task)
        finally:
            lookup.callers -= 1
            if not lookup.callers and not lookup.task.done():
                self._lookups.pop(key, None)
                lookup.task.cancel()

    def close(self) -> None:
        for lookup in list(self._lookups.values()):
            lookup.task.cancel()
        self._answers.clear()

    async def _resolve(self, host: str, policy: Policy, account_id: str) -> tuple[str, ...]:
        if policy.trusts_name(host) and (host == "localhost" or host.endswith(".localhost")):
            # RFC 6761: localhost is always loopback, whatever a name server says.
            return vet(host, LOOPBACK, policy)
        try:
            async with asyncio.timeout(self._lookup_timeout_s), self._limiter.turn(account_id):
                found = await self._found(_absolute(host, policy))
        except TimeoutError:
            raise unreachable(f"{host}: no answer in {self._lookup_timeout_s} s") from None
        except (OSError, UnicodeError) as cause:
            raise unreachable(f"{host}: {type(cause).__name__}: {cause}") from cause
        return vet(host, found, policy)

    async def _found(self, name: str) -> tuple[str, ...]:
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
        # Calling exception() also marks the exception as retrieved, so asyncio doesn't log it.
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


def _absolute(host: str, policy: Policy) -> str:
    """Return the name to look up. Untrusted names become absolute, so no search domain makes them internal."""
    return host if policy.trusts_name(host) else host + "."


class OwnAddress:
    """The addresses where this deployment listens. An unknown port is 0, and an unknown `public` is None.

    While the public name can't be resolved, its last addresses stay valid.
    """

    def __init__(
        self,
        names: VettedNames,
        *,
        port: int = 0,
        worker_port: int = 0,
        public: ParsedUrl | None = None,
    ) -> None:
        self._names = names
        self._here = {port: "gateway", worker_port: "worker"}
        self._here.pop(0, None)
        self._public = public
        self._public_policy = Policy.of_operator()
        self._public_addresses: frozenset[str] = frozenset()
        self._public_until_s = 0.0
        self.ports = frozenset({*self._here, public.port if public else 0}) - {0}

    async def check(self, url: ParsedUrl, addresses: Sequence[str]) -> None:
        """Raise UrlRefused if the URL leads to this deployment itself."""
        if url.port in self._here and any(map(is_local, addresses)):
            raise unreachable(f"{url.host} is this machine, at the {self._here[url.port]}'s port")
        public = self._public
        if public is None or url.port != public.port:
            return
        if url.host == public.host or not (await self._behind(public)).isdisjoint(addresses):
            raise unreachable(f"{url.host} is where PUBLIC_URL leads")

    async def _behind(self, public: ParsedUrl) -> frozenset[str]:
        now_s = asyncio.get_running_loop().time()
        if now_s >= self._public_until_s:
            try:
                found = await self._names.addresses(public, self._public_policy)
            except UrlRefused:
                pass
            else:
                self._public_addresses = frozenset(found)
            self._public_until_s = now_s + PUBLIC_AGE_S_MAX
        return self._public_addresses


def is_local(text: str) -> bool:
    """Return whether this machine has the address."""
    address = ip_address(text)
    if address.is_loopback or address.is_unspecified:
        return True
    family = socket.AF_INET if address.version == 4 else socket.AF_INET6
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as asking:
            asking.connect((text, _DISCARD_PORT))
            return ip_address(asking.getsockname()[0]) == address
    except OSError:
        return False
