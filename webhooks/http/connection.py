"""Open, use and pool connections to receivers, and parse HTTP/1.1 responses.

- Connections use only vetted addresses, TLS 1.2 or newer with a verified host name, and no proxy.
- Whatever the peer sends, every exchange uses limited memory and ends with a Reply. A connection whose state is
  uncertain is never reused. Redirects, cookies, upgrades and compression aren't supported.
- Only the account that opened a connection may reuse it, and only if its address was also vetted for the new
  attempt.
"""

import asyncio
import socket
import ssl
from collections import OrderedDict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Literal, NamedTuple, cast

import httptools

from webhooks.http.guard import ParsedUrl

HEAD_BYTES_MAX = 16 * 1024
HEADERS_MAX = 100
INTERIM_RESPONSES_MAX = 8
_HTTP_VERSIONS = frozenset({"1.0", "1.1"})

ReplyError = Literal["protocol"]
CONNECTION_AGE_S_MAX = 300.0
IDLE_AGE_S_MAX = 60.0
SWEEP_S = 15.0
# An endpoint may have as many idle connections as concurrent requests. With half as many, opening connections took
# a tenth of a delivery's time.
IDLE_PER_ORIGIN_MAX = 512
IDLE_MAX = 1024
# An account ID, a scheme, a host and a port. take() also compares the address.
Origin = tuple[str, str, str, int]
ADDRESSES_TRIED_MAX = 4
NEXT_ADDRESS_AFTER_S = 0.25


class Reply(NamedTuple):
    """A response. status is None if no final status line came. is_cut means that the body wasn't read to its end."""

    status: int | None
    headers: list[tuple[bytes, bytes]]
    body: bytes
    is_cut: bool
    error: ReplyError | None
    reason: str | None
    first_byte_s: float | None


NO_REPLY = Reply(None, [], b"", False, None, None, None)


