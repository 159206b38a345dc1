"""Write the head of a response."""

import http
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from gateway.http.connection.wire import Header

STATUS_MIN: Final = 100
STATUS_MAX: Final = 599
CLOSE: Final = b"connection: close"
BODILESS: Final = frozenset({204, 304})
_NAME_REFUSED = re.compile(b'[\x00-\x1f\x7f()<>@,;:\\[\\]={} \t\\\\"]')
_VALUE_REFUSED = re.compile(b"[\x00-\x08\x0a-\x1f\x7f]")


def _status_line(status: int) -> bytes:
    try:
        phrase = http.HTTPStatus(status).phrase
    except ValueError:
        phrase = ""
    return f"HTTP/1.1 {status} {phrase}\r\n".encode()


STATUS_LINES: Final = {status: _status_line(status) for status in range(STATUS_MIN, STATUS_MAX + 1)}


@dataclass(slots=True)
class AnswerHead:
    lines: list[bytes]
    length: int | None = None
    is_chunked: bool = False
    says_close: bool = False

    def take(self, name: bytes, value: bytes) -> None:
        """Add a header; raise RuntimeError for one that could be read as two."""
        if _NAME_REFUSED.search(name):
            raise RuntimeError("an answer's header has a name that HTTP does not allow")
        if _VALUE_REFUSED.search(value):
            raise RuntimeError("an answer's header has a value that HTTP does not allow")
        name = name.lower()
        if name == b"content-length" and self.length is None and not self.is_chunked:
            self.length = int(value)
        elif name == b"transfer-encoding" and value.lower() == b"chunked":
            self.is_chunked = True
        elif name == b"connection" and b"close" in map(bytes.strip, value.lower().split(b",")):
            self.says_close = True
        self.lines.append(b"%b: %b\r\n" % (name, value))


def head_of(status: int, headers: Iterable[Header]) -> AnswerHead:
    head = AnswerHead([STATUS_LINES[status]])
    for name, value in headers:
        head.take(name, value)
    return head


class _Joined:
    """The server's own headers as bytes. uvicorn makes a new list each second."""

    listed: list[Header] | None = None
    text = b""

    def __call__(self, headers: list[Header]) -> bytes:
        if self.listed is not headers:
            self.listed = headers
            self.text = b"".join(b"%b: %b\r\n" % header for header in headers)
        return self.text


joined = _Joined()
