"""Connect the processes of one `topup serve --processes N` or `topup worker --processes N`.

The processes share a port, and a call to it may reach any of them. So each process also listens on a Unix
socket in a private folder. Their metrics are merged, with a label `process`.
"""

import asyncio
import contextlib
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import httpx

# A process that is starting or has stopped refuses the connection at once. A stuck process gets this long to respond.
ANSWER_S_MAX: Final = 1.0
_BACKLOG: Final = 64


@dataclass(frozen=True, slots=True)
class Siblings:
    """This process's number, from 1 to `count`. The parent command has number 0."""

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
        path = self._path(self.name)
        path.unlink(missing_ok=True)
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(str(path))
        listener.listen(_BACKLOG)
        return listener

    async def call_all(
        self, path: str, *, within_s: float = ANSWER_S_MAX
    ) -> Mapping[str, httpx.Response | None]:
        asked = (self._call(name, path, within_s) for name in self.others)
        answers = await asyncio.gather(*asked)
        return dict(zip(self.others, answers, strict=True))

    async def _call(self, name: str, path: str, within_s: float) -> httpx.Response | None:
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


_UP: Final = "topup_process_up"
_UP_MEANING: Final = "1 if the named process on the port responded to the scrape, otherwise 0."


def merged_figures(texts: Mapping[str, str | None]) -> str:
    """Merge the processes' metrics, with one header for each metric. None marks a process that didn't respond."""
    families: dict[str, list[str]] = {}
    for process, text in texts.items():
        if text is not None:
            _add(families, process, text)
    up = [f'{_UP}{{process="{name}"}} {0 if text is None else 1}' for name, text in texts.items()]
    families[_UP] = [f"# HELP {_UP} {_UP_MEANING}", f"# TYPE {_UP} gauge", *up]
    return "\n".join(line for lines in families.values() for line in lines) + "\n"


def _add(families: dict[str, list[str]], process: str, text: str) -> None:
    lines: list[str] = []
    is_new = True
    for line in text.splitlines():
        if line.startswith("# HELP "):
            name = line.split(" ", 3)[2]
            is_new = name not in families
            lines = families.setdefault(name, [])
        if not line.startswith("#"):
            lines.append(_labelled(line, process))
        elif is_new:
            lines.append(line)


def _labelled(sample: str, process: str) -> str:
    name, _, value = sample.partition(" ")
    if "{" not in name:
        return f'{name}{{process="{process}"}} {value}'
    name, _, rest = sample.partition("{")
    return f'{name}{{process="{process}",{rest}'
