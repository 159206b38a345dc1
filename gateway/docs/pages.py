"""The documentation's pages: guides, the reference by resource, the codes. Public, without scripts.

Promise: what they say of the API is read from the OpenAPI document and the table of codes, so it
cannot drift; the guides' figures are held by tests. The gateway's own address stands in the samples.
"""

import re
from collections.abc import Awaitable, Callable, Iterator, Sequence
from functools import cache, cached_property
from importlib.resources import files
from typing import Any, Final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route as PageRoute

from gateway.answers.response_codes import CODES
from gateway.docs import plain_text, samples
from gateway.docs.code_notes import NOTES
from gateway.docs.markdown import Heading, headings, inline, to_html
from gateway.docs.reference import DocumentedResource, Operation, resources
from gateway.html.render import standing
from gateway.http.routing import ApiSurface, Router
from gateway.openapi.document import document
from runtime.context import Context

PATH: Final = "/docs"
# Stands for the gateway's address until a page is asked for under one.
PLACEHOLDER: Final = "https://gateway.example"
GUIDES: Final = {
    "start": "Start",
    "errors": "Errors",
    "recipients": "Recipients",
    "suppliers": "Suppliers",
    "webhooks": "Webhooks",
    "sandbox": "Sandbox",
    "payments": "Payments",
    "metering": "Metering",
    "dialects": "Dialects",
    "mcp": "MCP",
}
_ABOUT: Final = "Prepaid AI credit in one call: the API's reference and guides."
_CACHE: Final = {"cache-control": "public, max-age=300"}
_HOST: Final = re.compile(r"[A-Za-z0-9.\[\]:-]{1,255}")
_GROUPS: Final = ((1, "Done"), (2, "Refused"), (3, "About a top-up"), (4, "Not now"), (5, "Failed"))
_MAKERS: Final = (
    ("curl", samples.curl),
    ("Python", samples.python),
    ("JavaScript", samples.javascript),
)

_Endpoint = Callable[[Request], Awaitable[Response]]


def routes(context: Context, surfaces: Sequence[ApiSurface]) -> list[PageRoute]:
    """Starlette's routes of every page."""
    pages = Pages(context.settings.public_url, surfaces)
    plain = PlainText(pages)
    found = [PageRoute(path_of(name), pages.guide(name), methods=["GET"]) for name in GUIDES]
    found.append(PageRoute(f"{PATH}/codes", pages.codes(), methods=["GET"]))
    found.append(PageRoute(f"{PATH}/api/{{slug}}", pages.resource, methods=["GET"]))
    found.append(PageRoute("/llms.txt", plain.overview, methods=["GET"]))
    found.append(PageRoute("/llms-full.txt", plain.everything, methods=["GET"]))
    return found


def path_of(name: str) -> str:
    """The address of a guide."""
    return PATH if name == "start" else f"{PATH}/{name}"


@cache
def guide_text(name: str) -> str:
    """The guide's source; $GATEWAY stands for the gateway's address."""
    return (files("gateway.docs") / "text" / f"{name}.md").read_text(encoding="utf-8")


class Pages:
    """The pages of these surfaces. public_url is empty where nobody said under which address the
    gateway is reached: then it is the one that the reader used.
    """

    def __init__(self, public_url: str, surfaces: Sequence[ApiSurface]) -> None:
        self._public_url = public_url
        self._surfaces = surfaces

    @cached_property
    def listed(self) -> list[DocumentedResource]:
        """Every resource, read from the document when somebody first asks."""
        return resources(document(Router(self._surfaces), "/"), PLACEHOLDER)

    def server(self, request: Request) -> str:
        """The gateway's address as the reader knows it."""
        if self._public_url:
            return self._public_url
        host = request.headers.get("host", "")
        return f"{request.url.scheme}://{host if _HOST.fullmatch(host) else 'localhost'}"

    def guide(self, name: str) -> _Endpoint:
        async def answer(request: Request) -> Response:
            text = guide_text(name).replace("$GATEWAY", self.server(request))
            contents = [heading for heading in headings(text) if heading.level == 2]
            return self._page(request, "text", GUIDES[name], contents=contents, body=to_html(text))

        return answer

    def codes(self) -> _Endpoint:
        async def answer(request: Request) -> Response:
            groups = [
                (name, [row for code, row in CODES.items() if code // 1000 == thousand])
                for thousand, name in _GROUPS
            ]
            return self._page(
                request,
                "codes",
                "Codes",
                contents=[],
                code_groups=groups,
                notes=NOTES,
                inline=inline,
            )

        return answer

    async def resource(self, request: Request) -> Response:
        slug, server = request.path_params["slug"], self.server(request)
        shown = next((resource for resource in self.listed if resource.slug == slug), None)
        if shown is None:
            raise HTTPException(404)
        return self._page(
            request,
            "resource",
            shown.name,
            contents=[Heading(2, op.summary, op.anchor) for op in shown.operations],
            resource=shown,
            samples=lambda op: _samples(op, server),
            inline=inline,
            messages={code: row.message for code, row in CODES.items()},
            pretty=samples.pretty,
        )

    def _page(self, request: Request, template: str, title: str, **values: Any) -> Response:
        return standing(
            f"docs/{template}.html",
            request.scope,
            title=title,
            about=_ABOUT,
            groups=self._groups(),
            **values,
        )

    def _groups(self) -> list[tuple[str, list[tuple[str, str]]]]:
        guides = [(path_of(name), label) for name, label in GUIDES.items()]
        guides.insert(2, (f"{PATH}/codes", "Codes"))
        return [
            ("Guides", guides),
            ("Reference", list(_places(self.listed, is_ours=True))),
            ("Dialects", list(_places(self.listed, is_ours=False))),
        ]


class PlainText:
    """The same pages as text."""

    def __init__(self, pages: Pages) -> None:
        self._pages = pages

    async def overview(self, request: Request) -> Response:
        guides = [(path_of(name), label) for name, label in GUIDES.items()]
        server = self._pages.server(request)
        return _text(plain_text.overview(guides, self._pages.listed, server))

    async def everything(self, request: Request) -> Response:
        server = self._pages.server(request)
        return _text(self._all.replace(PLACEHOLDER, server).replace("$GATEWAY", server))

    @cached_property
    def _all(self) -> str:
        return plain_text.everything([guide_text(name) for name in GUIDES], self._pages.listed)


def _text(text: str) -> Response:
    return Response(text, media_type="text/plain; charset=utf-8", headers=_CACHE)


def _places(listed: Sequence[DocumentedResource], *, is_ours: bool) -> Iterator[tuple[str, str]]:
    for resource in listed:
        if any(operation.is_ours for operation in resource.operations) is is_ours:
            yield f"{PATH}/api/{resource.slug}", resource.name


def _samples(operation: Operation, server: str) -> list[tuple[str, str]]:
    return [(name, make(operation.call).replace(PLACEHOLDER, server)) for name, make in _MAKERS]
