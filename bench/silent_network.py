"""A network between our processes and the database that can swallow the connections it has.

As after a failover that nobody is told of: what is written on an old connection is taken and never
answered, no connection is reset, and new ones work.
"""

import asyncio
import contextlib
from typing import Self

CHUNK_BYTES = 65_536


class SilentNetwork:
    """Listens on loopback and carries each connection to host:port, until swallow()."""

    def __init__(self, host: str, port: int) -> None:
        self._to = (host, port)
        self._server: asyncio.Server | None = None
        self._carrying: set[asyncio.Task[None]] = set()
        self._generation = 0
        self.port = 0
        self.carried = 0
        self.swallowed = 0

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0, backlog=256)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        for task in self._carrying:
            task.cancel()
        await asyncio.gather(*self._carrying, return_exceptions=True)

    def swallow(self) -> None:
        """From now on nothing comes through on any connection there is."""
        self._generation += 1
        self.swallowed += len(self._carrying)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._carry(reader, writer, self._generation))
        self._carrying.add(task)
        task.add_done_callback(self._carrying.discard)
        self.carried += 1

    async def _carry(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, generation: int
    ) -> None:
        with contextlib.suppress(OSError):
            far_reader, far_writer = await asyncio.open_connection(*self._to)
            try:
                there = asyncio.create_task(self._pump(reader, far_writer, generation))
                back = asyncio.create_task(self._pump(far_reader, writer, generation))
                _, rest = await asyncio.wait((there, back), return_when=asyncio.FIRST_COMPLETED)
                for task in rest:
                    task.cancel()
                await asyncio.gather(there, back, return_exceptions=True)
            finally:
                far_writer.transport.abort()
        writer.transport.abort()

    async def _pump(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, generation: int
    ) -> None:
        """Ends when the reader's side does; what a swallowed connection says is read and dropped."""
        while data := await reader.read(CHUNK_BYTES):
            if generation == self._generation:
                writer.write(data)
                await writer.drain()
        if generation != self._generation:
            # The other side is not told that this one went away, either.
            await asyncio.get_running_loop().create_future()
