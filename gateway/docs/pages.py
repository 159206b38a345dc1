"""Build the documentation pages from the OpenAPI document, the code table and the guides."""

from collections.abc import Iterator, Sequence
from functools import cache, cached_property, partial
from importlib.resources import files
from typing import Any, Final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route as PageRoute

from gateway.answers.response_codes import CODES
from gateway.docs import codes as code_pages, plain_text, samples
from gateway.docs.code_repairs import NOTES
from gateway.docs.colours import coloured
from gateway.docs.documents import json_document, markdown_document, plain_document
from gateway.docs.markdown import Heading, headings, inline, to_html
from gateway.docs.reference import DocumentedResource, Operation, resources
from gateway.docs.runnable import Runnables, of_operation
from gateway.html.render import fragment, standing
from gateway.http.documents import Documents, Endpoint, address_for, prefers_json, prefers_markdown
from gateway.http.routing import ApiSurface, Router
from gateway.openapi.document import document
from runtime.context import Context
from webhooks.events.catalogue import PATH as EVENTS

PATH: Final = "/docs"
CHANGES: Final = f"{PATH}/changelog"
PLACEHOLDER: Final = "https://gateway.example"
_GUIDE_GROUPS: Final = {
    "Tutorials": {"start": "First top-up", "first-webhook": "First webhook"},
    "How-to guides": {
        "agent": "For agents",
        "send-once": "Send once",
        "bulk": "Schedule and bulk sends",
        "recipients": "Recipients",
        "approvals": "Approvals",
        "keys": "Keys and limits",
        "webhooks": "Webhooks",
        "verify-webhooks": "Verify webhooks",
        "test-webhooks": "Test a receiver",
        "webhook-portal": "Webhook portal",
        "recover-events": "Recover events",
        "fulfilment": "Fulfilment service",
        "checkout": "Checkout",
        "subscriptions": "Subscriptions",
        "plans": "Plans and credit",
        "refunds": "Refunds and disputes",
        "auto-recharge": "Auto-recharge",
        "receipts": "Receipts",
        "metering": "Metering",
        "holds": "Holds",
        "mcp": "MCP",
        "x402": "Pay without an account",
        "oauth-apps": "OAuth apps",
        "dialects": "Migrate from a vendor",
        "command-line": "Command line",
        "team": "Team and sign-in",
        "sandbox": "Sandbox",
        "going-live": "Go live",
    },
    "Reference": {"conventions": "Conventions", "errors": "Errors"},
    "How it works": {"money": "How money moves", "guarantees": "Guarantees"},
    "For operators": {"suppliers": "Suppliers", "operators": "Open live"},
}
GUIDES: Final = {name: label for each in _GUIDE_GROUPS.values() for name, label in each.items()}
LANGUAGE_COOKIE: Final = "topup_samples"
_ABOUT: Final = "Prepaid AI credit in one call: the API's reference and guides."
_GROUPS: Final = ((1, "Done"), (2, "Refused"), (3, "About a top-up"), (4, "Not now"), (5, "Failed"))
_MAKERS: Final = (
    ("curl", samples.curl),
    ("Python", samples.python),
    ("JavaScript", samples.javascript),
)
_LABELS: Final = {
    "python": "Python",
    "javascript": "JavaScript",
    "ts": "TypeScript",
    "go": "Go",
    "php": "PHP",
    "ruby": "Ruby",
    "java": "Java",
}
LANGUAGES: Final = ("curl", *(label.lower() for label in _LABELS.values()))


def routes(context: Context, pages: "Pages", documents: Documents) -> list[PageRoute]:
    texts = PlainText(pages, is_open=context.settings.self_serve_staging)
    shown = [(path_of(name), pages.guide(name), texts.guide(name)) for name in GUIDES]
    shown += [
        (code_pages.PATH, pages.codes, texts.codes),
        (f"{code_pages.PATH}/{{code}}", pages.code, texts.code),
        (f"{PATH}/api", pages.reference, texts.reference),
        (f"{PATH}/api/{{slug}}", pages.resource, texts.resource),
    ]
    found = [
        (f"{code_pages.PATH}/{{code}}.json", pages.code_as_json),
        *((f"{path}.md", as_text) for path, _, as_text in shown),
        *((path, _either(page, text)) for path, page, text in shown),
        ("/llms.txt", texts.overview),
        ("/llms-full.txt", texts.everything),
    ]
    return [PageRoute(path, documents.once(one), methods=["GET"]) for path, one in found]


def path_of(name: str) -> str:
    return PATH if name == "start" else f"{PATH}/{name}"


@cache
def guide_text(name: str) -> str:
    return (files("gateway.docs") / "text" / f"{name}.md").read_text(encoding="utf-8")


