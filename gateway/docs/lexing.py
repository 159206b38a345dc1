"""Split a code sample into pieces, each with a CSS class."""

from collections.abc import Iterator
from functools import cache
from typing import Final

from pygments.lexer import Lexer
from pygments.lexers import get_lexer_by_name
from pygments.token import Comment, Keyword, Name, Number, String, Token

# CSS classes by token kind. The first match is used.
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

_Tokens = Iterator[tuple[type[Token], str]]


def pieces(text: str, name: str) -> Iterator[tuple[str, str]]:
    for kind, piece in _tokens(text, name):
        yield _class_of(kind), piece


def _tokens(text: str, name: str) -> _Tokens:
    for kind, piece in _lexer(name).get_tokens(text):
        # In a curl command, the JSON body is between single quotes.
        if name == "bash" and piece.startswith("'{") and kind in String:
            yield String, "'"
            yield from _lexer("json").get_tokens(piece[1:-1])
            yield String, "'"
        else:
            yield kind, piece


def _class_of(kind: type[Token]) -> str:
    return next((named for known, named in _CLASSES if kind in known), "")


@cache
def _lexer(name: str) -> Lexer:
    # Without function names, the PHP lexer needs 4 MB less.
    options = {"stripnl": False, "ensurenl": False, "funcnamehighlighting": False}
    return get_lexer_by_name(name, **options)
