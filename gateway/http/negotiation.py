"""Tell whether a reader wants Markdown, JSON or text rather than HTML, by Accept."""

from functools import lru_cache
from typing import Final

MARKDOWN: Final = "text/markdown"
_HTML: Final = "text/html"
_JSON: Final = "application/json"
_TEXT: Final = "text/plain"
_KEPT_BYTES_MAX: Final = 300


def prefers_markdown(accept: str) -> bool:
    """Return whether Accept names Markdown, and no less than HTML. Browsers and curl get HTML."""
    return _prefers(MARKDOWN, accept)


def prefers_json(accept: str) -> bool:
    return _prefers(_JSON, accept)


def prefers_text(accept: str) -> bool:
    return _prefers(_TEXT, accept)


def prefers_html(accept: str) -> bool:
    return _prefers(_HTML, accept, over=_JSON)


def canonical_accept(accept: bytes) -> bytes:
    if not accept:
        return b""
    return _known(accept) if len(accept) <= _KEPT_BYTES_MAX else _canonical(accept)


def _canonical(accept: bytes) -> bytes:
    text = accept.decode("latin-1")
    if prefers_markdown(text):
        return MARKDOWN.encode()
    kinds = [_HTML] if prefers_html(text) else []
    kinds += [_JSON] if prefers_json(text) else []
    return ", ".join(kinds).encode()


_known = lru_cache(maxsize=256)(_canonical)


def _prefers(kind: str, accept: str, over: str = _HTML) -> bool:
    qualities = dict(map(_quality, accept.lower().split(",")))
    asked = qualities.get(kind, 0.0)
    return asked > 0.0 and asked >= qualities.get(over, 0.0)


def _quality(named: str) -> tuple[str, float]:
    kind, *parameters = (part.strip() for part in named.split(";"))
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "q":
            try:
                return kind, float(value)
            except ValueError:
                return kind, 0.0
    return kind, 1.0
