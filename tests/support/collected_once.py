"""The program that imports the tests of a run, and from which its processes are forked.

Started by forked_processes.py with two descriptors and pytest's words. Each connection brings the
standard files of one process, and stays open for as long as that one lives. Promise: this ends when
the other end of the second descriptor is closed, and so when the run's first process dies.
"""

import gc
import importlib
import os
import select
import shutil
import signal
import socket
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.support import fork_server, preloaded, templates
from tests.support.forked_processes import STANDARD_FILES


class OnlyImports:
    """Of the tests no more than their modules: each process of the run makes its own list of them."""

    @pytest.hookimpl(tryfirst=True)
    def pytest_pycollect_makeitem(self) -> list[pytest.Item]:
        return []


def collect(words: Sequence[str]) -> None:
    """Imports the tests and what they need. It says nothing: what is wrong, each process says."""
    shown = [os.dup(number) for number in STANDARD_FILES]
    nothing = os.open(os.devnull, os.O_RDWR)
    for number in STANDARD_FILES:
        os.dup2(nothing, number)
    os.close(nothing)
    pytest.main([*words, "-n", "0", "--collect-only", "-qq"], plugins=[OnlyImports()])
    # What hypothesis does before the first example of a process: it reads each module for its constants.
    importlib.import_module("tests.support.first_examples").run()
    take(shown)
    # The modules stay, as memory that all processes share.
    gc.unfreeze()
    gc.collect()
    gc.freeze()


def serve(listener: socket.socket, parent_fd: int) -> socket.socket | None:
    """Forks until the run is over; in a forked process, the connection that tells of its life."""
    # Nobody asks this program how they ended.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    at_ctrl_c = signal.signal(signal.SIGINT, signal.SIG_IGN)
    while True:
        readable, _, _ = select.select([listener.fileno(), parent_fd], [], [])
        if parent_fd in readable:
            return None
        connection, _ = listener.accept()
        _, fds, _, _ = socket.recv_fds(connection, 1, len(STANDARD_FILES))
        if os.fork() == 0:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            signal.signal(signal.SIGINT, at_ctrl_c)
            listener.close()
            os.close(parent_fd)
            take(fds)
            return connection
        connection.close()
        for fd in fds:
            os.close(fd)


def take(fds: Sequence[int]) -> None:
    """Makes them the standard files of this process."""
    for number, fd in zip(STANDARD_FILES, fds, strict=True):
        os.dup2(fd, number)
        os.close(fd)


def main() -> None:
    listener_fd, parent_fd, *words = sys.argv[1:]
    listener = socket.socket(fileno=int(listener_fd))
    os.set_inheritable(listener.fileno(), False)
    os.set_inheritable(int(parent_fd), False)
    path = Path(listener.getsockname())
    # Before any test is imported, and beside it: what the tests start holds nothing of them.
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as commands:
        preloaded.share(path.parent / "commands")
        commands.bind(str(path.parent / "commands"))
        commands.listen()
        if os.fork() == 0:
            listener.close()
            fork_server.serve_each(commands, int(parent_fd))
            return
    made = templates.begin(path.parent)
    collect(words)
    connection = serve(listener, int(parent_fd))
    if connection is None:
        made.drop()
        shutil.rmtree(path.parent)
        return
    with connection:
        sys.argv = ["-c"]
        # The one line that execnet has any Python run.
        exec(eval(sys.stdin.readline()), {"__name__": "__main__"})
