"""Document each event from its schema, as a page, as Markdown and as JSON Schema."""

import json
from collections.abc import Iterator
from functools import cache
from typing import Final

import msgspec
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from gateway.docs.documents import CACHE, markdown_document
from gateway.docs.markdown import Heading, inline
from gateway.docs.pages import Pages
from gateway.docs.reference import Field, fields_of
from gateway.http.documents import Documents, Endpoint, prefers_html, prefers_markdown
from runtime.context import Context
from webhooks.events.catalogue import PATH, catalogue, event_example, event_schema
from webhooks.events.event import EVENT_TYPES
from webhooks.events.schemas import TYPES

_VARIES = {**CACHE, "vary": "Accept"}
_FOR_OPERATORS: Final = "For operators."
_SECTIONS: Final = (
    Heading(2, "Who gets it", "who"),
    Heading(2, "Headers", "headers"),
    Heading(2, "Body", "body"),
    Heading(2, "Fields", "fields"),
)
_HEADERS: Final = """X-AiTopUp-Signature: t=1781352000,v1=5257a869\u2026
X-AiTopUp-Event: {event_type}
X-AiTopUp-Delivery: dlv_\u2026
X-AiTopUp-Attempt: 1
webhook-id: evt_test
webhook-timestamp: 1781352000
webhook-signature: v1,K5oZfzN95Z\u2026"""


def routes(context: Context, pages: Pages, documents: Documents) -> list[Route]:
    address = context.settings.address()
    shown = EventPages(pages)

    @cache
    def all_types() -> bytes:
        return msgspec.json.encode(catalogue(address))

    @cache
    def one_type(event_type: str) -> bytes:
        return msgspec.json.encode(event_schema(event_type, id_=f"{address}{PATH}/{event_type}"))

    def every(_request: Request) -> Response:
        return Response(all_types(), media_type="application/json", headers=_VARIES)

    def every_as_text(_request: Request) -> Response:
        return markdown_document(_markdown())

    def schema(request: Request) -> Response:
        body = one_type(request.path_params["event_type"])
        return Response(body, media_type="application/schema+json", headers=_VARIES)

    def as_text(request: Request) -> Response:
        return markdown_document(_markdown_of(request.path_params["event_type"]))

    one = f"{PATH}/{{event_type}}"
    found = [
        (PATH, _form_of(every, shown.every, every_as_text)),
        (f"{PATH}.md", every_as_text),
        (f"{one}.md", _known(as_text)),
        (one, _known(_form_of(schema, shown.one, as_text))),
    ]
    return [Route(path, documents.once(form), methods=["GET"]) for path, form in found]


class EventPages:
    def __init__(self, pages: Pages) -> None:
        self._pages = pages

    def every(self, request: Request) -> Response:
        return self._pages.page(
            request, "events", "Events", about=_ABOUT, contents=[], event_groups=grouped()
        )

    def one(self, request: Request) -> Response:
        event_type = request.path_params["event_type"]
        return self._pages.page(
            request,
            "event",
            event_type,
            about=f"The webhook {event_type}: {TYPES[event_type].sentence}",
            contents=list(_SECTIONS),
            event_type=event_type,
            sentence=TYPES[event_type].sentence,
            is_for_operators=is_for_operators(event_type),
            headers_text=_HEADERS.format(event_type=event_type),
            sample=_sample(event_type),
            fields=_fields(event_type),
            related=[other for other in EVENT_TYPES if _about(other) == _about(event_type)],
            inline=inline,
        )


_ABOUT: Final = "Every webhook: what it tells, who gets it, its fields and a sample."


def grouped() -> list[tuple[str, list[tuple[str, str]]]]:
    found: dict[str, list[tuple[str, str]]] = {}
    for event_type in EVENT_TYPES:
        found.setdefault(_about(event_type), []).append((event_type, TYPES[event_type].sentence))
    return list(found.items())


def is_for_operators(event_type: str) -> bool:
    return TYPES[event_type].sentence.endswith(_FOR_OPERATORS)


def _about(event_type: str) -> str:
    return event_type.partition(".")[0]


@cache
def _fields(event_type: str) -> list[Field]:
    return fields_of(event_schema(event_type))


@cache
def _sample(event_type: str) -> str:
    return json.dumps(event_example(event_type), indent=2)


def _form_of(as_json: Endpoint, page: Endpoint, text: Endpoint) -> Endpoint:

    def answer(request: Request) -> Response:
        accept = request.headers.get("accept", "")
        if prefers_markdown(accept):
            return text(request)
        return (page if prefers_html(accept) else as_json)(request)

    return answer


def _known(form: Endpoint) -> Endpoint:
    def answer(request: Request) -> Response:
        if request.path_params["event_type"] not in EVENT_TYPES:
            listed = {"detail": "no such event type", "types": list(EVENT_TYPES)}
            return JSONResponse({"error": listed}, 404)
        return form(request)

    return answer


@cache
def _markdown() -> str:
    where = (
        f"Each type is a page of its own at `{PATH}/<type>`, as text at `{PATH}/<type>.md`. Its JSON Schema is"
        f" at `{PATH}/<type>` for whoever asks for no HTML, all of them at `{PATH}`."
    )
    parts = ["# Events", f"What a webhook is sent, by type. {where}"]
    for event_type in EVENT_TYPES:
        parts += [
            f"## {event_type}",
            TYPES[event_type].sentence,
            f"```json\n{_sample(event_type)}\n```",
        ]
    return "\n\n".join(parts) + "\n"


@cache
def _markdown_of(event_type: str) -> str:
    return "\n\n".join(_parts_of(event_type)) + "\n"


def _parts_of(event_type: str) -> Iterator[str]:
    yield f"# {event_type}"
    yield TYPES[event_type].sentence
    yield f"JSON Schema: `{PATH}/{event_type}`. Signatures, retries and replays: [Webhooks](/docs/webhooks.md)."
    yield f"```json\n{_sample(event_type)}\n```"
    yield "\n".join(
        f"- `{one.name}` ({one.kind}): {one.about}".rstrip(": ") for one in _fields(event_type)
    )
