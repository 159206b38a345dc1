"""The events' JSON Schemas for whoever writes a receiver: /docs/events, and each type by itself.

Promise: public, since it holds nothing of anybody's, and built once for each process.
"""

import json
from collections.abc import Awaitable, Callable
from functools import cache

import msgspec
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from gateway.docs.documents import CACHE, markdown_document
from gateway.docs.negotiation import prefers_markdown
from runtime.context import Context
from webhooks.events.catalogue import PATH, catalogue, event_example, event_schema
from webhooks.events.event import EVENT_TYPES
from webhooks.events.schemas import TYPES

_VARIES = {**CACHE, "vary": "Accept"}


def routes(context: Context) -> list[Route]:
    """Starlette's routes: all types, as JSON or as Markdown, and the schema of one."""
    address = context.settings.address()

    @cache
    def all_types() -> bytes:
        return msgspec.json.encode(catalogue(address))

    @cache
    def one_type(event_type: str) -> bytes:
        return msgspec.json.encode(event_schema(event_type, id_=f"{address}{PATH}/{event_type}"))

    async def every(request: Request) -> Response:
        if prefers_markdown(request.headers.get("accept", "")):
            return await as_markdown(request)
        return Response(all_types(), media_type="application/json", headers=_VARIES)

    async def as_markdown(_request: Request) -> Response:
        return markdown_document(_markdown())

    return [
        Route(PATH, every, methods=["GET"]),
        Route(f"{PATH}.md", as_markdown, methods=["GET"]),
        Route(f"{PATH}/{{event_type}}", _schema(one_type), methods=["GET"]),
    ]


def _schema(render: Callable[[str], bytes]) -> Callable[[Request], Awaitable[Response]]:
    async def answer(request: Request) -> Response:
        event_type = request.path_params["event_type"]
        if event_type not in EVENT_TYPES:
            listed = {"detail": "no such event type", "types": list(EVENT_TYPES)}
            return JSONResponse({"error": listed}, 404)
        return Response(render(event_type), media_type="application/schema+json", headers=CACHE)

    return answer


@cache
def _markdown() -> str:
    where = f"The JSON Schema of a type is at `{PATH}/<type>`, all of them at `{PATH}`."
    parts = ["# Events", f"What a webhook is sent, by type. {where}"]
    for event_type in EVENT_TYPES:
        example = json.dumps(event_example(event_type), indent=2)
        parts += [f"## {event_type}", TYPES[event_type].sentence, f"```json\n{example}\n```"]
    return "\n\n".join(parts) + "\n"
