"""Where a measurement runs, and how it says what it saw.

One installation in a temporary folder: on SQLite, as `topup dev` has it, or on a PostgreSQL of its
own with fsync on. Nothing is left behind.
"""

import asyncio
import contextlib
import math
import os
import subprocess
import tempfile
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import httpx

from tests.support.installation import API, Installation
from tests.support.postgres_server import OwnServer, create_database
from tests.support.receiver import Receiver
from tests.support.senders import client

KINDS: Final = ("sqlite", "postgresql")


@dataclass
class Scene:
    """An installation that is not started yet; its PostgreSQL and small disk where it has them."""

    kind: str
    installation: Installation
    server: OwnServer | None
    disk: Path | None = None


@contextlib.contextmanager
def small_disk(folder: Path, megabytes: int) -> Iterator[Path]:
    """A file system of so many megabytes; raises PermissionError where nothing may be mounted."""
    disk = folder / "disk"
    disk.mkdir()
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m,mode=0755", "tmpfs", str(disk)],
        stderr=subprocess.DEVNULL,
        check=False,
    )
    if done.returncode:
        raise PermissionError("a disk of its own needs the right to mount")
    try:
        yield disk
    finally:
        # Lazily: a process that was just killed may still hold a file.
        subprocess.run(["umount", "--lazy", str(disk)], check=True)


@contextlib.contextmanager
def scene(
    kind: str, *, disk_mb: int = 0, kept: Path | None = None, **settings: str
) -> Iterator[Scene]:
    """A migrated installation on a database of that kind, which has a disk of its own if given.
    kept: a folder that is left as it is at the end, and taken as it is where it exists.
    """
    with contextlib.ExitStack() as stack:
        folder = kept or Path(
            stack.enter_context(tempfile.TemporaryDirectory(prefix="topup-bench-"))
        )
        folder.mkdir(parents=True, exist_ok=True)
        # PostgreSQL runs as another user where we are root.
        folder.chmod(0o711)
        disk = stack.enter_context(small_disk(folder, disk_mb)) if disk_mb else folder
        server, url = None, f"sqlite:///{disk / 'topup.db'}" if disk_mb else ""
        if kind == "postgresql":
            server = OwnServer(disk)
            url = _started(server, stack)
        # As the rate limit: what is measured is not to end at a limit of records.
        given = {"rate_limit_records_per_s": "0", **settings}
        installation = stack.enter_context(Installation(folder / "data", url, **given))
        installation.migrate()
        yield Scene(kind, installation, server, disk if disk_mb else None)


def _started(server: OwnServer, stack: contextlib.ExitStack) -> str:
    """The URL of its database, which is made with it where there is none yet."""
    is_new = not server.exists
    if is_new:
        server.create()
    stack.callback(server.close)
    server.start()
    if is_new:
        return create_database(server.url, "topup")
    return f"{server.url.rpartition('/')[0]}/topup"


# Of an endpoint: what it is sent is signed by HMAC alone, as peers sign; see docs/performance.md, Delivery alone.
HMAC_ALONE: Final = {"ed25519": False}


@contextlib.asynccontextmanager
async def merchant(
    installation: Installation, receiver: Receiver, **endpoint: Any
) -> AsyncIterator[tuple[str, httpx.AsyncClient]]:
    """The key of a new, well-funded account whose webhooks go to the receiver, and its client."""
    account_id = await installation.account()
    await installation.fund(account_id, "staging", 1_000_000_000)
    key = await installation.key(account_id)
    async with client(key) as http:
        http.base_url = httpx.URL(installation.url + API)
        answer = await http.post("/webhooks/register", json={"url": receiver.url, **endpoint})
        assert answer.status_code == 201, answer.text
        yield key, http


async def in_turn(count: int, per_s: float) -> AsyncIterator[int]:
    """Numbers at an even pace, whatever the caller does between them."""
    loop = asyncio.get_running_loop()
    began_s = loop.time()
    for number in range(count):
        await asyncio.sleep(max(0.0, began_s + number / per_s - loop.time()))
        yield number


def milliseconds(values_s: Sequence[float]) -> list[str]:
    """Count, median, 99th percentile and maximum, for a row of a table."""
    ordered = sorted(values_s)
    picked = [ordered[math.ceil(share * len(ordered)) - 1] for share in (0.5, 0.99, 1)]
    return [str(len(ordered)), *(f"{value * 1000:.1f}" for value in picked)]


def show(title: str, header: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """A table that can be pasted into a page."""
    cells = [[str(cell) for cell in row] for row in (header, *rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    print(f"\n{title}  ({os.cpu_count()} cores)\n")
    for number, row in enumerate(cells):
        first, *rest = zip(row, widths, strict=True)
        numbers = [cell.rjust(width) for cell, width in rest]
        print("  ".join([first[0].ljust(first[1]), *numbers]).rstrip())
        if number == 0:
            print("  ".join("-" * width for width in widths))
