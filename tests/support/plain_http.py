"""HTTP over loopback, without TLS: a client, and a server for a vendor's API."""

import asyncio
import contextlib
import socket
import ssl
from collections.abc import AsyncIterator
from typing import Any

import httpx
import uvicorn
from starlette.applications import Starlette

# A client reads all certificates of the machine when it is made, which takes longer than most tests.
_NO_CERTIFICATES = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
# An answer that takes longer never comes. httpx's own five seconds are no promise of ours: a busy machine
# has taken them.
ANSWER_S_MAX = 60.0


def http_client(*, timeout: float = ANSWER_S_MAX, **options: Any) -> httpx.AsyncClient:
    """A client that trusts no certificate, so that it speaks to no other machine over TLS; options are
    those of httpx.
    """
    return httpx.AsyncClient(verify=_NO_CERTIFICATES, trust_env=False, timeout=timeout, **options)


@contextlib.asynccontextmanager
async def serving(app: Starlette) -> AsyncIterator[str]:
    """The app on a free port of this machine, and its address."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.bind(("127.0.0.1", 0))
    config = uvicorn.Config(app, ws="none", lifespan="off", log_config=None, access_log=False)
    config.load()
    server = uvicorn.Server(config)
    server.lifespan = config.lifespan_class(config)
    await server.startup(sockets=[listener])
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        await _end(server)


async def _end(server: uvicorn.Server) -> None:
    """Ends it at once; uvicorn's own end sleeps for a fifth of a second whatever is open."""
    for one in server.servers:
        one.close()
    for connection in list(server.server_state.connections):
        connection.shutdown()
    await asyncio.gather(*server.server_state.tasks)
    # A transport that was closed lets go of its socket in the loop's next turn.
    await asyncio.sleep(0)
