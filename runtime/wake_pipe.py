"""Wake the worker without Redis in an embedded installation. A byte in a pipe means "look for work now".

If the pipe is full, the worker is about to wake anyway. The supervisor owns both ends, so a restarted child
uses the same pipe.
"""

import asyncio
import contextlib
import os
from collections.abc import Callable

READ_BYTES = 65_536


def open_wake_pipe() -> tuple[int, int]:
    read_fd, write_fd = os.pipe()
    os.set_blocking(read_fd, False)
    os.set_blocking(write_fd, False)
    return read_fd, write_fd


class WakePipe:
    """Replace runtime.redis_link.Queue if there is no Redis."""

    def __init__(self, write_fd: int) -> None:
        self._write_fd = write_fd

    async def wake(self) -> None:
        self.wake_soon()

    def wake_soon(self, name: str = "") -> None:  # noqa: ARG002 - the queue's signature
        """Make the worker look for work now. The wake-up is lost if the worker's end is closed."""
        with contextlib.suppress(BlockingIOError, BrokenPipeError):
            os.write(self._write_fd, b"w")

    def wake_at(self, at_us: int) -> None:  # noqa: ARG002 - the queue's signature
        """Make the worker look for work now. The worker finds the due time in the database and sets its own timer."""
        self.wake_soon()

    async def aclose(self) -> None:
        pass


def listen(read_fd: int, on_wake: Callable[[], None]) -> Callable[[], None]:
    """Call `on_wake` for each group of bytes. Return a function that stops listening."""
    loop = asyncio.get_running_loop()

    def read() -> None:
        try:
            is_open = bool(os.read(read_fd, READ_BYTES))
        except BlockingIOError:
            return
        if is_open:
            on_wake()
        else:
            # A closed pipe always counts as readable, so continued listening would be a busy loop.
            loop.remove_reader(read_fd)

    def end() -> None:
        loop.remove_reader(read_fd)

    loop.add_reader(read_fd, read)
    return end
