"""`topup serve --processes N` and `topup worker --processes N`: run N processes on one port.

Once it works, each listens on its own socket of the port (SO_REUSEPORT), so the system spreads callers
evenly.
"""

import asyncio
import contextlib
import logging
import os
import socket
import sys
import tempfile
from collections.abc import Callable, Collection, Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import click

from cli.server.listener import READY_FD_VARIABLE, fail_to_listen, tell_ready
from cli.typos import warn_of_unknown_variables
from runtime.log import start_logging
from runtime.processes.group import ANSWER_S, ProcessGroup
from runtime.processes.siblings import Siblings, name_of
from runtime.settings import Settings
from runtime.supervisor import Child, parent_fd, reserve_port, watch_parent

ALL_READY: Final = "processes.ready"
_MADE_OF_SIGNAL: Final = 128

logger = logging.getLogger("topup.processes")
_Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]


def process_options(kind: str) -> _Decorator:
    """Add --processes; the command gets `siblings`, None for a lone process."""

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
            help="Of several processes: its number, how many they are, and their folder.",
        )
        shown = click.option(
            "--processes", metavar="N|auto", help="How many on the port; else TOPUP_PROCESSES."
        )
        return shown(hidden(command))

    return decorate


@contextlib.contextmanager
def log_of_whole(settings: Settings) -> Iterator[None]:
    """Open the log of the parent command; each process has its own."""
    handler = start_logging(level=settings.log_level, form=settings.log_format)
    warn_of_unknown_variables()
    try:
        yield
    finally:
        handler.close()


def run_processes(
    count: int, kind: str, words: Sequence[str], *, address: str, grace_s: float
) -> None:
    """Run `topup` with these words that many times, until stopped; address: for the log."""
    with tempfile.TemporaryDirectory(prefix="topup-") as folder:
        children = _children(count, kind, words, folder)
        siblings = Siblings(kind, 0, count, Path(folder))
        exit_code = asyncio.run(_keep(children, siblings, address=address, grace_s=grace_s))
    if exit_code:
        raise click.exceptions.Exit(exit_code)


def reserve(host: str, port: int) -> socket.socket:
    """Hold the port for the processes; end the command if it is in use."""
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


async def _keep(
    children: Sequence[Child], siblings: Siblings, *, address: str, grace_s: float
) -> int:
    async def answering() -> Collection[str]:
        answers = await siblings.ask("/healthz", within_s=ANSWER_S)
        return {name for name, answer in answers.items() if answer is not None}

    def tell() -> None:
        tell_ready()
        logger.info(ALL_READY, extra={"address": address, "processes": len(children)})

    group = ProcessGroup(
        children,
        ready_variable=READY_FD_VARIABLE,
        grace_s=grace_s,
        on_all_ready=tell,
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
