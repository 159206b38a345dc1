"""Exchange one request and response through ASGI messages.

Most requests and responses are complete at once. read_whole and write_whole handle these without messages.
"""

import asyncio
import http
import logging
import re
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from contextvars import copy_context
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, cast

from starlette.types import ASGIApp, Message, Scope
from uvicorn.server import ServerState

Header = tuple[bytes, bytes]
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
        """Add a header. Raise RuntimeError if it has characters that could split it into two."""
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
    """Caches uvicorn's own headers as bytes. They change once a second."""

    listed: list[Header] | None = None
    text = b""

    def __call__(self, headers: list[Header]) -> bytes:
        if self.listed is not headers:
            self.listed = headers
            self.text = b"".join(b"%b: %b\r\n" % header for header in headers)
        return self.text


joined = _Joined()


class Wire(asyncio.Protocol, ABC):
    transport: asyncio.Transport
    is_writing_paused = False
    # The client has closed its sending side. It may still read.
    has_ended = False
    _is_reading_paused = False

    def __init__(self, loop: asyncio.AbstractEventLoop, server_state: ServerState) -> None:
        self.loop = loop
        self.server_state = server_state
        # Another request's task may start a request. So each request runs in a copy of this context.
        self.context = copy_context()
        self._may_write = asyncio.Event()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 asyncio's
        self.resume_writing()

    def pause_reading(self) -> None:
        if not self._is_reading_paused:
            self._is_reading_paused = True
            self.transport.pause_reading()

    def resume_reading(self) -> None:
        if self._is_reading_paused:
            self._is_reading_paused = False
            self.transport.resume_reading()

    def pause_writing(self) -> None:
        self.is_writing_paused = True
        self._may_write.clear()

    def resume_writing(self) -> None:
        self.is_writing_paused = False
        self._may_write.set()

    async def drained(self) -> None:
        if self.is_writing_paused:
            await self._may_write.wait()

    @abstractmethod
    def on_answered(self) -> None: ...


EXCHANGE: Final = "topup.exchange"
WAITING_BYTES_MAX: Final = 65_536
_HAS_ENDED: Final = "topup.has_ended"
_CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"
_FAILED: Final = b"Internal Server Error"
_START: Final = "http.response.start"
_BODY: Final = "http.response.body"
_log = logging.getLogger(__name__)


def has_left(message: Message) -> bool:
    """Return whether the client has disconnected or closed its sending side. Both usually mean that it has left."""
    return message["type"] == "http.disconnect" or _HAS_ENDED in message


