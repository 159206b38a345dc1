"""The transport of one connection, with flow control both ways."""

import asyncio
from abc import ABC, abstractmethod
from contextvars import copy_context
from typing import cast

from uvicorn.server import ServerState

Header = tuple[bytes, bytes]


class Wire(asyncio.Protocol, ABC):
    transport: asyncio.Transport
    is_writing_paused = False
    # The client sends nothing more; it may still read.
    has_ended = False
    _is_reading_paused = False

    def __init__(self, loop: asyncio.AbstractEventLoop, server_state: ServerState) -> None:
        self.loop = loop
        self.server_state = server_state
        # Copied for each request, because another one's task may start it.
        self.context = copy_context()
        self._may_write = asyncio.Event()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 asyncio's
        self.resume_writing()

    def pause_reading(self) -> None:
        if not self._is_reading_paused:
            self._is_reading_paused = True
            self.transport.pause_reading()

    def resume_reading(self) -> None:
        if self._is_reading_paused:
            self._is_reading_paused = False
            self.transport.resume_reading()

    def pause_writing(self) -> None:
        self.is_writing_paused = True
        self._may_write.clear()

    def resume_writing(self) -> None:
        self.is_writing_paused = False
        self._may_write.set()

    async def drained(self) -> None:
        if self.is_writing_paused:
            await self._may_write.wait()

    @abstractmethod
    def on_answered(self) -> None: ...
