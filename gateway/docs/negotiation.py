"""Whether a reader wants a page as Markdown: by its address (.md) or by Accept. Pure."""

from typing import Final

MARKDOWN: Final = "text/markdown"
_HTML: Final = "text/html"


def prefers_markdown(accept: str) -> bool:
    """Whether this Accept header (RFC 9110, 12.5.1) names Markdown, and no less than HTML.

    A wildcard names neither: browsers and curl get HTML.
    """
    qualities = dict(map(_quality, accept.lower().split(",")))
    markdown = qualities.get(MARKDOWN, 0.0)
    return markdown > 0.0 and markdown >= qualities.get(_HTML, 0.0)


def _quality(named: str) -> tuple[str, float]:
    """A media type with its weight; 0 for a weight that is none."""
    kind, *parameters = (part.strip() for part in named.split(";"))
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "q":
            try:
                return kind, float(value)
            except ValueError:
                return kind, 0.0
    return kind, 1.0
