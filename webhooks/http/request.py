"""Build the bytes of one outgoing request.

No tenant's header or URL can add a line to it. Host, Content-Length, Accept-Encoding and the connection's
headers are ours alone.
"""

import re
from collections.abc import Iterable
from functools import lru_cache

from kernel.errors import InvalidInput
from webhooks.http.guard import ParsedUrl

HEADER_NAME_CHARACTERS_MAX = 128
HEADER_VALUE_CHARACTERS_MAX = 4096
RESERVED_HEADERS = frozenset(
    {
        "accept-encoding",
        "connection",
        "content-length",
        "expect",
        "host",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VALUE = re.compile(r"[\t\x20-\x7e]*")


def check_header(name: str, value: str) -> None:
    """Raise InvalidInput unless the pair may join a request: a token and visible ASCII."""
    if not _is_free_name(name):
        raise InvalidInput("This header name cannot be set.", param="headers")
    if len(value) > HEADER_VALUE_CHARACTERS_MAX or not _VALUE.fullmatch(value):
        raise InvalidInput(
            f"A header value has at most {HEADER_VALUE_CHARACTERS_MAX} printable ASCII characters.",
            param="headers",
        )


def request_bytes(
    method: str, url: ParsedUrl, headers: Iterable[tuple[str, str]], body: bytes
) -> bytes:
    """Raise InvalidInput for a header that check_header() refuses."""
    headers = list(headers)
    _check_headers(headers)
    lines = "".join([f"{name}: {value}\r\n" for name, value in headers])
    head = f"{_opening(method, url)}{lines}Content-Length: {len(body)}\r\n\r\n"
    return head.encode("ascii") + body


def _check_headers(headers: list[tuple[str, str]]) -> None:
    """Check all together first, which takes a third of the time."""
    values = "".join([value for _, value in headers])
    are_values_well = len(values) <= HEADER_VALUE_CHARACTERS_MAX and _VALUE.fullmatch(values)
    if not are_values_well or not _are_free_names(tuple([name for name, _ in headers])):
        for name, value in headers:
            check_header(name, value)


def _opening(method: str, url: ParsedUrl) -> str:
    assert method.isalpha(), "methods come from code"
    # A receiver that compresses all the same isn't followed: no byte is ever decompressed.
    return (
        f"{method} {url.target} HTTP/1.1\r\nHost: {url.authority}\r\nAccept-Encoding: identity\r\n"
    )


@lru_cache(maxsize=1024)
def _are_free_names(names: tuple[str, ...]) -> bool:
    return all(map(_is_free_name, names))


@lru_cache(maxsize=1024)
def _is_free_name(name: str) -> bool:
    return (
        len(name) <= HEADER_NAME_CHARACTERS_MAX
        and _TOKEN.fullmatch(name) is not None
        and name.lower().replace("_", "-") not in RESERVED_HEADERS
    )
