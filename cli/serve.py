"""`topup serve`: one gateway. `topup dev` runs the same with a socket that it has bound."""

import errno
import logging
import os
import socket

import click
import uvloop
from gateway.app import create_app

from cli.output import EXIT_USAGE, fail
from gateway.serve import serve as serve_app
from runtime.context import open_context
from runtime.log import start_logging
from runtime.settings import Settings, load_settings
from runtime.supervisor import bind_listener, parent_fd

# Descriptors that `topup dev` passes down.
LISTEN_FD_VARIABLE = "TOPUP_LISTEN_FD"
WAKE_FD_VARIABLE = "TOPUP_WAKE_FD"

logger = logging.getLogger("topup.gateway")


@click.command()
@click.option("--host", help="Address to listen on; else TOPUP_HOST.")
@click.option("--port", type=click.IntRange(0, 65_535), help="Port; else TOPUP_PORT.")
def serve(host: str | None, port: int | None) -> None:
    """Run one gateway (production); needs TOPUP_SECRET_KEY and a migrated database."""
    given = {"host": host, "port": port}
    settings = load_settings(**{name: value for name, value in given.items() if value is not None})
    inherited = passed_fd(LISTEN_FD_VARIABLE)
    listener = listen(settings) if inherited is None else socket.socket(fileno=inherited)
    handler = start_logging(level=settings.log_level, form=settings.log_format)
    try:
        uvloop.run(_serve(settings, listener))
    finally:
        handler.close()


async def _serve(settings: Settings, listener: socket.socket) -> None:
    parent = parent_fd(os.environ)
    address = settings.address(listener.getsockname()[1])

    def tell() -> None:
        # Under `topup dev` the supervisor says it.
        if parent is None:
            logger.info("gateway.ready", extra={"address": address})

    async with open_context(settings, wake_fd=passed_fd(WAKE_FD_VARIABLE)) as context:
        await serve_app(create_app(context), [listener], parent_fd=parent, on_ready=tell)
    if parent is None:
        logger.info("gateway.stopped")


def listen(settings: Settings) -> socket.socket:
    """The bound socket of HOST and PORT; ends the command with a sentence where that fails."""
    try:
        return bind_listener(settings.host, settings.port)
    except OSError as error:
        where = f"{settings.host}:{settings.port}"
        if error.errno == errno.EADDRINUSE:
            problem, advice = (
                f"{where} is in use",
                "choose another with --port, or 0 for a free one",
            )
        else:
            problem = f"cannot listen on {where}: {os.strerror(error.errno or 0)}"
            advice = "check --host and --port"
        raise fail(problem, advice=advice, exit_code=EXIT_USAGE) from None


def passed_fd(variable: str) -> int | None:
    """The descriptor that a parent named in this variable, or None."""
    text = os.environ.get(variable, "")
    return int(text) if text.isdecimal() else None
