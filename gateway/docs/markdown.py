"""The Markdown that our own guides are written in, to HTML, by markdown-it.

Promises: HTML in the text is escaped, never passed on; headings below the first have anchors; what is
wide scrolls in a region that the keyboard reaches. A link leads to a page of ours or to a site. Pure.
"""

import itertools
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from markdown_it.utils import OptionsDict
from markupsafe import Markup, escape

from gateway.docs.colours import coloured

# Where the renderer finds what shows lines for a shell.
_SHOWN = "shown"
_LINKS = ("/", "#", "https://", "http://")


@dataclass(frozen=True, slots=True)
class Heading:
    """One heading, for a page's table of contents."""

    level: int
    text: str
    anchor: str


class _Renderer(RendererHTML):
    """What our pages want otherwise than markdown-it has it; each method is named by its token."""

    def heading_open(self, tokens: Sequence[Token], index: int, *_: Any) -> str:
        tag = tokens[index].tag
        if tag == "h1":
            return "<h1>"
        anchor = anchor_of(_bare(tokens[index + 1]))
        return f'<{tag} id="{anchor}"><a class="anchor" href="#{anchor}">'

    def heading_close(self, tokens: Sequence[Token], index: int, *_: Any) -> str:
        tag = tokens[index].tag
        return f"</{tag}>\n" if tag == "h1" else f"</a></{tag}>\n"

    def blockquote_open(self, *_: Any) -> str:
        return '<div class="note">\n'

    def blockquote_close(self, *_: Any) -> str:
        return "</div>\n"

    def table_open(self, tokens: Sequence[Token], index: int, *_: Any) -> str:
        # A region can be reached by the keyboard, to scroll it, and needs a name of its own.
        return f'<div class="scroll" tabindex="0" role="region" aria-label="{_name(tokens, index)}"><table>\n'

    def table_close(self, *_: Any) -> str:
        return "</table></div>\n"

    def fence(self, tokens: Sequence[Token], index: int, _options: OptionsDict, env: Any) -> str:
        text = tokens[index].content.removesuffix("\n")
        language = tokens[index].info.partition(" ")[0]
        shown = env[_SHOWN](text, index) if language == "sh" and _SHOWN in env else None
        return shown or f'<pre tabindex="0"><code>{coloured(text, language)}</code></pre>\n'

    def link_open(self, tokens: Sequence[Token], index: int, options: OptionsDict, env: Any) -> str:
        target = str(tokens[index].attrGet("href"))
        assert target.startswith(_LINKS), f"a link to {target}"
        return self.renderToken(tokens, index, options, env)


_MARKDOWN = MarkdownIt("commonmark", {"html": False}, renderer_cls=_Renderer).enable("table")
# An address that the parser finds unsafe is our mistake, told by link_open, and no plain text.
_MARKDOWN.validateLink = bool  # type: ignore[assignment,method-assign]


def headings(source: str) -> list[Heading]:
    """Every heading outside code, in order."""
    tokens = _MARKDOWN.parse(source)
    found = []
    for token, inside in itertools.pairwise(tokens):
        if token.type == "heading_open":
            text = _bare(inside)
            found.append(Heading(int(token.tag[1:]), text, anchor_of(text)))
    return found


def sections(source: str) -> list[tuple[Heading, str]]:
    """Each heading with the plain text below it, up to the next heading; a text begins with a heading."""
    found: list[tuple[Heading, list[str]]] = []
    tokens = _MARKDOWN.parse(source)
    for before, token in itertools.pairwise(tokens):
        if token.type == "inline" and before.type == "heading_open":
            text = _bare(token)
            found.append((Heading(int(before.tag[1:]), text, anchor_of(text)), []))
        elif token.type in ("inline", "fence"):
            found[-1][1].append(_plain(token))
    return [(heading, " ".join(" ".join(parts).split())) for heading, parts in found]


def anchor_of(text: str) -> str:
    """Prove that nothing is missing -> prove-that-nothing-is-missing."""
    return "-".join(re.findall(r"[a-z0-9]+", text.lower()))


def to_html(source: str, shown: Callable[[str, int], str | None] | None = None) -> Markup:
    """The text as HTML. shown: a block of lines for a shell as HTML, by its text and place; null: as any other."""
    return Markup(_MARKDOWN.render(source, {} if shown is None else {_SHOWN: shown}))  # noqa: S704 markdown-it escapes what is no mark


def inline(text: str) -> Markup:
    """One line's marks as HTML."""
    return Markup(_MARKDOWN.renderInline(text))  # noqa: S704 as above


def _bare(token: Token) -> str:
    """An inline token's text without its marks."""
    return "".join(child.content for child in token.children or ())


def _plain(token: Token) -> str:
    """The same of a paragraph, whose lines are parted by spaces, or of a block of code."""
    if token.type == "fence":
        return token.content
    breaks = ("softbreak", "hardbreak")
    return "".join(" " if child.type in breaks else child.content for child in token.children or ())


def _name(tokens: Sequence[Token], index: int) -> str:
    """A table's name: its first heading and its first cell."""
    cells = [cell for cell in tokens[index:] if cell.type == "inline"]
    first = next(at for at, token in enumerate(tokens[index:]) if token.type == "tbody_open")
    head = _bare(cells[0])
    body = next(_bare(cell) for cell in tokens[index + first :] if cell.type == "inline")
    return str(escape(f"{head}: {body} …"))
