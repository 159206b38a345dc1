"""Runs the gateway on a listening socket: uvicorn, with limits on what a connection may hold.

A stop is orderly: accept nothing more, finish what is in flight, then leave; a second request to
stop leaves at once. A stranger's connection is bounded in the bytes of its headers and in the time
from its first byte to the last one of the request.
"""

import asyncio
import contextlib
import gc
import logging
import resource
import signal
import socket
import time
from collections.abc import Callable, Generator, Sequence

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from gateway import envelope
from gateway.errors import refusal_of
from gateway.json_text import Unreadable
from kernel.ids import new_id
from runtime.supervisor import watch_parent

HEAD_BYTES_MAX = 32 * 1024
REQUEST_READ_S_MAX = 30.0
KEEP_ALIVE_S = 65
DRAIN_S = 10
# A request leaves no cycles behind; looking for some after every 700 objects finds nothing.
GC_ALLOCATIONS = 20_000
OPEN_FILES = 65_536
_SWEEP_TICKS = 10  # of a tenth of a second

_TOO_LARGE = (
    b"HTTP/1.1 431 Request Header Fields Too Large\r\n"
    b"content-length: 0\r\nconnection: close\r\n\r\n"
)

logger = logging.getLogger(__name__)


class _Connection(HttpToolsProtocol):
    """One client's connection; uvicorn itself sets no limit to headers and to slow requests."""

    reading_since_s: float | None = None
    _is_head = False
    _head_bytes = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.reading_since_s = self.loop.time()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self._is_head:
            self._head_bytes += len(data)
            if self._head_bytes > HEAD_BYTES_MAX and not self.transport.is_closing():
                self.transport.write(_TOO_LARGE)
                self.transport.close()

    def send_400_response(self, msg: str) -> None:
        """Even what is no HTTP gets the envelope: clients read one shape."""
        request_id = new_id("req").encode()
        refusal = refusal_of(Unreadable(msg))
        body = envelope.refuse(refusal, time.time_ns() // 1000).body
        self.transport.write(
            b"HTTP/1.1 400 Bad Request\r\ncontent-type: application/json\r\n"
            b"x-request-id: %b\r\ncontent-length: %d\r\nconnection: close\r\n\r\n%b"
            % (request_id, len(body), body)
        )
        self.transport.close()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._is_head = True
        self._head_bytes = 0
        self.reading_since_s = self.loop.time()

    def on_headers_complete(self) -> None:
        self._is_head = False
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        self.reading_since_s = None
        super().on_message_complete()

    def cut_if_slow(self, now_s: float, read_s_max: float) -> None:
        since_s = self.reading_since_s
        if since_s is not None and now_s - since_s > read_s_max:
            self.transport.abort()


class _Server(uvicorn.Server):
    """uvicorn's server with our signals, a frozen heap, and a sweep of slow connections."""

    def __init__(
        self,
        config: uvicorn.Config,
        on_ready: Callable[[], None],
        on_drain: Callable[[], None],
        *,
        read_s_max: float,
    ) -> None:
        super().__init__(config)
        self._on_ready = on_ready
        self._on_drain = on_drain
        self._read_s_max = read_s_max

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None]:
        loop = asyncio.get_running_loop()
        numbers = (signal.SIGINT, signal.SIGTERM)
        for number in numbers:
            loop.add_signal_handler(number, self.ask_to_stop)
        try:
            yield
        finally:
            for number in numbers:
                loop.remove_signal_handler(number)

    def ask_to_stop(self) -> None:
        self.force_exit = self.should_exit
        self.should_exit = True

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        # What start-up made lives as long as the process: the collector need not walk it again
        # [p99 of a send falls from 55 to 8 ms].
        gc.collect()
        gc.freeze()
        gc.set_threshold(GC_ALLOCATIONS)
        self._on_ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._on_drain()
        await super().shutdown(sockets)

    async def on_tick(self, counter: int) -> bool:
        if counter % _SWEEP_TICKS == 0:
            now_s = asyncio.get_running_loop().time()
            for connection in list(self.server_state.connections):
                if isinstance(connection, _Connection):
                    connection.cut_if_slow(now_s, self._read_s_max)
        return await super().on_tick(counter)


async def serve(
    app: ASGIApp,
    listeners: Sequence[socket.socket],
    *,
    parent_fd: int | None = None,
    on_ready: Callable[[], None] = lambda: None,
    on_drain: Callable[[], None] = lambda: None,
    request_read_s_max: float = REQUEST_READ_S_MAX,
) -> None:
    """Serves until SIGINT, SIGTERM or the end of the parent; returns when all is drained.

    on_ready is called once the app can be reached, on_drain when what is in flight is to be finished:
    an answer that would go on for ever ends itself then. The listeners are closed at the end. A
    request has request_read_s_max seconds to arrive as a whole.
    """
    raise_open_files_limit()
    config = uvicorn.Config(
        app,
        http=_Connection,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        # Who the caller is, TRUSTED_PROXIES decides (gateway/auth.py); uvicorn would trust any
        # process on this machine.
        proxy_headers=False,
        server_header=False,
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=DRAIN_S,
    )
    server = _Server(config, on_ready, on_drain, read_s_max=request_read_s_max)
    if parent_fd is not None:
        watch_parent(parent_fd, server.ask_to_stop)
    await server.serve(sockets=list(listeners))


def raise_open_files_limit() -> None:
    """Takes as many descriptors as the machine grants, up to OPEN_FILES."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = OPEN_FILES if hard == resource.RLIM_INFINITY else min(OPEN_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
