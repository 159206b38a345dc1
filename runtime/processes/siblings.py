"""The processes of one `topup serve --processes N`, or of one `topup worker --processes N`.

A call to their port reaches any one of them. So that it can report on all, each can be called by the others,
over a Unix socket in a folder that only their user may enter.
"""

import asyncio
import contextlib
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import httpx

# A sibling that is starting or has ended refuses at once; a stuck one costs this much.
ANSWER_S_MAX: Final = 1.0
_BACKLOG: Final = 64


@dataclass(frozen=True, slots=True)
class Siblings:
    """This process, by its number from 1 to count, and the way to the others; 0 is the command that starts
    them.
    """

    kind: str  # gateway or worker
    number: int
    count: int
    folder: Path

    @property
    def name(self) -> str:
        return name_of(self.kind, self.number)

    @property
    def others(self) -> tuple[str, ...]:
        numbers = (number for number in range(1, self.count + 1) if number != self.number)
        return tuple(name_of(self.kind, number) for number in numbers)

    def listen(self) -> socket.socket:
        """Return the socket for the others' calls; remove what a killed predecessor left."""
        path = self._path(self.name)
        path.unlink(missing_ok=True)
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(str(path))
        listener.listen(_BACKLOG)
        return listener

    async def ask(
        self, path: str, *, within_s: float = ANSWER_S_MAX
    ) -> Mapping[str, httpx.Response | None]:
        """GET the path from each of the others; None for one that doesn't respond."""
        asked = (self._ask_one(name, path, within_s) for name in self.others)
        answers = await asyncio.gather(*asked)
        return dict(zip(self.others, answers, strict=True))

    async def _ask_one(self, name: str, path: str, within_s: float) -> httpx.Response | None:
        transport = httpx.AsyncHTTPTransport(uds=str(self._path(name)), verify=False)
        with contextlib.suppress(httpx.TransportError, TimeoutError):
            async with (
                asyncio.timeout(within_s),
                httpx.AsyncClient(
                    transport=transport, base_url="http://sibling", timeout=within_s
                ) as client,
            ):
                return await client.get(path)
        return None

    def _path(self, name: str) -> Path:
        return self.folder / name


def name_of(kind: str, number: int) -> str:
    return f"{kind}-{number}"
