"""How long the event loop of this process is held at a stretch, and what of a machine's noise is not.

Each callback of asyncio's own loop is timed by the CPU seconds of its thread: another process that takes
the core does not count, and a wait for the interpreter's lock does not either.
"""

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager


class LongestCallback:
    """seconds: of the longest one since it was set to 0."""

    def __init__(self) -> None:
        self.seconds = 0.0


@contextmanager
def loop_held() -> Iterator[LongestCallback]:
    """Watches every callback of this thread's loop, which is asyncio's own, until the block ends."""
    longest = LongestCallback()
    run = asyncio.Handle._run  # noqa: SLF001 there is no public way in

    def timed(self: asyncio.Handle) -> None:
        began_s = time.thread_time()
        run(self)
        longest.seconds = max(longest.seconds, time.thread_time() - began_s)

    asyncio.Handle._run = timed  # type: ignore[method-assign] # noqa: SLF001
    try:
        yield longest
    finally:
        asyncio.Handle._run = run  # type: ignore[method-assign] # noqa: SLF001
