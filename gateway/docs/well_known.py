"""Documents at fixed addresses: the API catalogue (RFC 9727), security.txt (RFC 9116), and the A2A agent card
(1.0).

The gateway speaks no A2A: the card says where its MCP endpoint is, by a binding that an A2A client skips.
"""

from collections.abc import Mapping
from typing import Any, Final

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from gateway.docs.documents import CACHE, plain_document
from gateway.docs.pages import PATH as DOCS
from gateway.docs.plain_text import SUMMARY
from gateway.http.documents import Documents, address_for
from kernel import version
from kernel.clock import DAY_US, Clock, rfc3339
from runtime.context import Context

CATALOGUE: Final = "/.well-known/api-catalog"
CARD: Final = "/.well-known/agent-card.json"
SECURITY: Final = "/.well-known/security.txt"
# RFC 9116 advises less than a year; each response starts it again.
_SECURITY_DAYS: Final = 90
_LINKSET: Final = 'application/linkset+json; profile="https://www.rfc-editor.org/info/rfc9727"'
_BINDING: Final = "https://modelcontextprotocol.io/specification"
_SKILLS: Final = (
    (
        "send_topup",
        "Send a top-up",
        "Sends prepaid AI credit of a platform (Claude, ChatGPT, Gemini and others) to a recipient.",
        ("payments", "prepaid", "top-up"),
        "Send $10.00 of Claude credit to user@example.com",
    ),
    (
        "get_balance",
        "See the balance",
        "Tells what the wallet holds and what the caller's key may still spend.",
        ("payments", "balance"),
        "How much may I still send today?",
    ),
)


def routes(context: Context, api: str, documents: Documents) -> list[Route]:
    settings = context.settings

    def catalogue(request: Request) -> Response:
        found = _catalogue(address_for(settings.public_url, request), api)
        link = {"link": f'<{CATALOGUE}>; rel="api-catalog"'}
        return _json(found, media_type=_LINKSET, headers=link)

    def card(request: Request) -> Response:
        return _json(_card(address_for(settings.public_url, request)))

    async def security(request: Request) -> Response:
        if not settings.security_contact:
            raise HTTPException(404)
        server = address_for(settings.public_url, request)
        return plain_document(_security(settings.security_contact, server, context.clock))

    return [
        Route(CATALOGUE, documents.once(catalogue), methods=["GET"]),
        Route(CARD, documents.once(card), methods=["GET"]),
        Route(SECURITY, security, methods=["GET"]),
    ]


def _catalogue(server: str, api: str) -> Mapping[str, Any]:
    described = [{"href": f"{server}/openapi.json", "type": "application/json"}]
    pages = [
        {"href": f"{server}{DOCS}", "type": "text/html"},
        {"href": f"{server}{DOCS}.md", "type": "text/markdown"},
    ]
    tools = [{"href": f"{server}{DOCS}/mcp", "type": "text/html"}]
    status = [{"href": f"{server}/readyz", "type": "application/json"}]
    return {
        "linkset": [
            {
                "anchor": f"{server}{api}",
                "service-desc": described,
                "service-doc": pages,
                "status": status,
            },
            {"anchor": f"{server}/mcp", "service-doc": tools, "status": status},
        ]
    }


def _card(server: str) -> Mapping[str, Any]:
    return {
        "name": "Topup Gateway",
        "description": f"{SUMMARY} Reached by HTTP and by MCP, not by A2A's own operations.",
        "supportedInterfaces": [
            {"url": f"{server}/mcp", "protocolBinding": _BINDING, "protocolVersion": "1.0"}
        ],
        "version": version.base(),
        "documentationUrl": f"{server}{DOCS}",
        "capabilities": {"streaming": False, "pushNotifications": False},
        "securitySchemes": {"bearer": {"httpAuthSecurityScheme": {"scheme": "Bearer"}}},
        "securityRequirements": [{"schemes": {"bearer": {"list": []}}}],
        "defaultInputModes": ["application/json"],
        "defaultOutputModes": ["application/json"],
        "skills": [
            {"id": id_, "name": name, "description": about, "tags": tags, "examples": [example]}
            for id_, name, about, tags, example in _SKILLS
        ],
    }


def _security(contact: str, server: str, clock: Clock) -> str:
    until = rfc3339(clock.now_us() + _SECURITY_DAYS * DAY_US)
    return f"Contact: {contact}\nExpires: {until}\nCanonical: {server}{SECURITY}\n"


def _json(
    value: Mapping[str, Any],
    *,
    media_type: str = "application/json",
    headers: Mapping[str, str] | None = None,
) -> Response:
    body = msgspec.json.encode(value)
    return Response(body, media_type=media_type, headers={**CACHE, **(headers or {})})
