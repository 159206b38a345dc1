"""One client's connection, on uvicorn's protocol: its limits, and whole bodies and answers at once.

uvicorn itself sets no limit to headers, trailers, framing, pipelined requests and slow clients. It
writes an answer in two parts and looks at each header with two patterns; an answer that is whole
from the start goes out here as one piece instead [15 us of a send's 200], and a body that has come
is taken without waiting for it. Streams and pages go uvicorn's way.

Invariant: what a stranger makes one connection keep is bounded: FIELDS_MAX fields and
HEAD_BYTES_MAX bytes in a request's line, headers and trailers together, PIPELINED_MAX requests
behind the one under way, one segment of body, and what the application has written.
"""

import asyncio
import time
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Final

from uvicorn.protocols.http.httptools_impl import (
    STATUS_LINE,
    HttpToolsProtocol,
    RequestResponseCycle,
)

from gateway.answers import envelope
from gateway.http.connection_limits import ConnectionLimits
from gateway.http.errors import refusal_of
from gateway.http.strict_json import Unreadable
from kernel.ids import new_id

Header = tuple[bytes, bytes]
HEAD_BYTES_MAX: Final = 32 * 1024
FIELDS_MAX: Final = 100
# Sizes and extensions of chunks, their line ends and trailers: twice the body, and so much more.
FRAMING_BYTES_MAX: Final = 32 * 1024
PIPELINED_MAX: Final = 16
# The parser is fed in pieces, so that no limit is overrun by more than one of them.
PIECE_BYTES: Final = 16 * 1024
# A client that reads takes at least so much of what waits for it between two looks.
TAKEN_BYTES_MIN: Final = 4096
# Where a request's scope has uvicorn's cycle of it; absent under another server. Whoever reads it
# takes it out: the cycle holds the scope.
CYCLE: Final = "topup.cycle"
_FIELD_BYTES: Final = len(b": \r\n")
_TOO_LARGE = (
    b"HTTP/1.1 431 Request Header Fields Too Large\r\n"
    b"content-length: 0\r\nconnection: close\r\n\r\n"
)
# For the form of a page: what was typed into it is in its address.
_PAGES: Final = b"/dashboard"
_SAID = f"""<!doctype html><html lang="en"><head><meta charset="utf-8"><title>That is too long</title>
<meta name="viewport" content="width=device-width, initial-scale=1"><link rel="stylesheet" href="/static/app.css"></head>
<body><main id="content"><div class="entry stack"><h1>That is too long</h1>
<p>The address of a page and its headers may have {HEAD_BYTES_MAX // 1024} kB together, and these have more: something
very long was typed into a field, or is in the address. Go back in your browser and shorten it.</p>
<p class="buttons"><a class="button primary" href="/dashboard">Go to the dashboard</a></p></div></main></body></html>
""".encode()
_PAGE_TOO_LARGE = (
    b"HTTP/1.1 431 Request Header Fields Too Large\r\n"
    b"content-type: text/html; charset=utf-8\r\ncache-control: no-store\r\n"
    b"content-security-policy: default-src 'none'; style-src 'self'; frame-ancestors 'none'\r\n"
    b"x-content-type-options: nosniff\r\ncontent-length: %d\r\nconnection: close\r\n\r\n%b"
    % (len(_SAID), _SAID)
)
_TOO_MANY = (
    b"HTTP/1.1 429 Too Many Requests\r\n"
    b"content-length: 0\r\nretry-after: 5\r\nconnection: close\r\n\r\n"
)


class _TooMuch(Exception):
    """Raised in a callback of the parser, which then stops; the answer has been given."""


