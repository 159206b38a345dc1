"""A Redis of a test's own on a port of loopback, in whatever state the test puts it."""

import asyncio
import contextlib
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from runtime.embedded_redis import find_server
from runtime.redis_link import RedisLink
from tests.support.ports import free_port
from tests.support.programs import missing

START_S_MAX = 10


@contextlib.contextmanager
def redis_server(*options: str, lines: str = "") -> Iterator[int]:
    """Its port. options: of its command line; lines: of a settings file, which a sentinel needs."""
    program = find_server()
    if program is None:
        missing("no Redis here: apt install redis-server")
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="topup-redis-") as folder:
        settings = Path(folder) / "redis.conf"
        settings.write_text(lines, encoding="utf-8")
        fixed = ("--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", folder)
        process = subprocess.Popen(
            [program, str(settings), *fixed, *options],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            _wait_for(port)
            yield port
        finally:
            process.kill()
            process.wait()


async def until_back(link: RedisLink) -> None:
    """Waits until a link that met a fault has found Redis again."""
    back = asyncio.Event()
    link.on_return(back.set)
    async with asyncio.timeout(10):
        while not link.is_up:
            await back.wait()


def say(port: int, *lines: str) -> None:
    """Commands, each on a line, without a look at the answers."""
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.sendall("".join(f"{line}\r\n" for line in (*lines, "QUIT")).encode())
        # It answers QUIT, or hangs up at once.
        with contextlib.suppress(ConnectionResetError):
            while connection.recv(4096):
                pass


def _wait_for(port: int) -> None:
    ends_at_s = time.monotonic() + START_S_MAX
    while True:
        with contextlib.suppress(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port)).close()
            return
        assert time.monotonic() < ends_at_s, "Redis does not listen"
        time.sleep(0.01)
