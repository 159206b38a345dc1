"""Loopback receivers that behave, and misbehave, as a test tells them to."""

import asyncio
import contextlib
import ssl
from collections.abc import Awaitable, Callable

from webhooks.http.guard import Policy
from webhooks.http.transport import SendResult, Transport

Handler = Callable[["Talk"], Awaitable[None]]

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
# Two of loopback's addresses may be reached, 127.0.0.3 and all others may not.
POLICY = Policy.of(allow_cidrs=["127.0.0.1/32", "127.0.0.2/32"], allow_http=True)
NOON = 1_781_352_000_000_000


class Talk:
    """One accepted connection, as a receiver's handler sees it."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int
    ) -> None:
        self.reader = reader
        self.writer = writer
        self.number = number
        self.requests: list[bytes] = []

    async def request(self) -> bytes:
        """Head and body of the next request."""
        head = await self.reader.readuntil(b"\r\n\r\n")
        length = 0
        for line in head.split(b"\r\n"):
            if line.lower().startswith(b"content-length:"):
                length = int(line.split(b":")[1])
        self.requests.append(head + await self.reader.readexactly(length))
        return self.requests[-1]

    def say(self, data: bytes) -> None:
        self.writer.write(data)

    async def flood(self, data: bytes) -> None:
        """Sends for ever; ends when the client goes."""
        # In large pieces, or a flood of single bytes would starve the test's own event loop.
        piece = data * (1 + 10_000 // len(data))
        while True:
            self.writer.write(piece)
            await self.writer.drain()

    def hang_up(self) -> None:
        self.writer.close()


class ScriptedReceiver:
    """A loopback server that runs a handler for every connection."""

    def __init__(self, handler: Handler) -> None:
        self._handler = handler
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None
        self.talks: list[Talk] = []
        self.port = 0

    async def start(self, host: str, port: int, ssl_context: ssl.SSLContext | None) -> None:
        self._server = await asyncio.start_server(self._accept, host, port, ssl=ssl_context)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        assert self._server is not None
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for talk in self.talks:
            # Python 3.11.2 has forgotten the connection of a TLS transport that was closed twice.
            with contextlib.suppress(AttributeError):
                talk.writer.transport.abort()
        await asyncio.sleep(0)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        talk = Talk(reader, writer, len(self.talks) + 1)
        self.talks.append(talk)
        self._tasks.add(asyncio.create_task(self._run(talk)))

    async def _run(self, talk: Talk) -> None:
        try:
            await self._handler(talk)
        except (OSError, asyncio.IncompleteReadError):
            talk.writer.close()


Start = Callable[..., Awaitable[ScriptedReceiver]]
Client = Callable[..., Transport]


def always(*answers: bytes) -> Handler:
    """Answers the requests of a connection in turn, then the last one again and again."""

    async def handler(talk: Talk) -> None:
        while True:
            await talk.request()
            talk.say(answers[min(len(talk.requests), len(answers)) - 1])

    return handler


async def send(
    transport: Transport, receiver: ScriptedReceiver, timeout_s: float = 5.0
) -> SendResult:
    url = f"http://hook.example:{receiver.port}/hook?a=b"
    return await transport.post(url, [("X-One", "1")], b'{"a":1}', timeout_s)
