"""xdist's processes, forked from one that has collected the tests (collected_once.py).

Importing and collecting takes ten seconds of CPU, and more than twice that in a new clone, where each
test is compiled as well: it is done once, and not in each process of a run. This file is also what
xdist starts as the Python of a process: it hands its standard files on, and lives as long as the
forked one.
"""

import os
import shlex
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
STANDARD_FILES = (0, 1, 2)
# No variable is set for it: what these processes start would inherit it.
_PROGRAM = f"""
import sys
sys.path.insert(0, {str(ROOT)!r})
from tests.support.collected_once import main
main()
"""


class Collected:
    """The program that collects and forks, started with this; close() ends it."""

    def __init__(self, words: Sequence[str]) -> None:
        """words: what pytest was called with."""
        # The program takes the folder away at its end.
        path = Path(tempfile.mkdtemp(prefix="topup-tests-")) / "collected"
        read_fd, self._fd = os.pipe()
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
            listener.bind(str(path))
            listener.listen()
            fds = (listener.fileno(), read_fd)
            program = [sys.executable, "-P", "-c", _PROGRAM]
            self._process = subprocess.Popen([*program, *map(str, fds), *words], pass_fds=fds)
        os.close(read_fd)
        # For execnet, which takes a command line.
        self.python = shlex.join([sys.executable, "-I", "-S", __file__, str(path)])

    def close(self) -> None:
        os.close(self._fd)
        self._process.wait()


def main() -> None:
    # It ends with the forked process, which has its own answer to Ctrl-C.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.connect(sys.argv[1])
        socket.send_fds(connection, [b"."], STANDARD_FILES)
        for number in STANDARD_FILES:
            os.close(number)
        connection.recv(1)


if __name__ == "__main__":
    main()
