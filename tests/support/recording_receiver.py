"""A loopback endpoint that keeps what it was sent and answers as a test tells it to."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

Answer = tuple[int, float]  # status, seconds to wait before it


@dataclass
class Request:
    """headers by lower-case name; at_s is monotonic."""

    headers: dict[str, str]
    body: bytes
    at_s: float

    @property
    def event(self) -> Any:
        return json.loads(self.body)


@dataclass
class RecordingReceiver:
    url: str = ""
    requests: list[Request] = field(default_factory=list)
    answers: Callable[[int], Answer] = lambda _number: (200, 0.0)
    arrived: asyncio.Event = field(default_factory=asyncio.Event)
    headers: dict[str, str] = field(default_factory=dict)  # of every answer
    held: asyncio.Event | None = None  # no answer before it is set
    in_flight: list[int] = field(default_factory=list)  # open requests, at each arrival
    open_now: int = 0

    async def wait_for(self, count: int, *, timeout_s: float = 20.0) -> None:
        """Until so many requests have come; fails the test otherwise."""
        async with asyncio.timeout(timeout_s):
            while len(self.requests) < count:
                self.arrived.clear()
                await self.arrived.wait()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                pairs = (line.partition(": ") for line in head.split("\r\n")[1:] if line)
                headers = {name.lower(): value for name, _, value in pairs}
                body = await reader.readexactly(int(headers["content-length"]))
                status, wait_s = self.answers(len(self.requests))
                self.requests.append(Request(headers, body, time.monotonic()))
                self.open_now += 1
                self.in_flight.append(self.open_now)
                self.arrived.set()
                if self.held is not None:
                    await self.held.wait()
                if wait_s:
                    await asyncio.sleep(wait_s)
                more = "".join(f"{name}: {value}\r\n" for name, value in self.headers.items())
                answer = f"HTTP/1.1 {status} X\r\nContent-Length: 2\r\n{more}\r\nok"
                self.open_now -= 1
                writer.write(answer.encode())
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            return
        finally:
            writer.close()


@asynccontextmanager
async def receiver(
    answers: Callable[[int], Answer] | None = None,
) -> AsyncIterator[RecordingReceiver]:
    """answers is given how many requests came before."""
    one = RecordingReceiver() if answers is None else RecordingReceiver(answers=answers)
    tasks: set[asyncio.Task[None]] = set()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.ensure_future(one.serve(reader, writer))
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    server = await asyncio.start_server(accept, "127.0.0.1", 0, backlog=1000)
    one.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/hook"
    try:
        yield one
    finally:
        server.close()
        for task in list(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
