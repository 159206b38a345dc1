"""Hints from process to process beside the file, where Redis carries none: a named pipe for each ear.

Invariant: nobody waits for a pipe. One that is full is a hint already on its way, one that nobody
reads was left by a process that is gone and is taken away by whoever finds it.
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
# So much is written as a whole, whoever else writes.
_BYTES_MAX: Final = 512
_READ_BYTES: Final = 65_536


def send(path: Path, names: str) -> None:
    """To every ear beside the file at `path`; names: with a space in between."""
    text = names if len(names.encode()) < _BYTES_MAX else ANYTHING
    message = f"{text}\n".encode()
    for pipe in path.parent.glob(f"{path.name}{_MARK}*"):
        with contextlib.suppress(OSError):
            _write(pipe, message)


async def hear(path: Path, on_hints: OnHints) -> None:
    """Until it is cancelled; see Store.hear_hints."""
    pipe = path.with_name(f"{path.name}{_MARK}{secrets.token_hex(8)}")
    os.mkfifo(pipe, 0o600)
    try:
        fd = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        # With an end of our own it never reads as ended between two writers.
        held_fd = os.open(pipe, os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        loop = asyncio.get_running_loop()
        try:
            loop.add_reader(fd, _reader(fd, on_hints))
            # Whatever came before may have been missed.
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
        # A message that was cut by the end of what is read at once names nobody, and wakes all.
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
            # Nobody reads it. One that is just being opened looks once it is.
            pipe.unlink(missing_ok=True)
        return
    try:
        with contextlib.suppress(BlockingIOError, BrokenPipeError):
            os.write(fd, message)
    finally:
        os.close(fd)
