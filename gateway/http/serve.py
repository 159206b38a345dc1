"""Run the gateway with uvicorn, and limit each connection's resources.

While the gateway is stopping, each response announces that its connection will close. Otherwise, proxies could
send a POST that would be lost.
"""

import asyncio
import contextlib
import gc
import logging
import resource
import signal
import socket
from collections.abc import AsyncIterator, Callable, Generator, Sequence
from functools import partial
from typing import Any, cast

import uvicorn
from starlette.types import ASGIApp

from gateway.http.auth import ConnectionLimits
from gateway.http.connection.protocol import Connection
from runtime.supervisor import watch_parent

REQUEST_READ_S_MAX = 30.0
ANSWER_TAKEN_S_MAX = 30.0
KEEP_ALIVE_S = 65
DRAIN_S = 10
IDLE_S = 0.5
_IDLE_LOOK_S = 0.02
# Requests leave no reference cycles behind, so the garbage collector can run rarely.
GC_ALLOCATIONS = 20_000
OPEN_FILES = 65_536
_TICK_S = 1.0
_ACCEPTED_S = 0.001

logger = logging.getLogger(__name__)


class _Server(uvicorn.Server):
    def __init__(
        self,
        config: uvicorn.Config,
        on_ready: Callable[[], None],
        on_drain: Callable[[], None],
        *,
        read_s_max: float,
        write_s_max: float,
        keep_alive_s: float = KEEP_ALIVE_S,
        stop_delay_s: float = 0.0,
        on_stopping: Callable[[], None] = lambda: None,
        is_kept: bool = False,
    ) -> None:
        self._exit = asyncio.Event()
        super().__init__(config)
        self._is_kept = is_kept
        self._stop_delay_s = stop_delay_s
        self._on_stopping = on_stopping
        self._is_stopping = False
        self._on_ready = on_ready
        self._on_drain = on_drain
        self._read_s_max = read_s_max
        self._write_s_max = write_s_max
        self._keep_alive_s = keep_alive_s

    @property
    def should_exit(self) -> bool:
        return self._exit.is_set()

    @should_exit.setter
    def should_exit(self, value: bool) -> None:
        if value:
            self._exit.set()
        else:
            self._exit.clear()

    async def main_loop(self) -> None:
        """Wait until the server must stop. uvicorn's own method would wake up ten times a second."""
        while not await self.on_tick(0):
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_TICK_S):
                    await self._exit.wait()
        await asyncio.sleep(_ACCEPTED_S)

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None]:
        loop = asyncio.get_running_loop()
        numbers = (signal.SIGINT, signal.SIGTERM)
        loop.add_signal_handler(signal.SIGINT, self.ask_to_stop)
        on_term = self._ask_once if self._is_kept else self.ask_to_stop
        loop.add_signal_handler(signal.SIGTERM, on_term)
        try:
            yield
        finally:
            for number in numbers:
                loop.remove_signal_handler(number)

    def ask_to_stop(self) -> None:
        """Begin to stop. The first call starts the delay, if there is one. The next call ends the delay."""
        if self._is_stopping or not self._stop_delay_s:
            self.stop_now()
            return
        self._is_stopping = True
        logger.info("gateway.stopping", extra={"delay_s": self._stop_delay_s})
        self._on_stopping()
        asyncio.get_running_loop().call_later(self._stop_delay_s, self._end_delay)

    def _ask_once(self) -> None:
        if not (self._is_stopping or self.should_exit):
            self.ask_to_stop()

    def stop_now(self) -> None:
        self.force_exit = self.should_exit
        self.should_exit = True

    def _end_delay(self) -> None:
        self.should_exit = True

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        # Objects created at startup live as long as the process. Let the garbage collector skip
        # them [the p99 of a send falls from 55 to 8 ms].
        gc.collect()
        gc.freeze()
        gc.set_threshold(GC_ALLOCATIONS)
        self._on_ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._on_drain()
        for server in self.servers:
            server.close()
        for listener in sockets or []:
            listener.close()
        await self._wait_for_idle_ones()
        await super().shutdown(sockets)

    async def _wait_for_idle_ones(self) -> None:
        connections = [one for one in self.server_state.connections if isinstance(one, Connection)]
        for connection in connections:
            connection.answer_once_more()
        loop = asyncio.get_running_loop()
        until_s = loop.time() + IDLE_S
        while not self.force_exit and loop.time() < until_s:
            if not any(connection.is_idle for connection in connections):
                return
            await asyncio.sleep(_IDLE_LOOK_S)

    async def on_tick(self, counter: int) -> bool:
        now_s = asyncio.get_running_loop().time()
        for connection in list(self.server_state.connections):
            if isinstance(connection, Connection):
                connection.end_if_unused(now_s, keep_alive_s=self._keep_alive_s)
                connection.cut_if_slow(
                    now_s, read_s_max=self._read_s_max, write_s_max=self._write_s_max
                )
        return await super().on_tick(counter)


async def serve(
    app: ASGIApp,
    listeners: Sequence[socket.socket],
    *,
    parent_fd: int | None = None,
    on_ready: Callable[[], None] = lambda: None,
    on_drain: Callable[[], None] = lambda: None,
    request_read_s_max: float = REQUEST_READ_S_MAX,
    answer_taken_s_max: float = ANSWER_TAKEN_S_MAX,
    keep_alive_s: float = KEEP_ALIVE_S,
    limits: ConnectionLimits | None = None,
    stop_delay_s: float = 0.0,
    on_stopping: Callable[[], None] = lambda: None,
    is_kept: bool = False,
) -> None:
    """Serve until SIGINT, SIGTERM or the parent's exit. Then finish all requests and return.

    After a signal, keep serving for stop_delay_s, so that a load balancer notices that /readyz fails. A second
    signal ends this delay. If a supervisor runs this process (`is_kept`), a second SIGTERM is ignored.
    """
    raise_open_files_limit()
    server = _Server(
        config_of(app, limits),
        on_ready,
        on_drain,
        read_s_max=request_read_s_max,
        write_s_max=answer_taken_s_max,
        keep_alive_s=keep_alive_s,
        stop_delay_s=stop_delay_s,
        on_stopping=on_stopping,
        is_kept=is_kept,
    )
    if parent_fd is not None:
        watch_parent(parent_fd, server.stop_now)
    await server.serve(sockets=list(listeners))


class _Beside(_Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await uvicorn.Server.startup(self, sockets)


@contextlib.asynccontextmanager
async def serving(
    app: ASGIApp, listener: socket.socket, *, limits: ConnectionLimits | None = None
) -> AsyncIterator[None]:
    server = _Beside(
        config_of(app, limits),
        on_ready=lambda: None,
        on_drain=lambda: None,
        read_s_max=REQUEST_READ_S_MAX,
        write_s_max=ANSWER_TAKEN_S_MAX,
    )
    task = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        yield
    finally:
        server.should_exit = True
        await task


def config_of(app: ASGIApp, limits: ConnectionLimits | None = None) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        http=cast(Any, partial(Connection, limits=limits or ConnectionLimits())),
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        # gateway/http/auth.py decides which proxies to trust. The setting is TRUSTED_PROXIES.
        proxy_headers=False,
        server_header=False,
        timeout_graceful_shutdown=DRAIN_S,
    )


def raise_open_files_limit() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = OPEN_FILES if hard == resource.RLIM_INFINITY else min(OPEN_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
