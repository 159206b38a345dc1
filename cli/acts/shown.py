"""What an act's result says to people: amounts with their currency; --json has every field as the API has it."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from billing.ledger.money import CURRENCY, cents_to_micros, dollars
from billing.ledger.price import Price
from cli.output import note, show_record, show_rows, wants_json
from kernel.fields import FieldFacts, facts_of

_MICROS: Final = {"_cents": cents_to_micros(1), "_micros": 1}


def print_result(result: type, record: Mapping[str, Any], *, is_secret: bool = False) -> None:
    """Print one thing's fields. is_secret: one of them is a secret that is shown this once."""
    if wants_json():
        show_record(record)
    else:
        words = in_words(result, record)
        lists = {name: value for name, value in words.items() if _is_list_of_objects(value)}
        rest = {name: value for name, value in words.items() if name not in lists}
        show_record(rest, **lists)
    if is_secret:
        note("The secret is shown this once.")


def print_found(result: type, record: Mapping[str, Any], columns: Sequence[str]) -> None:
    """Print what was read: a thing's fields; with columns, the table of the one list that it holds."""
    if wants_json() or not columns:
        print_result(result, record)
        return
    held = next(fact for fact in facts_of(result) if fact.kind == "rows")
    rows = [in_words(held.struct or result, row) for row in record[held.name]]
    show_rows([line for row in rows for line in _lines(row)], *columns)


def print_list(
    result: type,
    records: Sequence[Mapping[str, Any]],
    columns: Sequence[str],
    next_cursor: str | None,
) -> None:
    """Print a page of a list."""
    if not wants_json():
        records = [in_words(result, record) for record in records]
    show_rows(records, *columns, next_cursor=next_cursor)


def _lines(row: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return a line for each object of the list that the row holds, such as a key's limits; else the row itself."""
    held = next((value for value in row.values() if _is_list_of_objects(value)), None)
    return [row] if held is None else [{**one, **row} for one in held]


def _is_list_of_objects(value: object) -> bool:
    return isinstance(value, list) and bool(value) and isinstance(value[0], dict)


def in_words(result: type, record: Mapping[str, Any]) -> dict[str, Any]:
    """Return the record with its amounts in words: 5.00 USD for 500 cents, or for 500 beside its currency."""
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
    if not isinstance(value, int) or isinstance(value, bool):
        return value
    if fact is not None and fact.unit == "minor" and record.get(fact.currency):
        return Price(value, record[fact.currency]).words()
    for ending, micros in _MICROS.items():
        if f"_{name}".endswith(ending):
            return f"{dollars(value * micros)} {CURRENCY}"
    return value


def _pairs(value: Mapping[str, Any]) -> str:
    """Return what an object says, such as the options of a supplier; what says nothing is left out."""
    said = {name: _words(None, name, one, value) for name, one in value.items()}
    return ", ".join(f"{name} {one}" for name, one in said.items() if one not in (None, "", []))
