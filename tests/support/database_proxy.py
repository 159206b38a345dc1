"""A proxy before PostgreSQL that decides what becomes of a COMMIT, or of everything."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from urllib.parse import urlsplit

COMMIT = b"COMMIT\0"
SYNC = b"S\0\0\0\4"


@dataclass(slots=True)
class Link:
    """One client's connection to the server; nobody else reads its answers once it has a fate."""

    client: asyncio.StreamWriter
    server: asyncio.StreamWriter
    answers: asyncio.StreamReader
    is_silent: bool = False

    def close(self) -> None:
        self.client.close()
        self.server.close()


Fate = Callable[[Link, bytes], Awaitable[None]]


@dataclass(slots=True)
class Proxy:
    """Passes everything on, but hands the next COMMIT to `fate`, and swallows what a silent link
    gets.
    """

    server_host: str
    server_port: int
    fate: Fate | None = None
    refusals: int = 0  # of the next connections
    # The last part of each statement is lost, and the server is not told that a client went away.
    is_cutting: bool = False
    ended: asyncio.Event = field(default_factory=asyncio.Event)
    commits: int = 0
    links: list[Link] = field(default_factory=list)
    tasks: set["asyncio.Task[None]"] = field(default_factory=set)

    def silence(self) -> int:
        """From now on nothing passes on the connections that there are; new ones work. How many."""
        open_links = [link for link in self.links if not link.client.is_closing()]
        for link in open_links:
            link.is_silent = True
        return len(open_links)

    async def accept(self, requests: asyncio.StreamReader, client: asyncio.StreamWriter) -> None:
        if self.refusals > 0:
            self.refusals -= 1
            client.close()
            return
        answers, server = await asyncio.open_connection(self.server_host, self.server_port)
        link = Link(client, server, answers)
        self.links.append(link)
        back = asyncio.create_task(self._answer(link))
        self.tasks.add(back)
        with contextlib.suppress(ConnectionError):
            while data := await requests.read(65_536):
                if link.is_silent:
                    continue
                if COMMIT in data:
                    self.commits += 1
                    if self.fate is not None:
                        fate, self.fate = self.fate, None
                        back.cancel()
                        await asyncio.wait([back])
                        await fate(link, data)
                        return
                server.write(data.removesuffix(SYNC) if self.is_cutting else data)
                if self.is_cutting and SYNC in data:
                    await self.ended.wait()
        link.close()

    async def _answer(self, link: Link) -> None:
        with contextlib.suppress(ConnectionError):
            while data := await link.answers.read(65_536):
                if not link.is_silent:
                    link.client.write(data)
        link.close()


@contextlib.asynccontextmanager
async def proxied(database_url: str) -> AsyncIterator[tuple[Proxy, str]]:
    """A proxy before the server, and the URL of the same database behind it."""
    server = urlsplit(database_url)
    assert server.hostname is not None
    assert server.port is not None
    opened = Proxy(server.hostname, server.port)
    listening = await asyncio.start_server(opened.accept, "127.0.0.1", 0)
    port = listening.sockets[0].getsockname()[1]
    try:
        yield opened, server._replace(netloc=f"{server.username}@127.0.0.1:{port}").geturl()
    finally:
        opened.ended.set()
        listening.close()
        for link in opened.links:
            link.close()
        if opened.tasks:
            await asyncio.wait(opened.tasks)


async def cut_before(link: Link, data: bytes) -> None:
    """COMMIT never reaches the server."""
    link.close()


async def cut_after(link: Link, data: bytes) -> None:
    """The server commits; its answer never reaches the client."""
    link.server.write(data)
    assert await link.answers.read(65_536)
    link.close()
