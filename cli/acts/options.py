"""Turn an act's input fields into command-line options, and options into values.

The input's own checks report wrong values in the same words as the API, so malformed numbers are passed on as text.
"""

import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import click
import msgspec

from billing.ledger.price import price_of
from cli.options import SECRET_CHARACTERS_MAX, take_secret
from kernel.clock import moment_us, rfc3339
from kernel.errors import InvalidInput
from kernel.fields import FieldFacts

REMOVED: Final = "removed"
_UNITS: Final = ("-cents", "-per-s", "-s")
_NUMBER: Final = re.compile(r"-?[0-9]{1,19}")
_DAY: Final = re.compile(r"\d{4}-\d\d-\d\d")
_METAVARS: Final = {
    "integer": "NUMBER",
    "time": "TIME",
    "object": "JSON",
    "document": "FILE",
    "text": "TEXT",
}


def options_of(facts: Sequence[FieldFacts]) -> list[click.Option]:
    options = [_option(one) for one in facts if not _is_object(one)]
    removable = [_limit(one) for one in facts if _is_removable(one)]
    if removable:
        options.append(
            click.Option(
                ["--no", REMOVED],
                multiple=True,
                type=click.Choice(sorted(removable)),
                help="Remove this value. Can be given several times.",
            )
        )
    return options


