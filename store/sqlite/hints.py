"""Send hints between processes by a named pipe for each listener, if Redis carries none.

No process waits for a pipe: a full one has a hint on its way, and one without a reader is removed by the
next sender.
"""

import asyncio
import contextlib
import errno
import os
import secrets
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Final

from store.database import ANYTHING, OnHints

_MARK: Final = ".hints-"
# A write of this size is never mixed with another writer's.
_BYTES_MAX: Final = 512
_READ_BYTES: Final = 65_536


def send(path: Path, names: str) -> None:
    text = names if len(names.encode()) < _BYTES_MAX else ANYTHING
    message = f"{text}\n".encode()
    for pipe in path.parent.glob(f"{path.name}{_MARK}*"):
        with contextlib.suppress(OSError):
            _write(pipe, message)


async def hear(path: Path, on_hints: OnHints) -> None:
    pipe = path.with_name(f"{path.name}{_MARK}{secrets.token_hex(8)}")
    os.mkfifo(pipe, 0o600)
    try:
        fd = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        # With a write end of our own, the pipe doesn't end between two writers.
        held_fd = os.open(pipe, os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        loop = asyncio.get_running_loop()
        try:
            loop.add_reader(fd, _reader(fd, on_hints))
            on_hints([ANYTHING])
            await asyncio.Event().wait()
        finally:
            loop.remove_reader(fd)
            os.close(fd)
            os.close(held_fd)
    finally:
        pipe.unlink(missing_ok=True)


def _reader(fd: int, on_hints: OnHints) -> Callable[[], None]:
    def read() -> None:
        try:
            said = os.read(fd, _READ_BYTES)
        except BlockingIOError:
            return
        # A message cut off by the read's size names none, and wakes all.
        names = said.decode(errors="replace").split() if len(said) < _READ_BYTES else [ANYTHING]
        on_hints(names)

    return read


def _write(pipe: Path, message: bytes) -> None:
    if not stat.S_ISFIFO(pipe.lstat().st_mode):
        return
    try:
        fd = os.open(pipe, os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        if error.errno == errno.ENXIO:
            # It has no reader. A listener that is just opening it checks afterwards.
            pipe.unlink(missing_ok=True)
        return
    try:
        with contextlib.suppress(BlockingIOError, BrokenPipeError):
            os.write(fd, message)
    finally:
        os.close(fd)
