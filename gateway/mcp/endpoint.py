"""/mcp: the same calls as tools, over the Model Context Protocol's Streamable HTTP.

The route and its refusals. The SDK is 25 MB that a gateway without agents never needs, so what
stands on it (gateway/mcp/server.py) is loaded by the first request that the pipeline lets in.
"""

import asyncio
import gc
import importlib
from collections.abc import Callable
from typing import Final, cast

import msgspec
from starlette.types import ASGIApp

from gateway.answers.answer import Answer
from gateway.answers.refusals import Refusal
from gateway.http.fields import Fields
from gateway.http.request_context import RequestContext
from gateway.http.routing import ApiSurface, Reply, Route
from gateway.http.session_cookie import ForgeryRefused, is_foreign
from gateway.http.strict_json import refuse_repeated_names
from keys.authenticator import InvalidCredential

PATH: Final = "/mcp"
_REFUSED: Final = -32000

AppOf = Callable[[RequestContext[Fields, Fields]], ASGIApp]


def surface() -> ApiSurface:
    """The route; GET and DELETE are for sessions, which there are none of."""
    app_of: AppOf | None = None

    async def handle(call: RequestContext[Fields, Fields]) -> Reply:
        nonlocal app_of
        if call.session_token is not None:
            raise InvalidCredential("send an API key as Authorization: Bearer ak_…")
        if is_foreign(call.scope, call.headers, call.context.settings):
            raise ForgeryRefused("a page of another site does not speak for this key")
        # Of two values under one name, such as two amounts, the SDK would take the last.
        refuse_repeated_names(call.raw)
        if app_of is None:
            # In a thread: it takes half a second, and the other requests go on meanwhile.
            app_of = await asyncio.to_thread(_load)
        return app_of(call)

    route = Route(
        "POST",
        PATH,
        handle,
        "Tools for agents",
        scopes=("topup:send", "topup:read"),
        takes_key=False,
        media="raw",
        # Each tool is refused by the route that it calls.
        is_for_paused=True,
    )
    return ApiSurface("", (route,), _refuse)


def _load() -> AppOf:
    made = importlib.import_module("gateway.mcp.server").server()
    # As at the start (gateway/http/serve.py): the collector need not walk what stays.
    gc.freeze()
    return cast(AppOf, made)


def _refuse(refusal: Refusal, _now_us: int) -> Answer:
    """A refusal before any tool is reached, as a JSON-RPC error with the code in its data."""
    body = {
        "jsonrpc": "2.0",
        "id": None,
        "error": {
            "code": _REFUSED,
            "message": refusal.message,
            "data": {"code": refusal.code.code, **refusal.error},
        },
    }
    return Answer(refusal.http_status, msgspec.json.encode(body))
