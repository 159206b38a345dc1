"""Whether the process lives (/healthz), can work (/readyz), and what it counts (/metrics)."""

import asyncio
from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from runtime.context import Context
from runtime.metrics import CONTENT_TYPE
from store.batch import WAITING_AGE_MAX_S
from store.db import Transaction
from store.errors import StoreError

DATABASE_TIMEOUT_S = 2.0

_NO_STORE = {"cache-control": "no-store"}


def routes(context: Context) -> list[Route]:
    """Starlette's routes of the three paths."""
    return [
        Route("/healthz", _healthz, methods=["GET"]),
        Route("/readyz", _readyz(context), methods=["GET"]),
        Route("/metrics", _metrics(context), methods=["GET"]),
    ]


async def _healthz(_request: Request) -> Response:
    return JSONResponse({"status": "ok"}, headers=_NO_STORE)


def _readyz(context: Context) -> Callable[[Request], Awaitable[Response]]:
    """200 while the database answers and batches commit; Redis may be away, work goes on."""

    async def readyz(_request: Request) -> Response:
        checks = {
            "database": "ok" if await _answers(context) else "away",
            "batches": "ok" if context.till.waiting_s < WAITING_AGE_MAX_S else "stuck",
        }
        is_ready = all(state == "ok" for state in checks.values())
        body = {"status": "ready" if is_ready else "unready", "checks": checks}
        return JSONResponse(body, 200 if is_ready else 503, headers=_NO_STORE)

    return readyz


def _metrics(context: Context) -> Callable[[Request], Awaitable[Response]]:
    async def metrics(_request: Request) -> Response:
        context.metrics.statements.set(context.database.statements_run)
        text = context.metrics.render()
        return Response(text, headers={**_NO_STORE, "content-type": CONTENT_TYPE})

    return metrics


async def _answers(context: Context) -> bool:
    async def work(tx: Transaction) -> None:
        await tx.fetch_one("SELECT 1")

    try:
        async with asyncio.timeout(DATABASE_TIMEOUT_S):
            await context.database.read(work)
    except (StoreError, TimeoutError):
        return False
    return True
