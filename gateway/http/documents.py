"""Serve public documents, and cache each rendered and compressed version.

A document depends only on its path and a `Reader`, so clients can't fill the cache at will.
"""

import asyncio
import hashlib
import re
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final, NamedTuple

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from gateway.answers.compression import compressed, preferred_encoding
from gateway.http.rate_limit import charge

MARKDOWN: Final = "text/markdown"
_HTML: Final = "text/html"
_JSON: Final = "application/json"
_TEXT: Final = "text/plain"
_KEPT_BYTES_MAX: Final = 300


def prefers_markdown(accept: str) -> bool:
    """Return whether Accept names Markdown, and ranks it at least as high as HTML. Browsers and curl get HTML."""
    return _prefers(MARKDOWN, accept)


def prefers_json(accept: str) -> bool:
    return _prefers(_JSON, accept)


def prefers_text(accept: str) -> bool:
    return _prefers(_TEXT, accept)


def prefers_html(accept: str) -> bool:
    return _prefers(_HTML, accept, over=_JSON)


def canonical_accept(accept: bytes) -> bytes:
    if not accept:
        return b""
    return _known(accept) if len(accept) <= _KEPT_BYTES_MAX else _canonical(accept)


def _canonical(accept: bytes) -> bytes:
    text = accept.decode("latin-1")
    if prefers_markdown(text):
        return MARKDOWN.encode()
    kinds = [_HTML] if prefers_html(text) else []
    kinds += [_JSON] if prefers_json(text) else []
    return ", ".join(kinds).encode()


_known = lru_cache(maxsize=256)(_canonical)


def _prefers(kind: str, accept: str, over: str = _HTML) -> bool:
    qualities = dict(map(_quality, accept.lower().split(",")))
    asked = qualities.get(kind, 0.0)
    return asked > 0.0 and asked >= qualities.get(over, 0.0)


def _quality(named: str) -> tuple[str, float]:
    kind, *parameters = (part.strip() for part in named.split(";"))
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "q":
            try:
                return kind, float(value)
            except ValueError:
                return kind, 0.0
    return kind, 1.0


BYTES_MAX: Final = 32 * 1024 * 1024
ENTRY_BYTES: Final = 2 * 1024
_HEADER_BYTES_MAX: Final = 300
_RESTS: Final = 3
_REST_S_MAX: Final = 0.25
_ASKED: Final = "topup.document"
_HOST: Final = re.compile(r"[A-Za-z0-9.\[\]:-]{1,255}")
_OK: Final = 200
_NOT_MODIFIED: Final = 304
_READS: Final = frozenset({"GET", "HEAD"})
_OF_BODY: Final = frozenset({b"content-length", b"content-type", b"content-encoding"})

Endpoint = Callable[[Request], Response]
_Header = tuple[bytes, bytes]


def address_for(public_url: str, request: Request) -> str:
    if public_url:
        return public_url
    host = request.headers.get("host", "")
    return f"{request.url.scheme}://{host if _HOST.fullmatch(host) else 'localhost'}"


class Reader(NamedTuple):
    accept: bytes
    encoding: bytes
    cookies: bytes
    host: bytes
    query: bytes

    @property
    def headers(self) -> list[_Header]:
        named = (
            (b"accept", self.accept),
            (b"accept-encoding", self.encoding),
            (b"cookie", self.cookies),
            (b"host", self.host),
        )
        return [header for header in named if header[1]]


class _DocumentKey(NamedTuple):
    path: str
    reader: Reader


@dataclass(frozen=True, slots=True)
class Document:
    headers: Sequence[_Header]
    etag: bytes
    body: bytes

    async def __call__(self, scope: Scope, _receive: Receive, send: Send) -> None:
        status, headers, body = _OK, self.headers, self.body
        if any(name == b"if-none-match" and self.etag in value for name, value in scope["headers"]):
            status, body = _NOT_MODIFIED, b""
            headers = [header for header in headers if header[0] not in _OF_BODY]
        start = {"type": "http.response.start", "status": status, "headers": [*headers]}
        await send(start)
        is_head = scope["method"] == "HEAD"
        await send({"type": "http.response.body", "body": b"" if is_head else body})


