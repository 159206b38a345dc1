"""Translate mail. Each language has a .po file in billing/recipients/languages/."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import cache
from importlib.resources import files
from io import BytesIO
from typing import Final, Literal

from babel.core import Locale
from babel.dates import format_date, format_datetime, format_timedelta
from babel.lists import format_list
from babel.messages.pofile import read_po
from babel.numbers import format_currency, format_decimal

from billing.ledger.money import CURRENCY
from billing.ledger.price import Price
from kernel.clock import SECOND_US

ENGLISH: Final = "en"
_CENTS: Final = 2
_MICROS: Final = 6
_Unit = Literal["day", "hour", "minute", "second"]
_UNITS: Final[tuple[tuple[int, _Unit], ...]] = (
    (86_400, "day"),
    (3600, "hour"),
    (60, "minute"),
    (1, "second"),
)
# Babel switches to a larger unit above this threshold. No number here reaches it.
_NEVER_A_LARGER_UNIT: Final = 1e9
_WANTED_MAX = 20
_TAG = re.compile(r"[A-Za-z]{2,3}(?:[-_][A-Za-z0-9]{2,8}){0,3}").fullmatch
_QUALITY = re.compile(r"q=([01](?:\.[0-9]{0,3})?)").fullmatch
# These characters keep a stranger's text from reordering the rest of a right-to-left sentence.
_ISOLATE, _END = "\u2068", "\u2069"
_LEFT_TO_RIGHT, _RIGHT_TO_LEFT_MARK = "\u2066", "\u200f"


@dataclass(frozen=True, slots=True)
class Language:
    tag: str
    locale: Locale
    texts: Mapping[str, str]

    @property
    def name(self) -> str:
        return self.locale.language_name or self.tag

    @property
    def direction(self) -> str:
        return str(self.locale.text_direction)

    def say(self, text: str, **values: str) -> str:
        sentence = self.texts.get(text) or text
        if self.direction == "rtl":
            values = {name: f"{_ISOLATE}{value}{_END}" for name, value in values.items()}
        return sentence.format(**values) if values else sentence

    def money(self, cents: int) -> str:
        return self._written(Decimal(cents).scaleb(-_CENTS), CURRENCY)

    def micros(self, micros: int) -> str:
        return self._written(Decimal(micros).scaleb(-_MICROS), CURRENCY)

    def price(self, price: Price) -> str:
        if not price.is_listed:
            return price.words()
        return self._written(Decimal(price.decimal()), price.currency)

    def count(self, number: int) -> str:
        return str(format_decimal(number, locale=self.locale))

    def _written(self, amount: Decimal, currency: str) -> str:
        written = format_currency(amount, currency, locale=self.locale, decimal_quantization=False)
        if self.direction == "rtl":
            # Isolate the amount as left-to-right text; otherwise the sign of US$ appears at the wrong end.
            return f"{_LEFT_TO_RIGHT}{written.strip(_RIGHT_TO_LEFT_MARK)}{_END}"
        return written

    def day(self, at_us: int) -> str:
        moment = datetime.fromtimestamp(at_us // SECOND_US, UTC)
        return format_date(moment.date(), format="long", locale=self.locale)

    def moment(self, at_us: int) -> str:
        moment = datetime.fromtimestamp(at_us // SECOND_US, UTC)
        written = format_datetime(moment, format="medium", locale=self.locale)
        return f"{written} UTC"

    def duration(self, seconds: int) -> str:
        parts = []
        for size, unit in _UNITS:
            number, seconds = divmod(seconds, size)
            if number:
                parts.append(self._unit(timedelta(seconds=number * size), unit))
        return format_list(parts, locale=self.locale) or self._unit(timedelta(0), "second")

    def _unit(self, length: timedelta, unit: _Unit) -> str:
        return format_timedelta(
            length,
            granularity=unit,
            threshold=_NEVER_A_LARGER_UNIT,
            locale=self.locale,
        )


@cache
def languages() -> Mapping[str, Language]:
    found = {ENGLISH: Language(ENGLISH, Locale.parse(ENGLISH), {})}
    folder = files("billing.recipients") / "languages"
    for entry in sorted(folder.iterdir(), key=lambda one: one.name):
        tag, dot, kind = entry.name.partition(".")
        if dot and kind == "po":
            found[tag] = Language(tag, Locale.parse(tag, sep="-"), _texts(entry.read_bytes(), tag))
    return found


def nearest(tag: str | None) -> Language | None:
    """Return the language for a tag such as es-MX or zh_Hans. If that language has no catalogue, return the closest
    more general one.
    """
    if tag is None or _TAG(tag) is None:
        return None
    known = {one.lower(): language for one, language in languages().items()}
    parts = tag.lower().replace("_", "-").split("-")
    for length in range(len(parts), 0, -1):
        language = known.get("-".join(parts[:length]))
        if language is not None:
            return language
    return None


def english() -> Language:
    return languages()[ENGLISH]


def best_match(accept_language: str) -> Language | None:
    wanted: list[tuple[float, int, str]] = []
    for place, part in enumerate(accept_language.split(",")[:_WANTED_MAX]):
        tag, _, weight = part.strip().partition(";")
        quality = _QUALITY(weight.strip())
        likes = float(quality[1]) if quality else (0.0 if weight else 1.0)
        if likes > 0:
            wanted.append((-likes, place, tag.strip()))
    for _, _, tag in sorted(wanted):
        language = nearest(tag)
        if language is not None:
            return language
    return None


def _texts(content: bytes, tag: str) -> Mapping[str, str]:
    catalogue = read_po(BytesIO(content), locale=tag.replace("-", "_"))
    return {
        str(message.id): str(message.string)
        for message in catalogue
        if message.id and message.string
    }
