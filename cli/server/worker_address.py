"""Serve /metrics, health checks and calls from sibling processes at a worker's own address."""

import contextlib
import logging
from collections.abc import AsyncIterator
from functools import partial

from cli.server.listener import worker_socket
from gateway.api.health import sibling_app, worker_app
from gateway.http.auth import LOOPBACK, ConnectionLimits
from gateway.http.serve import serving
from runtime.context import Context
from runtime.supervisor import bind_listener
from worker.main import Checks

logger = logging.getLogger("topup.worker")


@contextlib.asynccontextmanager
async def answering(context: Context, checks: Checks) -> AsyncIterator[None]:
    """Serve the worker's address while this context is open. Do nothing if no address is set or it can't be used."""
    settings, siblings = context.settings, context.siblings
    async with contextlib.AsyncExitStack() as stack:
        if siblings is not None:
            inner = sibling_app(context, checks)
            await stack.enter_async_context(serving(inner, siblings.listen()))
        listener = worker_socket(settings, partial(bind_listener, is_shared=siblings is not None))
        if listener is not None:
            address = f"http://{settings.worker_host}:{listener.getsockname()[1]}"
            logger.info("worker.listening", extra={"address": address})
            limits = ConnectionLimits(
                settings.connections_per_address_max, (*LOOPBACK, *settings.trusted_proxies)
            )
            app = worker_app(context, checks)
            await stack.enter_async_context(serving(app, listener, limits=limits))
        yield