class Pages:
    """The documentation's pages. Without public_url, they show the address that the reader used."""

    def __init__(self, public_url: str, surfaces: Sequence[ApiSurface]) -> None:
        self._public_url = public_url
        self._surfaces = surfaces

    @cached_property
    def listed(self) -> list[DocumentedResource]:
        return resources(document(Router(self._surfaces), "/"), PLACEHOLDER)

    @cached_property
    def runnables(self) -> Runnables:
        return Runnables(self.listed)

    def server(self, request: Request) -> str:
        return address_for(self._public_url, request)

    def requested(self, request: Request) -> DocumentedResource:
        slug = request.path_params["slug"]
        shown = next((resource for resource in self.listed if resource.slug == slug), None)
        if shown is None:
            raise HTTPException(404)
        return shown

    def guide(self, name: str) -> Endpoint:
        def answer(request: Request) -> Response:
            text = guide_text(name).replace("$GATEWAY", self.server(request))
            contents = [heading for heading in headings(text) if heading.level == 2]
            body = to_html(text, partial(self._sample, _language(request)))
            return self.page(request, "text", GUIDES[name], contents=contents, body=body)

        return answer

    def _sample(self, language: str, blocks: Sequence[tuple[str, str]], place: int) -> str | None:
        run, texts = None, [(_LABELS.get(name, name), text) for name, text in blocks]
        if len(blocks) == 1:
            found = self.runnables.of_text(blocks[0][1])
            if found is None:
                return None
            run, texts = found.run, list(found.texts)
        return fragment(
            "docs/sample.html",
            run=run,
            texts=texts,
            place=f"sample-{place}",
            language=language,
            coloured=coloured,
        )

    def codes(self, request: Request) -> Response:
        groups = [
            (name, [row for code, row in CODES.items() if code // 1000 == thousand])
            for thousand, name in _GROUPS
        ]
        return self.page(
            request, "codes", "Codes", contents=[], code_groups=groups, notes=NOTES, inline=inline
        )

    def code(self, request: Request) -> Response:
        if prefers_json(request.headers.get("accept", "")):
            return self.code_as_json(request)
        shown = code_pages.requested_page(request, self.server(request))
        title = f"{shown.code} {shown.message}"
        return self.page(request, "code", title, contents=[], code=shown, inline=inline)

    def code_as_json(self, request: Request) -> Response:
        return json_document(code_pages.requested_page(request, self.server(request)))

    def reference(self, request: Request) -> Response:
        body = to_html(plain_text.reference(self.listed, f"{PATH}/api"))
        return self.page(request, "text", "Reference", contents=[], body=body)

    def resource(self, request: Request) -> Response:
        shown, server = self.requested(request), self.server(request)
        return self.page(
            request,
            "resource",
            shown.name,
            contents=[Heading(2, op.summary, op.anchor) for op in shown.operations],
            resource=shown,
            samples=lambda op: _samples(op, server),
            inline=inline,
            messages={code: row.message for code, row in CODES.items()},
            pretty=samples.pretty,
            language=_language(request),
            runnable=of_operation,
        )

    def page(
        self, request: Request, template: str, title: str, *, about: str = _ABOUT, **values: Any
    ) -> Response:
        return standing(
            f"docs/{template}.html",
            request.scope,
            headers={"vary": "Accept, Cookie", "cache-control": "private, no-cache"},
            title=title,
            about=about,
            groups=self._groups(),
            coloured=coloured,
            **values,
        )

    def _groups(self) -> list[tuple[str, list[tuple[str, str]]]]:
        groups = {
            title: [(path_of(name), label) for name, label in guides.items()]
            for title, guides in _GUIDE_GROUPS.items()
        }
        groups["Reference"] += [
            (code_pages.PATH, "Codes"),
            (EVENTS, "Events"),
            (f"{PATH}/api", "All calls"),
            *_places(self.listed, is_ours=True),
            (CHANGES, "Changelog"),
        ]
        dialects = ("Dialects", list(_places(self.listed, is_ours=False)))
        return [*groups.items(), dialects]


class PlainText:
    def __init__(self, pages: Pages, *, is_open: bool) -> None:
        self._pages = pages
        self._is_open = is_open

    def overview(self, request: Request) -> Response:
        server = self._pages.server(request)
        return plain_document(plain_text.overview(server, is_open=self._is_open))

    def everything(self, request: Request) -> Response:
        return plain_document(self._addressed(request, self._all))

    def guide(self, name: str) -> Endpoint:
        def answer(request: Request) -> Response:
            return markdown_document(self._addressed(request, guide_text(name)))

        return answer

    def codes(self, _request: Request) -> Response:
        return markdown_document(plain_text.codes())

    def code(self, request: Request) -> Response:
        shown = code_pages.requested_page(request, self._pages.server(request))
        return markdown_document(code_pages.as_markdown(shown))

    def reference(self, _request: Request) -> Response:
        return markdown_document(plain_text.reference(self._pages.listed, f"{PATH}/api"))

    def resource(self, request: Request) -> Response:
        text = plain_text.resource(self._pages.requested(request))
        return markdown_document(self._addressed(request, text))

    @cached_property
    def _all(self) -> str:
        return plain_text.everything([guide_text(name) for name in GUIDES], self._pages.listed)

    def _addressed(self, request: Request, text: str) -> str:
        server = self._pages.server(request)
        return text.replace(PLACEHOLDER, server).replace("$GATEWAY", server)


def _either(page: Endpoint, text: Endpoint) -> Endpoint:

    def answer(request: Request) -> Response:
        is_text = prefers_markdown(request.headers.get("accept", ""))
        return (text if is_text else page)(request)

    return answer


def _places(listed: Sequence[DocumentedResource], *, is_ours: bool) -> Iterator[tuple[str, str]]:
    for resource in listed:
        if any(operation.is_ours for operation in resource.operations) is is_ours:
            yield f"{PATH}/api/{resource.slug}", resource.name


def _language(request: Request) -> str:
    return request.cookies.get(LANGUAGE_COOKIE, LANGUAGES[0])


def _samples(operation: Operation, server: str) -> list[tuple[str, str]]:
    return [(name, make(operation.call).replace(PLACEHOLDER, server)) for name, make in _MAKERS]
