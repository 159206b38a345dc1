"""Run N processes on one port, for `topup serve --processes N` and `topup worker --processes N`.

When a process is ready, it opens its own socket for the port (SO_REUSEPORT). The system then spreads
connections evenly.
"""

import asyncio
import contextlib
import logging
import os
import signal
import socket
import sys
import tempfile
from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import click

from cli.server.listener import (
    READY_FD_VARIABLE,
    fail_to_listen,
    notify_ready,
    warn_of_unknown_variables,
)
from runtime.log import start_logging
from runtime.processes.siblings import Siblings, name_of
from runtime.settings import Settings
from runtime.supervisor import Child, Keeper, Supervisor, parent_fd, reserve_port, watch_parent

START_FAILURES_MAX: Final = 5
# The interval and timeout of the calls to each process, and the number of consecutive failures before it is killed.
ASKED_S: Final = 5.0
ANSWER_S: Final = 10.0
SILENCES_MAX: Final = 3
group_log = logging.getLogger(__name__)
# A function of this type returns the names of the processes that respond.
Ask = Callable[[], Awaitable[Collection[str]]]

ALL_READY: Final = "processes.ready"
_MADE_OF_SIGNAL: Final = 128
logger = logging.getLogger("topup.processes")
_Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]


class ProcessGroup(Supervisor):
    """A group of identical processes.

    `exit_code` is the exit code of the process that ended the group, or None if a stop was requested. `ask` is called
    every `asked_s` seconds and returns the names of the processes that respond.
    """

    def __init__(
        self,
        children: Sequence[Child],
        *,
        ready_variable: str,
        grace_s: float,
        on_all_ready: Callable[[], None],
        ask: Ask,
        asked_s: float = ASKED_S,
    ) -> None:
        super().__init__(children, grace_s=grace_s, ready_variable=ready_variable)
        self.exit_code: int | None = None
        self._on_all_ready = on_all_ready
        self._ask, self._asked_s = ask, asked_s
        self._watch: asyncio.Task[None] | None = None
        self._worked: set[str] = set()
        self._failures = 0
        self._is_hurried = False
        self._first_works = asyncio.Event()

    def ask_to_stop(self) -> None:
        """Pass on a signal. The second signal is passed on as SIGINT and ends a gateway's shutdown delay. The third
        aborts the run.
        """
        if self.is_stopping and not self._is_hurried:
            self._is_hurried = True
            for pid in self.pids.values():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGINT)
            return
        super().ask_to_stop()

    def note_ready(self, keeper: Keeper) -> None:
        self._failures = 0
        self._first_works.set()
        self._worked.add(keeper.child.name)
        if len(self._worked) == len(self.children):
            self._on_all_ready()
            # Announce only the first start. Restarts are in the log.
            self._on_all_ready = _nothing

    def note_ended(self, keeper: Keeper, exit_code: int | None) -> None:
        if self.is_stopping or keeper.was_ready:
            return
        self._failures += 1
        is_first_start = not self._worked
        if is_first_start or (self._failures >= START_FAILURES_MAX and not self._any_works()):
            self.exit_code = 1 if exit_code is None else exit_code
            super().ask_to_stop()

    async def start(self) -> None:
        self.supervise(self.children[0])
        first = asyncio.ensure_future(self._first_works.wait())
        stop = asyncio.ensure_future(self.stop_asked.wait())
        await asyncio.wait((first, stop), return_when=asyncio.FIRST_COMPLETED)
        for task in (first, stop):
            task.cancel()
        if not self.is_stopping:
            for child in self.children[1:]:
                self.supervise(child)
            self._watch = asyncio.get_running_loop().create_task(self._end_the_silent())

    async def stop(self) -> None:
        if self._watch is not None:
            self._watch.cancel()
        for keeper in self.keepers:
            keeper.leave.set()
        await asyncio.gather(*(keeper.task for keeper in self.keepers))

    async def _end_the_silent(self) -> None:
        silences: Counter[str] = Counter()
        while True:
            await asyncio.sleep(self._asked_s)
            asked = {one.child.name: one.pid for one in self.keepers if one.is_ready}
            try:
                answering = await self._ask()
            except Exception:
                group_log.exception("processes.not_asked")
                continue
            for keeper in self.keepers:
                name, pid = keeper.child.name, keeper.pid
                # Ignore a process that has ended or has only just become ready. The call went to its predecessor.
                is_silent = name not in answering and pid is not None and asked.get(name) == pid
                silences[name] = silences[name] + 1 if is_silent else 0
                if silences[name] >= SILENCES_MAX:
                    silences[name] = 0
                    group_log.warning("child.silent", extra={"child": name})
                    keeper.kill()

    def _any_works(self) -> bool:
        return any(keeper.is_ready for keeper in self.keepers)


