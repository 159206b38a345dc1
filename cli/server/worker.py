"""`topup worker`: one worker. `topup dev` runs the same under its supervisor."""

import os

import click
import uvloop

from cli.examples import examples
from cli.server.listener import WAKE_FD_VARIABLE, passed_fd, tell_ready
from cli.typos import warn_of_unknown_variables
from runtime.context import open_context
from runtime.installation import redis_url
from runtime.log import start_logging
from runtime.settings import Settings, load_settings
from runtime.supervisor import parent_fd
from worker.main import run_worker

READY = "worker.ready"


@click.command(
    epilog=examples(
        "topup worker",
    )
)
def worker() -> None:
    """Run one worker (production): deliveries, fulfilment, chores."""
    settings = load_settings()
    handler = start_logging(level=settings.log_level, form=settings.log_format)
    warn_of_unknown_variables()
    if parent_fd(os.environ) is not None:
        # The supervisor tells the user once that everything is ready.
        handler.addFilter(lambda record: record.msg != READY)
    try:
        uvloop.run(_work(settings))
    finally:
        handler.close()


async def _work(settings: Settings) -> None:
    # With a pipe in Redis' place only the dispatcher runs.
    wake_fd = passed_fd(WAKE_FD_VARIABLE)
    async with open_context(settings) as context:
        await run_worker(
            context,
            redis_url=redis_url(settings) if wake_fd is None else None,
            wake_fd=wake_fd,
            parent_fd=parent_fd(os.environ),
            on_ready=_tell,
        )


def _tell() -> None:
    tell_ready()
