"""`topup worker`: run one worker, or several."""

import contextlib
import logging
import os
from functools import partial

import click
import uvloop

from cli.output import examples
from cli.server.listener import (
    WAKE_FD_VARIABLE,
    check_start,
    notify_ready,
    passed_fd,
    warn_of_unknown_variables,
    worker_socket,
)
from cli.server.processes import log_of_whole, process_options, run_processes
from runtime.context import Context, open_context
from runtime.installation import redis_url
from runtime.log import start_logging
from runtime.processes.siblings import Siblings
from runtime.settings import Settings, load_settings
from runtime.supervisor import parent_fd, reserve_port
from worker.main import STOP_S, Beside, nothing_beside, run_worker

READY = "worker.ready"
# A worker needs this long to close connections after the last delivery.
_CLOSING_S = 5

logger = logging.getLogger("topup.worker")


@click.command(
    epilog=examples(
        "topup worker",
        "topup worker --processes 2",
    )
)
@click.option("--asked-at", type=int, hidden=True, help="The port that several processes share.")
@process_options("worker")
def worker(asked_at: int | None, processes: str | None, siblings: Siblings | None) -> None:
    """Run workers in production, as one process or several. They deliver webhooks, fulfil top-ups and run maintenance tasks.

    If TOPUP_WORKER_PORT is set, the worker serves /metrics, /healthz and /readyz there.
    """
    given = {} if processes is None else {"processes": processes}
    settings = load_settings(**given)
    check_start(settings)
    if siblings is None and settings.processes > 1 and passed_fd(WAKE_FD_VARIABLE) is None:
        _run_several(settings)
        return
    child = None if siblings is None else siblings.name
    handler = start_logging(level=settings.log_level, form=settings.log_format, child=child)
    warn_of_unknown_variables()
    if parent_fd(os.environ) is not None:
        # The supervisor announces once that all processes are ready.
        handler.addFilter(lambda record: record.msg != READY)
    if siblings is not None:
        settings = settings.model_copy(update={"worker_port": asked_at})
    try:
        uvloop.run(_work(settings, siblings))
    finally:
        handler.close()


def _run_several(settings: Settings) -> None:
    host = settings.worker_host
    with log_of_whole(settings), contextlib.ExitStack() as stack:
        words, address = ["worker"], ""
        reserved = worker_socket(settings, reserve_port)
        if reserved is not None:
            port = stack.enter_context(reserved).getsockname()[1]
            words += ["--asked-at", str(port)]
            address = f"http://{host}:{port}"
        run_processes(
            settings.processes, "worker", words, address=address, grace_s=STOP_S + _CLOSING_S
        )


async def _work(settings: Settings, siblings: Siblings | None) -> None:
    # If the pipe of `topup dev` replaces Redis, don't start an arq worker.
    wake_fd = passed_fd(WAKE_FD_VARIABLE)
    async with open_context(settings, is_process=True) as opened:
        context = opened.beside(siblings)
        await run_worker(
            context,
            redis_url=redis_url(settings) if wake_fd is None else None,
            wake_fd=wake_fd,
            parent_fd=parent_fd(os.environ),
            on_ready=_notify,
            beside=_beside(context),
        )


def _beside(context: Context) -> Beside:
    if context.settings.worker_port is None and context.siblings is None:
        return nothing_beside
    from cli.server.worker_address import answering  # noqa: PLC0415 an HTTP server [5 MB]

    return partial(answering, context)


def _notify() -> None:
    notify_ready()