def _nothing() -> None:
    pass


def process_options(kind: str) -> _Decorator:
    """Add --processes. The command gets `siblings`, which is None for a single process."""

    def told(_context: click.Context, _option: click.Parameter, value: Any) -> Siblings | None:
        return None if value is None else Siblings(kind, *value)

    def decorate(command: Callable[..., Any]) -> Callable[..., Any]:
        number, folder = click.IntRange(1), click.Path(path_type=Path)
        hidden = click.option(
            "--sibling",
            "siblings",
            type=(number, number, folder),
            hidden=True,
            callback=told,
            help="This process's number, the number of processes, and their folder.",
        )
        shown = click.option(
            "--processes", metavar="N|auto", help="Number of processes. Default: TOPUP_PROCESSES."
        )
        return shown(hidden(command))

    return decorate


@contextlib.contextmanager
def log_of_whole(settings: Settings) -> Iterator[None]:
    handler = start_logging(level=settings.log_level, form=settings.log_format)
    warn_of_unknown_variables()
    try:
        yield
    finally:
        handler.close()


def run_processes(
    count: int, kind: str, words: Sequence[str], *, address: str, grace_s: float
) -> None:
    """Run `count` processes of `topup` with these arguments until they are stopped."""
    with tempfile.TemporaryDirectory(prefix="topup-") as folder:
        children = _children(count, kind, words, folder)
        siblings = Siblings(kind, 0, count, Path(folder))
        exit_code = asyncio.run(_supervise(children, siblings, address=address, grace_s=grace_s))
    if exit_code:
        raise click.exceptions.Exit(exit_code)


def reserve(host: str, port: int) -> socket.socket:
    try:
        return reserve_port(host, port)
    except OSError as error:
        raise fail_to_listen(error, host, port) from None


def _children(count: int, kind: str, words: Sequence[str], folder: str) -> list[Child]:
    argv = [sys.executable, "-P", "-m", "cli", *words, "--processes", "1"]
    root = str(Path(__file__).resolve().parents[2])
    path = os.environ.get("PYTHONPATH")
    environment = {
        **os.environ,
        "PYTHONPATH": root if not path else f"{root}{os.pathsep}{path}",
    }
    return [
        Child(
            name_of(kind, number),
            [*argv, "--sibling", str(number), str(count), folder],
            environment,
        )
        for number in range(1, count + 1)
    ]


async def _supervise(
    children: Sequence[Child], siblings: Siblings, *, address: str, grace_s: float
) -> int:
    async def answering() -> Collection[str]:
        answers = await siblings.call_all("/healthz", within_s=ANSWER_S)
        return {name for name, answer in answers.items() if answer is not None}

    def notify() -> None:
        notify_ready()
        logger.info(ALL_READY, extra={"address": address, "processes": len(children)})

    group = ProcessGroup(
        children,
        ready_variable=READY_FD_VARIABLE,
        grace_s=grace_s,
        on_all_ready=notify,
        ask=answering,
    )
    own_parent = parent_fd(os.environ)
    if own_parent is not None:
        watch_parent(own_parent, group.ask_to_stop)
    is_orderly = await group.run()
    code = group.exit_code
    if code is not None:
        return code if code >= 0 else _MADE_OF_SIGNAL - code
    return 0 if is_orderly else 1
