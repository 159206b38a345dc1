"""Send one request to an untrusted URL within a deadline, and return its result.

Each attempt resolves and vets the host again.
"""

import asyncio
import functools
import math
import ssl
from collections.abc import Iterable
from functools import lru_cache
from typing import Literal, NamedTuple

from kernel.clock import Clock
from webhooks.http.connection import (
    CONNECTION_AGE_S_MAX,
    IDLE_MAX,
    IDLE_PER_ORIGIN_MAX,
    NO_REPLY,
    Connection,
    DialError,
    IdlePool,
    Origin,
    Reply,
    client_ssl_context,
    dial,
)
from webhooks.http.guard import ParsedUrl, Policy, UrlRefused, check_url, request_bytes
from webhooks.http.names import ANSWER_AGE_S_MAX, OwnAddress, Resolver, VettedNames

BODY_BYTES_READ_MAX = 64 * 1024
BODY_BYTES_KEPT_MAX = 4 * 1024
URLS_REMEMBERED_MAX = 4096

ErrorClass = Literal["timeout", "connect", "tls", "address", "protocol", "http"]
# The context is cached, because loading the system's certificates takes 30 ms.
_own_ssl_context = functools.cache(client_ssl_context)


class SendResult(NamedTuple):
    """An attempt's result. error is None for 2xx. status is None if no status line arrived.

    Only operators may see reason. If the address was refused, remote_address and timings_ms are empty. Otherwise,
    callers could map the guarded network.
    """

    status: int | None
    error: ErrorClass | None
    reason: str | None
    response_headers: dict[str, str]
    response_body: bytes
    is_cut: bool
    remote_address: str | None
    timings_ms: dict[str, float]
    started_at_us: int
    ended_at_us: int


class _Trace:
    """An attempt's progress. It is recorded step by step, so that a timeout loses nothing."""

    __slots__ = ("address", "phase", "reply", "sent_s", "started_at_us", "started_s", "timings_ms")

    def __init__(self, started_s: float, started_at_us: int) -> None:
        self.started_s = started_s
        self.started_at_us = started_at_us
        self.sent_s = started_s
        self.phase = "dns"
        self.address: str | None = None
        self.reply: Reply | None = None
        self.timings_ms: dict[str, float] = {}


