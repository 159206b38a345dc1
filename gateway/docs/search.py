"""Serve /docs/search. The first search builds the index."""

import asyncio
import threading
import time
from collections.abc import Iterator
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from gateway.answers.response_codes import CODES
from gateway.docs import codes
from gateway.docs.code_repairs import NOTES, REPAIRS
from gateway.docs.documents import markdown_document
from gateway.docs.markdown import sections
from gateway.docs.pages import GUIDES, PATH as DOCS, Pages, guide_text, path_of
from gateway.docs.reference import Operation
from gateway.docs.search_index import Passage, PassageHit, PassageIndex, Searched
from gateway.http.documents import prefers_markdown
from gateway.http.rate_limit import charge
from webhooks.events.catalogue import PATH as EVENTS
from webhooks.events.event import EVENT_TYPES
from webhooks.events.schemas import TYPES

PATH: Final = f"{DOCS}/search"
QUERY_CHARACTERS_MAX: Final = 200
_ABOUT: Final = "Search of the guides, calls, webhooks and codes."
_BAD_REQUEST: Final = 400


def routes(pages: Pages) -> list[Route]:
    search = SearchPages(pages)

    async def either(request: Request) -> Response:
        is_text = prefers_markdown(request.headers.get("accept", ""))
        return await (search.text if is_text else search.page)(request)

    return [
        Route(f"{PATH}.md", search.text, methods=["GET"]),
        Route(PATH, either, methods=["GET"]),
    ]


class SearchPages:
    def __init__(self, pages: Pages) -> None:
        self._pages = pages
        self._index: PassageIndex | None = None
        self._making = threading.Lock()

    async def page(self, request: Request) -> Response:
        query, is_long = _query(request)
        return self._pages.page(
            request,
            "search",
            "Search",
            about=_ABOUT,
            contents=[],
            status=_BAD_REQUEST if is_long else 200,
            query=query,
            is_long=is_long,
            characters_max=QUERY_CHARACTERS_MAX,
            found=None if is_long or not query else await self._found(request, query),
        )

    async def text(self, request: Request) -> Response:
        query, is_long = _query(request)
        if is_long:
            text = f"# Search\n\nA search can have at most {QUERY_CHARACTERS_MAX} characters.\n"
        elif not query:
            text = f"# Search\n\n`GET {PATH}.md?q=webhook+signature`\n"
        else:
            text = _markdown(await self._found(request, query))
        answer = markdown_document(text)
        answer.status_code = _BAD_REQUEST if is_long else 200
        return answer

    def _made_index(self) -> PassageIndex:
        """Return the index. It is built in a thread, because that takes a quarter of a second."""
        began_s = time.thread_time()
        with self._making:
            if self._index is None:
                self._index = PassageIndex(passages(self._pages))
            found = self._index
        charge(time.thread_time() - began_s)
        return found

    async def _found(self, request: Request, query: str) -> Searched:
        server = self._pages.server(request)
        index = self._index
        if index is None:
            index = await asyncio.to_thread(self._made_index)
        found = index.search(query)
        return Searched([_addressed(hit, server) for hit in found.hits], has_all=found.has_all)


def passages(pages: Pages) -> Iterator[Passage]:
    """Yield every searchable passage. Among equal results, earlier ones come first."""
    yield from sorted(_guides(), key=lambda passage: "#" in passage.path)
    for resource in pages.listed:
        for operation in resource.operations:
            yield _call(operation, f"{DOCS}/api/{resource.slug}#{operation.anchor}", resource.name)
    for event_type in EVENT_TYPES:
        yield Passage(event_type, "Event", f"{EVENTS}/{event_type}", TYPES[event_type].sentence)
    for code, row in CODES.items():
        repair = REPAIRS.get(code)
        text = NOTES[code] if repair is None else f"{NOTES[code]} {repair.sentence}"
        yield Passage(f"{code} {row.message}", "Code", f"{codes.PATH}/{code}", _plain(text))


def _guides() -> Iterator[Passage]:
    for name, label in GUIDES.items():
        for heading, text in sections(guide_text(name)):
            is_first = heading.level == 1
            path = path_of(name) if is_first else f"{path_of(name)}#{heading.anchor}"
            kind = "Guide" if is_first else f"Guide: {label}"
            yield Passage(heading.text, kind, path, text, names=label if is_first else "")


def _call(operation: Operation, path: str, resource: str) -> Passage:
    fields = ", ".join(field.name for field in (*operation.query, *operation.body))
    called = f"{operation.method} {operation.path}"
    text = _plain(". ".join(part for part in (called, operation.about, fields) if part))
    return Passage(operation.summary, f"Call: {resource}", path, text, names=operation.path)


def _plain(text: str) -> str:
    return text.replace("`", "")


def _query(request: Request) -> tuple[str, bool]:
    query = " ".join(request.query_params.get("q", "").split())
    is_long = len(query) > QUERY_CHARACTERS_MAX
    return query[:QUERY_CHARACTERS_MAX], is_long


def _addressed(hit: PassageHit, server: str) -> PassageHit:
    pieces = [(piece.replace("$GATEWAY", server), is_word) for piece, is_word in hit.excerpt]
    return PassageHit(hit.passage, pieces)


def _markdown(found: Searched) -> str:
    if not found.hits:
        return "# Search\n\nNothing found. Every page: [llms.txt](/llms.txt)\n"
    parts = ["# Search"] if found.has_all else ["# Search", "No page has all of these words."]
    for hit in found.hits:
        page, _, anchor = hit.passage.path.partition("#")
        place = f"{page}.md#{anchor}" if anchor else f"{page}.md"
        excerpt = "".join(piece for piece, _ in hit.excerpt)
        parts.append(f"- [{hit.passage.title}]({place}) ({hit.passage.kind}): {excerpt}")
    return "\n\n".join(parts) + "\n"
