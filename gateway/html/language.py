"""The languages of the gateway's own pages: English, and one .po file each in gateway/languages/.

Promises: a page is whole in one language. Only the pages named in `TRANSLATED` are offered in another one, and one
of them is English where a sentence that the code puts on it, such as a refusal, is in no catalogue. The files are
read as they are, when the first page needs them: nothing is compiled, so nothing can be forgotten.

A language is of the request that is answered: `current` holds it while a page is made. It is what the person chose,
kept in a cookie of the browser, else what the browser asks for. docs/languages.md says how one is added.
"""

from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from gettext import NullTranslations
from importlib.resources import files
from io import BytesIO
from typing import Final

from babel.core import Locale
from babel.dates import format_datetime
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.support import Translations
from starlette.types import Scope

from billing.recipients.language import ENGLISH, Language, asked_for

LANGUAGE_COOKIE: Final = "topup_language"
# A cache of the page tells readers of one language from those of another by these.
VARY: Final = "Accept-Language, Cookie"
# The pages whose every sentence is in every catalogue; tests/gateway/dashboard/test_languages.py holds it.
TRANSLATED: Final = frozenset(
    {
        "forgot_password.html",
        "new_password.html",
        "sign_in.html",
        "sign_up.html",
    }
)


@dataclass(frozen=True, slots=True)
class PageLanguage:
    """One language. texts: the English sentences that its catalogue has; English has none and needs none."""

    writing: Language
    catalogue: NullTranslations
    texts: frozenset[str] = frozenset()

    @property
    def tag(self) -> str:
        """As in the attribute lang."""
        return self.writing.tag

    @property
    def name(self) -> str:
        """In the language itself."""
        return self.writing.name

    @property
    def direction(self) -> str:
        """Either ltr or rtl."""
        return self.writing.direction

    @property
    def is_english(self) -> bool:
        return self.tag == ENGLISH

    def knows(self, *sentences: str) -> bool:
        """Whether each of them can be said; an empty one can."""
        return self.is_english or all(one in self.texts for one in sentences if one)

    def say(self, text: str) -> str:
        return self.catalogue.gettext(text) if text else ""

    def moment(self, at: datetime) -> str:
        """The day and the time of day in its own zone, as people write them."""
        return str(
            format_datetime(at, format="medium", tzinfo=at.tzinfo, locale=self.writing.locale)
        )


_ENGLISH: Final = PageLanguage(Language(ENGLISH, Locale.parse(ENGLISH), {}), NullTranslations())
current: ContextVar[PageLanguage] = ContextVar("page_language", default=_ENGLISH)


def english() -> PageLanguage:
    return _ENGLISH


def say(text: str) -> str:
    """The sentence in the language of the page that is made."""
    return current.get().say(text)


def say_number(one: str, several: str, number: int) -> str:
    """The form of the sentence that goes with the number."""
    return current.get().catalogue.ngettext(one, several, number)


@cache
def page_languages() -> Mapping[str, PageLanguage]:
    """All of them by tag, English first."""
    found = {ENGLISH: _ENGLISH}
    folder = files("gateway") / "languages"
    for entry in sorted(folder.iterdir(), key=lambda one: one.name):
        tag, dot, kind = entry.name.partition(".")
        if dot and kind == "po":
            found[tag] = _read(entry.read_bytes(), tag)
    return found


def language_of_request(scope: Scope) -> PageLanguage:
    """What the person chose, else what the browser likes best of those that there are, else English."""
    sent = {name: value.decode("latin-1") for name, value in scope["headers"]}
    for part in sent.get(b"cookie", "").split(";"):
        key, _, tag = part.strip().partition("=")
        if key == LANGUAGE_COOKIE and tag in page_languages():
            return page_languages()[tag]
    wanted = asked_for(sent.get(b"accept-language", ""))
    return _ENGLISH if wanted is None else page_languages().get(wanted.tag, _ENGLISH)


def _read(content: bytes, tag: str) -> PageLanguage:
    locale = Locale.parse(tag, sep="-")
    catalogue, machine = read_po(BytesIO(content), locale=locale), BytesIO()
    write_mo(machine, catalogue)
    machine.seek(0)
    known = (
        one.id if isinstance(one.id, str) else one.id[0]
        for one in catalogue
        if one.id and one.string
    )
    return PageLanguage(Language(tag, locale, {}), Translations(fp=machine), frozenset(known))
