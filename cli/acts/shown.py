"""Print an act's result for people, with the currency of each amount. --json prints the API's fields."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import click

from billing.ledger.price import in_words, without_unit
from cli.output import note, show_record, show_rows, visible, wants_json
from kernel.csv_text import csv_head, csv_lines
from kernel.fields import facts_of

FIELDS_MIN: Final = 3
_SUBJECT_IDS: Final = ("transaction_id", "id", "order_id", "endpoint_id", "key_id")


def print_result(result: type, record: Mapping[str, Any], *, is_secret: bool = False) -> None:
    """Print one object's fields. If `is_secret`, one of them is a secret that is shown only once."""
    if wants_json():
        show_record(record)
    else:
        words = _without_units(in_words(result, record))
        lists = {
            name: [_without_units(one) for one in value]
            for name, value in words.items()
            if _is_list_of_objects(value)
        }
        secrets = [fact.name for fact in facts_of(result) if fact.is_list and fact.is_secret]
        rest = {name: value for name, value in words.items() if name not in {*lists, *secrets}}
        show_record(_without_empty(rest), **lists)
        for one in (line for name in secrets for line in record[name]):
            click.echo(visible(one))
    if is_secret:
        note("The secret is shown only this once.")


def print_found(result: type, record: Mapping[str, Any], columns: Sequence[str]) -> None:
    """Print an object's fields. If columns are given, print the object's only list as a table."""
    if wants_json() or not columns:
        print_result(result, record)
        return
    held = next(fact for fact in facts_of(result) if fact.kind == "rows")
    rows = [in_words(held.struct or result, row) for row in record[held.name]]
    lines = [_without_units(line) for row in rows for line in _lines(row)]
    show_rows(lines, *map(without_unit, columns))


def print_list(
    result: type,
    records: Sequence[Mapping[str, Any]],
    columns: Sequence[str],
    next_cursor: str | None,
) -> None:
    """Print a page of a list. Column names have no unit, because each amount has its currency."""
    if not wants_json():
        records = [
            _without_units({**in_words(result, record), **_subjects(record)}) for record in records
        ]
        columns = [one if records and one in records[0] else without_unit(one) for one in columns]
    show_rows(records, *columns, next_cursor=next_cursor)


def _without_units(words: Mapping[str, Any]) -> dict[str, Any]:
    """Remove the units from names. Fields whose names then match are merged if their values are equal."""
    found: dict[str, Any] = {}
    for name, value in words.items():
        plain = without_unit(name)
        is_free = plain == name or (plain not in words and found.get(plain, value) == value)
        found[plain if is_free else name] = value
    return found


def _without_empty(words: Mapping[str, Any]) -> Mapping[str, Any]:
    """Remove empty fields. Keep them if little else would be left, for example for an account without limits."""
    filled = {name: value for name, value in words.items() if value not in (None, "", [], ())}
    return filled if len(filled) > FIELDS_MIN else words


def print_csv(result: type, records: Sequence[Mapping[str, Any]]) -> None:
    names = [fact.name for fact in facts_of(result)]
    click.echo(csv_head(names) + csv_lines(names, records), nl=False)


def subject_id(data: Mapping[str, Any]) -> str | None:
    return next((str(data[name]) for name in _SUBJECT_IDS if data.get(name)), None)


def _subjects(record: Mapping[str, Any]) -> dict[str, str]:
    objects = ((name, value) for name, value in record.items() if isinstance(value, Mapping))
    return {name: id_ for name, value in objects if (id_ := subject_id(value))}


def _lines(row: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    held = next((value for value in row.values() if _is_list_of_objects(value)), None)
    return [row] if held is None else [{**one, **row} for one in held]


def _is_list_of_objects(value: object) -> bool:
    return isinstance(value, list) and bool(value) and isinstance(value[0], dict)
