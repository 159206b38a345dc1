"""Bind sockets, lock the data directory, and restart child processes that exit.

Children are started in the given order and stopped in reverse order. Each child has its own session, so Ctrl-C
reaches only the supervisor. Each child also watches a pipe that closes when the supervisor exits.
"""

import asyncio
import contextlib
import fcntl
import logging
import os
import signal
import socket
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from kernel.errors import DomainError

# This variable holds the descriptor that a child watches (watch_parent).
PARENT_FD_VARIABLE = "TOPUP_PARENT_FD"
GRACE_S = 15.0
BACKOFF_FIRST_S = 0.2
BACKOFF_MAX_S = 10.0
# If a child ran for this long, it is restarted without a delay.
STEADY_S = 30.0
BACKLOG = 2048

logger = logging.getLogger(__name__)


class DataDirInUse(DomainError):
    pass


def lock_data_dir(data_dir: Path) -> int:
    """Lock the directory and return a descriptor. Closing the descriptor releases the lock. Raise DataDirInUse
    if another process holds it.
    """
    fd = os.open(data_dir, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(fd)
        raise DataDirInUse(
            f"{data_dir} is in use by another `topup dev`. Stop that one, or set TOPUP_DATA_DIR to another folder."
        ) from error
    return fd


def bind_listener(host: str, port: int, *, is_shared: bool = False) -> socket.socket:
    """Return a listening socket. Callers wait on it while the gateway restarts. Raise OSError if the socket can't be
    opened.

    If the port is 0, the system chooses one. `is_shared` lets the user's other processes listen on the same port.
    """
    listener = _bound(host, port, is_shared=is_shared)
    try:
        listener.listen(BACKLOG)
    except OSError:
        listener.close()
        raise
    return listener


def reserve_port(host: str, port: int) -> socket.socket:
    """Reserve a port for processes that share it. Raise OSError if the port is in use."""
    with bind_listener(host, port) as alone:
        port = alone.getsockname()[1]
    return _bound(host, port, is_shared=True)


def _bound(host: str, port: int, *, is_shared: bool) -> socket.socket:
    family, kind, protocol, _, address = socket.getaddrinfo(
        host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )[0]
    # asyncio turns Nagle's algorithm off only if the socket names its protocol. Otherwise, a response takes
    # 45 ms.
    listener = socket.socket(family, kind, protocol)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if is_shared:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        listener.bind(address)
    except OSError:
        listener.close()
        raise
    return listener


def parent_fd(environ: Mapping[str, str]) -> int | None:
    """Return the descriptor to watch, or None if no supervisor started this process."""
    text = environ.get(PARENT_FD_VARIABLE, "")
    return int(text) if text.isdecimal() else None


def watch_parent(fd: int, on_gone: Callable[[], None]) -> None:
    """Call `on_gone` once the supervisor has ended for any reason."""
    loop = asyncio.get_running_loop()

    def read() -> None:
        # Nobody writes to the pipe. It becomes readable when its last writer, the supervisor, is gone.
        loop.remove_reader(fd)
        on_gone()

    loop.add_reader(fd, read)


@dataclass(frozen=True, slots=True)
class Child:
    """A child process: its full environment, and the descriptors above 2 that it inherits."""

    name: str
    argv: Sequence[str]
    env: Mapping[str, str]
    pass_fds: Sequence[int] = ()


class Keeper:
    """Run a child, and restart it whenever it exits, until stopped.

    `is_ready` means that this child has reported that it works. `was_ready` means that the previous child had
    reported this.
    """

    def __init__(self, child: Child, supervisor: "Supervisor") -> None:
        self.child = child
        self.pid: int | None = None
        self.is_ready = self.was_ready = False
        self.leave = asyncio.Event()
        self._supervisor = supervisor
        self.task = asyncio.get_running_loop().create_task(self._run())

    async def _run(self) -> None:
        backoff_s = self._supervisor.backoff_first_s
        while not self._supervisor.is_stopping:
            started_s = time.monotonic()
            code = await self._run_once()
            self._supervisor.note_ended(self, code)
            if self._supervisor.is_stopping:
                return
            if time.monotonic() - started_s >= STEADY_S:
                backoff_s = self._supervisor.backoff_first_s
            logger.warning(
                "child.ended",
                extra={"child": self.child.name, "exit_code": code, "restart_in_s": backoff_s},
            )
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(backoff_s):
                    await self.leave.wait()
            backoff_s = min(backoff_s * 2, BACKOFF_MAX_S)

    async def _run_once(self) -> int | None:
        with self._hearing() as passed:
            process = await self._spawn(passed)
            for fd in passed.values():
                os.close(fd)
            if process is not None:
                await self._wait_for_end(process)
        self.was_ready, self.is_ready = self.is_ready, False
        return None if process is None else process.returncode

    @contextlib.contextmanager
    def _hearing(self) -> Iterator[dict[str, int]]:
        variable = self._supervisor.ready_variable
        if variable is None:
            yield {}
            return
        loop = asyncio.get_running_loop()
        own_fd, child_fd = os.pipe()

        def read() -> None:
            loop.remove_reader(own_fd)
            if os.read(own_fd, 1):
                self.is_ready = True
                self._supervisor.note_ready(self)

        loop.add_reader(own_fd, read)
        try:
            yield {variable: child_fd}
        finally:
            loop.remove_reader(own_fd)
            os.close(own_fd)

    async def _spawn(self, passed: Mapping[str, int]) -> asyncio.subprocess.Process | None:
        fds = {PARENT_FD_VARIABLE: self._supervisor.child_pipe_fd, **passed}
        try:
            return await asyncio.create_subprocess_exec(
                *self.child.argv,
                stdin=asyncio.subprocess.DEVNULL,
                env={**self.child.env, **{name: str(fd) for name, fd in fds.items()}},
                pass_fds=(*self.child.pass_fds, *fds.values()),
                start_new_session=True,
            )
        except OSError as error:
            logger.warning(
                "child.not_started",
                extra={"child": self.child.name, "error": type(error).__name__},
            )
            return None

    async def _wait_for_end(self, process: asyncio.subprocess.Process) -> None:
        self.pid = process.pid
        logger.info("child.started", extra={"child": self.child.name, "pid": process.pid})
        exit_ = asyncio.ensure_future(process.wait())
        leave = asyncio.ensure_future(self.leave.wait())
        await asyncio.wait((exit_, leave), return_when=asyncio.FIRST_COMPLETED)
        leave.cancel()
        if not exit_.done():
            await self._terminate(process, exit_)
        self.pid = None

    async def _terminate(
        self, process: asyncio.subprocess.Process, exit_: "asyncio.Future[int]"
    ) -> None:
        """Send SIGTERM and wait. If the child doesn't end, or the supervisor aborts, kill its whole session."""
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        abort = asyncio.ensure_future(self._supervisor.aborted.wait())
        await asyncio.wait(
            (exit_, abort),
            timeout=self._supervisor.grace_s,
            return_when=asyncio.FIRST_COMPLETED,
        )
        abort.cancel()
        if not exit_.done():
            self.kill()
            await exit_

    def kill(self) -> None:
        if self.pid is not None:
            logger.warning("child.killed", extra={"child": self.child.name})
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.pid, signal.SIGKILL)


