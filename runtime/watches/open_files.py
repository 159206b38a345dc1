"""Watch whether this process can open one more file or connection, and how many it may have open.

A process without a free descriptor serves no new caller, and nothing reports it: new connections are closed
at once. So it is checked, logged once, and counted.
"""

import asyncio
import contextlib
import logging
import os
import resource
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

from runtime.metrics import Metrics

LOOK_S: Final = 0.25
# The interval is this many times as long while more than half of the descriptors are free.
ROOMY: Final = 4
SAID_EVERY_S: Final = 10.0
_LISTED: Final = Path("/proc/self/fd" if Path("/proc/self/fd").exists() else "/dev/fd")

logger = logging.getLogger(__name__)


@contextlib.asynccontextmanager
async def watching_open_files(metrics: Metrics, *, every_s: float = LOOK_S) -> AsyncIterator[None]:
    metrics.open_files.set_function(count_open)
    metrics.open_files_max.set_function(open_files_max)
    looking = asyncio.create_task(_keep_looking(metrics, every_s))
    try:
        yield
    finally:
        looking.cancel()
        await asyncio.gather(looking, return_exceptions=True)


def count_open() -> int:
    try:
        return sum(1 for _ in _LISTED.iterdir()) - 1
    except OSError:
        return open_files_max()


def open_files_max() -> int:
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return 2**31 if soft == resource.RLIM_INFINITY else soft


def next_descriptor() -> int | None:
    """Return the smallest free number; None if no file can be opened, by the process's limit or the
    machine's.
    """
    try:
        descriptor = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    os.close(descriptor)
    return descriptor


async def _keep_looking(metrics: Metrics, every_s: float) -> None:
    said_s = float("-inf")
    since_s: float | None = None
    while True:
        now_s = time.monotonic()
        free = next_descriptor()
        if free is None:
            metrics.files_exhausted.add()
            if since_s is None and now_s - said_s >= SAID_EVERY_S:
                said_s = now_s
                fields = {"open": count_open(), "open_max": open_files_max()}
                logger.error("files.exhausted", extra=fields)
            since_s = now_s if since_s is None else since_s
        elif since_s is not None:
            if said_s >= since_s:
                logger.info("files.free", extra={"exhausted_s": round(now_s - since_s, 1)})
            since_s = None
        is_roomy = free is not None and 2 * free < open_files_max()
        await asyncio.sleep(ROOMY * every_s if is_roomy else every_s)
