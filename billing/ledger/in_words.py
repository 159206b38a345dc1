"""A view's fields as people read them, with each amount in its currency."""

from collections.abc import Mapping
from typing import Any, Final

from billing.ledger.money import CURRENCY, cents_to_micros, dollars
from billing.ledger.price import Price
from kernel.fields import FieldFacts, facts_of

_MICROS: Final = {"_cents": cents_to_micros(1), "_micros": 1}


def in_words(result: type, record: Mapping[str, Any]) -> dict[str, Any]:
    """Return the record with its amounts in words, such as 5.00 USD for 500 cents."""
    facts = {fact.name: fact for fact in facts_of(result)}
    return {name: _words(facts.get(name), name, value, record) for name, value in record.items()}


def _words(fact: FieldFacts | None, name: str, value: Any, record: Mapping[str, Any]) -> Any:
    if fact is not None and fact.struct is not None and value:
        struct = fact.struct
        if fact.is_list:
            return [in_words(struct, one) for one in value]
        words = in_words(struct, value).items()
        return ", ".join(f"{part} {text}" for part, text in words if text is not None) or None
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
    return ", ".join(f"{name} {one}" for name, one in said.items() if one not in (None, "", []))
