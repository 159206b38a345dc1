"""Prices: an amount in a currency's smallest unit. Integers only; decimals exist in text alone.

USD has 2 places, KWD 3, JPY 0 (ISO 4217). A price is converted once, when an order is made, with the
operator's rate, and rounded up to the smallest unit, so nothing is sold below its price.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cache

from babel.core import get_global

from kernel.errors import InvalidInput
from kernel.limits import INT64_MAX

PLACES = 2
_PLACES = {
    **dict.fromkeys(
        [
            "BIF",
            "CLP",
            "DJF",
            "GNF",
            "ISK",
            "JPY",
            "KMF",
            "KRW",
            "PYG",
            "RWF",
            "UGX",
            "UYI",
            "VND",
            "VUV",
            "XAF",
            "XOF",
            "XPF",
        ],
        0,
    ),
    **dict.fromkeys(["BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"], 3),
}
_Day = tuple[int, int, int] | None
# Code, since when, until when, and whether it is legal tender.
_Tender = tuple[str, _Day, _Day, bool]
_DECIMAL = re.compile(r"(0|[1-9][0-9]{0,17})(?:\.([0-9]{1,12}))?")


@dataclass(frozen=True, slots=True)
class Price:
    """amount: in the smallest unit of the currency, an ISO 4217 code in capitals."""

    amount: int
    currency: str

    def decimal(self) -> str:
        """Exact decimal text with the currency's places, such as 20.00, 1.500 or 300."""
        places = places_of(self.currency)
        if places == 0:
            return str(self.amount)
        whole, part = divmod(self.amount, 10**places)
        return f"{whole}.{part:0{places}d}"

    def words(self) -> str:
        """As people read it: 1,234.50 USD; what is below nothing with its sign, -5.00 USD."""
        whole, point, part = Price(abs(self.amount), self.currency).decimal().partition(".")
        sign = "-" if self.amount < 0 else ""
        return f"{sign}{int(whole):,}{point}{part} {self.currency}"


def places_of(currency: str) -> int:
    """Decimal places of the currency; two for one that is not listed."""
    return _PLACES.get(currency, PLACES)


def check_currency(text: str) -> str:
    """The code in capitals; raises InvalidInput for what is no country's money today.

    For what somebody sets; what is stored already is not asked, since a currency may end later.
    """
    code = text.strip().upper()
    if code not in _in_use():
        raise InvalidInput(
            "a currency is a code of ISO 4217 that is in use today, such as USD", param="currency"
        )
    return code


@cache
def _in_use() -> frozenset[str]:
    """The codes of ISO 4217 that are legal tender somewhere, by Unicode's CLDR (supplemental data,
    currencyData): not those that ended, such as HRK, nor of metals, funds and tests.
    """
    of_territories: Mapping[str, Sequence[_Tender]] = get_global("territory_currencies")
    return frozenset(
        code
        for listed in of_territories.values()
        for code, _, end, is_tender in listed
        if is_tender and end is None
    )


def parse_decimal(text: str, *, places: int, param: str) -> int:
    """Exact units of 10**-places; raises InvalidInput for signs, exponents and more places.

    Zeros beyond the places are no more precision and pass: 20.000 with two places is 2000.
    """
    found = _DECIMAL.fullmatch(text)
    fraction = (found[2] or "").rstrip("0") if found else ""
    if found is None or len(fraction) > places:
        raise InvalidInput(
            f"expected a decimal number with at most {places} places, such as 10.50", param=param
        )
    units = int(found[1] + fraction.ljust(places, "0"))
    if units > INT64_MAX:
        raise InvalidInput("the number is too large", param=param)
    return units


def price_of(text: str, currency: str, *, param: str = "amount") -> Price:
    """The price that decimal text states; raises InvalidInput."""
    return Price(parse_decimal(text, places=places_of(currency), param=param), currency)


def convert(price: Price, currency: str, per_unit: Fraction) -> Price:
    """The price in another currency: per_unit of it for one whole unit of the price's own."""
    exact = Fraction(price.amount, 10 ** places_of(price.currency)) * per_unit
    scaled = exact * 10 ** places_of(currency)
    return Price(-(-scaled.numerator // scaled.denominator), currency)
