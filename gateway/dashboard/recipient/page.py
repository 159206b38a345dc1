"""Provide helpers for recipients' pages: language, headers, and a limit on guesses."""

from typing import Any, Final

from starlette.responses import Response

from billing.recipients.language import (
    ENGLISH,
    Language,
    best_match,
    english,
    languages,
    nearest,
)
from gateway.html.forms import read_query
from gateway.html.language import NotSaid, chosen_tag, english as english_pages, page_languages
from gateway.html.phrase import phrase
from gateway.html.render import page
from gateway.http.auth import block_of
from gateway.http.rate_limit import Allowance, take_one
from gateway.http.request_context import RequestContext

TRIES: Final = Allowance(120, 60)
PRIVATE: Final = {"referrer-policy": "no-referrer", "x-robots-tag": "noindex, nofollow"}


async def throttle(call: RequestContext[Any, Any]) -> None:
    await take_one(
        call.context.limiter,
        f"recipient:{block_of(call.address)}",
        TRIES,
        phrase("this page was opened very often; wait a minute"),
    )


def language_of(call: RequestContext[Any, Any], locale: str | None) -> Language:
    """Return the reader's language. A choice on this page comes first, then a choice on other pages. Then comes the
    sender's language, and last the browser's.
    """
    accepted = call.headers.get(b"accept-language", b"").decode("latin-1")
    return (
        nearest(read_query(call).text("lang"))
        or nearest(chosen_tag(call.scope))
        or nearest(locale)
        or best_match(accepted)
        or english()
    )


def refusal_in(language: Language, detail: str) -> tuple[str, str]:
    """Return the refusal and its language's tag. If the catalogue lacks the text, the refusal is in English."""
    reading = page_languages().get(language.tag, english_pages())
    try:
        return reading.say(detail), reading.tag
    except NotSaid:
        return detail, ENGLISH


def recipient_page(
    call: RequestContext[Any, Any],
    template: str,
    language: Language,
    *,
    status: int = 200,
    **values: Any,
) -> Response:
    return page(
        call,
        template,
        status=status,
        headers=PRIVATE,
        language=language,
        languages=languages(),
        say=language.say,
        **values,
    )


def masked(address: str) -> str:
    local, _, domain = address.partition("@")
    return f"{local[:1]}…@{domain}"
