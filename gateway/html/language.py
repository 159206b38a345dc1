"""Find a reader's language and time zone, and translate pages.

Languages are English and the catalogues in gateway/languages/ (docs/languages.md). The time zone is the
reader's choice, else the browser's, else UTC.

A page is entirely in one language. If a catalogue lacks a text, `say` raises NotSaid, and
gateway/html/render.py renders the page in English.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from functools import cache
from gettext import NullTranslations
from importlib.resources import files
from io import BytesIO
from typing import Final, NamedTuple

from babel.core import Locale
from babel.dates import format_date, format_datetime, format_skeleton
from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.support import Translations
from markupsafe import Markup
from starlette.types import Scope

from billing.credits.checkin import start_of, zone_of
from billing.recipients.language import ENGLISH, Language, best_match
from gateway.html.phrase import PLACE, Phrase, Value, counted, has_words, phrase
from kernel.clock import rfc3339
from kernel.errors import InvalidInput
from kernel.fields import Fields
from keys.api_keys.inputs import KeyChanges, NewKey

LANGUAGE_COOKIE: Final = "topup_language"
VARY: Final = "Accept-Language, Cookie"
_PROSE: Final = re.compile(r"[a-z]{2} [a-z]{2}")
_RECOGNISED_CHARACTERS_MAX: Final = 400
# This flag marks a sentence that arrives as plain text, with its values filled in.
_RECOGNISED: Final = "recognised"
# Characters placed around a value to keep its own text direction.
_ISOLATE, _END = "\u2068", "\u2069"
# Characters that begin isolated text. `_ISOLATES` also contains the character that ends it.
_BEGINS: Final = frozenset("\u2066\u2067\u2068")
_ISOLATES: Final = dict.fromkeys(map(ord, (*_BEGINS, _END)))


class NotSaid(Exception):
    pass


class _Pattern(NamedTuple):
    found: re.Pattern[str]
    one: str
    several: str

    def made_with(self, values: Mapping[str, Value]) -> Phrase:
        if not self.several:
            return phrase(self.one, **values)
        number = values["num"]
        assert isinstance(number, int), "its pattern has digits there"
        return counted(self.one, self.several, number, **values)


@dataclass(frozen=True, slots=True)
class PageLanguage:
    """`patterns` recognise sentences that arrive with their values filled in."""

    writing: Language
    catalogue: NullTranslations
    texts: frozenset[str] = frozenset()
    patterns: Sequence[_Pattern] = ()

    @property
    def tag(self) -> str:
        return self.writing.tag

    @property
    def name(self) -> str:
        return self.writing.name

    @property
    def direction(self) -> str:
        return self.writing.direction

    @property
    def is_english(self) -> bool:
        return not self.texts

    def say(self, text: str) -> str:
        """Translate the English text. Markup has already been translated."""
        if self.is_english or not text or isinstance(text, Markup):
            return text
        if isinstance(text, Phrase) and text.values:
            return self._with_values(self._form(text), text.values)
        known = self._known(text)
        return self.catalogue.gettext(known) if known else self._recognised(text)

    def say_number(self, one: str, several: str, number: int) -> str:
        if not self.is_english and one not in self.texts:
            raise NotSaid(one)
        return self.catalogue.ngettext(one, several, number)

    def count(self, number: int) -> str:
        return f"{number:,}" if self.is_english else self.writing.count(number)

    def day(self, day: date) -> str:
        if self.is_english:
            return day.isoformat()
        return format_date(day, format="long", locale=self.writing.locale)

    def month(self, first: date) -> str:
        if self.is_english:
            return first.isoformat()[:7]
        return format_skeleton("yMMMM", first, locale=self.writing.locale)

    def moment(self, at: datetime) -> str:
        return str(
            format_datetime(at, format="medium", tzinfo=at.tzinfo, locale=self.writing.locale)
        )

    def _form(self, said: Phrase) -> str:
        if said.several:
            return self.say_number(said.sentence, said.several, said.number)
        known = self._known(said.sentence)
        if known:
            return self.catalogue.gettext(known)
        if has_words(said.sentence):
            raise NotSaid(said.sentence)
        return said.sentence

    def _known(self, text: str) -> str:
        capital = text[:1].upper() + text[1:]
        return next((one for one in (text, capital) if one in self.texts), "")

    def _recognised(self, text: str) -> str:
        for pattern in self.patterns if len(text) <= _RECOGNISED_CHARACTERS_MAX else ():
            found = pattern.found.fullmatch(text)
            values = {} if found is None else self._values(found)
            if values:
                return self.say(pattern.made_with(values))
        if has_words(text):
            raise NotSaid(text)
        return text

    def _values(self, found: re.Match[str]) -> Mapping[str, Value]:
        """Return the values, or nothing if one of them is an English phrase without a translation."""
        values: dict[str, Value] = {}
        for name, text in found.groupdict().items():
            if self._known(text):
                values[name] = phrase(text)
            elif _PROSE.search(text):
                return {}
            else:
                values[name] = int(text.replace(",", "")) if name == "num" else text
        return values

    def _with_values(self, sentence: str, values: Mapping[str, Value]) -> str:
        return (
            sentence % {name: self._put(one) for name, one in values.items()}
            if values
            else sentence
        )

    def _put(self, value: Value) -> str:
        if isinstance(value, int):
            return self.count(value)
        if isinstance(value, Phrase):
            return self.say(value)
        return self.apart(value if isinstance(value, str) else value())

    def apart(self, content: str) -> str:
        if not content or self.direction != "rtl":
            return content
        kept = content if _is_balanced(content) else content.translate(_ISOLATES)
        return f"{_ISOLATE}{kept}{_END}"


def _is_balanced(content: str) -> bool:
    depth = 0
    for character in content:
        depth += (character in _BEGINS) - (character == _END)
        if depth < 0:
            return False
    return depth == 0


_ENGLISH: Final = PageLanguage(Language(ENGLISH, Locale.parse(ENGLISH), {}), NullTranslations())
current: ContextVar[PageLanguage] = ContextVar("page_language", default=_ENGLISH)


def english() -> PageLanguage:
    return _ENGLISH


def say(text: str) -> str:
    return current.get().say(text)


def say_phrase(text: str) -> str:
    """Translate a phrase. Isolate any other text, so that it keeps its own direction."""
    return say(text) if isinstance(text, Phrase | Markup) else current.get().apart(text)


def say_known(text: str) -> str:
    try:
        return say(text)
    except NotSaid:
        return current.get().apart(text)


def say_number(one: str, several: str, number: int) -> str:
    return current.get().say_number(one, several, number)


def say_each(options: Iterable[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    return ((value, say(label)) for value, label in options)


@cache
def page_languages() -> Mapping[str, PageLanguage]:
    found = {ENGLISH: _ENGLISH}
    folder = files("gateway") / "languages"
    for entry in sorted(folder.iterdir(), key=lambda one: one.name):
        rooms = [one.read_bytes() for one in entry.iterdir() if one.name.endswith(".po")]
        found[entry.name] = _read(rooms, entry.name)
    return found


def language_of_request(scope: Scope) -> PageLanguage:
    chosen = chosen_tag(scope)
    if chosen:
        return page_languages()[chosen]
    wanted = best_match(_header(scope, b"accept-language"))
    return _ENGLISH if wanted is None else page_languages().get(wanted.tag, _ENGLISH)


def chosen_tag(scope: Scope) -> str:
    for part in _header(scope, b"cookie").split(";"):
        key, _, tag = part.strip().partition("=")
        if key == LANGUAGE_COOKIE and tag in page_languages():
            return tag
    return ""


def _header(scope: Scope, name: bytes) -> str:
    sent = [value for sent_name, value in scope["headers"] if sent_name == name]
    return sent[-1].decode("latin-1") if sent else ""


def _read(rooms: Sequence[bytes], tag: str) -> PageLanguage:
    locale = Locale.parse(tag, sep="-")
    whole, *others = (read_po(BytesIO(one), locale=locale) for one in rooms)
    for message in (one for other in others for one in other if one.id):
        whole[message.id] = message
    machine = BytesIO()
    write_mo(machine, whole)
    machine.seek(0)
    known = frozenset(_forms(one.id)[0] for one in whole if one.id and one.string)
    patterns = _patterns(whole)
    return PageLanguage(Language(tag, locale, {}), Translations(fp=machine), known, patterns)


def _patterns(catalogue: Catalog) -> Sequence[_Pattern]:
    found = [
        _Pattern(_pattern(forms[-1]), forms[0], forms[1] if len(forms) > 1 else "")
        for forms in (_forms(one.id) for one in catalogue if _RECOGNISED in one.flags)
    ]
    return sorted(found, key=lambda one: len(PLACE.sub("", one.one)), reverse=True)


def _pattern(sentence: str) -> re.Pattern[str]:
    parts = PLACE.split(sentence)
    made = [re.escape(parts[0].replace("%%", "%"))]
    for name, text in zip(parts[1::2], parts[2::2], strict=True):
        digits = "[0-9][0-9,]*" if name == "num" else ".+?"
        made.append(f"(?P<{name}>{digits}){re.escape(text.replace('%%', '%'))}")
    return re.compile("".join(made), re.DOTALL)


def _forms(text: str | Iterable[str]) -> Sequence[str]:
    return [text] if isinstance(text, str) else [*text]


ZONE_COOKIE: Final = "topup_zone"
# A zone that the script stored begins with this mark. In the cookie, a colon replaces the slash.
_AUTOMATIC: Final = "~"
_SLASH: Final = ":"


@dataclass(frozen=True, slots=True)
class ReadersZone:
    """`is_chosen` is true if the user chose the zone, and false if the browser reported it."""

    name: str = "UTC"
    is_chosen: bool = False
    info: tzinfo = UTC

    def shown(self, at_us: int) -> str:
        reading = current.get()
        if not reading.is_english:
            return reading.moment(self._at(at_us))
        return f"{self._at(at_us):%Y-%m-%d %H:%M:%S %Z}"

    def with_utc(self, at_us: int) -> str:
        shown = self.shown(at_us)
        if self.info is UTC:
            return shown
        return f"{shown} · {datetime.fromtimestamp(at_us // 1_000_000, UTC):%H:%M:%S} UTC"

    def start_of_day(self, day: str) -> str:
        return rfc3339(start_of(date.fromisoformat(day), self.info))

    def day_before(self, now_us: int, days: int) -> str:
        return (self._at(now_us).date() - timedelta(days=days)).isoformat()

    def _at(self, at_us: int) -> datetime:
        return datetime.fromtimestamp(at_us // 1_000_000, self.info)


NO_ZONE: Final = ReadersZone()
readers_zone: ContextVar[ReadersZone] = ContextVar("readers_zone", default=NO_ZONE)


def zone_of_request(scope: Scope) -> ReadersZone:
    for name, value in scope["headers"]:
        if name == b"cookie":
            for part in value.decode("latin-1").split(";"):
                key, _, text = part.strip().partition("=")
                if key == ZONE_COOKIE and text:
                    return _read_zone(text)
    return NO_ZONE


def cookie_of(name: str) -> str:
    zone_of(name)
    return name.replace("/", _SLASH)


def _read_zone(text: str) -> ReadersZone:
    name = text.removeprefix(_AUTOMATIC).replace(_SLASH, "/")
    try:
        return ReadersZone(name, not text.startswith(_AUTOMATIC), zone_of(name))
    except InvalidInput:
        return NO_ZONE


ROOMS: Final[Mapping[str, frozenset[str]]] = {
    "account": frozenset(
        {
            "account.html",
            "confirm.html",
            "grant.html",
            "grants.html",
            "invitation.html",
            "invitation_accept.html",
            "passkey_new.html",
            "recovery_codes.html",
            "security_log.html",
            "sign_in_code.html",
            "departure.html",
            "team.html",
            "two_factor.html",
        }
    ),
    "checkout": frozenset(
        {
            "order_pay.html",
            "plan_portal.html",
            "sandbox_card.html",
            "sandbox_checkout.html",
            "sandbox_portal.html",
        }
    ),
    "consent": frozenset(
        {
            "cli_login.html",
            "cli_login_code.html",
            "cli_login_done.html",
            "consent.html",
            "consent_code.html",
            "mcp_consent.html",
            "mcp_fault.html",
        }
    ),
    "developers": frozenset(
        {
            "app_secret.html",
            "apps.html",
            "deliveries.html",
            "delivery.html",
            "key.html",
            "key_first.html",
            "key_made.html",
            "key_new.html",
            "keys.html",
            "keys_all.html",
            "list.html",
            "portal_delivery.html",
            "portal_links.html",
            "portal_message.html",
            "portal_webhook.html",
            "portal_webhooks.html",
            "replay.html",
            "request.html",
            "requests.html",
            "webhook.html",
            "webhook_certify.html",
            "webhook_made.html",
            "webhook_new.html",
            "webhooks.html",
        }
    ),
    "money": frozenset(
        {
            "buy.html",
            "codes.html",
            "documents.html",
            "holds.html",
            "list.html",
            "order.html",
            "plan.html",
            "plan_change.html",
            "recharge.html",
            "recharge_card.html",
            "statement.html",
            "usage.html",
        }
    ),
    "topups": frozenset(
        {
            "approval.html",
            "approvals.html",
            "batch.html",
            "bulk.html",
            "elsewhere.html",
            "match_all.html",
            "error.html",
            "list.html",
            "outbox.html",
            "outbox_mail.html",
            "overview.html",
            "search.html",
            "send.html",
            "topup.html",
            "vouchers.html",
        }
    ),
    "sign_in": frozenset(
        {
            "forgot_password.html",
            "new_password.html",
            "sign_in.html",
            "sign_in_link.html",
            "sign_up.html",
            "verify_address.html",
            "verify_address_press.html",
        }
    ),
}
TRANSLATED: Final = frozenset().union(*ROOMS.values())
# Each catalogue also translates the labels and hints of these inputs.
FORMS: Final[tuple[type[Fields], ...]] = (NewKey, KeyChanges)
