"""What `topup report` prints for people: amounts with their currency; CSV and JSON have them exactly."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from billing.ledger.money import CURRENCY, cents_to_micros, dollars
from billing.ledger.price import Price

_UNITS: Final[Mapping[str, int]] = {"_micros": 1, "_cents": cents_to_micros(1)}
# Amounts of a line that names their currency, in its smallest unit.
_IN_CURRENCY: Final = ("paid", "refunded", "refunded_in_month", "net", "fee")


def read_by_people(
    rows: Sequence[Mapping[str, Any]], columns: Sequence[str]
) -> tuple[list[dict[str, Any]], list[str]]:
    """The lines with their amounts in words, and the names of their columns without units."""
    shown = [name for name in columns if name not in {"currency", "fees_known"}]
    lines = [{_without_unit(name): _words(row, name) for name in shown} for row in rows]
    return lines, [_without_unit(name) for name in shown]


def _without_unit(name: str) -> str:
    unit = _unit(name)
    return name.removesuffix(unit) if unit else name


def _unit(name: str) -> str:
    return next((unit for unit in _UNITS if name.endswith(unit)), "")


def _words(row: Mapping[str, Any], name: str) -> Any:
    value, unit = row[name], _unit(name)
    if unit:
        return f"{dollars(value * _UNITS[unit])} {CURRENCY}"
    if name not in _IN_CURRENCY:
        return f"{value:,}" if isinstance(value, int) else value
    words = Price(value, row["currency"]).words()
    if name != "fee" or row["fees_known"] == row["payments"]:
        return words
    # What a provider kept is known of some payments only.
    known: int = row["fees_known"]
    return f"{words} (of {known:,})" if known else "not known"
