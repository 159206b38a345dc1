"""Highlight code samples with Pygments, as escaped HTML. Code in unknown languages isn't highlighted."""

from functools import lru_cache
from typing import Final

from markupsafe import Markup, escape

_LEXERS: Final = {
    "sh": "bash",
    "curl": "bash",
    "python": "python",
    "javascript": "javascript",
    "ts": "typescript",
    "json": "json",
    "go": "go",
    "php": "php",
    "ruby": "ruby",
    "java": "java",
}
_KEPT: Final = 2048


@lru_cache(_KEPT)
def coloured(text: str, language: str) -> Markup:
    from gateway.docs import lexing  # noqa: PLC0415 Pygments, for the first sample [2 MB]

    name = _LEXERS.get(language.lower())
    if name is None:
        return escape(text)
    parts: list[str] = []
    before, gathered = "", ""
    for its_class, piece in lexing.pieces(text, name):
        if its_class != before:
            parts.append(_marked(gathered, before))
            before, gathered = its_class, ""
        gathered += piece
    parts.append(_marked(gathered, before))
    return Markup("".join(parts))  # noqa: S704 each part is escaped


def _marked(text: str, its_class: str) -> str:
    if not its_class or not text:
        return str(escape(text))
    return f'<span class="{its_class}">{escape(text)}</span>'
