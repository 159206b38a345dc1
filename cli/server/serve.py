"""`topup serve`: run one gateway, or several on one port."""

import asyncio
import contextlib
import logging
import os
import socket
from collections.abc import Callable
from functools import partial

import click
import uvloop

from cli.output import EXIT_USAGE, examples, fail
from cli.server.listener import (
    LISTEN_FD_VARIABLE,
    WAKE_FD_VARIABLE,
    check_start,
    listen,
    notify_ready,
    passed_fd,
    warn_of_unknown_variables,
)
from cli.server.processes import log_of_whole, process_options, reserve, run_processes
from gateway.api.health import sibling_app, stopping_check
from gateway.app import create_app
from gateway.http.auth import LOOPBACK, ConnectionLimits
from gateway.http.serve import DRAIN_S, serve as serve_app, serving
from runtime.context import open_context
from runtime.log import start_logging
from runtime.processes.siblings import Siblings
from runtime.settings import Settings, load_settings
from runtime.supervisor import bind_listener, parent_fd

# A gateway needs this long to finish commits and close connections.
_CLOSING_S = 5

logger = logging.getLogger("topup.gateway")


@click.command(
    epilog=examples(
        "topup serve",
        "topup serve --host 0.0.0.0 --port 8000",
        "topup serve --processes auto",
    )
)
@click.option("--host", help="Address to listen on. Default: TOPUP_HOST.")
@click.option(
    "--port", type=click.IntRange(0, 65_535), help="Port to listen on. Default: TOPUP_PORT."
)
@process_options("gateway")
def serve(
    host: str | None, port: int | None, processes: str | None, siblings: Siblings | None
) -> None:
    """Run the gateway in production, as one process or several on one port.

    TOPUP_SECRET_KEY and a migrated database are required. If other machines can reach the gateway, also set
    TOPUP_PUBLIC_URL: cookies, links and HSTS depend on it. If one of several processes dies, it is
    restarted while the others keep serving.
    """
    given = {"host": host, "port": port, "processes": processes}
    settings = load_settings(**{name: value for name, value in given.items() if value is not None})
    check_start(settings)
    if not settings.public_url and not settings.is_loopback:
        raise fail(
            f"TOPUP_PUBLIC_URL is not set, and other machines can reach {settings.host}",
            advice="set it to the address that clients see, such as https://pay.example.com, or"
            " listen on 127.0.0.1",
            exit_code=EXIT_USAGE,
        )
    inherited = passed_fd(LISTEN_FD_VARIABLE)
    if siblings is not None:
        _run(settings, partial(_beside_others, settings), siblings)
    elif inherited is not None:
        with socket.socket(fileno=inherited) as listener:
            _run(settings, lambda: listener)
    elif settings.processes > 1:
        _run_several(settings)
    else:
        with listen(settings) as listener:
            _run(settings, lambda: listener)


def _run_several(settings: Settings) -> None:
    with reserve(settings.host, settings.port) as reserved, log_of_whole(settings):
        port = reserved.getsockname()[1]
        words = ["serve", "--host", settings.host, "--port", str(port)]
        grace_s = settings.shutdown_delay_s + DRAIN_S + _CLOSING_S
        address = settings.address(port)
        run_processes(settings.processes, "gateway", words, address=address, grace_s=grace_s)


def _beside_others(settings: Settings) -> socket.socket:
    return bind_listener(settings.host, settings.port, is_shared=True)


def _run(
    settings: Settings, listener: Callable[[], socket.socket], siblings: Siblings | None = None
) -> None:
    child = None if siblings is None else siblings.name
    handler = start_logging(level=settings.log_level, form=settings.log_format, child=child)
    warn_of_unknown_variables()
    try:
        uvloop.run(_serve(settings, listener, siblings))
    finally:
        handler.close()


async def _serve(
    settings: Settings, open_listener: Callable[[], socket.socket], siblings: Siblings | None
) -> None:
    async with (
        open_context(settings, wake_fd=passed_fd(WAKE_FD_VARIABLE), is_process=True) as opened,
        contextlib.AsyncExitStack() as stack,
    ):
        context = opened.beside(siblings)
        stopping = asyncio.Event()
        app = create_app(context, is_stopping=stopping.is_set)
        if siblings is not None:
            inner = sibling_app(context, partial(stopping_check, stopping.is_set))
            await stack.enter_async_context(serving(inner, siblings.listen()))
        listener = stack.enter_context(open_listener())
        address = settings.address(listener.getsockname()[1])

        def notify() -> None:
            if not notify_ready():
                logger.info("gateway.ready", extra={"address": address})

        await serve_app(
            app,
            [listener],
            parent_fd=parent_fd(os.environ),
            on_ready=notify,
            on_drain=context.feed.close,
            stop_delay_s=settings.shutdown_delay_s,
            on_stopping=stopping.set,
            is_kept=siblings is not None,
            limits=ConnectionLimits(
                settings.connections_per_address_max, (*LOOPBACK, *settings.trusted_proxies)
            ),
        )
