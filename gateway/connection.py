"""One client's connection, on uvicorn's protocol: its limits, and whole bodies and answers at once.

uvicorn itself sets no limit to headers and to slow requests. It writes an answer in two parts and
looks at each header with two patterns; an answer that is whole from the start goes out here as one
piece instead [15 us of a send's 200], and a body that has come is taken without waiting for it.
Streams and pages go uvicorn's way.
"""

import asyncio
import time
from collections.abc import Sequence
from functools import lru_cache
from typing import Final

from uvicorn.protocols.http.httptools_impl import (
    STATUS_LINE,
    HttpToolsProtocol,
    RequestResponseCycle,
)

from gateway import envelope
from gateway.errors import refusal_of
from gateway.json_text import Unreadable
from kernel.ids import new_id

Header = tuple[bytes, bytes]
HEAD_BYTES_MAX: Final = 32 * 1024
# Where a request's scope has uvicorn's cycle of it; absent under another server. Whoever reads it
# takes it out: the cycle holds the scope.
CYCLE: Final = "topup.cycle"
_TOO_LARGE = (
    b"HTTP/1.1 431 Request Header Fields Too Large\r\n"
    b"content-length: 0\r\nconnection: close\r\n\r\n"
)


class Connection(HttpToolsProtocol):
    """One client's connection; uvicorn itself sets no limit to headers and to slow requests."""

    reading_since_s: float | None = None
    _is_head = False
    _head_bytes = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.reading_since_s = self.loop.time()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self._is_head:
            self._head_bytes += len(data)
            if self._head_bytes > HEAD_BYTES_MAX and not self.transport.is_closing():
                self.transport.write(_TOO_LARGE)
                self.transport.close()

    def send_400_response(self, msg: str) -> None:
        """Even what is no HTTP gets the envelope: clients read one shape."""
        request_id = new_id("req").encode()
        refusal = refusal_of(Unreadable(msg))
        body = envelope.refuse(refusal, time.time_ns() // 1000).body
        self.transport.write(
            b"HTTP/1.1 400 Bad Request\r\ncontent-type: application/json\r\n"
            b"x-request-id: %b\r\ncontent-length: %d\r\nconnection: close\r\n\r\n%b"
            % (request_id, len(body), body)
        )
        self.transport.close()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._is_head = True
        self._head_bytes = 0
        self.reading_since_s = self.loop.time()

    def on_headers_complete(self) -> None:
        self._is_head = False
        super().on_headers_complete()
        self.scope[CYCLE] = self.cycle  # type: ignore[typeddict-unknown-key]

    def on_message_complete(self) -> None:
        self.reading_since_s = None
        super().on_message_complete()

    def cut_if_slow(self, now_s: float, read_s_max: float) -> None:
        since_s = self.reading_since_s
        if since_s is not None and now_s - since_s > read_s_max:
            self.transport.abort()


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
    lines = [b"%b: %b\r\n" % header for header in headers]
    if not cycle.keep_alive:
        lines.append(b"connection: close\r\n")
    head = b"".join(lines)
    assert head.count(b"\n") == len(lines), "a header ends where it ends"
    cycle.response_started = cycle.response_complete = True
    cycle.transport.write(
        b"".join(
            (
                STATUS_LINE[status],
                _same(cycle.default_headers),
                head,
                _joined(usual),
                b"\r\n",
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
    return b"".join(b"%b: %b\r\n" % header for header in headers)


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
