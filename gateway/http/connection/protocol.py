"""Parse a connection's requests with httptools. An Exchange responds to each, in order.

A client can't make a connection store unlimited data.
"""

import asyncio
import time
import urllib.parse
from collections import deque
from collections.abc import Sequence
from typing import Any, Final, Protocol

import httptools
import uvicorn
from uvicorn.server import ServerState

from gateway.answers import envelope
from gateway.http.auth import ConnectionLimits
from gateway.http.connection.exchange import EXCHANGE, Exchange, Header, Wire
from gateway.http.errors import refusal_of
from gateway.http.fields import Unreadable
from kernel.ids import new_id

_FRAMING: Final = frozenset({b"content-length", b"transfer-encoding"})


class Calls(Protocol):
    def on_message_begin(self) -> None: ...

    def on_url(self, part: bytes) -> None: ...

    def on_header(self, name: bytes, value: bytes) -> None: ...

    def on_headers_complete(self) -> None: ...

    def on_chunk_header(self) -> None: ...

    def on_body(self, body: bytes) -> None: ...

    def on_message_complete(self) -> None: ...


class Resumed:
    """Passes on a new parser's callbacks, except those for the made-up head that gives it the body's length."""

    def __init__(self, calls: Calls, headers: Sequence[Header]) -> None:
        self._calls = calls
        self._headers = headers
        self._is_begun = False
        self.on_chunk_header = calls.on_chunk_header
        self.on_body = calls.on_body
        self.on_message_complete = calls.on_message_complete

    def begin(self, parser: httptools.HttpRequestParser) -> None:
        framing = (b"%b: %b\r\n" % one for one in self._headers if one[0] in _FRAMING)
        parser.feed_data(b"POST / HTTP/1.1\r\n%b\r\n" % b"".join(framing))

    def on_message_begin(self) -> None:
        if self._is_begun:
            self._calls.on_message_begin()

    def on_url(self, part: bytes) -> None:
        if self._is_begun:
            self._calls.on_url(part)

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._is_begun:
            self._calls.on_header(name, value)

    def on_headers_complete(self) -> None:
        if self._is_begun:
            self._calls.on_headers_complete()
        self._is_begun = True


HEAD_BYTES_MAX: Final = 32 * 1024
TOO_LARGE: Final = (
    b"HTTP/1.1 431 Request Header Fields Too Large\r\n"
    b"content-length: 0\r\nconnection: close\r\n\r\n"
)
_SAID = f"""<!doctype html><html lang="en"><head><meta charset="utf-8"><title>That is too long</title>
<meta name="viewport" content="width=device-width, initial-scale=1"><link rel="stylesheet" href="/static/app.css"></head>
<body><main id="content"><div class="entry stack"><h1>That is too long</h1>
<p>The address of a page and its headers may have {HEAD_BYTES_MAX // 1024} kB together, and these have more: something
very long was typed into a field, or is in the address. Go back in your browser and shorten it.</p>
<p class="buttons"><a class="button primary" href="/dashboard">Go to the dashboard</a></p></div></main></body></html>
""".encode()
PAGE_TOO_LARGE: Final = (
    b"HTTP/1.1 431 Request Header Fields Too Large\r\n"
    b"content-type: text/html; charset=utf-8\r\ncache-control: no-store\r\n"
    b"content-security-policy: default-src 'none'; style-src 'self'; frame-ancestors 'none'\r\n"
    b"x-content-type-options: nosniff\r\ncontent-length: %d\r\nconnection: close\r\n\r\n%b"
    % (len(_SAID), _SAID)
)
# The response to a transfer coding other than chunked (RFC 9112, 6.1).
NOT_IMPLEMENTED: Final = (
    b"HTTP/1.1 501 Not Implemented\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
)
TOO_MANY: Final = (
    b"HTTP/1.1 429 Too Many Requests\r\n"
    b"content-length: 0\r\nretry-after: 5\r\nconnection: close\r\n\r\n"
)


