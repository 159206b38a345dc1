"""Serve CHANGELOG.md: a page for each part of a release, and the whole file as .md."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Final

from markupsafe import Markup
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from gateway.docs.documents import markdown_document
from gateway.docs.markdown import to_html
from gateway.docs.markdown_text import anchor_of
from gateway.docs.pages import CHANGES, Pages
from gateway.http.documents import Documents, prefers_markdown

_ABOUT: Final = "What changed in the Topup Gateway for whoever calls, runs or reads it."
# Links to files that aren't served. Only the link's text is shown.
_TO_A_FILE: Final = re.compile(r"\[([^\[\]]{1,200})\]\((?!https?://|/|#)[^()\s]{1,200}\)")
_RELEASE: Final = re.compile(r"^## (.+)$", re.MULTILINE)
_PART: Final = re.compile(r"^### (.+)$", re.MULTILINE)
_ENTRY: Final = re.compile(r"^- ", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Part:
    release: str
    name: str
    text: str

    @property
    def slug(self) -> str:
        return anchor_of(f"{self.release} {self.name}")

    @property
    def path(self) -> str:
        return f"{CHANGES}/{self.slug}"

    @property
    def title(self) -> str:
        return f"{self.release}: {self.name.lower()}"

    @property
    def count(self) -> int:
        return len(_ENTRY.findall(self.text))

    @property
    def html(self) -> Markup:
        return to_html(_TO_A_FILE.sub(r"\1", self.text))


@cache
def source() -> str:
    return (files("gateway.docs") / "text" / "changelog.md").read_text(encoding="utf-8")


@cache
def parts() -> tuple[Part, ...]:
    return tuple(_read(source()))


def _read(text: str) -> Iterator[Part]:
    _, *releases = _RELEASE.split(text)
    for release, inside in zip(releases[::2], releases[1::2], strict=True):
        _, *named = _PART.split(inside)
        for name, listed in zip(named[::2], named[1::2], strict=True):
            yield Part(release, name, listed.strip())


def routes(pages: Pages, documents: Documents) -> list[Route]:

    def whole(_request: Request) -> Response:
        return markdown_document(source())

    def overview(request: Request) -> Response:
        if prefers_markdown(request.headers.get("accept", "")):
            return whole(request)
        releases: dict[str, list[Part]] = {}
        for part in parts():
            releases.setdefault(part.release, []).append(part)
        return pages.page(
            request, "changelog", "Changelog", about=_ABOUT, contents=[], releases=releases
        )

    def one(request: Request) -> Response:
        slug = request.path_params["slug"]
        part = next((part for part in parts() if part.slug == slug), None)
        if part is None:
            raise HTTPException(404)
        return pages.page(request, "change", part.title, about=_ABOUT, contents=[], part=part)

    found = ((CHANGES, overview), (f"{CHANGES}.md", whole), (f"{CHANGES}/{{slug}}", one))
    return [Route(path, documents.once(page), methods=["GET"]) for path, page in found]