class Supervisor:
    """Restart the children until the first SIGINT, SIGTERM or SIGHUP. A second signal aborts.

    A child uses a descriptor to report that it works. `ready_variable` names the variable that holds the
    descriptor.
    """

    def __init__(
        self,
        children: Sequence[Child],
        *,
        grace_s: float = GRACE_S,
        backoff_first_s: float = BACKOFF_FIRST_S,
        ready_variable: str | None = None,
    ) -> None:
        self.children = tuple(children)
        self.grace_s = grace_s
        self.backoff_first_s = backoff_first_s
        self.ready_variable = ready_variable
        self.aborted = asyncio.Event()
        self.stop_asked = asyncio.Event()
        self.keepers: list[Keeper] = []
        self.child_pipe_fd, self._own_pipe_fd = os.pipe()

    @property
    def is_stopping(self) -> bool:
        return self.stop_asked.is_set()

    @property
    def pids(self) -> dict[str, int]:
        return {k.child.name: k.pid for k in self.keepers if k.pid is not None}

    def ask_to_stop(self) -> None:
        if self.stop_asked.is_set():
            self.aborted.set()
        self.stop_asked.set()

    async def run(self) -> bool:
        """Run all children until stopped or cancelled, then stop them. Return False if aborted. Call this only
        once.
        """
        loop = asyncio.get_running_loop()
        numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
        for number in numbers:
            loop.add_signal_handler(number, self.ask_to_stop)
        try:
            await self.start()
            await self.stop_asked.wait()
        finally:
            self.stop_asked.set()
            await self.stop()
            for number in numbers:
                loop.remove_signal_handler(number)
            os.close(self.child_pipe_fd)
            os.close(self._own_pipe_fd)
        return not self.aborted.is_set()

    def supervise(self, child: Child) -> None:
        self.keepers.append(Keeper(child, self))

    async def start(self) -> None:
        for child in self.children:
            self.supervise(child)

    async def stop(self) -> None:
        for keeper in reversed(self.keepers):
            keeper.leave.set()
            await keeper.task

    def note_ready(self, keeper: Keeper) -> None: ...

    def note_ended(self, keeper: Keeper, exit_code: int | None) -> None: ...
