"""A Redis of a test's own, started as `topup dev` starts its one."""

import asyncio
import contextlib
from pathlib import Path

from redis.asyncio import Redis
from redis.exceptions import RedisError

from runtime.embedded_redis import (
    STOP_TIMEOUT_S,
    is_ready,
    prepare_home,
    server_argv,
    stop_orphan,
)

READY_TIMEOUT_S = 10.0


class EmbeddedRedis:
    """One Redis for a test; `topup dev` runs the same command line under its supervisor."""

    def __init__(self, binary: str, data_dir: Path) -> None:
        self._binary = binary
        self.home = prepare_home(data_dir)
        self._process: asyncio.subprocess.Process | None = None

    @property
    def url(self) -> str:
        return self.home.url

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    async def start(self) -> None:
        """Stop what an earlier run left here, then start; returns once Redis answers."""
        await stop_orphan(self.home)
        self._process = await asyncio.create_subprocess_exec(
            *server_argv(self._binary, self.home),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            async with asyncio.timeout(READY_TIMEOUT_S):
                while not await is_ready(self.home):  # noqa: ASYNC110 - another process changes it
                    await asyncio.sleep(0.02)
        except TimeoutError:
            await self.stop()
            raise

    async def stop(self) -> None:
        """End it in order, or by force after STOP_TIMEOUT_S; nothing if it does not run."""
        process, self._process = self._process, None
        if process is None:
            return
        # Asked on its socket it ends at once; a signal waits for its tick, once a second.
        client = Redis(unix_socket_path=str(self.home.socket_path), socket_timeout=1.0)
        with contextlib.suppress(RedisError, OSError):
            await client.shutdown(nosave=True)
        await client.aclose()
        try:
            async with asyncio.timeout(STOP_TIMEOUT_S):
                await process.wait()
        except TimeoutError:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