class Documents:
    """Caches documents.

    `choices` maps a cookie's name to the values that change a document. `query_of` returns the part of the query
    that changes the document at a path.
    """

    def __init__(
        self,
        *,
        has_public_url: bool,
        choices: Mapping[str, Sequence[str]],
        query_of: Callable[[str], bytes],
        bytes_max: int = BYTES_MAX,
    ) -> None:
        self._has_public_url = has_public_url
        self._choices = {
            f"{name}={value}".encode(): name for name, values in choices.items() for value in values
        }
        self._query_of = query_of
        self._bytes_max = bytes_max
        self._bytes = 0
        self._kept: OrderedDict[_DocumentKey, Document] = OrderedDict()
        self._making = asyncio.Lock()
        self._rests_until_s = 0.0
        self._chosen = lru_cache(maxsize=256)(self._read_choices)

    def find(self, scope: Scope, headers: Mapping[bytes, bytes]) -> Document | None:
        if scope["method"] not in _READS:
            return None
        asked = scope[_ASKED] = _DocumentKey(scope["path"], self._reader(scope, headers))
        found = self._kept.get(asked)
        if found is not None:
            self._kept.move_to_end(asked)
        return found

    def once(self, endpoint: Endpoint) -> Callable[[Request], Awaitable[Any]]:
        """Wrap a Starlette endpoint, so that each document is rendered only once."""

        async def answer(request: Request) -> Document | Response:
            asked: _DocumentKey = request.scope[_ASKED]
            async with self._making:
                found = self._kept.get(asked)
                if found is not None:
                    return found
                await asyncio.sleep(self._rests_until_s - time.monotonic())
                began_s = time.monotonic()
                made = await asyncio.to_thread(_made, endpoint, request.scope, asked)
                spent_s = time.monotonic() - began_s
                self._rests_until_s = began_s + spent_s + min(_RESTS * spent_s, _REST_S_MAX)
                if isinstance(made, Document):
                    self._store(asked, made)
                return made

        return answer

    def _store(self, asked: _DocumentKey, document: Document) -> None:
        self._kept[asked] = document
        self._bytes += _bytes_of(asked, document)
        while self._bytes > self._bytes_max:
            self._bytes -= _bytes_of(*self._kept.popitem(last=False))

    def _reader(self, scope: Scope, headers: Mapping[bytes, bytes]) -> Reader:
        query = scope["query_string"]
        if query and query != self._query_of(scope["path"]):
            query = b""
        return Reader(
            canonical_accept(headers.get(b"accept", b"")),
            preferred_encoding(headers.get(b"accept-encoding", b"")),
            self._cookies(headers.get(b"cookie", b"")),
            b"" if self._has_public_url else headers.get(b"host", b""),
            query,
        )

    def _cookies(self, sent: bytes) -> bytes:
        if not sent:
            return b""
        return self._chosen(sent) if len(sent) <= _HEADER_BYTES_MAX else self._read_choices(sent)

    def _read_choices(self, sent: bytes) -> bytes:
        found: dict[str, bytes] = {}
        for part in sent.split(b";"):
            cookie = part.strip()
            if (name := self._choices.get(cookie)) is not None:
                found.setdefault(name, cookie)
        return b"; ".join(found[name] for name in sorted(found))


def _bytes_of(asked: _DocumentKey, document: Document) -> int:
    headers = sum(len(name) + len(value) for name, value in document.headers)
    key = len(asked.path) + sum(map(len, asked.reader))
    return ENTRY_BYTES + len(document.body) + headers + key


def _made(endpoint: Endpoint, scope: Scope, asked: _DocumentKey) -> Document | Response:
    began_s = time.thread_time()
    try:
        return _made_alone(endpoint, scope, asked)
    finally:
        charge(time.thread_time() - began_s)


def _made_alone(endpoint: Endpoint, scope: Scope, asked: _DocumentKey) -> Document | Response:
    alone = {name: value for name, value in scope.items() if name not in ("client", _ASKED)}
    alone |= {"method": "GET", "headers": asked.reader.headers, "query_string": asked.reader.query}
    response = endpoint(Request(alone))
    return _document(alone, response) if response.status_code == _OK else response


def _document(scope: Scope, response: Response) -> Document:
    start, *parts = _messages(scope, response)
    body = b"".join(part["body"] for part in parts)
    etag = b'"%b"' % hashlib.sha256(body).hexdigest()[:32].encode()
    return Document((*start["headers"], (b"etag", etag)), etag, body)


def _messages(scope: Scope, response: Response) -> list[Message]:
    sent: list[Message] = []

    async def receive() -> Message:
        raise AssertionError("a document has no body to read")

    async def send(message: Message) -> None:
        sent.append(message)

    try:
        compressed(response)(scope, receive, send).send(None)  # type: ignore[attr-defined]
    except StopIteration:
        return sent
    raise AssertionError("a document is made without waiting")
