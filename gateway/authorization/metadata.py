"""Serve the public documents that a client finds before it signs in."""

from collections.abc import Callable, Mapping
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from gateway.authorization.addresses import (
    MCP,
    OPENID_METADATA,
    RESOURCE_METADATA,
    SERVER_METADATA,
    resource_metadata,
    server_metadata,
)
from gateway.docs.documents import CACHE
from gateway.http.documents import Documents, address_for
from runtime.context import Context

_OPEN = {"access-control-allow-origin": "*"}


def routes(context: Context, documents: Documents) -> list[Route]:
    public_url = context.settings.public_url

    def route(path: str, document: Callable[[str], Mapping[str, Any]]) -> Route:
        def show(request: Request) -> Response:
            body = msgspec.json.encode(document(address_for(public_url, request)))
            return Response(body, media_type="application/json", headers={**CACHE, **_OPEN})

        return Route(path, documents.once(show), methods=["GET"])

    return [
        route(RESOURCE_METADATA + MCP, resource_metadata),
        route(RESOURCE_METADATA, resource_metadata),
        route(SERVER_METADATA, server_metadata),
        route(SERVER_METADATA + MCP, server_metadata),
        route(OPENID_METADATA, server_metadata),
    ]