class Connection(asyncio.Protocol):
    """One socket. Callers only use exchange() and close()."""

    __slots__ = (
        "_body",
        "_body_bytes",
        "_body_bytes_kept_max",
        "_body_bytes_max",
        "_first_byte_s",
        "_has_length",
        "_head_bytes",
        "_headers",
        "_interim_count",
        "_is_head_done",
        "_is_keepable",
        "_loop",
        "_parser",
        "_raw_bytes",
        "_status",
        "_transport",
        "_waiter",
        "address",
        "idle_since_s",
        "opened_s",
    )

    _body: list[bytes]
    _body_bytes: int
    _body_bytes_kept_max: int
    _body_bytes_max: int
    _first_byte_s: float | None
    _has_length: bool
    _head_bytes: int
    _headers: list[tuple[bytes, bytes]]
    _interim_count: int
    _is_head_done: bool
    _raw_bytes: int
    _status: int | None

    def __init__(self, loop: asyncio.AbstractEventLoop, address: str) -> None:
        self.address = address
        self.opened_s = loop.time()
        self.idle_since_s = self.opened_s
        self._loop = loop
        self._transport: asyncio.Transport | None = None
        self._parser: httptools.HttpResponseParser | None = httptools.HttpResponseParser(self)
        self._waiter: asyncio.Future[Reply] | None = None
        self._is_keepable = True
        self._begin(0, 0)

    @property
    def is_usable(self) -> bool:
        transport = self._transport
        return (
            self._is_keepable
            and transport is not None
            and self._waiter is None
            and not transport.is_closing()
            and transport.get_write_buffer_size() == 0
        )

    def exchange(
        self, request: bytes, *, body_bytes_max: int, body_bytes_kept_max: int
    ) -> "asyncio.Future[Reply]":
        """Write a whole request. Return a future for the Reply, which also reports failures.

        At most body_bytes_max bytes of the response body are read. A caller that stops waiting must close the
        connection.
        """
        assert self._waiter is None, "one exchange at a time"
        self._begin(body_bytes_max, body_bytes_kept_max)
        waiter: asyncio.Future[Reply] = self._loop.create_future()
        self._waiter = waiter
        if self._transport is None:
            self._finish("protocol", "the connection was lost before the request")
        else:
            self._transport.write(request)
        return waiter

    def partial(self) -> Reply:
        return self._reply(None, None)

    def expire(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_exception(TimeoutError())

    def close(self) -> None:
        """Close the socket immediately. An orderly TLS shutdown would let a peer delay this by half a minute."""
        self._is_keepable = False
        if self._transport is not None:
            self._transport.abort()

    # asyncio's side

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        parser = self._parser
        if self._waiter is None or parser is None:
            # Data that comes without a request could be mistaken for the response to the next request.
            self.close()
            return
        if self._first_byte_s is None:
            self._first_byte_s = self._loop.time()
        self._raw_bytes += len(data)
        try:
            parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            self._is_keepable = False
            self._finish("protocol", f"not an HTTP/1.1 response: {error}")
            return
        if self._waiter is None:
            return
        if not self._is_head_done:
            if self._raw_bytes > HEAD_BYTES_MAX:
                self._fail(f"no end of the headers within {HEAD_BYTES_MAX} bytes")
        elif self._raw_bytes > HEAD_BYTES_MAX + 2 * self._body_bytes_max:
            # Chunk framing and trailers count towards this limit, but are rarely longer than the body.
            self._cut()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._waiter is not None:
            is_whole = self._is_head_done and not self._has_length and exc is None
            if is_whole:
                self._finish(None, None)
            else:
                said = type(exc).__name__ if exc else "closed by the peer"
                self._finish("protocol", f"{said} before the response was whole")
        self._is_keepable = False
        self._transport = None
        self._parser = None

    # httptools' side

    def on_message_begin(self) -> None:
        if self._waiter is None:
            self._is_keepable = False

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._waiter is None:
            return
        self._head_bytes += len(name) + len(value) + 4
        self._headers.append((name, value))
        if self._head_bytes > HEAD_BYTES_MAX or len(self._headers) > HEADERS_MAX:
            self._fail("too many headers")

    def on_headers_complete(self) -> None:
        parser = self._parser
        if self._waiter is None or parser is None:
            return
        status = parser.get_status_code()
        version = parser.get_http_version()
        if version not in _HTTP_VERSIONS:
            self._fail(f"HTTP version {version}")
        elif status == 101:
            self._fail("switched protocols unasked")
        elif status >= 200:
            self._status = status
            self._is_head_done = True
            self._has_length = _has_length(self._headers)

    def on_body(self, data: bytes) -> None:
        if self._waiter is None:
            return
        room = self._body_bytes_kept_max - self._body_bytes
        if room > 0:
            self._body.append(data if len(data) <= room else data[:room])
        self._body_bytes += len(data)
        if self._body_bytes > self._body_bytes_max:
            self._cut()

    def on_message_complete(self) -> None:
        parser = self._parser
        if self._waiter is None or parser is None:
            return
        if not self._is_head_done:
            self._interim_count += 1
            self._headers = []
            if self._interim_count > INTERIM_RESPONSES_MAX:
                self._fail("too many interim responses")
            return
        if not parser.should_keep_alive():
            self._is_keepable = False
        self._finish(None, None)

    # ours

    def _begin(self, body_bytes_max: int, body_bytes_kept_max: int) -> None:
        self._body_bytes_max = body_bytes_max
        self._body_bytes_kept_max = body_bytes_kept_max
        self._body = []
        self._body_bytes = 0
        self._headers = []
        self._head_bytes = 0
        self._raw_bytes = 0
        self._interim_count = 0
        self._is_head_done = False
        self._has_length = False
        self._status = None
        self._first_byte_s = None

    def _reply(self, error: ReplyError | None, reason: str | None) -> Reply:
        return Reply(
            self._status,
            self._headers,
            b"".join(self._body),
            self._body_bytes > self._body_bytes_kept_max,
            error,
            reason,
            self._first_byte_s,
        )

    def _finish(self, error: ReplyError | None, reason: str | None) -> None:
        waiter = self._waiter
        self._waiter = None
        if waiter is not None and not waiter.done():
            waiter.set_result(self._reply(error, reason))

    def _fail(self, reason: str) -> None:
        self._finish("protocol", reason)
        self.close()

    def _cut(self) -> None:
        self._body_bytes = max(self._body_bytes, self._body_bytes_kept_max + 1)
        self._finish(None, None)
        self.close()


def _has_length(headers: list[tuple[bytes, bytes]]) -> bool:
    for name, value in headers:
        lowered = name.lower()
        if lowered == b"content-length":
            return True
        if lowered == b"transfer-encoding" and value.lower().rstrip().endswith(b"chunked"):
            return True
    return False


class IdlePool:
    def __init__(
        self,
        *,
        idle_per_origin_max: int = IDLE_PER_ORIGIN_MAX,
        idle_max: int = IDLE_MAX,
        connection_age_s_max: float = CONNECTION_AGE_S_MAX,
        sweep_s: float = SWEEP_S,
    ) -> None:
        self._sweep_s = sweep_s
        self._idle_per_origin_max = idle_per_origin_max
        self._idle_max = idle_max
        self._connection_age_s_max = min(connection_age_s_max, CONNECTION_AGE_S_MAX)
        self._stacks: dict[Origin, list[Connection]] = {}
        self._idle: OrderedDict[Connection, Origin] = OrderedDict()
        self._sweeper: asyncio.TimerHandle | None = None
        self._is_closed = False

    def __len__(self) -> int:
        return len(self._idle)

    def take(self, origin: Origin, vetted: Collection[str], now_s: float) -> Connection | None:
        stack = self._stacks.get(origin)
        while stack:
            connection = stack.pop()
            del self._idle[connection]
            if connection.address in vetted and self._is_fit(connection, now_s):
                return connection
            connection.close()
        return None

    def give(self, origin: Origin, connection: Connection, now_s: float) -> None:
        stack = self._stacks.setdefault(origin, [])
        has_room = len(stack) < self._idle_per_origin_max and not self._is_closed
        if not has_room or not connection.is_usable:
            connection.close()
            return
        connection.idle_since_s = now_s
        stack.append(connection)
        self._idle[connection] = origin
        if len(self._idle) > self._idle_max:
            self._drop(next(iter(self._idle)))
        if self._sweeper is None:
            self._arm()

    def keep_only(self, origin: Origin, vetted: Collection[str]) -> None:
        for connection in list(self._stacks.get(origin, ())):
            if connection.address not in vetted:
                self._drop(connection)

    def close(self) -> None:
        """Close all connections, including those returned later."""
        self._is_closed = True
        if self._sweeper is not None:
            self._sweeper.cancel()
            self._sweeper = None
        for connection in list(self._idle):
            self._drop(connection)
        self._stacks.clear()

    def sweep(self, now_s: float) -> None:
        for connection in list(self._idle):
            if not self._is_fit(connection, now_s):
                self._drop(connection)
        self._stacks = {origin: stack for origin, stack in self._stacks.items() if stack}

    def _drop(self, connection: Connection) -> None:
        origin = self._idle.pop(connection)
        self._stacks[origin].remove(connection)
        connection.close()

    def _is_fit(self, connection: Connection, now_s: float) -> bool:
        return (
            connection.is_usable
            and now_s - connection.opened_s < self._connection_age_s_max
            and now_s - connection.idle_since_s < IDLE_AGE_S_MAX
        )

    def _arm(self) -> None:
        loop = asyncio.get_running_loop()
        self._sweeper = loop.call_later(self._sweep_s, self._on_sweep, loop)

    def _on_sweep(self, loop: asyncio.AbstractEventLoop) -> None:
        self._sweeper = None
        self.sweep(loop.time())
        if self._stacks:
            self._arm()


class DialError(Exception):
    """A failed connection. `error` is the attempt's error class. Only operators may see `reason`."""

    def __init__(self, error: Literal["connect", "tls"], reason: str) -> None:
        super().__init__(reason)
        self.error = error
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Dialled:
    connection: Connection
    connect_s: float
    tls_s: float | None


def client_ssl_context() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    return context


async def dial(url: ParsedUrl, addresses: Sequence[str], ssl_context: ssl.SSLContext) -> Dialled:
    """Connect to the first vetted address that accepts. Raise DialError if none does. The caller sets the deadline."""
    loop = asyncio.get_running_loop()
    started_s = loop.time()
    address, reached = await _first_to_answer(addresses[:ADDRESSES_TRIED_MAX], url.port)
    connected_s = loop.time()
    is_tls = url.scheme == "https"
    try:
        # From here on, the transport owns the socket, even if the handshake fails.
        _, connection = await loop.create_connection(
            lambda: Connection(loop, address),
            sock=reached,
            ssl=ssl_context if is_tls else None,
            server_hostname=url.host if is_tls else None,
        )
    except OSError as cause:
        # ssl.SSLError is a subclass of OSError. A certificate's error message contains no secret.
        reason = f"{type(cause).__name__}: {cause}"
        raise DialError("tls" if is_tls else "connect", reason) from cause
    tls_s = loop.time() - connected_s if is_tls else None
    return Dialled(connection, connected_s - started_s, tls_s)


async def _first_to_answer(addresses: Sequence[str], port: int) -> tuple[str, socket.socket]:
    """Try the addresses in order. If one is slow, try the next one in parallel (RFC 8305)."""
    if len(addresses) == 1:
        reached = await _connect(addresses[0], port)
        if isinstance(reached, DialError):
            raise reached
        return addresses[0], reached
    return await _first_of_several(addresses, port)


async def _first_of_several(addresses: Sequence[str], port: int) -> tuple[str, socket.socket]:
    waiting = list(addresses)
    racing: dict[asyncio.Task[socket.socket | DialError], str] = {}
    failed = DialError("connect", "no address to dial")
    try:
        while waiting or racing:
            if waiting:
                address = waiting.pop(0)
                racing[asyncio.create_task(_connect(address, port))] = address
            done, _ = await asyncio.wait(
                racing,
                timeout=NEXT_ADDRESS_AFTER_S if waiting else None,
                return_when=asyncio.FIRST_COMPLETED,
            )
            for task in done:
                address, reached = racing[task], task.result()
                del racing[task]
                if not isinstance(reached, DialError):
                    return address, reached
                failed = reached
        raise failed
    finally:
        for loser in racing:
            loser.add_done_callback(_discard)
            loser.cancel()


def _discard(loser: "asyncio.Task[socket.socket | DialError]") -> None:
    if not loser.cancelled():
        reached = loser.result()
        if not isinstance(reached, DialError):
            reached.close()


async def _connect(address: str, port: int) -> socket.socket | DialError:
    """Connect. Return failures as values, because several calls run in parallel."""
    try:
        dialling = socket.socket(
            socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_STREAM
        )
    except OSError as cause:
        return DialError("connect", f"{type(cause).__name__}: {cause}")
    try:
        dialling.setblocking(False)
        await asyncio.get_running_loop().sock_connect(dialling, (address, port))
        check_peer(dialling, address, port)
    except OSError as cause:
        dialling.close()
        return DialError("connect", f"{type(cause).__name__}: {cause}")
    except BaseException:
        dialling.close()
        raise
    return dialling


def check_peer(dialling: socket.socket, address: str, port: int) -> None:
    peer, own = dialling.getpeername(), dialling.getsockname()
    is_there = peer[0] == address or ip_address(peer[0]) == ip_address(address)
    if not is_there or peer[1] != port:
        raise ConnectionError(f"the socket ends at {peer[0]}, not at the vetted {address}")
    # When connecting to a free local port, TCP may pick the same port as the source port. The socket is then connected
    # to itself (simultaneous open).
    if peer[:2] == own[:2]:
        raise ConnectionError("the socket connected to itself")
