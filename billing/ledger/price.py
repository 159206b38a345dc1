"""Represent prices as integers in a currency's smallest unit (ISO 4217), and convert them.

A conversion rounds up, so that nothing is sold below its price.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from typing import Any, Final

from babel.core import get_global

from billing.ledger.money import CURRENCY, cents_to_micros, dollars
from kernel.errors import InvalidInput
from kernel.fields import FieldFacts, facts_of
from kernel.limits import INT64_MAX

# Currencies by their decimal places, from list one of ISO 4217. Former currencies are included.
_CODES: Mapping[int, str] = {
    0: "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF",
    2: """
        AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BOV BRL BSD BTN BWP BYN BZD CAD CDF
        CHE CHF CHW CNY COP COU CRC CUC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ
        GYD HKD HNL HRK HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD
        MMK MNT MOP MRU MUR MVR MWK MXN MXV MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD
        RUB SAR SBD SCR SDG SEK SGD SHP SLE SLL SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH
        USD USN UYU UZS VED VES WST XAD XCD XCG YER ZAR ZMW ZWG ZWL
    """,
    3: "BHD IQD JOD KWD LYD OMR TND",
    4: "CLF UYW",
}
_PLACES = {code: places for places, codes in _CODES.items() for code in codes.split()}
_Day = tuple[int, int, int] | None
_Tender = tuple[str, _Day, _Day, bool]
_DECIMAL = re.compile(r"(0|[1-9][0-9]{0,17})(?:\.([0-9]{1,12}))?")


@dataclass(frozen=True, slots=True)
class Price:
    amount: int
    currency: str

    @property
    def is_listed(self) -> bool:
        return self.currency in _PLACES

    @property
    def places(self) -> int:
        return _PLACES.get(self.currency, 0)

    def decimal(self) -> str:
        places = self.places
        if places == 0:
            return str(self.amount)
        whole, part = divmod(self.amount, 10**places)
        return f"{whole}.{part:0{places}d}"

    def words(self) -> str:
        if not self.is_listed and self.currency:
            return f"{self.amount:,} smallest units of {self.currency}"
        whole, point, part = Price(abs(self.amount), self.currency).decimal().partition(".")
        sign = "-" if self.amount < 0 else ""
        return f"{sign}{int(whole):,}{point}{part} {self.currency}"


def places_of(currency: str) -> int:
    if currency not in _PLACES:
        raise InvalidInput(
            f"The decimal places of {currency[:10]!r} aren't known. Use an ISO 4217 "
            "currency such as USD.",
            param="currency",
        )
    return _PLACES[currency]


def check_currency(text: str) -> str:
    """Return the currency's code. Raise InvalidInput if the currency isn't in use today.

    Only new values are checked, because a stored currency may have been abolished in the meantime.
    """
    code = text.strip().upper()
    if code not in _in_use() or code not in _PLACES:
        raise InvalidInput(
            "Use an ISO 4217 currency that is in use today, such as USD.", param="currency"
        )
    return code


@cache
def _in_use() -> frozenset[str]:
    """Return the codes of currencies that Unicode's CLDR lists as legal tender today."""
    of_territories: Mapping[str, Sequence[_Tender]] = get_global("territory_currencies")
    return frozenset(
        code
        for listed in of_territories.values()
        for code, _, end, is_tender in listed
        if is_tender and end is None
    )


def parse_decimal(text: str, *, places: int, param: str) -> int:
    """Parse a decimal number. Raise InvalidInput for a sign, an exponent or too many decimal places."""
    found = _DECIMAL.fullmatch(text)
    fraction = (found[2] or "").rstrip("0") if found else ""
    if found is None or len(fraction) > places:
        raise InvalidInput(
            f"Give a decimal number with at most {places} places, such as 10.50.", param=param
        )
    units = int(found[1] + fraction.ljust(places, "0"))
    if units > INT64_MAX:
        raise InvalidInput("The number is too large.", param=param)
    return units


def price_of(text: str, currency: str, *, param: str = "amount") -> Price:
    return Price(parse_decimal(text, places=places_of(currency), param=param), currency)


def convert(price: Price, currency: str, per_unit: Fraction) -> Price:
    exact = Fraction(price.amount, 10 ** places_of(price.currency)) * per_unit
    scaled = exact * 10 ** places_of(currency)
    return Price(-(-scaled.numerator // scaled.denominator), currency)


_MICROS: Final = {"_cents": cents_to_micros(1), "_micros": 1}


def in_words(result: type, record: Mapping[str, Any]) -> dict[str, Any]:
    facts = {fact.name: fact for fact in facts_of(result)}
    return {name: _words(facts.get(name), name, value, record) for name, value in record.items()}


def _words(fact: FieldFacts | None, name: str, value: Any, record: Mapping[str, Any]) -> Any:
    if fact is not None and fact.struct is not None and value:
        struct = fact.struct
        if fact.is_list:
            return [in_words(struct, one) for one in value]
        words = in_words(struct, value).items()
        said = (f"{without_unit(part)} {text}" for part, text in words if text is not None)
        return ", ".join(said) or None
    if isinstance(value, Mapping):
        return _pairs(value) or None
    if isinstance(value, list) and all(type(one) is int for one in value):
        return [_words(fact, name, one, record) for one in value]
    if not isinstance(value, int) or isinstance(value, bool):
        return value
    if fact is not None and fact.unit == "minor" and record.get(fact.currency):
        return Price(value, record[fact.currency]).words()
    for ending, micros in _MICROS.items():
        if f"_{name}".endswith(ending):
            return f"{dollars(value * micros)} {CURRENCY}"
    return value


def _pairs(value: Mapping[str, Any]) -> str:
    said = {name: _words(None, name, one, value) for name, one in value.items()}
    filled = ((name, one) for name, one in said.items() if one not in (None, "", []))
    return ", ".join(f"{without_unit(name)} {one}" for name, one in filled)


def without_unit(name: str) -> str:
    """Return a field's name without its unit. The displayed value already includes the currency."""
    for ending in _MICROS:
        name = name.removesuffix(ending)
    return name
