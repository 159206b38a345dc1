"""Convert the guides to HTML. To save 1 MB, markdown-it is imported only when a page is first needed."""

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from gateway.docs.markdown_text import SHOWN, anchor_of, bare


@dataclass(frozen=True, slots=True)
class Heading:
    level: int
    text: str
    anchor: str


def headings(source: str) -> list[Heading]:
    from gateway.docs.markdown_renderer import MARKDOWN  # noqa: PLC0415 see the docstring above

    tokens = MARKDOWN.parse(source)
    found = []
    for token, inside in itertools.pairwise(tokens):
        if token.type == "heading_open":
            text = bare(inside)
            found.append(Heading(int(token.tag[1:]), text, anchor_of(text)))
    return found


def sections(source: str) -> list[tuple[Heading, str]]:
    from gateway.docs.markdown_renderer import MARKDOWN  # noqa: PLC0415 see the docstring above

    found: list[tuple[Heading, list[str]]] = []
    tokens = MARKDOWN.parse(source)
    for before, token in itertools.pairwise(tokens):
        if token.type == "inline" and before.type == "heading_open":
            text = bare(token)
            found.append((Heading(int(before.tag[1:]), text, anchor_of(text)), []))
        elif token.type in ("inline", "fence"):
            found[-1][1].append(_plain(token))
    return [(heading, " ".join(" ".join(parts).split())) for heading, parts in found]


def to_html(
    source: str, shown: Callable[[Sequence[tuple[str, str]], int], str | None] | None = None
) -> Markup:
    """Convert a page. `shown` renders code blocks (language and text) as HTML. If it returns None, the default
    rendering is used.
    """
    from gateway.docs.markdown_renderer import MARKDOWN  # noqa: PLC0415 see the docstring above

    return Markup(MARKDOWN.render(source, {} if shown is None else {SHOWN: shown}))  # noqa: S704 markdown-it escapes what is no mark


def inline(text: str) -> Markup:
    from gateway.docs.markdown_renderer import MARKDOWN  # noqa: PLC0415 see the docstring above

    return Markup(MARKDOWN.renderInline(text))  # noqa: S704 as above


def _plain(token: Any) -> str:
    if token.type == "fence":
        return str(token.content)
    breaks = ("softbreak", "hardbreak")
    return "".join(" " if child.type in breaks else child.content for child in token.children or ())
