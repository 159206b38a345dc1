"""`topup serve`: one gateway. `topup dev` runs the same with a socket that it has bound."""

import asyncio
import logging
import os
import socket

import click
import uvloop

from cli.examples import examples
from cli.output import EXIT_USAGE, fail
from cli.server.listener import LISTEN_FD_VARIABLE, WAKE_FD_VARIABLE, listen, passed_fd, tell_ready
from cli.typos import warn_of_unknown_variables
from gateway.app import create_app
from gateway.http.connection_limits import LOOPBACK, ConnectionLimits
from gateway.http.serve import serve as serve_app
from runtime.context import open_context
from runtime.log import start_logging
from runtime.settings import Settings, load_settings
from runtime.supervisor import parent_fd

logger = logging.getLogger("topup.gateway")


@click.command(
    epilog=examples(
        "topup serve",
        "topup serve --host 0.0.0.0 --port 8000",
    )
)
@click.option("--host", help="Address to listen on; else TOPUP_HOST.")
@click.option("--port", type=click.IntRange(0, 65_535), help="Port; else TOPUP_PORT.")
def serve(host: str | None, port: int | None) -> None:
    """Run one gateway (production); needs TOPUP_SECRET_KEY and a migrated database.

    Where others than this machine can reach it, it also needs TOPUP_PUBLIC_URL: cookies, links and
    HSTS follow it.
    """
    given = {"host": host, "port": port}
    settings = load_settings(**{name: value for name, value in given.items() if value is not None})
    if not settings.public_url and not settings.is_loopback:
        raise fail(
            f"TOPUP_PUBLIC_URL is not set, and {settings.host} is more than this machine",
            advice="set it to the address that clients see, such as https://pay.example.com, or"
            " listen on 127.0.0.1",
            exit_code=EXIT_USAGE,
        )
    inherited = passed_fd(LISTEN_FD_VARIABLE)
    with listen(settings) if inherited is None else socket.socket(fileno=inherited) as listener:
        handler = start_logging(level=settings.log_level, form=settings.log_format)
        warn_of_unknown_variables()
        try:
            uvloop.run(_serve(settings, listener))
        finally:
            handler.close()


async def _serve(settings: Settings, listener: socket.socket) -> None:
    address = settings.address(listener.getsockname()[1])

    def tell() -> None:
        if not tell_ready():
            logger.info("gateway.ready", extra={"address": address})

    async with open_context(
        settings, wake_fd=passed_fd(WAKE_FD_VARIABLE), is_process=True
    ) as context:
        stopping = asyncio.Event()
        app = create_app(context, is_stopping=stopping.is_set)
        await serve_app(
            app,
            [listener],
            parent_fd=parent_fd(os.environ),
            on_ready=tell,
            on_drain=context.feed.close,
            stop_delay_s=settings.shutdown_delay_s,
            on_stopping=stopping.set,
            limits=ConnectionLimits(
                settings.connections_per_address_max, (*LOOPBACK, *settings.trusted_proxies)
            ),
        )