def no_http() -> bytes:
    """Return an envelope as raw HTTP, for clients that didn't send valid HTTP."""
    refusal = refusal_of(Unreadable("Invalid HTTP request received."))
    body = envelope.refuse(refusal, time.time_ns() // 1000).body
    return (
        b"HTTP/1.1 400 Bad Request\r\ncontent-type: application/json\r\n"
        b"x-request-id: %b\r\ncontent-length: %d\r\nconnection: close\r\n\r\n%b"
        % (new_id("req").encode(), len(body), body)
    )


FIELDS_MAX: Final = 100
# Chunk sizes, extensions and line ends may take twice the body's length, plus this many bytes.
FRAMING_BYTES_MAX: Final = 32 * 1024
PIPELINED_MAX: Final = 16
# The parser gets small pieces, so that no limit is exceeded by more than one piece.
PIECE_BYTES: Final = 2 * 1024
BODY_PIECE_BYTES: Final = 16 * 1024
# A client that isn't too slow reads at least this much between two checks.
TAKEN_BYTES_MIN: Final = 4096
_FIELD_BYTES: Final = len(b": \r\n")
_PAGES: Final = b"/dashboard"
_VERSIONS: Final = frozenset({"1.1", "1.0"})


class _TooMuch(Exception):
    """Stops the parser from inside a callback, after the response has been sent."""


class Connection(Wire):
    reading_since_s: float | None = None
    _idle_since_s: float | None = None
    _counted_as: str | None = None
    # The current request's target and headers. _is_head is True after a message has ended.
    _target = b""
    _known_target: bytes | None = None
    _headers: list[Header]
    _is_head = True
    # The trailers' number and size, and the body's size. `_fed_bytes` counts since the message began, or since
    # its headers ended.
    _trailers = 0
    _trailer_bytes = 0
    _body_bytes = 0
    _fed_bytes = 0
    _fed_piece_bytes = 0
    _newest: Exchange | None = None
    _untaken_bytes = 0
    _untaken_since_s = 0.0
    _is_last_answer = False
    # Bytes received while too many requests were waiting, and whether the client then closed its sending side.
    _unfed = memoryview(b"")
    _ends_unfed = False
    # The response to a refused request, while earlier responses are due. Nothing after that request is read.
    _refusal: bytes | None = None

    def __init__(
        self,
        config: uvicorn.Config,
        server_state: ServerState,
        app_state: dict[str, Any],  # noqa: ARG002 uvicorn names it; nothing of ours starts with it
        _loop: asyncio.AbstractEventLoop | None = None,
        *,
        limits: ConnectionLimits,
    ) -> None:
        super().__init__(_loop or asyncio.get_running_loop(), server_state)
        self._app = config.loaded_app
        self._limits = limits
        self._turn: Exchange | None = None
        self._waiting: deque[Exchange] = deque()
        self._parser = _parser(self)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self.server_state.connections.add(self)  # type: ignore[arg-type]
        client = _address(transport.get_extra_info("peername"))
        self._scope: dict[str, Any] = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": "1.1",
            "server": _address(transport.get_extra_info("sockname")),
            "client": client,
            "scheme": "http",
            "root_path": "",
        }
        self.reading_since_s = self.loop.time()
        address = self._limits.counted_as(client[0] if client else None)
        if address is None:
            return
        if self._limits.open(address):
            self._counted_as = address
        else:
            self._end(TOO_MANY)

    def connection_lost(self, exc: Exception | None) -> None:
        self.server_state.connections.discard(self)
        for exchange in (self._turn, self._newest):
            if exchange is not None:
                exchange.leave()
        super().connection_lost(exc)
        self._turn = self._newest = None
        self._waiting.clear()
        del self._parser
        if self._counted_as is not None:
            self._limits.close(self._counted_as)
            self._counted_as = None

    @property
    def is_idle(self) -> bool:
        return self._is_answered and not self.transport.is_closing()

    @property
    def _is_answered(self) -> bool:
        return self._newest is None or self._newest.is_answered

    def answer_once_more(self) -> None:
        self._is_last_answer = True
        if self._newest is not None:
            self._newest.is_kept = False

    def shutdown(self) -> None:
        if self._newest is None or self._newest.is_answered:
            self.transport.close()
        else:
            self._newest.is_kept = False

    def data_received(self, data: bytes) -> None:
        if self._refusal is not None:
            return
        if self._unfed:
            self._unfed = memoryview(bytes(self._unfed) + data)
        elif len(data) > PIECE_BYTES or len(self._waiting) >= PIPELINED_MAX:
            self._unfed = memoryview(data)
            self._feed_unfed()
        else:
            self._receive(data)

    def _feed_unfed(self) -> None:
        while (
            self._unfed and len(self._waiting) < PIPELINED_MAX and not self.transport.is_closing()
        ):
            size = self._piece_bytes_max()
            piece, self._unfed = bytes(self._unfed[:size]), self._unfed[size:]
            self._receive(piece)
        if self.transport.is_closing():
            self._unfed = memoryview(b"")
        elif self._unfed:
            self.pause_reading()
        elif self._ends_unfed and not self._end_reading():
            self.transport.close()

    def _piece_bytes_max(self) -> int:
        if self._is_head:
            return PIECE_BYTES
        length = next((value for name, value in self._headers if name == b"content-length"), b"0")
        return max(PIECE_BYTES, min(int(length) - self._body_bytes, BODY_PIECE_BYTES))

    def _receive(self, data: bytes) -> None:
        if self.transport.is_closing():
            return
        size = self._fed_piece_bytes = len(data)
        self._fed_bytes += size
        if self.reading_since_s is None:
            # Count from here, because a client could otherwise keep a connection open forever with empty
            # lines.
            self.reading_since_s = self.loop.time()
        self._idle_since_s = None
        try:
            while True:
                try:
                    self._parser.feed_data(data)
                    break
                except httptools.HttpParserUpgrade as met:
                    data = data[met.args[0] :]
                    self._continue_without_upgrade()
        except httptools.HttpParserError:
            if not (self.transport.is_closing() or self._refusal is not None):
                self._end(no_http())
        if self.reading_since_s is not None:
            self._check_framing()

    def resume_reading(self) -> None:
        if not self._unfed and self._refusal is None:
            super().resume_reading()

    def eof_received(self) -> bool | None:
        """Hold the connection open for responses that are due. Return False to close it."""
        self._ends_unfed = bool(self._unfed)
        return self._ends_unfed or self._refusal is not None or self._end_reading()

    def _end_reading(self) -> bool:
        """Respond to complete requests, then end the connection. The client may still read.

        Return False if the connection should close now: no response is due, or the last request's body is
        incomplete.
        """
        newest = self._newest
        if newest is not None and self._waiting and not newest.has_all:
            self._waiting.pop()
            newest = self._newest = self._waiting[-1] if self._waiting else self._turn
        if newest is None or newest.is_answered or not newest.has_all:
            return False
        self.has_ended = True
        self.reading_since_s = None
        newest.is_kept = False
        assert self._turn is not None, "what is not answered has its turn, or waits for it"
        self._turn.wake()
        return True

    def _continue_without_upgrade(self) -> None:
        exchange = self._newest
        assert exchange is not None, "an upgrade has a head"
        exchange.reopen()
        self._is_head = False
        self.reading_since_s = self.loop.time()
        resumed = Resumed(self, exchange.scope["headers"])
        self._parser = _parser(resumed)
        resumed.begin(self._parser)

    def _check_framing(self) -> None:
        if self._is_head:
            is_too_much = self._fed_bytes > HEAD_BYTES_MAX
        else:
            is_too_much = self._fed_bytes > 3 * self._body_bytes + FRAMING_BYTES_MAX
        if is_too_much and not (self.transport.is_closing() or self._refusal is not None):
            self._end_too_large()

    def on_message_begin(self) -> None:
        self._idle_since_s = None
        self._target = b""
        self._headers = []
        self._is_head = True
        self._trailers = self._trailer_bytes = self._body_bytes = 0
        self._fed_bytes = self._fed_piece_bytes
        if self.reading_since_s is None:
            self.reading_since_s = self.loop.time()

    def on_url(self, part: bytes) -> None:
        self._target += part

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self._is_head:
            self._count_trailer(name, value)
            return
        headers = self._headers
        headers.append((name.lower(), value))
        if len(headers) > FIELDS_MAX:
            self._end_too_large()
            raise _TooMuch

    def _count_trailer(self, name: bytes, value: bytes) -> None:
        """Count a trailer, then drop it. As a header, it would bypass a proxy's checks."""
        self._trailers += 1
        self._trailer_bytes += len(name) + len(value) + _FIELD_BYTES
        is_too_much = self._trailer_bytes + self._header_bytes() > HEAD_BYTES_MAX
        if is_too_much or len(self._headers) + self._trailers > FIELDS_MAX:
            self._end_too_large()
            raise _TooMuch

    def _header_bytes(self) -> int:
        return sum(len(name) + len(value) + _FIELD_BYTES for name, value in self._headers)

    def on_headers_complete(self) -> None:
        is_long = self._fed_bytes > HEAD_BYTES_MAX // 2
        if is_long and self._header_bytes() + len(self._target) > HEAD_BYTES_MAX:
            self._end_too_large()
            raise _TooMuch
        exchange = self._exchange()
        self._is_head = False
        self._fed_bytes = 0
        is_its_turn = self._is_answered
        self._newest = exchange
        if is_its_turn:
            self._turn = exchange
            exchange.start(self._app)
        else:
            self.pause_reading()
            self._waiting.append(exchange)

    def _exchange(self) -> Exchange:
        if self._target != self._known_target:
            self._take_target()
        parser, scope = self._parser, self._scope.copy()
        version = scope["http_version"] = parser.get_http_version()
        if version not in _VERSIONS:
            raise ValueError(version)
        scope["method"] = parser.get_method().decode("ascii")
        scope["headers"] = self._headers
        is_kept = version != "1.0" and parser.should_keep_alive() and not self._is_last_answer
        exchange = scope[EXCHANGE] = Exchange(self, scope, is_kept=is_kept)
        return exchange

    def _take_target(self) -> None:
        target = httptools.parse_url(self._target)
        raw_path = target.path
        path = raw_path.decode("ascii")
        self._scope["path"] = urllib.parse.unquote(path) if "%" in path else path
        self._scope["raw_path"] = raw_path
        self._scope["query_string"] = target.query or b""
        self._known_target = self._target

    def on_chunk_header(self) -> None:
        codings = [value for name, value in self._headers if name == b"transfer-encoding"]
        if [coding.strip().lower() for coding in codings] != [b"chunked"]:
            self._end(NOT_IMPLEMENTED)
            raise _TooMuch

    def on_body(self, body: bytes) -> None:
        self._body_bytes += len(body)
        assert self._newest is not None, "a body has a head"
        self._newest.take(body)

    def on_message_complete(self) -> None:
        self._is_head = True
        self.reading_since_s = None
        assert self._newest is not None, "a message has a head"
        if self._newest.is_answered:
            self._idle_since_s = self.loop.time()
        self._newest.end()

    def on_answered(self) -> None:
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            return
        if not self._waiting:
            if self._refusal is not None:
                self._close_with(self._refusal)
                return
            self._idle_since_s = self.loop.time()
            if self._is_reading_paused:
                self.resume_reading()
            return
        self._turn = self._waiting.popleft()
        self._turn.start(self._app)
        if self._unfed:
            self._feed_unfed()
        if not self._waiting:
            self.resume_reading()

    def end_if_unused(self, now_s: float, *, keep_alive_s: float) -> None:
        since_s = self._idle_since_s
        if since_s is not None and now_s - since_s > keep_alive_s:
            self.transport.close()

    def cut_if_slow(self, now_s: float, *, read_s_max: float, write_s_max: float) -> None:
        """Close the connection if its request doesn't arrive, or its response isn't read, in time."""
        since_s = self.reading_since_s
        if since_s is not None and self._unfed:
            self.reading_since_s = now_s
        elif since_s is not None and now_s - since_s > read_s_max:
            self.transport.abort()
            return
        untaken = self.transport.get_write_buffer_size()
        if (
            untaken == 0
            or self._untaken_bytes == 0
            or untaken <= self._untaken_bytes - TAKEN_BYTES_MIN
        ):
            self._untaken_bytes, self._untaken_since_s = untaken, now_s
        elif now_s - self._untaken_since_s > write_s_max:
            self.transport.abort()

    def _end_too_large(self) -> None:
        is_page = self._is_head and self._target.startswith(_PAGES)
        self._end(PAGE_TOO_LARGE if is_page else TOO_LARGE)

    def _end(self, answer: bytes) -> None:
        exchange = self._newest
        if not self._is_head and exchange is not None:
            if not self._waiting:
                is_unanswered = not exchange.is_begun
                exchange.leave()
                self._close_with(answer if is_unanswered else b"")
                return
            self._waiting.pop()
            self._newest = self._waiting[-1] if self._waiting else self._turn
        if self._is_answered:
            self._close_with(answer)
            return
        self._refusal = answer
        self._unfed = memoryview(b"")
        self.reading_since_s = None
        self.pause_reading()

    def _close_with(self, answer: bytes) -> None:
        if answer:
            self.transport.write(answer)
        self.transport.close()


def _parser(called: Calls) -> httptools.HttpRequestParser:
    parser = httptools.HttpRequestParser(called)
    # A request that follows one with `Connection: close` is ignored, without an error.
    parser.set_dangerous_leniencies(lenient_data_after_close=True)
    return parser


def _address(found: Any) -> tuple[str, int | None] | None:
    if isinstance(found, tuple):
        return found[0], found[1]
    return (found, None) if isinstance(found, str) and found else None
