"""Serve documents at well-known addresses, for programs, search engines and proofs of the ledger.

The agent card (A2A) only names the MCP endpoint. A2A clients ignore it, because its binding isn't theirs.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final
from xml.sax.saxutils import escape

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from billing.checkpoints import checkpoint
from billing.checkpoints.checkpoint import day_start_of, shape_of
from billing.checkpoints.jws import jwk_of
from billing.checkpoints.signing_keys import published
from billing.records import head as record_head
from billing.reports.topup_receipt import KEYS_PATH
from gateway.answers.response_codes import CODES
from gateway.docs import changelog, codes
from gateway.docs.documents import CACHE, plain_document
from gateway.docs.pages import CHANGES, GUIDES, PATH as DOCS, Pages, path_of
from gateway.docs.plain_text import SUMMARY
from gateway.http.documents import Documents, address_for
from kernel import version
from kernel.clock import DAY_US, Clock, rfc3339
from keys.principal import ENVIRONMENTS
from runtime.context import Context
from webhooks.events.catalogue import PATH as EVENTS
from webhooks.events.event import EVENT_TYPES

CATALOGUE: Final = "/.well-known/api-catalog"
CARD: Final = "/.well-known/agent-card.json"
SECURITY: Final = "/.well-known/security.txt"
# RFC 9116 recommends less than a year. The period starts again with each response.
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


ROBOTS: Final = "/robots.txt"
SITEMAP: Final = "/sitemap.xml"
_OURS: Final = (
    "/dashboard",
    "/api/",
    "/v1/",
    "/oauth/",
    "/mcp",
    "/x402",
    "/new-password/",
    "/sign-in-link/",
    "/verify-address/",
    "/invitation/",
)
_NAMESPACE: Final = "http://www.sitemaps.org/schemas/sitemap/0.9"


def crawler_routes(pages: Pages, documents: Documents) -> list[Route]:

    def robots(request: Request) -> Response:
        lines = ["User-agent: *", *(f"Disallow: {path}" for path in _OURS)]
        lines += ["", f"Sitemap: {pages.server(request)}{SITEMAP}", ""]
        return plain_document("\n".join(lines))

    def sitemap(request: Request) -> Response:
        server = pages.server(request)
        places = "".join(f"<url><loc>{escape(server + path)}</loc></url>" for path in paths(pages))
        text = (
            f'<?xml version="1.0" encoding="UTF-8"?><urlset xmlns="{_NAMESPACE}">{places}</urlset>'
        )
        return Response(text, media_type="application/xml", headers=CACHE)

    found = ((ROBOTS, robots), (SITEMAP, sitemap))
    return [Route(path, documents.once(one), methods=["GET"]) for path, one in found]


def paths(pages: Pages) -> Iterator[str]:
    yield "/"
    yield from map(path_of, GUIDES)
    yield CHANGES
    yield from (part.path for part in changelog.parts())
    yield codes.PATH
    yield from (f"{codes.PATH}/{code}" for code in CODES)
    yield f"{DOCS}/api"
    yield from (f"{DOCS}/api/{resource.slug}" for resource in pages.listed)
    yield EVENTS
    yield from (f"{EVENTS}/{event_type}" for event_type in EVENT_TYPES)


DAYS = "/.well-known/ledger-checkpoints"
HEADS = "/.well-known/record-heads"
DAYS_AT_ONCE = 100
_DIGITS_MAX = 15


def proof_routes(context: Context) -> list[Route]:

    async def keys(_request: Request) -> Response:
        found = await context.database.read(published)
        body = {"keys": [jwk_of(key.public_key) for key in reversed(found)]}
        return _proof_json(body, "application/jwk-set+json")

    async def listed(request: Request) -> Response:
        environment = _environment(request)
        text = request.query_params.get("before")
        before = None if text is None else _day(text)
        found = await context.database.read(
            lambda tx: checkpoint.page(tx, environment, before=before, limit=DAYS_AT_ONCE)
        )
        more = found[-1].day if len(found) == DAYS_AT_ONCE else None
        return _proof_json({"items": [shape_of(one) for one in found], "next_before": more})

    async def one(request: Request) -> Response:
        environment, day = _environment(request), _day(request.path_params["day"])
        found = await context.database.read(lambda tx: checkpoint.find(tx, environment, day))
        if found is None:
            raise HTTPException(404)
        return _proof_json(shape_of(found))

    async def heads(request: Request) -> Response:
        text = request.query_params.get("before")
        before = None if text is None else _number(text)
        found = await context.database.read(
            lambda tx: record_head.page(tx, before=before, limit=DAYS_AT_ONCE)
        )
        more = found[-1].number if len(found) == DAYS_AT_ONCE else None
        return _proof_json({"items": [one.shape() for one in found], "next_before": more})

    return [
        Route(HEADS, heads, methods=["GET"]),
        Route(KEYS_PATH, keys, methods=["GET"]),
        Route(f"{DAYS}/{{environment}}", listed, methods=["GET"]),
        Route(f"{DAYS}/{{environment}}/{{day}}", one, methods=["GET"]),
    ]


def _environment(request: Request) -> str:
    word = str(request.path_params["environment"])
    if word not in ENVIRONMENTS:
        raise HTTPException(404)
    return word


def _day(text: str) -> int:
    try:
        return day_start_of(text)
    except ValueError:
        raise HTTPException(404) from None


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= _DIGITS_MAX):
        raise HTTPException(404)
    return int(text)


def _proof_json(value: object, media_type: str = "application/json") -> Response:
    return Response(msgspec.json.encode(value), media_type=media_type, headers=CACHE)
