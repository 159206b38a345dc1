"""The server itself: what a connection may hold, whom it believes, and an end that drops nothing."""

import asyncio
import contextlib
import json
import os
import signal
from collections.abc import AsyncIterator, Callable
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

import pytest
from starlette.types import Receive, Scope, Send

from gateway.http.auth import ConnectionLimits
from gateway.http.connection.exchange import has_left
from gateway.http.serve import serve
from runtime.supervisor import bind_listener

EARLIER: ContextVar[str] = ContextVar("earlier", default="nothing")


@dataclass
class Served:
    """A running server; `release` lets requests to /wait be answered, /read reads the body first,
    /large answers with 65 MB, /listen once the client has left.
    """

    port: int
    parent_pipe: int
    ended: "asyncio.Task[None]"
    entered: asyncio.Event = field(default_factory=asyncio.Event)
    release: asyncio.Event = field(default_factory=asyncio.Event)
    # What the application saw: each request's headers, bytes of bodies, and how bodies ended.
    asked: list[Any] = field(default_factory=list)
    answered: asyncio.Event = field(default_factory=asyncio.Event)
    read: int = 0
    # What each request saw of the one before it.
    earlier: list[str] = field(default_factory=list)
    ends: list[str] = field(default_factory=list)

    async def ask(self, head: bytes) -> bytes:
        """Everything that comes back until the server closes or a second passes after the answer."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        writer.write(head)
        answer = b""
        with contextlib.suppress(ConnectionError):
            answer = await asyncio.wait_for(reader.read(65_536), 20)
        await closed(writer)
        return answer

    def stop(self) -> None:
        """What happens when the supervisor is gone."""
        os.close(self.parent_pipe)
        self.parent_pipe = -1


async def closed(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with contextlib.suppress(ConnectionError):
        await writer.wait_closed()


@contextlib.asynccontextmanager
async def serving(
    *,
    request_read_s_max: float = 30.0,
    answer_taken_s_max: float = 30.0,
    keep_alive_s: float = 65.0,
    limits: ConnectionLimits | None = None,
    stop_delay_s: float = 0.0,
    on_stopping: Callable[[], None] = lambda: None,
) -> AsyncIterator[Served]:
    listener = bind_listener("127.0.0.1", 0)
    read_fd, write_fd = os.pipe()
    ready = asyncio.Event()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        served.entered.set()
        served.earlier.append(EARLIER.get())
        EARLIER.set(scope["path"])
        if scope["path"] == "/wait":
            await served.release.wait()
        if scope["path"] == "/read":
            while (message := await receive()).get("more_body"):
                served.read += len(message["body"])
            served.read += len(message.get("body", b""))
            served.ends.append(message["type"])
        if scope["path"] == "/listen":
            while not has_left(await receive()):
                pass
        if scope["path"] == "/large":
            await send({"type": "http.response.start", "status": 200, "headers": []})
            for _ in range(1000):
                await send({"type": "http.response.body", "body": b"a" * 65_536, "more_body": True})
        served.asked.append(scope["headers"])
        served.answered.set()
        body = f"{scope['client'][0]} {scope['scheme']}".encode()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": body})

    running = asyncio.create_task(
        serve(
            app,
            [listener],
            parent_fd=read_fd,
            on_ready=ready.set,
            request_read_s_max=request_read_s_max,
            answer_taken_s_max=answer_taken_s_max,
            keep_alive_s=keep_alive_s,
            limits=limits,
            stop_delay_s=stop_delay_s,
            on_stopping=on_stopping,
        )
    )
    served = Served(listener.getsockname()[1], write_fd, running)
    await ready.wait()
    try:
        yield served
    finally:
        if served.parent_pipe >= 0:
            served.stop()
        await running
        os.close(read_fd)


async def test_a_forwarded_header_is_not_believed_by_the_server() -> None:
    async with serving() as served:
        answer = await served.ask(
            b"GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n"
            b"x-forwarded-for: 203.0.113.9\r\nx-forwarded-proto: https\r\n\r\n"
        )

    assert b"\r\n127.0.0.1 http\r\n" in answer
    assert b"server:" not in answer.lower()


@pytest.mark.parametrize(
    "head",
    [
        b"GET / HTTP/1.1\r\nhost: a\r\nx-long: " + b"a" * 40_000,
        b"GET / HTTP/1.1\r\nhost: a\r\n" + b"x-many: 1\r\n" * 4_000,
        b"GET /" + b"a" * 40_000,
        b"GET / HTTP/1.1\r\nhost: a\r\nx-long: " + b"a" * 33_000 + b"\r\n\r\n",
        b"GET / HTTP/1.1\r\nhost: a\r\nx-long: " + b"a" * 100_000 + b"\r\n\r\n",
        b"GET / HTTP/1.1\r\nhost: a\r\n" + b"x-many: 1\r\n" * 100 + b"\r\n",
        b"GET /" + b"a" * 33_000 + b" HTTP/1.1\r\nhost: a\r\n\r\n",
    ],
    ids=[
        "one long header",
        "many headers",
        "long path",
        "33 kB in one segment",
        "100 kB in one segment",
        "101 fields",
        "a whole long path",
    ],
)
async def test_headers_are_bounded(head: bytes) -> None:
    async with serving() as served:
        answer = await served.ask(head)

        assert answer.startswith(b"HTTP/1.1 431 ")
        assert not served.entered.is_set()


async def test_of_a_page_it_is_said_what_is_too_long() -> None:
    async with serving() as served:
        answer = await served.ask(b"GET /dashboard/topups?reference=" + b"a" * 40_000)

        assert answer.startswith(b"HTTP/1.1 431 ")
        assert b"content-type: text/html; charset=utf-8" in answer
        assert b"may have 32 kB together" in answer


async def test_a_hundred_fields_are_read() -> None:
    async with serving() as served:
        answer = await served.ask(
            b"GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n" + b"x-many: 1\r\n" * 98 + b"\r\n"
        )

        assert answer.startswith(b"HTTP/1.1 200 ")
        assert len(served.asked[0]) == 100


async def test_a_large_body_is_no_large_header() -> None:
    async with serving() as served:
        answer = await served.ask(
            b"POST / HTTP/1.1\r\nhost: a\r\nconnection: close\r\ncontent-length: 60000\r\n\r\n"
            + b"a" * 60_000
        )

    assert answer.startswith(b"HTTP/1.1 200 ")


@pytest.mark.parametrize(
    "beginning",
    [
        b"",
        b"GET / HT",
        b"POST /wait HTTP/1.1\r\nhost: a\r\ncontent-length: 9\r\n\r\nhalf",
    ],
    ids=["nothing", "half a line", "half a body"],
)
async def test_a_request_that_does_not_arrive_is_cut(beginning: bytes) -> None:
    async with serving(request_read_s_max=0.2) as served:
        answer = await served.ask(beginning)
        served.release.set()

    assert answer == b""


async def test_a_slow_answer_to_a_whole_request_is_not_cut() -> None:
    async with serving(request_read_s_max=0.2) as served:
        waiting = asyncio.create_task(
            served.ask(b"GET /wait HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n")
        )
        await served.entered.wait()
        # Longer than two sweeps of the server, which comes by once a second.
        await asyncio.sleep(2.2)
        served.release.set()

        assert (await waiting).startswith(b"HTTP/1.1 200 ")


async def test_a_stop_answers_what_is_in_flight_and_accepts_nothing_more() -> None:
    async with serving() as served:
        waiting = asyncio.create_task(
            served.ask(b"GET /wait HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n")
        )
        await served.entered.wait()

        served.stop()
        refused = False
        while not refused:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", served.port)
            except ConnectionRefusedError:
                refused = True
            except ConnectionResetError:
                # It stood in line when the listener closed.
                continue
            else:
                await closed(writer)
        is_still_open = not waiting.done()
        served.release.set()

        assert is_still_open
        assert (await waiting).startswith(b"HTTP/1.1 200 ")
        await served.ended


async def test_a_kept_connection_has_one_more_answer_which_ends_it() -> None:
    async with serving() as served:
        reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
        writer.write(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n")
        first = await reader.readuntil(b"127.0.0.1 http")
        await reader.readuntil(b"\r\n0\r\n\r\n")

        served.stop()
        with contextlib.suppress(ConnectionError):
            while True:
                _, other = await asyncio.open_connection("127.0.0.1", served.port)
                await closed(other)
                await asyncio.sleep(0)
        writer.write(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n")
        second = await reader.read()

        assert b"connection: close" not in first
        assert second.startswith(b"HTTP/1.1 200 ")
        assert b"\r\nconnection: close\r\n" in second
        await served.ended
        await closed(writer)


async def test_what_is_no_http_gets_the_envelope_too() -> None:
    async with serving() as served:
        answer = await served.ask(b"NONSENSE / HTTP/1.1\r\n\r\n")

    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 400 ")
    assert b"x-request-id: req_" in head
    assert json.loads(body)["code"] == 2007


async def test_a_stop_with_a_delay_says_so_and_goes_on_until_it_ends() -> None:
    stopping = asyncio.Event()
    async with serving(stop_delay_s=0.2, on_stopping=stopping.set) as served:
        os.kill(os.getpid(), signal.SIGTERM)
        await stopping.wait()

        answer = await served.ask(b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
        async with asyncio.timeout(10):
            await served.ended

    assert answer.startswith(b"HTTP/1.1 200")


async def test_a_second_signal_ends_the_delay() -> None:
    stopping = asyncio.Event()
    async with serving(stop_delay_s=300, on_stopping=stopping.set) as served:
        os.kill(os.getpid(), signal.SIGTERM)
        await stopping.wait()

        os.kill(os.getpid(), signal.SIGTERM)
        async with asyncio.timeout(10):
            await served.ended