def values_of(facts: Sequence[FieldFacts], given: Mapping[str, Any]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for one in facts:
        value = given.get(one.name)
        if value is not None and value != ():
            values[one.name] = _value(one, value)
    removed = set(given.get(REMOVED) or ())
    return values | {one.name: _nothing(one) for one in facts if _limit(one) in removed}


def needs_currency(facts: Sequence[FieldFacts], values: Mapping[str, Any]) -> bool:
    return any(fact.name in values and fact.currency not in values for fact in _amounts(facts))


def with_amounts(
    facts: Sequence[FieldFacts], values: Mapping[str, Any], seen: Mapping[str, Any]
) -> dict[str, Any]:
    """Convert decimal amounts to whole numbers of the currency's smallest unit.

    If the values have no currency, use the currency of the object `seen`.
    """
    found, names = dict(values), {fact.name for fact in facts}
    for fact in _amounts(facts):
        currency = found.get(fact.currency) or seen.get(fact.currency)
        if fact.name in found and currency:
            found[fact.name] = price_of(str(found[fact.name]), currency, param=fact.name).amount
            if fact.currency in names:
                # With the currency, the gateway can refuse an amount that was meant in another currency.
                found[fact.currency] = currency
    return found


def _amounts(facts: Sequence[FieldFacts]) -> list[FieldFacts]:
    return [fact for fact in facts if fact.unit == "minor" and fact.kind == "integer"]


def _is_object(fact: FieldFacts) -> bool:
    return fact.kind == "object" and not fact.is_list and fact.struct is not None


def _is_wide(fact: FieldFacts) -> bool:
    return any(inner.kind in {"object", "rows"} or not inner.is_required for inner in fact.inner)


def _is_pairs(fact: FieldFacts) -> bool:
    return fact.unit == "pairs"


def _is_removable(fact: FieldFacts) -> bool:
    is_object, stays = _is_object(fact), fact.is_kept or fact.is_required
    return not is_object and stays and (fact.is_nullable or (fact.is_kept and fact.can_be_empty))


def _nothing(fact: FieldFacts) -> Any:
    if fact.is_nullable:
        return None
    return [] if fact.is_list else {}


def _limit(fact: FieldFacts) -> str:
    """Return the field's name without its unit, as given to the option --no."""
    word = _word(fact)
    return next((word.removesuffix(unit) for unit in _UNITS if word.endswith(unit)), word)


def _word(fact: FieldFacts) -> str:
    return fact.name.replace("_", "-")


def _option(fact: FieldFacts) -> click.Option:
    words = [f"--{_word(fact)}", fact.name]
    if (fact.is_list or _is_pairs(fact)) and fact.name.endswith("s"):
        words.insert(1, f"--{_word(fact).removesuffix('-s').removesuffix('s')}")
    if fact.kind == "yes_no":
        words[0] = f"--{_word(fact)}/--no-{_word(fact)}"
    is_shown = not fact.is_list and fact.default not in (None, False, "", {})
    is_several = fact.is_list or _is_pairs(fact)
    notes = [fact.description or fact.label, "Repeat for several." if is_several else ""]
    if is_shown:
        notes.append(f"[default: {fact.default}]")
    more: dict[str, Any] = {}
    if fact.kind == "rows" and _is_wide(fact):
        notes[1] = "@FILE is a file with a JSON list of them; - reads standard input."
    if fact.kind == "document":
        notes.append("- reads standard input.")
        more |= {"type": click.File("r", encoding="utf-8-sig")}
    elif _is_pairs(fact):
        if fact.is_secret:
            notes.append("@FILE is a file's first line, - a line of standard input.")
    elif fact.kind == "object" and fact.is_secret:
        notes.append("A file of JSON, since it may be secret; - reads standard input.")
        more |= {"type": click.File("r")}
    elif fact.is_secret:
        more |= {"callback": take_secret, "envvar": f"TOPUP_{fact.name.upper()}"}
    return click.Option(
        words,
        help=" ".join(filter(None, notes)),
        required=fact.is_required and not fact.is_nullable,
        multiple=is_several,
        default=None,
        metavar=None if fact.kind == "yes_no" else _metavar(fact),
        **more,
    )


def _metavar(fact: FieldFacts) -> str:
    if fact.unit == "minor":
        return "AMOUNT"
    if fact.kind == "rows" and _is_wide(fact):
        return "@FILE"
    if fact.kind == "rows":
        return ":".join(inner.name.upper() for inner in fact.inner)
    if _is_pairs(fact):
        return "NAME=@FILE" if fact.is_secret else "NAME=VALUE"
    if fact.choices and len(fact.choices) <= 6:
        return "|".join(fact.choices)
    return _METAVARS.get(fact.kind, "TEXT")


def _value(fact: FieldFacts, written: Any) -> Any:
    if fact.kind == "rows":
        if _is_wide(fact):
            return _rows_in(fact, written)
        return [_row(fact, one) for one in written]
    if fact.is_list:
        return [_single(fact, one) for line in written for one in _items(fact, line)]
    if fact.kind == "document":
        return _document(fact, written)
    if _is_pairs(fact):
        return dict(_pair(fact, one) for one in written)
    if fact.kind == "object":
        return _object(fact, written)
    return _single(fact, written)


def _items(fact: FieldFacts, written: str) -> Sequence[str]:
    return written.split(",") if fact.kind == "integer" else [written]


def _object(fact: FieldFacts, written: Any) -> Any:
    try:
        text = written.read() if fact.is_secret else written
        return msgspec.json.decode(text, type=dict[str, Any])
    except (msgspec.DecodeError, UnicodeError):
        raise click.UsageError(
            f'--{_word(fact)} must be a JSON object, such as {{"name": "value"}}.'
        ) from None


def _document(fact: FieldFacts, written: Any) -> str:
    try:
        text: str = written.read()
    except UnicodeError:
        raise click.UsageError(f"--{_word(fact)} must be text in UTF-8.") from None
    return text


def _rows_in(fact: FieldFacts, written: Sequence[str]) -> Any:
    name = written[0].removeprefix("@")
    if len(written) > 1 or (name == written[0] and name != "-"):
        raise InvalidInput("Give one file as @FILE, or - for standard input.", param=fact.name)
    try:
        text = sys.stdin.read() if name == "-" else Path(name).read_text(encoding="utf-8")
        return msgspec.json.decode(text, type=list[dict[str, Any]])
    except OSError as error:
        raise InvalidInput(f"{name}: {error.strerror}", param=fact.name) from None
    except (msgspec.DecodeError, UnicodeError):
        raise InvalidInput("The file must be a JSON list of objects.", param=fact.name) from None


def _pair(fact: FieldFacts, written: str) -> tuple[str, str | None]:
    name, mark, value = written.partition("=")
    if not mark or not name.strip():
        raise InvalidInput("Write the value as NAME=VALUE.", param=fact.name)
    if fact.is_secret:
        value = _secret(fact, value)
    return name.strip().replace("-", "_"), value or None


def _secret(fact: FieldFacts, value: str) -> str:
    """Read a secret from standard input or a file, so that no process list shows it."""
    if value == "-":
        return sys.stdin.readline(SECRET_CHARACTERS_MAX).strip()
    if not value.startswith("@"):
        raise InvalidInput(
            "Write the secret as NAME=@FILE, or as NAME=- for standard input.", param=fact.name
        )
    try:
        with Path(value[1:]).open(encoding="utf-8") as file:
            text = file.readline(SECRET_CHARACTERS_MAX).strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "is not text"
        raise InvalidInput(f"{value[1:]}: {reason}", param=fact.name) from None
    if not text:
        raise InvalidInput(f"The first line of {value[1:]} is empty.", param=fact.name)
    return text


def _single(fact: FieldFacts, written: Any) -> Any:
    if fact.unit == "minor":
        return written
    if fact.kind == "integer" and _NUMBER.fullmatch(str(written)):
        return int(written)
    if fact.kind == "time":
        return _time(fact, str(written))
    return written


def _time(fact: FieldFacts, written: str) -> str:
    """Convert a day or month to its start in UTC. Convert a period's last day to its end. Return other text
    unchanged.
    """
    if fact.unit == "day_end" and _DAY.fullmatch(written):
        return f"{written}T23:59:59Z"
    try:
        return rfc3339(moment_us(written))
    except (ValueError, OverflowError):
        return written


def _row(fact: FieldFacts, written: str) -> dict[str, Any]:
    parts = written.split(":")
    if len(parts) != len(fact.inner):
        raise click.BadParameter(
            f"write it as {_metavar(fact)}, such as {':'.join('1' for _ in fact.inner)}",
            param_hint=f"--{_word(fact)}",
        )
    return {inner.name: _single(inner, part) for inner, part in zip(fact.inner, parts, strict=True)}