class Exchange:
    """A request and its response.

    `has_all` is true when the body has arrived completely. `is_gone` is true when nobody reads the response
    any more. `is_kept` is true if the connection stays open afterwards.
    """

    body: bytes | bytearray = b""
    has_all = False
    is_gone = False
    is_begun = False
    is_answered = False
    _has_news = False
    _news: asyncio.Event | None = None
    _may_be_asked_to_continue = True
    _is_read = False
    _head: AnswerHead
    _left = 0
    _task: "asyncio.Task[None]"

    def __init__(self, wire: Wire, scope: Scope, *, is_kept: bool) -> None:
        self.wire = wire
        self.scope = scope
        self.is_kept = is_kept

    def start(self, app: ASGIApp) -> None:
        context = self.wire.context.copy()
        self._task = self.wire.loop.create_task(self._run(app), context=context)
        self.wire.server_state.tasks.add(self._task)

    def take(self, body: bytes) -> None:
        if self.is_answered:
            return
        if not self.body:
            self.body = body
        elif isinstance(self.body, bytearray):
            self.body += body
        else:
            self.body = bytearray(self.body) + body
        if len(self.body) > WAITING_BYTES_MAX:
            self.wire.pause_reading()
        self.wake()

    def end(self) -> None:
        if not self.is_answered:
            self.has_all = True
            self.wake()

    def reopen(self) -> None:
        """Mark the body as incomplete again."""
        self.has_all = False

    def leave(self) -> None:
        if not self.is_answered:
            self.is_gone = True
        self.wake()

    def wake(self) -> None:
        self._has_news = True
        if self._news is not None:
            self._news.set()

    async def _run(self, app: ASGIApp) -> None:
        try:
            await app(self.scope, self.receive, self.send)
        except BaseException as error:
            _log.error("application.failed", exc_info=error)
            await self._fail()
        else:
            if not self.is_answered and not self.is_gone:
                _log.error("application.unanswered", extra={"fields": {"begun": self.is_begun}})
                await self._fail()
        finally:
            self.wire.server_state.tasks.discard(self._task)

    async def _fail(self) -> None:
        if self.is_begun:
            self.wire.transport.close()
            return
        headers = [
            (b"content-type", b"text/plain; charset=utf-8"),
            (b"content-length", b"%d" % len(_FAILED)),
            (b"connection", b"close"),
        ]
        await self.send({"type": _START, "status": 500, "headers": headers})
        await self.send({"type": _BODY, "body": _FAILED})

    async def receive(self) -> Message:
        """Return the next ASGI message. It contains the body received since the last message, or reports a
        disconnect.

        After the complete body, an empty message follows once the client closes its sending side (see has_left).
        """
        self._send_continue()
        if not self.is_gone and not self.is_answered:
            self.wire.resume_reading()
            if not self._has_news:
                await self._wait()
            self._has_news = False
            if self._news is not None:
                self._news.clear()
        if self.is_gone or self.is_answered:
            return {"type": "http.disconnect"}
        body, self.body = bytes(self.body), b""
        message = {"type": "http.request", "body": body, "more_body": not self.has_all}
        if self.wire.has_ended:
            if self._is_read:
                message[_HAS_ENDED] = True
            else:
                self.wake()
        self._is_read = self.has_all
        return message

    async def _wait(self) -> None:
        if self._news is None:
            self._news = asyncio.Event()
        await self._news.wait()

    @property
    def may_lack_its_body(self) -> bool:
        """Return whether the client may never send its body, because it didn't get a 100 Continue."""
        return (
            not self.has_all
            and self._may_be_asked_to_continue
            and _expects_continue(self.scope["headers"])
        )

    def _send_continue(self) -> None:
        if not self._may_be_asked_to_continue or self.is_begun:
            return
        self._may_be_asked_to_continue = False
        if not self.wire.transport.is_closing() and _expects_continue(self.scope["headers"]):
            self.wire.transport.write(_CONTINUE)

    async def send(self, message: Message) -> None:
        if self.wire.is_writing_paused and not self.is_gone:
            await self.wire.drained()
        if self.is_gone:
            return
        if self.is_answered:
            raise RuntimeError(f"{message['type']} after the end of the answer")
        if not self.is_begun:
            self._write_head(message)
        else:
            self._write_body(message)

    def _write_head(self, message: Message) -> None:
        if message["type"] != _START:
            raise RuntimeError(f"{message['type']} before the head of the answer")
        self.is_begun = True
        status = message["status"]
        sent: list[Header] = [*self.wire.server_state.default_headers, *message.get("headers", ())]
        head = self._head = head_of(status, sent)
        self.is_kept = self.is_kept and not head.says_close and not self.may_lack_its_body
        if not self.is_kept and not head.says_close:
            head.lines.append(CLOSE + b"\r\n")
        is_unsaid = head.length is None and not head.is_chunked
        if is_unsaid and self.scope["method"] != "HEAD" and status not in BODILESS:
            head.is_chunked = True
            head.lines.append(b"transfer-encoding: chunked\r\n")
        self._left = 0 if head.is_chunked else head.length or 0
        head.lines.append(b"\r\n")
        self.wire.transport.write(b"".join(head.lines))

    def _write_body(self, message: Message) -> None:
        if message["type"] != _BODY:
            raise RuntimeError(f"{message['type']} where the body of the answer is due")
        body, is_last = message.get("body", b""), not message.get("more_body", False)
        if self.scope["method"] == "HEAD":
            self._left = 0
        elif self._head.is_chunked:
            self._write_chunk(body, is_last=is_last)
        elif len(body) > self._left:
            raise RuntimeError("the answer is longer than its Content-Length")
        else:
            self._left -= len(body)
            self.wire.transport.write(body)
        if is_last:
            self._end_answer()

    def _write_chunk(self, body: bytes, *, is_last: bool) -> None:
        chunk = b"%x\r\n%b\r\n" % (len(body), body) if body else b""
        self.wire.transport.write(chunk + b"0\r\n\r\n" if is_last else chunk)

    def _end_answer(self) -> None:
        if self._left:
            raise RuntimeError("the answer is shorter than its Content-Length")
        self.is_answered = True
        self.wake()
        if not self.is_kept:
            self.wire.transport.close()
        self.wire.on_answered()


def _expects_continue(headers: list[Header]) -> bool:
    return any(name == b"expect" and value.lower() == b"100-continue" for name, value in headers)


_line = b": ".join


def read_whole(exchange: Exchange | None) -> bytes | None:
    """Return the body if it has arrived completely, otherwise None. receive() still returns it afterwards."""
    if exchange is None or not exchange.has_all or exchange.is_gone:
        return None
    return bytes(exchange.body)


def write_whole(
    exchange: Exchange | None,
    status: int,
    headers: Sequence[Header],
    usual: tuple[Header, ...],
    body: bytes,
) -> bool:
    """Write a complete response at once. Return False if ASGI messages are needed instead."""
    if exchange is None or exchange.is_begun or exchange.wire.is_writing_paused:
        return False
    if exchange.is_gone:
        return True
    if not exchange.has_all and exchange.may_lack_its_body:
        exchange.is_kept = False
    lines = list(map(_line, headers))
    if not exchange.is_kept:
        lines.append(CLOSE)
    head = b"\r\n".join(lines)
    assert head.count(b"\n") == len(lines) - 1, "a header ends where it ends"
    exchange.is_begun = exchange.is_answered = True
    wire = exchange.wire
    own = joined(wire.server_state.default_headers)
    wire.transport.write(b"".join((STATUS_LINES[status], own, head, _end_of(usual), body)))
    exchange.wake()
    if CLOSE in head:
        exchange.is_kept = False
        wire.transport.close()
    wire.on_answered()
    return True


@lru_cache(maxsize=16)
def _end_of(usual: tuple[Header, ...]) -> bytes:
    return b"".join(b"\r\n%b: %b" % header for header in usual) + b"\r\n\r\n"
