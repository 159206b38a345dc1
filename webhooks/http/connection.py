"""One connection to a receiver: bytes out, one parsed HTTP/1.1 response in.

Every exchange ends in a Reply, whatever the peer sends: no exception, no unbounded memory. There is one
exchange at a time, and a connection in any doubt (unrequested bytes, a body cut short, an unwritten request)
is never used again. Redirects, cookies, upgrades and compression are not supported.
"""

import asyncio
from typing import Literal, NamedTuple, cast

import httptools

HEAD_BYTES_MAX = 16 * 1024
HEADERS_MAX = 100
INTERIM_RESPONSES_MAX = 8
_HTTP_VERSIONS = frozenset({"1.0", "1.1"})

ReplyError = Literal["protocol"]


class Reply(NamedTuple):
    """status is None if no final status line came; header names are as sent.

    is_cut: the peer had more body than we read. first_byte_s: the event loop's time, or None.
    """

    status: int | None
    headers: list[tuple[bytes, bytes]]
    body: bytes
    is_cut: bool
    error: ReplyError | None
    reason: str | None
    first_byte_s: float | None


NO_REPLY = Reply(None, [], b"", False, None, None, None)


class Connection(asyncio.Protocol):
    """The protocol object of one socket; besides closing, callers use exchange() alone."""

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
        # The parser and this object refer to each other until the connection is lost.
        self._parser: httptools.HttpResponseParser | None = httptools.HttpResponseParser(self)
        self._waiter: asyncio.Future[Reply] | None = None
        self._is_keepable = True
        self._begin(0, 0)

    @property
    def is_usable(self) -> bool:
        """Return whether another request may be written: open, in step, nothing left unwritten."""
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
        """Write a whole request; the future's Reply is ready when the response is, or has failed.

        Reading stops after body_bytes_max of body, of which the first body_bytes_kept_max are stored. A
        caller that stops waiting must close the connection.
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
        """Return the response so far, for an exchange that ran out of time."""
        return self._reply(None, None)

    def expire(self) -> None:
        """End any exchange under way with TimeoutError."""
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_exception(TimeoutError())

    def close(self) -> None:
        """Drop the socket at once, because an orderly end of TLS may take a peer half a minute."""
        self._is_keepable = False
        if self._transport is not None:
            self._transport.abort()

    # asyncio's side

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        parser = self._parser
        if self._waiter is None or parser is None:
            # Not requested: what follows could be taken for the response to the next request.
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
            # Chunk framing and trailers are unbounded as well; a body seldom needs as much of them.
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
        """End the reading: the status stands, and the rest of the body isn't needed."""
        self._body_bytes = max(self._body_bytes, self._body_bytes_kept_max + 1)
        self._finish(None, None)
        self.close()


def _has_length(headers: list[tuple[bytes, bytes]]) -> bool:
    """Return whether the end of the body is marked, so that a close before it is a failure."""
    for name, value in headers:
        lowered = name.lower()
        if lowered == b"content-length":
            return True
        if lowered == b"transfer-encoding" and value.lower().rstrip().endswith(b"chunked"):
            return True
    return False
