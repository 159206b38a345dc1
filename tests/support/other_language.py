"""Pages in Arabic, looked through for a word that is not: how each room's table of its pages is checked.

What a person or a program wrote, such as an address, an id or a name, stands in <bdi>, <code>, <pre>, <kbd> or an element
with dir="auto", or is put into a sentence between marks that isolate it: there Latin letters are right, and anywhere else they are English.
"""

import logging
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from html.parser import HTMLParser
from pathlib import Path
from typing import NamedTuple

from tests.support.browser import Browser, new_browser
from tests.support.gateway import Gateway

_CONTENT = frozenset({"bdi", "code", "pre", "kbd", "script", "style", "textarea"})
_WITHOUT_END = frozenset({"br", "img", "input", "link", "meta", "rect", "line", "path", "polygon"})
_SPOKEN = frozenset({"title", "placeholder", "aria-label", "alt"})
_WORDS = re.compile(r"[A-Za-z]{2,}")
# Isolated values, ids, addresses, webhooks' events; and names and acronyms that are the same everywhere.
_SAME = re.compile(
    r"[\u2066-\u2068][^\u2069]*\u2069|\b[a-z]{2,4}_(?:[0-9A-Za-z]{16}\b|…)|https?://\S+|\S+@\S+"
    r"|\b[a-z_]+(?:\.[a-z_]+)+\b"
    # A language's name is in itself.
    r"|English|Español|Topup Gateway|US\$|\b[A-Z]{2,5}\b|OAuth|Newapi|curl|Idempotency-Key"
)


class Visit(NamedTuple):
    """A page's template, as gateway/html/language.py names it, and how it is met. fields: it answers this form.
    Both may hold names in braces, of what the account has.
    """

    template: str
    path: str
    fields: Mapping[str, str] | None = None


def arabic(browser: Browser | Gateway) -> Browser:
    """The browser of somebody who chose Arabic."""
    chosen = browser if isinstance(browser, Browser) else new_browser(browser)
    chosen.cookies["topup_language"] = "ar"
    return chosen


async def not_arabic(
    browser: Browser, visits: Iterable[Visit], ids: Mapping[str, str] | None = None
) -> list[str]:
    """What is wrong with these pages, a line each: that one is English, and why; or words that are. ids: what
    the names in braces stand for.
    """
    wrong: list[str] = []
    for visit in visits:
        where = f"{visit.template} {visit.path} {str(visit.fields)[:90] if visit.fields else ''}".strip()
        path = visit.path.format_map(ids or {})
        with _missing() as missing:
            if visit.fields is None:
                answer = await browser.get(path)
            else:
                fields = {name: text.format_map(ids or {}) for name, text in visit.fields.items()}
                answer = await browser.send(path, fields)
                if answer.is_redirect:
                    answer = await browser.get(answer.headers["location"])
        if '<html lang="ar" dir="rtl"' not in answer.text:
            wrong.append(f"{where}: {answer.status_code}, is English: {' '.join(missing)}")
        else:
            wrong += [f"{where}: {text}" for text in english_in(answer.text)]
    return wrong


def opened_in(test: str) -> frozenset[str]:
    """The templates that the tests of this file open, but for the page of refusals that is in each room."""
    named = re.findall(r'Visit\(\s*"(\w+\.html)"', Path(test).read_text())
    return frozenset(named) - {"error.html"}


def english_in(html: str) -> list[str]:
    """Each text with Latin words of a page that is whole in another script."""
    return [text for text in _texts(html) if _WORDS.search(_SAME.sub("", text))]


def _texts(html: str) -> list[str]:
    reader = _Reader()
    reader.feed(html)
    return [text for text in (re.sub(r"\s+", " ", one).strip() for one in reader.texts) if text]


class _Reader(HTMLParser):
    """What is read on a page, or read out, without what is content."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []
        # Of the elements around: whether what is in it is content.
        self._around: list[tuple[str, bool]] = [("", False)]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        is_content = self._around[-1][1] or tag in _CONTENT or given.get("dir") == "auto"
        if not is_content:
            self.texts += [
                text or ""
                for name, text in attrs
                if name in _SPOKEN or name.startswith("data-say-") or name == "data-ask"
            ]
        if tag not in _WITHOUT_END:
            self._around.append((tag, is_content))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """A drawing's element, which holds nothing."""

    def handle_endtag(self, tag: str) -> None:
        for place in range(len(self._around) - 1, 0, -1):
            if self._around[place][0] == tag:
                del self._around[place:]
                return

    def handle_data(self, data: str) -> None:
        if not self._around[-1][1]:
            self.texts.append(data)


@contextmanager
def _missing() -> Iterator[list[str]]:
    """Which sentences no catalogue had, for which pages became English."""
    told: list[str] = []
    log, handler = logging.getLogger("gateway.html.render"), logging.Handler()
    handler.emit = lambda record: told.append(record.getMessage())  # type: ignore[method-assign]
    before = log.level
    log.addHandler(handler)
    log.setLevel(logging.DEBUG)
    try:
        yield told
    finally:
        log.setLevel(before)
        log.removeHandler(handler)