class Transport:
    """The connections and vetted names of one event loop.

    own: this deployment's addresses, which no request may reach. A request can override `policy`.
    """

    def __init__(
        self,
        policy: Policy,
        resolver: Resolver,
        clock: Clock,
        *,
        own: OwnAddress | None = None,
        ssl_context: ssl.SSLContext | None = None,
        answer_age_s_max: float = ANSWER_AGE_S_MAX,
        failure_wait_s_max: float = math.inf,
        idle_per_origin_max: int = IDLE_PER_ORIGIN_MAX,
        idle_max: int = IDLE_MAX,
        connection_age_s_max: float = CONNECTION_AGE_S_MAX,
    ) -> None:
        self._policy = policy
        self._clock = clock
        self._ssl_context = ssl_context or _own_ssl_context()
        self._own = own
        self._names = VettedNames(
            resolver, answer_age_s_max=answer_age_s_max, failure_wait_s_max=failure_wait_s_max
        )
        self._pool = IdlePool(
            idle_per_origin_max=idle_per_origin_max,
            idle_max=idle_max,
            connection_age_s_max=connection_age_s_max,
        )
        self._check_url = lru_cache(maxsize=URLS_REMEMBERED_MAX)(check_url)

    @property
    def idle_connections(self) -> int:
        return len(self._pool)

    async def post(
        self,
        url: str,
        headers: Iterable[tuple[str, str]],
        body: bytes,
        timeout_s: float,
        *,
        policy: Policy | None = None,
        account_id: str = "",
    ) -> SendResult:
        """Send a POST. At most 64 KiB of the response are read, and 4 KiB are stored.

        If a reused connection dies before a response, the request is sent once more. So the receiver may get it
        twice. account_id is empty for the operator's own requests. Network failures are returned as results.
        """
        return await self.request(
            "POST", url, headers, body, timeout_s, policy=policy, account_id=account_id
        )

    async def check(self, url: str, *, policy: Policy | None = None, account_id: str = "") -> None:
        applied = policy or self._policy
        parsed = self._check_url(url, applied)
        addresses = await self._names.addresses(parsed, applied, account_id)
        await self._check_own(parsed, applied, addresses)

    async def request(
        self,
        method: str,
        url: str,
        headers: Iterable[tuple[str, str]],
        body: bytes,
        timeout_s: float,
        *,
        policy: Policy | None = None,
        account_id: str = "",
        body_bytes_max: int = BODY_BYTES_READ_MAX,
        body_bytes_kept_max: int = BODY_BYTES_KEPT_MAX,
        may_repeat: bool = True,
    ) -> SendResult:
        """Send a request like post(), with any method except HEAD. If may_repeat is False, a new connection is used."""
        loop = asyncio.get_running_loop()
        trace = _Trace(loop.time(), self._clock.now_us())
        error: ErrorClass | None = None
        reason: str | None = None
        try:
            applied = policy or self._policy
            parsed = self._check_url(url, applied)
            exchange = _Exchange(
                request_bytes(method, parsed, headers, body),
                body_bytes_max,
                body_bytes_kept_max,
                trace.started_s + timeout_s,
            )
            origin = (account_id, parsed.scheme, parsed.host, parsed.port)
            kept = self._pooled(parsed, applied, origin, trace) if may_repeat else None
            if kept is None or not await self._send(kept, origin, exchange, trace):
                may_take = may_repeat and kept is None
                async with asyncio.timeout_at(exchange.deadline_s):
                    await self._run(parsed, applied, origin, exchange, trace, may_take=may_take)
        except UrlRefused as refused:
            error, reason = "address", refused.log_reason
        except DialError as failed:
            error, reason = failed.error, failed.reason
        except TimeoutError:
            error, reason = "timeout", f"{timeout_s:g} s passed during {trace.phase}"
        return _outcome(trace, error, reason, ended_s=loop.time(), ended_at_us=self._clock.now_us())

    async def close(self) -> None:
        self._pool.close()
        self._names.close()

    def _pooled(
        self, url: ParsedUrl, policy: Policy, origin: Origin, trace: _Trace
    ) -> Connection | None:
        addresses = self._names.fresh(url, policy, trace.started_s)
        if addresses is None or self._may_be_own(url, policy):
            return None
        trace.timings_ms["dns"] = 0.0
        return self._pool.take(origin, addresses, trace.started_s)

    async def _run(
        self,
        url: ParsedUrl,
        policy: Policy,
        origin: Origin,
        exchange: "_Exchange",
        trace: _Trace,
        *,
        may_take: bool,
    ) -> None:
        addresses = await self._vetted(url, policy, origin, trace)
        await self._check_own(url, policy, addresses)
        if may_take:
            kept = self._pool.take(origin, addresses, trace.started_s)
            if kept is not None and await self._send(kept, origin, exchange, trace):
                return
        trace.phase = "connect"
        dialled = await dial(url, addresses, self._ssl_context)
        trace.timings_ms["connect"] = _ms(dialled.connect_s)
        if dialled.tls_s is not None:
            trace.timings_ms["tls"] = _ms(dialled.tls_s)
        await self._send(dialled.connection, origin, exchange, trace)

    def _may_be_own(self, url: ParsedUrl, policy: Policy) -> bool:
        return self._own is not None and url.port in self._own.ports and not policy.allow_private

    async def _check_own(self, url: ParsedUrl, policy: Policy, addresses: tuple[str, ...]) -> None:
        if self._own is not None and self._may_be_own(url, policy):
            await self._own.check(url, addresses)

    async def _vetted(
        self, url: ParsedUrl, policy: Policy, origin: Origin, trace: _Trace
    ) -> tuple[str, ...]:
        addresses = self._names.fresh(url, policy, trace.started_s)
        if addresses is not None:
            trace.timings_ms["dns"] = 0.0
            return addresses
        try:
            addresses = await self._names.addresses(url, policy, origin[0])
        except UrlRefused:
            self._pool.keep_only(origin, ())
            raise
        self._pool.keep_only(origin, addresses)
        trace.timings_ms["dns"] = _ms(asyncio.get_running_loop().time() - trace.started_s)
        return addresses

    async def _send(
        self,
        connection: Connection,
        origin: Origin,
        exchange: "_Exchange",
        trace: _Trace,
    ) -> bool:
        """Run the exchange and store its reply. Return False if the connection died before the first byte arrived.

        Raise TimeoutError at the deadline.
        """
        trace.phase = "response"
        trace.address = connection.address
        loop = asyncio.get_running_loop()
        trace.sent_s = loop.time()
        timer = loop.call_at(exchange.deadline_s, connection.expire)
        try:
            reply = await connection.exchange(
                exchange.request,
                body_bytes_max=exchange.body_bytes_max,
                body_bytes_kept_max=exchange.body_bytes_kept_max,
            )
        except BaseException:
            # After a timeout or cancellation, a late response must not reach the next request.
            trace.reply = connection.partial()
            connection.close()
            raise
        finally:
            timer.cancel()
        trace.reply = reply
        self._pool.give(origin, connection, loop.time())
        return reply.error is None or reply.first_byte_s is not None


class _Exchange(NamedTuple):
    request: bytes
    body_bytes_max: int
    body_bytes_kept_max: int
    deadline_s: float


def _outcome(
    trace: _Trace,
    error: ErrorClass | None,
    reason: str | None,
    *,
    ended_s: float,
    ended_at_us: int,
) -> SendResult:
    timings_ms, reply = trace.timings_ms, trace.reply or NO_REPLY
    if error == "address":
        trace.address, timings_ms, reply = None, {}, NO_REPLY
    else:
        timings_ms["total"] = _ms(ended_s - trace.started_s)
    if reply.first_byte_s is not None:
        timings_ms["first_byte"] = _ms(reply.first_byte_s - trace.sent_s)
    if error is None:
        error, reason = reply.error, reply.reason
    if error is None and not is_delivered(reply.status):
        error = "http"
    return SendResult(
        reply.status,
        error,
        reason,
        _headers(reply.headers),
        reply.body,
        reply.is_cut,
        trace.address,
        timings_ms,
        trace.started_at_us,
        ended_at_us,
    )


def _headers(received: list[tuple[bytes, bytes]]) -> dict[str, str]:
    headers: dict[str, str] = {}
    for name, value in received:
        headers.setdefault(name.decode("latin-1").lower(), value.decode("latin-1"))
    return headers


def _ms(seconds: float) -> float:
    return round(seconds * 1000, 2)


def is_delivered(status: int | None) -> bool:
    return status is not None and 200 <= status < 300
