"""A proxy before a gateway that loses answers: the request arrives, and the caller hears nothing."""

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from urllib.parse import urlsplit

_KEY = re.compile(rb"^idempotency-key: (\S+)\r$", re.IGNORECASE | re.MULTILINE)


@dataclass(slots=True)
class DroppingProxy:
    """The next `drops` answers are lost. keys: the Idempotency-Key of each request that passed, in order."""

    host: str
    port: int
    drops: int = 0
    url: str = ""
    keys: list[str] = field(default_factory=list)

    async def accept(self, client: asyncio.StreamReader, back: asyncio.StreamWriter) -> None:
        """One connection of a caller, with one of its own to the gateway."""
        answers, gateway = await asyncio.open_connection(self.host, self.port)
        passing = asyncio.create_task(self._answer(answers, back))
        with contextlib.suppress(ConnectionError):
            while data := await client.read(65_536):
                self.keys += [key.decode() for key in _KEY.findall(data)]
                gateway.write(data)
        gateway.close()
        with contextlib.suppress(ConnectionError):
            await passing
        back.close()

    async def _answer(self, answers: asyncio.StreamReader, back: asyncio.StreamWriter) -> None:
        while data := await answers.read(65_536):
            if self.drops > 0:
                self.drops -= 1
                back.close()
                return
            back.write(data)


@contextlib.asynccontextmanager
async def dropping_proxy(url: str) -> AsyncIterator[DroppingProxy]:
    """Before the gateway of this address, until the block ends."""
    parts = urlsplit(url)
    assert parts.hostname is not None
    assert parts.port is not None
    proxy = DroppingProxy(parts.hostname, parts.port)
    server = await asyncio.start_server(proxy.accept, "127.0.0.1", 0)
    proxy.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with server:
        yield proxy
