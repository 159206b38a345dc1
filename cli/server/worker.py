"""`topup worker`: one worker. `topup dev` runs the same under its supervisor."""

import contextlib
import logging
import os
import socket
from functools import partial

import click
import uvloop

from cli.examples import examples
from cli.server.listener import WAKE_FD_VARIABLE, passed_fd, tell_ready
from cli.typos import warn_of_unknown_variables
from gateway.api.health import worker_app
from gateway.http.connection_limits import LOOPBACK, ConnectionLimits
from gateway.http.serve import serving
from runtime.context import Context, open_context
from runtime.installation import redis_url
from runtime.log import start_logging
from runtime.settings import Settings, load_settings
from runtime.supervisor import bind_listener, parent_fd
from worker.main import Checks, run_worker

READY = "worker.ready"

logger = logging.getLogger("topup.worker")


@click.command(
    epilog=examples(
        "topup worker",
    )
)
def worker() -> None:
    """Run one worker (production): deliveries, fulfilment, chores.

    With TOPUP_WORKER_PORT it answers /metrics, /healthz and /readyz there.
    """
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
    async with open_context(settings, is_process=True) as context:
        await run_worker(
            context,
            redis_url=redis_url(settings) if wake_fd is None else None,
            wake_fd=wake_fd,
            parent_fd=parent_fd(os.environ),
            on_ready=_tell,
            beside=partial(_answering, context),
        )


def _answering(context: Context, checks: Checks) -> contextlib.AbstractAsyncContextManager[None]:
    """The worker's own address while it is open; nothing where none is set or it cannot be had."""
    listener = _listener(context.settings)
    if listener is None:
        return contextlib.nullcontext()
    settings = context.settings
    limits = ConnectionLimits(
        settings.connections_per_address_max, (*LOOPBACK, *settings.trusted_proxies)
    )
    return serving(worker_app(context, checks), listener, limits=limits)


def _listener(settings: Settings) -> socket.socket | None:
    """A worker that cannot be asked works all the same: another one of this machine may be there."""
    host, port = settings.worker_host, settings.worker_port
    if port is None:
        return None
    try:
        listener = bind_listener(host, port)
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else "the address is not known"
        logger.warning("worker.not_listening", extra={"address": f"{host}:{port}", "error": reason})
        return None
    port = listener.getsockname()[1]
    logger.info("worker.listening", extra={"address": f"http://{host}:{port}"})
    return listener


def _tell() -> None:
    tell_ready()