class Connection(HttpToolsProtocol):
    """One client's connection, counted by its address."""

    reading_since_s: float | None = None
    # Since when nothing is asked, after an answer.
    _idle_since_s: float | None = None
    _counted_as: str | None = None
    # Until the headers have ended, and again once the message has.
    _is_head = True
    # Of the request that is arriving: fields and bytes of its trailers, bytes of its body, and of all
    # that came since its first line, or since its head ended.
    _trailers = 0
    _trailer_bytes = 0
    _body_bytes = 0
    _fed_bytes = 0
    _piece_bytes = 0
    # What the client had yet to take when it last took some, and when that was.
    _untaken_bytes = 0
    _untaken_since_s = 0.0
    _is_last_answer = False

    def __init__(self, *arguments: Any, limits: ConnectionLimits, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._limits = limits

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.reading_since_s = self.loop.time()
        address = self._limits.counted_as(self.client[0] if self.client else None)
        if address is None:
            return
        if self._limits.open(address):
            self._counted_as = address
        else:
            self._end(_TOO_MANY)

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        if self._counted_as is not None:
            self._limits.close(self._counted_as)
            self._counted_as = None

    @property
    def is_idle(self) -> bool:
        """Whether it is open and nothing is asked on it."""
        is_answered = self.cycle is None or self.cycle.response_complete
        return is_answered and not self.transport.is_closing()

    def answer_once_more(self) -> None:
        """The answer under way, or else the next, says that the connection ends, and ends it."""
        self._is_last_answer = True
        if self.cycle is not None:
            self.cycle.keep_alive = False

    def data_received(self, data: bytes) -> None:
        if len(data) <= PIECE_BYTES:
            self._feed(data)
            return
        whole = memoryview(data)
        for start in range(0, len(data), PIECE_BYTES):
            if self.transport.is_closing():
                return
            self._feed(bytes(whole[start : start + PIECE_BYTES]))

    def _feed(self, piece: bytes) -> None:
        """One piece for the parser, then a look at what cannot be counted in its callbacks."""
        if self.transport.is_closing():
            return
        self._piece_bytes = len(piece)
        self._fed_bytes += len(piece)
        if self.reading_since_s is None:
            # Also line ends between two requests, with which a connection could be kept for ever.
            self.reading_since_s = self.loop.time()
        self._idle_since_s = None
        super().data_received(piece)
        if self.reading_since_s is None or self.transport.is_closing():
            return
        if self._is_head:
            # A line that has not ended is counted by nothing else.
            is_too_much = self._fed_bytes > HEAD_BYTES_MAX
        else:
            is_too_much = self._fed_bytes > 3 * self._body_bytes + FRAMING_BYTES_MAX
        if is_too_much:
            self._end_too_large()

    def send_400_response(self, msg: str) -> None:
        """Even what is no HTTP gets the envelope: clients read one shape."""
        if self.transport.is_closing():
            return
        request_id = new_id("req").encode()
        refusal = refusal_of(Unreadable(msg))
        body = envelope.refuse(refusal, time.time_ns() // 1000).body
        self._end(
            b"HTTP/1.1 400 Bad Request\r\ncontent-type: application/json\r\n"
            b"x-request-id: %b\r\ncontent-length: %d\r\nconnection: close\r\n\r\n%b"
            % (request_id, len(body), body)
        )

    def on_message_begin(self) -> None:
        super().on_message_begin()
        # Also in one piece with the end of another request that was answered before.
        self._idle_since_s = None
        self._is_head = True
        self._trailers = self._trailer_bytes = self._body_bytes = 0
        # At most: in a piece that held the end of another request, too, it is less.
        self._fed_bytes = self._piece_bytes
        if self.reading_since_s is None:
            self.reading_since_s = self.loop.time()

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self._is_head:
            self._count_trailer(name, value)
            return
        # uvicorn's own four lines; calling them would cost a send a microsecond.
        name = name.lower()
        if name == b"expect" and value.lower() == b"100-continue":
            self.expect_100_continue = True
        self.headers.append((name, value))
        if len(self.headers) > FIELDS_MAX:
            self._end_too_large()
            raise _TooMuch

    def _count_trailer(self, name: bytes, value: bytes) -> None:
        """It is counted and dropped, since no trailer of ours means anything and one that became a header
        would have passed the proxy's eyes.
        """
        self._trailers += 1
        self._trailer_bytes += len(name) + len(value) + _FIELD_BYTES
        is_too_much = self._trailer_bytes + self._header_bytes() > HEAD_BYTES_MAX
        if is_too_much or len(self.headers) + self._trailers > FIELDS_MAX:
            self._end_too_large()
            raise _TooMuch

    def _header_bytes(self) -> int:
        return sum(len(name) + len(value) + _FIELD_BYTES for name, value in self.headers)

    def on_headers_complete(self) -> None:
        # Few heads are so long that they have to be counted.
        is_long = self._fed_bytes > HEAD_BYTES_MAX // 2
        if is_long and self._header_bytes() + len(self.url) > HEAD_BYTES_MAX:
            self._end_too_large()
            raise _TooMuch
        if len(self.pipeline) >= PIPELINED_MAX:
            self._end(_TOO_MANY)
            raise _TooMuch
        self._is_head = False
        self._fed_bytes = 0
        super().on_headers_complete()
        if self._is_last_answer:
            self.cycle.keep_alive = False
        self.scope[CYCLE] = self.cycle  # type: ignore[typeddict-unknown-key]

    def on_body(self, body: bytes) -> None:
        self._body_bytes += len(body)
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._is_head = True
        self.reading_since_s = None
        if self.cycle.response_complete:
            # Answered before its body had come: nothing is asked from now on.
            self._idle_since_s = self.loop.time()
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """As uvicorn's, without a timer for each answer: the sweep ends what is kept for nothing."""
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            return
        if not self.pipeline:
            self._idle_since_s = self.loop.time()
            self.flow.resume_reading()
            return
        self._start_asgi_task(*self.pipeline.pop())
        # What waits comes first.
        if not self.pipeline:
            self.flow.resume_reading()

    def end_if_unused(self, now_s: float, *, keep_alive_s: float) -> None:
        """Closes a connection on which nothing has been asked since an answer."""
        since_s = self._idle_since_s
        if since_s is not None and now_s - since_s > keep_alive_s:
            self.transport.close()

    def cut_if_slow(self, now_s: float, *, read_s_max: float, write_s_max: float) -> None:
        """Ends a connection whose request does not arrive, or whose answer is not taken."""
        since_s = self.reading_since_s
        if since_s is not None and now_s - since_s > read_s_max:
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
        is_page = self._is_head and (self.url or b"").startswith(_PAGES)
        self._end(_PAGE_TOO_LARGE if is_page else _TOO_LARGE)

    def _end(self, answer: bytes) -> None:
        """Refuses the request that is arriving, and closes.

        Answered only where it is that request's turn: an earlier one would take it for its own.
        """
        cycle = self.cycle
        if self._is_head:
            is_its_turn = cycle is None or cycle.response_complete
        else:
            is_its_turn = not cycle.response_started
            cycle.disconnected = True
            cycle.message_event.set()
        if is_its_turn and not self.pipeline:
            self.transport.write(answer)
        self.transport.close()


_line = b": ".join


def read_whole(cycle: RequestResponseCycle | None) -> bytes | None:
    """The body where all of it has come, as with most requests; None where it must be waited for.

    It stays where it is: whoever calls receive() afterwards gets it, too.
    """
    if cycle is None or cycle.more_body or cycle.disconnected:
        return None
    return bytes(cycle.body)


def write_whole(
    cycle: RequestResponseCycle | None,
    status: int,
    headers: Sequence[Header],
    usual: tuple[Header, ...],
    body: bytes,
) -> bool:
    """Writes a whole answer at once; False where the server's own way must be gone instead.

    headers are ours: fixed names and values without line ends, which is checked; usual ones are
    constants that many answers have.
    """
    if cycle is None or cycle.response_started or cycle.flow.write_paused:
        return False
    if cycle.disconnected:
        return True
    lines = list(map(_line, headers))
    if not cycle.keep_alive:
        lines.append(b"connection: close")
    head = b"\r\n".join(lines)
    assert head.count(b"\n") == len(lines) - 1, "a header ends where it ends"
    cycle.response_started = cycle.response_complete = True
    cycle.transport.write(
        b"".join(
            (
                STATUS_LINE[status],
                _same(cycle.default_headers),
                head,
                _joined(usual),
                body,
            )
        )
    )
    cycle.message_event.set()
    if b"connection: close" in head:
        cycle.keep_alive = False
        cycle.transport.close()
    cycle.on_response()
    return True


@lru_cache(maxsize=16)
def _joined(headers: tuple[Header, ...]) -> bytes:
    """The end of a head whose last line is not ended yet."""
    return b"".join(b"\r\n%b: %b" % header for header in headers) + b"\r\n\r\n"


class _Same:
    """The server's own headers as bytes; uvicorn makes a new list for each second's date."""

    listed: list[tuple[bytes, bytes]] | None = None
    joined = b""

    def __call__(self, headers: list[tuple[bytes, bytes]]) -> bytes:
        if self.listed is not headers:
            self.listed = headers
            self.joined = b"".join(b"%b: %b\r\n" % header for header in headers)
        return self.joined


_same = _Same()
