"""The processes of one `topup serve --processes N`, or of one `topup worker --processes N`.

Whoever asks their port is answered by any one of them. So that this one can say what all of them do, each can be
asked by the others, over a Unix socket in a folder that only their user may enter.
"""

import asyncio
import contextlib
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import httpx

# A sibling that is starting or has ended refuses at once; one that is stuck costs this much.
ANSWER_S_MAX: Final = 1.0
_BACKLOG: Final = 64


@dataclass(frozen=True, slots=True)
class Siblings:
    """This process, by its number from 1 to count, and how the others are reached; 0 is the command that keeps them."""

    kind: str  # gateway or worker
    number: int
    count: int
    folder: Path

    @property
    def name(self) -> str:
        """Such as gateway-2; log lines and metrics carry it."""
        return name_of(self.kind, self.number)

    @property
    def others(self) -> tuple[str, ...]:
        numbers = (number for number in range(1, self.count + 1) if number != self.number)
        return tuple(name_of(self.kind, number) for number in numbers)

    def listen(self) -> socket.socket:
        """Where the others ask this one; what a killed predecessor left is removed first."""
        path = self._path(self.name)
        path.unlink(missing_ok=True)
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(str(path))
        listener.listen(_BACKLOG)
        return listener

    async def ask(
        self, path: str, *, within_s: float = ANSWER_S_MAX
    ) -> Mapping[str, httpx.Response | None]:
        """What each of the others answers to a GET of the path; None of one that does not answer."""
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
