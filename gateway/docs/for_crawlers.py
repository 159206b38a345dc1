"""Guide search engines: /robots.txt (RFC 9309) and /sitemap.xml.

They are led only to the landing page and the documentation. Pages protected only by their address say so
themselves (X-Robots-Tag).
"""

from collections.abc import Iterator
from typing import Final
from xml.sax.saxutils import escape

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from gateway.answers.response_codes import CODES
from gateway.docs import changelog, codes
from gateway.docs.documents import CACHE, plain_document
from gateway.docs.pages import CHANGES, GUIDES, PATH, Pages, path_of
from gateway.http.documents import Documents
from webhooks.events.catalogue import PATH as EVENTS
from webhooks.events.event import EVENT_TYPES

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


def routes(pages: Pages, documents: Documents) -> list[Route]:

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
    yield f"{PATH}/api"
    yield from (f"{PATH}/api/{resource.slug}" for resource in pages.listed)
    yield EVENTS
    yield from (f"{EVENTS}/{event_type}" for event_type in EVENT_TYPES)
