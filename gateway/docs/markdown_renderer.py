"""Override markdown-it's rendering for gateway/docs/markdown.py."""

from collections.abc import Sequence
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from markdown_it.utils import OptionsDict
from markupsafe import escape

from gateway.docs.colours import coloured
from gateway.docs.markdown_text import SHOWN, anchor_of, bare

_LINKS = ("/", "#", "https://", "http://")


class _Renderer(RendererHTML):
    """Each method is named by its token."""

    def heading_open(self, tokens: Sequence[Token], index: int, *_: Any) -> str:
        tag = tokens[index].tag
        if tag == "h1":
            return "<h1>"
        anchor = anchor_of(bare(tokens[index + 1]))
        return f'<{tag} id="{anchor}"><a class="anchor" href="#{anchor}">'

    def heading_close(self, tokens: Sequence[Token], index: int, *_: Any) -> str:
        tag = tokens[index].tag
        return f"</{tag}>\n" if tag == "h1" else f"</a></{tag}>\n"

    def blockquote_open(self, *_: Any) -> str:
        return '<div class="note">\n'

    def blockquote_close(self, *_: Any) -> str:
        return "</div>\n"

    def table_open(self, tokens: Sequence[Token], index: int, *_: Any) -> str:
        # A region that the keyboard can reach needs a name.
        return f'<div class="scroll" tabindex="0" role="region" aria-label="{_name(tokens, index)}"><table>\n'

    def table_close(self, *_: Any) -> str:
        return "</table></div>\n"

    def fence(self, tokens: Sequence[Token], index: int, _options: OptionsDict, env: Any) -> str:
        text = tokens[index].content.removesuffix("\n")
        language = tokens[index].info.partition(" ")[0]
        shown = env[SHOWN](text, index) if language == "sh" and SHOWN in env else None
        return shown or f'<pre tabindex="0"><code>{coloured(text, language)}</code></pre>\n'

    def link_open(self, tokens: Sequence[Token], index: int, options: OptionsDict, env: Any) -> str:
        target = str(tokens[index].attrGet("href"))
        assert target.startswith(_LINKS), f"a link to {target}"
        return self.renderToken(tokens, index, options, env)


MARKDOWN = MarkdownIt("commonmark", {"html": False}, renderer_cls=_Renderer).enable("table")
# An unsafe address is our mistake, which link_open reports.
MARKDOWN.validateLink = bool  # type: ignore[assignment,method-assign]


def _name(tokens: Sequence[Token], index: int) -> str:
    cells = [cell for cell in tokens[index:] if cell.type == "inline"]
    first = next(at for at, token in enumerate(tokens[index:]) if token.type == "tbody_open")
    head = bare(cells[0])
    body = next(bare(cell) for cell in tokens[index + first :] if cell.type == "inline")
    return str(escape(f"{head}: {body} …"))
