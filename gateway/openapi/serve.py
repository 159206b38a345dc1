"""Serve GET /openapi.json, its small part for agents, and the operators' own."""

from collections.abc import Mapping, Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from gateway.http.documents import Documents, address_for
from gateway.http.routing import ApiSurface, Router
from gateway.openapi.agent_document import agent_document
from gateway.openapi.discovery import discovery_of
from gateway.openapi.document import PUBLIC, Api, document, encoded
from runtime.context import Context

PATH = "/openapi.json"
AGENT_PATH = "/openapi/agent.json"
OPERATOR_PATH = "/openapi/operator.json"
_CACHE = "public, max-age=300"


def routes(
    context: Context,
    surfaces: Sequence[ApiSurface],
    documents: Documents,
    *,
    path: str = PATH,
    api: Api = PUBLIC,
) -> list[Route]:
    server = context.settings.public_url or "/"

    def made(request: Request) -> dict[str, Any]:
        home = address_for(context.settings.public_url, request)
        discovery = discovery_of(context, home) if api is PUBLIC else None
        return document(Router(surfaces), server, api, discovery)

    def whole(request: Request) -> Response:
        return _json(made(request))

    def small(request: Request) -> Response:
        return _json(agent_document(made(request)))

    found = [Route(path, documents.once(whole), methods=["GET"])]
    if api is PUBLIC:
        found.append(Route(AGENT_PATH, documents.once(small), methods=["GET"]))
    return found


def _json(made: Mapping[str, Any]) -> Response:
    headers = {"cache-control": _CACHE}
    return Response(encoded(made), media_type="application/json", headers=headers)
