"""A webhook receiver on loopback that keeps what came, and can be cut and come back."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Self

import msgspec

REQUEST_BYTES_MAX = 1 << 20
_REASONS = {200: "OK", 204: "No Content", 410: "Gone", 500: "Internal Server Error"}


@dataclass(frozen=True, slots=True)
class Received:
    """One request as it came; at_s by time.perf_counter."""

    path: str
    headers: dict[str, str]  # names in lower case
    body: bytes
    at_s: float
    method: str = "POST"

    @property
    def event(self) -> dict[str, Any]:
        return dict(msgspec.json.decode(self.body))


# A status, one with a body, or None to hang up.
Answer = Callable[[Received], Awaitable[int | tuple[int, bytes] | None]]


async def take(_received: Received) -> int | None:
    """The answer of a receiver that is well."""
    return 200


@dataclass
class Receiver:
    """Runs in the loop that opened it."""

    answer: Answer = take
    received: list[Received] = field(default_factory=list)
    port: int = 0

    def __post_init__(self) -> None:
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._came = asyncio.Event()

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.cut()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook"

    async def open(self) -> None:
        """Listens; on the port it had before, if it was cut."""
        self._server = await asyncio.start_server(
            self._accept, "127.0.0.1", self.port, backlog=1024
        )
        self.port = self._server.sockets[0].getsockname()[1]

    async def cut(self) -> None:
        """Refuses connections and resets the ones there are, in the middle of whatever they do."""
        if self._server is not None:
            self._server.close()
            self._server = None
        for writer in list(self._writers):
            writer.transport.abort()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks.clear()

    async def until(self, is_enough: Callable[[], bool], *, timeout_s: float = 60.0) -> None:
        """Waits for what has come to be enough; raises TimeoutError."""
        async with asyncio.timeout(timeout_s):
            while not is_enough():
                self._came.clear()
                await self._came.wait()

    async def at_least(self, count: int, *, timeout_s: float = 60.0) -> list[Received]:
        """All that came, once there are so many."""
        await self.until(lambda: len(self.received) >= count, timeout_s=timeout_s)
        return self.received

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        task = asyncio.create_task(self._talk(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while (received := await _read(reader)) is not None:
                self.received.append(received)
                self._came.set()
                answer = await self.answer(received)
                if answer is None:
                    break
                status, body = (answer, b"") if isinstance(answer, int) else answer
                reason = _REASONS.get(status, "Status")
                head = f"HTTP/1.1 {status} {reason}\r\nContent-Length: {len(body)}\r\n\r\n"
                writer.write(head.encode() + body)
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            self._writers.discard(writer)
            writer.transport.abort()


async def _read(reader: asyncio.StreamReader) -> Received | None:
    """The next request on the connection, or None at its end."""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError:
        return None
    first, *lines = head.decode("latin-1").split("\r\n")[:-2]
    pairs = (line.partition(":") for line in lines)
    headers = {name.lower(): value.strip() for name, _, value in pairs}
    length = int(headers.get("content-length", "0"))
    assert length <= REQUEST_BYTES_MAX
    body = await reader.readexactly(length)
    method, path, _ = first.split(" ")
    return Received(path, headers, body, time.perf_counter(), method)
