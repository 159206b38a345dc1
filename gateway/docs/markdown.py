"""The little of Markdown that our own pages are written in, to HTML.

Headings with anchors, paragraphs, lists, fenced code, tables, quotes; inside them code, bold text
and links. Promise: every character of the text is escaped; only the marks above become tags. Pure.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from markupsafe import Markup, escape

_INLINE = re.compile(r"`([^`]+)`|\*\*(.+?)\*\*|\[([^\[\]]+)\]\(([^)\s]{1,300})\)")
_HEADING = re.compile(r"(#{1,4}) (.+)")
_ITEM = re.compile(r"(?:[-*]|(\d+)\.) +(.*)")
_RULE = re.compile(r"\|(?:\s*:?-+:?\s*\|)+\s*")
_FENCE = "```"
# A link leads to a page of ours or to a site, never to a script.
_LINKS = ("/", "#", "https://", "http://")


@dataclass(frozen=True, slots=True)
class Heading:
    """One heading, for a page's table of contents."""

    level: int
    text: str
    anchor: str


def headings(source: str) -> list[Heading]:
    """Every heading outside code, in order."""
    found = []
    for kind, lines in _blocks(source):
        match = _HEADING.fullmatch(lines[0]) if kind == "heading" else None
        if match is not None:
            found.append(Heading(len(match[1]), _bare(match[2]), anchor_of(match[2])))
    return found


def anchor_of(text: str) -> str:
    """Prove that nothing is missing -> prove-that-nothing-is-missing."""
    return "-".join(re.findall(r"[a-z0-9]+", _bare(text).lower()))


def to_html(source: str) -> Markup:
    """The text as HTML."""
    return Markup("\n").join(_RENDER[kind](lines) for kind, lines in _blocks(source))


def inline(text: str) -> Markup:
    """One line's marks as HTML."""
    parts, end = [], 0
    for match in _INLINE.finditer(text):
        parts.append(escape(text[end : match.start()]))
        parts.append(_mark(match))
        end = match.end()
    parts.append(escape(text[end:]))
    return Markup("").join(parts)


def _mark(match: re.Match[str]) -> Markup:
    code, bold, words, target = match.groups()
    if code is not None:
        return Markup("<code>{}</code>").format(code)
    if bold is not None:
        return Markup("<strong>{}</strong>").format(inline(bold))
    assert target.startswith(_LINKS), f"a link to {target}"
    return Markup('<a href="{}">{}</a>').format(target, inline(words))


def _bare(text: str) -> str:
    return _INLINE.sub(lambda match: match[1] or match[2] or match[3], text)


def _blocks(source: str) -> Iterator[tuple[str, list[str]]]:
    """(kind, lines) of each block."""
    lines = source.strip("\n").split("\n")
    at = 0
    while at < len(lines):
        if not lines[at].strip():
            at += 1
            continue
        start = at
        if lines[at].startswith(_FENCE):
            at = lines.index(_FENCE, at + 1) + 1
            yield "code", lines[start : at - 1]
            continue
        kind = _kind(lines[at])
        at += 1
        while at < len(lines) and _goes_on(kind, lines[at]):
            at += 1
        yield kind, lines[start:at]


def _kind(line: str) -> str:
    if _HEADING.fullmatch(line):
        return "heading"
    if line.startswith("|"):
        return "table"
    if line.startswith("> "):
        return "quote"
    return "list" if _ITEM.fullmatch(line) else "paragraph"


def _goes_on(kind: str, line: str) -> bool:
    if kind == "heading" or not line.strip() or line.startswith(_FENCE):
        return False
    if kind == "list":
        return bool(_ITEM.fullmatch(line)) or line.startswith("  ")
    return _kind(line) == kind


def _heading(lines: list[str]) -> Markup:
    marks, _, text = lines[0].partition(" ")
    level = len(marks)
    if level == 1:
        return Markup("<h1>{}</h1>").format(inline(text))
    anchor = anchor_of(text)
    return Markup('<{0} id="{1}"><a class="anchor" href="#{1}">{2}</a></{0}>').format(
        f"h{level}", anchor, inline(text)
    )


def _paragraph(lines: list[str]) -> Markup:
    return Markup("<p>{}</p>").format(inline(" ".join(lines)))


def _quote(lines: list[str]) -> Markup:
    text = " ".join(line.removeprefix("> ") for line in lines)
    return Markup('<p class="note">{}</p>').format(inline(text))


def _list(lines: list[str]) -> Markup:
    items: list[str] = []
    is_numbered = lines[0][0].isdigit()
    for line in lines:
        match = _ITEM.fullmatch(line)
        if match is not None:
            items.append(match[2])
        else:
            items[-1] += " " + line.strip()
    tag = "ol" if is_numbered else "ul"
    listed = Markup("").join(Markup("<li>{}</li>").format(inline(item)) for item in items)
    return Markup("<{0}>{1}</{0}>").format(tag, listed)


def _table(lines: list[str]) -> Markup:
    assert _RULE.fullmatch(lines[1]), f"a table without a rule: {lines[0]}"
    head = Markup("").join(Markup("<th>{}</th>").format(inline(cell)) for cell in _cells(lines[0]))
    rows = Markup("").join(
        Markup("<tr>{}</tr>").format(
            Markup("").join(Markup("<td>{}</td>").format(inline(cell)) for cell in _cells(line))
        )
        for line in lines[2:]
    )
    # A region can be reached by the keyboard, to scroll it, and needs a name of its own.
    name = _bare(f"{_cells(lines[0])[0]}: {_cells(lines[2])[0]} …")
    return Markup(
        '<div class="scroll" tabindex="0" role="region" aria-label="{}"><table>'
        "<thead><tr>{}</tr></thead><tbody>{}</tbody></table></div>"
    ).format(name, head, rows)


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip().strip("|").split("|")]


def _code(lines: list[str]) -> Markup:
    return Markup('<pre tabindex="0"><code>{}</code></pre>').format("\n".join(lines[1:]))


_RENDER = {
    "heading": _heading,
    "paragraph": _paragraph,
    "quote": _quote,
    "list": _list,
    "table": _table,
    "code": _code,
}
