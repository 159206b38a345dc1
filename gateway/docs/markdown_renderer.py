"""Render the guides' parsed Markdown as HTML. Code appears beside the text that precedes it. Code in several languages
appears in tabs.
"""

from collections.abc import Iterator, MutableMapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, Final

from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from markdown_it.utils import OptionsDict
from markupsafe import escape

from gateway.docs.colours import coloured
from gateway.docs.markdown_text import SHOWN, anchor_of, bare

_LINKS = ("/", "#", "https://", "http://")
# Adjacent code blocks in these languages become tabs.
_LANGUAGES: Final = frozenset({"python", "javascript", "ts", "go", "php", "ruby", "java"})
_LEADS_MAX: Final = 3

_Element = Sequence[Token]


class _Renderer(RendererHTML):
    def render(
        self, tokens: Sequence[Token], options: OptionsDict, env: MutableMapping[str, Any]
    ) -> str:
        if SHOWN not in env:
            return super().render(tokens, options, env)
        return "".join(self._block(block, options, env) for block in _blocks(tokens))

    def _block(self, block: "_Block", options: OptionsDict, env: MutableMapping[str, Any]) -> str:
        shown, after = (
            [super(_Renderer, self).render(one, options, env) for one in text]
            for text in (block.text, block.after)
        )
        if not block.code:
            return "".join(shown)
        apart = max(0, len(shown) - _LEADS_MAX)
        beside = "".join(self._code(group, options, env) for group in _groups(block.code))
        return (
            f'{"".join(shown[:apart])}<div class="with-code"><div class="prose">'
            f'{"".join(shown[apart:])}</div>\n<div class="beside">{beside}</div>\n'
            f'<div class="prose">{"".join(after)}</div></div>\n'
        )

    def _code(
        self, group: Sequence[Token], options: OptionsDict, env: MutableMapping[str, Any]
    ) -> str:
        if len(group) == 1:
            return self.fence(group, 0, options, env)
        texts = [(_language(one), one.content.removesuffix("\n")) for one in group]
        return str(env[SHOWN](texts, _place(group[0])))

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
        # A scrollable region that the keyboard can reach must have a name.
        return f'<div class="scroll" tabindex="0" role="region" aria-label="{_name(tokens, index)}"><table>\n'

    def table_close(self, *_: Any) -> str:
        return "</table></div>\n"

    def fence(self, tokens: Sequence[Token], index: int, _options: OptionsDict, env: Any) -> str:
        text = tokens[index].content.removesuffix("\n")
        language, shown = _language(tokens[index]), None
        if language == "sh" and SHOWN in env:
            shown = env[SHOWN]([(language, text)], _place(tokens[index]))
        return shown or f'<pre tabindex="0"><code>{coloured(text, language)}</code></pre>\n'

    def link_open(self, tokens: Sequence[Token], index: int, options: OptionsDict, env: Any) -> str:
        target = str(tokens[index].attrGet("href"))
        assert target.startswith(_LINKS), f"a link to {target}"
        return self.renderToken(tokens, index, options, env)


MARKDOWN = MarkdownIt("commonmark", {"html": False}, renderer_cls=_Renderer).enable("table")
# Accept every URL here. link_open raises an error for unsafe URLs.
MARKDOWN.validateLink = bool  # type: ignore[assignment,method-assign]


def _language(fence: Token) -> str:
    return fence.info.partition(" ")[0]


def _place(fence: Token) -> int:
    assert fence.map is not None
    return fence.map[0]


def _elements(tokens: Sequence[Token]) -> Iterator[_Element]:
    depth, begin = 0, 0
    for at, token in enumerate(tokens):
        depth += token.nesting
        if depth == 0:
            yield tokens[begin : at + 1]
            begin = at + 1


@dataclass(frozen=True, slots=True)
class _Block:
    """Text with its code. `after` is the text that follows the code."""

    text: list[_Element] = field(default_factory=list)
    code: list[Token] = field(default_factory=list)
    after: list[_Element] = field(default_factory=list)


def _blocks(tokens: Sequence[Token]) -> list[_Block]:
    found = [_Block()]
    for element in _elements(tokens):
        block = found[-1]
        if element[0].type == "heading_open":
            found.append(_Block([element]))
        elif element[0].type != "fence":
            (block.after if block.code else block.text).append(element)
        elif block.after:
            # The element before this code belongs to it, not to the code above.
            found.append(_Block([block.after.pop()], [element[0]]))
        else:
            block.code.append(element[0])
    return found


def _groups(fences: Sequence[Token]) -> list[list[Token]]:
    groups = [[fences[0]]]
    for before, fence in pairwise(fences):
        known = {_language(one) for one in groups[-1]}
        is_same = {_language(before), _language(fence)} <= _LANGUAGES
        if is_same and _language(fence) not in known:
            groups[-1].append(fence)
        else:
            groups.append([fence])
    return groups


def _name(tokens: Sequence[Token], index: int) -> str:
    cells = [cell for cell in tokens[index:] if cell.type == "inline"]
    first = next(at for at, token in enumerate(tokens[index:]) if token.type == "tbody_open")
    head = bare(cells[0])
    body = next(bare(cell) for cell in tokens[index + first :] if cell.type == "inline")
    return str(escape(f"{head}: {body} …"))
