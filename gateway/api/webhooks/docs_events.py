"""The events' JSON Schemas for whoever writes a receiver: /docs/events, and each type by itself.

Promise: public, since it holds nothing of anybody's, and built once for each process.
"""

from collections.abc import Awaitable, Callable
from functools import cache

import msgspec
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from runtime.context import Context
from webhooks.events.catalogue import catalogue, event_schema
from webhooks.events.event import EVENT_TYPES

PATH = "/docs/events"
_CACHE = {"cache-control": "public, max-age=300"}


def routes(context: Context) -> list[Route]:
    """Starlette's routes of the two paths."""
    address = context.settings.address()

    @cache
    def all_types() -> bytes:
        return msgspec.json.encode(catalogue(address))

    @cache
    def one_type(event_type: str) -> bytes:
        return msgspec.json.encode(event_schema(event_type, id_=f"{address}{PATH}/{event_type}"))

    return [
        Route(PATH, _catalogue(all_types), methods=["GET"]),
        Route(f"{PATH}/{{event_type}}", _schema(one_type), methods=["GET"]),
    ]


def _catalogue(render: Callable[[], bytes]) -> Callable[[Request], Awaitable[Response]]:
    async def answer(_request: Request) -> Response:
        return Response(render(), media_type="application/json", headers=_CACHE)

    return answer


def _schema(render: Callable[[str], bytes]) -> Callable[[Request], Awaitable[Response]]:
    async def answer(request: Request) -> Response:
        event_type = request.path_params["event_type"]
        if event_type not in EVENT_TYPES:
            listed = {"detail": "no such event type", "types": list(EVENT_TYPES)}
            return JSONResponse({"error": listed}, 404)
        return Response(render(event_type), media_type="application/schema+json", headers=_CACHE)

    return answer
