"""Read the body of a request for another protocol, which httptools ends with its head.

Otherwise its body would be lost, or read as requests that a proxy never saw.
"""

from collections.abc import Sequence
from typing import Final, Protocol

import httptools

from gateway.http.connection.exchange import Header

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
    """Passes on what the parser calls, except for a first head that only gives the body's length."""

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
