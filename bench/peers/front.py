"""The front of the Python peers: accept, one durable row, one job; as their docs show it."""

import uuid
from collections.abc import Awaitable, Callable

import asyncpg
import uvicorn
import uvloop
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from bench.peers.message import CONNECTIONS, DATABASE_URL, INSERT_EVENT

Enqueue = Callable[[str, str], Awaitable[object]]


def serve(open_queue: Callable[[], Awaitable[Enqueue]], port: int) -> None:
    """POST /send; the row is committed, then the job queued, then the answer goes out."""

    async def build() -> None:
        pool = await asyncpg.create_pool(DATABASE_URL, min_size=CONNECTIONS, max_size=CONNECTIONS)
        enqueue = await open_queue()

        async def send(request: Request) -> JSONResponse:
            body = (await request.body()).decode()
            event_id = f"evt_{uuid.uuid4().hex}"
            await pool.execute(INSERT_EVENT, event_id, body)
            await enqueue(event_id, body)
            return JSONResponse({"id": event_id}, 202)

        app = Starlette(routes=[Route("/send", send, methods=["POST"])])
        config = uvicorn.Config(
            app, port=port, http="httptools", log_config=None, access_log=False, lifespan="off"
        )
        await uvicorn.Server(config).serve()

    uvloop.run(build())
