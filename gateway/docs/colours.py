"""Samples with their parts in colours, as HTML with classes of docs.css; Pygments reads the code.

Promises: what is shown is the sample's text, character for character, and escaped; an unknown language is shown plain. Pure.
"""

from collections.abc import Iterator
from functools import cache, lru_cache
from typing import Final

from markupsafe import Markup, escape
from pygments.lexer import Lexer
from pygments.lexers import get_lexer_by_name
from pygments.token import Comment, Keyword, Name, Number, String, Token

# What our pages call a language -> what Pygments does.
_LEXERS: Final = {
    "sh": "bash",
    "curl": "bash",
    "python": "python",
    "javascript": "javascript",
    "ts": "typescript",
    "json": "json",
}
# The first that a token belongs to gives its class; every other token has none.
_CLASSES: Final = (
    (Comment, "c"),
    (String.Escape, ""),
    (String.Interpol, "n"),
    (String, "s"),
    (Number, "m"),
    (Keyword, "k"),
    (Name.Tag, "n"),
    (Name.Variable, "n"),
    (Name.Function, "n"),
)
# So many samples are kept: those of all pages under a few addresses of the gateway.
_KEPT: Final = 2048

_Tokens = Iterator[tuple[type[Token], str]]


@lru_cache(_KEPT)
def coloured(text: str, language: str) -> Markup:
    """The text as HTML for the inside of <code>."""
    name = _LEXERS.get(language.lower())
    if name is None:
        return escape(text)
    parts: list[str] = []
    before, gathered = "", ""
    for kind, piece in _tokens(text, name):
        its_class = _class_of(kind)
        if its_class != before:
            parts.append(_marked(gathered, before))
            before, gathered = its_class, ""
        gathered += piece
    parts.append(_marked(gathered, before))
    return Markup("".join(parts))  # noqa: S704 each part is escaped


def _tokens(text: str, name: str) -> _Tokens:
    for kind, piece in _lexer(name).get_tokens(text):
        # The JSON of a call stands in quotes of the shell.
        if name == "bash" and piece.startswith("'{") and kind in String:
            yield String, "'"
            yield from _lexer("json").get_tokens(piece[1:-1])
            yield String, "'"
        else:
            yield kind, piece


def _class_of(kind: type[Token]) -> str:
    return next((named for known, named in _CLASSES if kind in known), "")


def _marked(text: str, its_class: str) -> str:
    if not its_class or not text:
        return str(escape(text))
    return f'<span class="{its_class}">{escape(text)}</span>'


@cache
def _lexer(name: str) -> Lexer:
    """A lexer that adds and takes nothing."""
    return get_lexer_by_name(name, stripnl=False, ensurenl=False)
