"""Commands of ours that start at once: forked from a program that has imported what they need.

Importing a gateway takes a second of CPU or two, and the tests start more than a hundred of them, and
commands beside them. The program is a fork of one that the run's processes share, where there is such
(collected_once.py). What is forked is a process like any other: it is killed, stopped and waited for by
its id. Only what /proc says of its command line and environment is the program's.
"""

import contextlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.support.fork_server import LENGTH_DIGITS

ROOT = Path(__file__).resolve().parents[2]
_shared: Path | None = None


class Forked:
    """A started command; the methods are those of subprocess.Popen."""

    def __init__(self, status_fd: int) -> None:
        self._status_fd = status_fd
        self._said = b""
        self._returncode: int | None = None
        self._read_lines(1, timeout_s=None)
        self.pid = int(self._said.partition(b"\n")[0])

    def poll(self) -> int | None:
        """The exit code, negative for a signal; None while it runs."""
        if self._returncode is None:
            self._read_lines(2, timeout_s=0)
            lines = self._said.split(b"\n")
            if len(lines) > 2:
                self._returncode = int(lines[1])
                os.close(self._status_fd)
        return self._returncode

    def wait(self, timeout: float | None = None) -> int:
        """The exit code, within so many seconds if any are given; raises TimeoutExpired."""
        if self._returncode is None:
            self._read_lines(2, timeout_s=timeout)
        code = self.poll()
        if code is None:
            assert timeout is not None, "it waits for as long as it takes"
            raise subprocess.TimeoutExpired(["topup"], timeout)
        return code

    def kill(self) -> None:
        if self.poll() is None:
            # It may end in this moment.
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)

    def _read_lines(self, count: int, *, timeout_s: float | None) -> None:
        """Until so many lines have come, or nothing more comes in time."""
        deadline_s = None if timeout_s is None else time.monotonic() + timeout_s
        while self._said.count(b"\n") < count:
            left_s = None if deadline_s is None else max(0.0, deadline_s - time.monotonic())
            waiting = select.poll()
            waiting.register(self._status_fd, select.POLLIN)
            if not waiting.poll(None if left_s is None else left_s * 1000):
                return
            said = os.read(self._status_fd, 64)
            if not said:
                raise ChildProcessError("the program that forks has ended")
            self._said += said


def share(path: Path) -> None:
    """From now on, in this process and those forked from it: the program is forked by who listens there."""
    global _shared  # noqa: PLW0603 nothing else is left by a process to those that are forked from it
    _shared = path


class Preloaded:
    """The program that forks, started with this; close() ends it, and then nothing of it is left."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        if _shared is not None:
            self._control = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            self._control.connect(str(_shared))
            return
        self._control, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", "tests.support.fork_server", str(theirs.fileno())],
                env={**os.environ, "PYTHONPATH": str(ROOT)},
                stdin=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                start_new_session=True,
            )

    def start(
        self,
        words: Sequence[str],
        *,
        cwd: Path,
        env: Mapping[str, str],
        log_fd: int,
        passed: Mapping[str, int],
        errors_fd: int | None = None,
    ) -> Forked:
        """`topup` with these words; each descriptor of `passed` is named by its variable. What it says
        goes to log_fd, its errors to errors_fd if that is given.
        """
        asked = {"words": list(words), "cwd": str(cwd), "env": dict(env), "variables": list(passed)}
        body = json.dumps(asked).encode()
        told, status_fd = os.pipe()
        try:
            with self._lock:
                errors = log_fd if errors_fd is None else errors_fd
                fds = [status_fd, log_fd, errors, *passed.values()]
                socket.send_fds(self._control, [b"%0*d" % (LENGTH_DIGITS, len(body))], fds)
                self._control.sendall(body)
        finally:
            os.close(status_fd)
        return Forked(told)

    def run(
        self, words: Sequence[str], *, cwd: Path, env: Mapping[str, str], timeout_s: float
    ) -> subprocess.CompletedProcess[str]:
        """`topup` with these words to its end, as subprocess.run; raises TimeoutExpired."""
        with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
            started = self.start(
                words,
                cwd=cwd,
                env=env,
                log_fd=output.fileno(),
                errors_fd=errors.fileno(),
                passed={},
            )
            try:
                code = started.wait(timeout_s)
            except subprocess.TimeoutExpired:
                started.kill()
                started.wait()
                raise
            said = [file.read().decode() for file in (output, errors) if file.seek(0) == 0]
        return subprocess.CompletedProcess(["topup", *words], code, *said)

    def close(self) -> None:
        self._control.shutdown(socket.SHUT_WR)
        # Its end is the end of its side.
        self._control.recv(1)
        self._control.close()
        if self._process is not None:
            self._process.wait()
