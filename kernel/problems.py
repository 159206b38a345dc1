"""Make the entries of errors[]: what is wrong with a field, and what would be right.

Names are already safe to show (gateway/http/fields.py: shown). Only a short word of a value is shown.
"""

import re
from collections.abc import Callable, Collection, Iterable, Mapping
from difflib import get_close_matches
from itertools import islice
from typing import Any, Final, Literal, get_args, get_origin

import msgspec

from kernel.limits import INT64_MAX
from kernel.meant import cents_meant, value_meant

FieldEntry = dict[str, Any]

_WORDS: Final[Mapping[str, str]] = {
    "int": "an integer",
    "float": "a number",
    "str": "a string",
    "bool": "true or false",
    "null": "null",
    "array": "a list",
    "object": "an object",
}
_WORD: Final = re.compile(r"`([a-z]+(?: \| [a-z]+)*)`")
_WHERE: Final = re.compile(r" - at `(?:key` in `)?\$?\.?([^`]*)`\Z")
_UNKNOWN: Final = re.compile(r"Object contains unknown field `(.*)`\Z", re.DOTALL)
# Callers choose how many names they send, and each comparison takes time.
_COMPARED_MAX: Final = 3
PAIRS_MAX: Final = 100
_SOME_VALUE: Final = "[...]"
_IN_CENTS: Final = " is a whole number of US cents, and 1000 means $10.00"
_COMPARED_CHARACTERS_MAX: Final = 64
_HUMP: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_CENTS: Final = "_cents"
_DOLLARS: Final = ("usd", "dollars")
# Other APIs' names for our fields, and the vendors behind platforms.
_ELSEWHERE: Final[Mapping[str, str]] = {
    "to": "recipient_email",
    "provider": "platform",
    "service": "platform",
    "product": "platform",
    "vendor": "platform",
    "memo": "note",
    "endpoint": "url",
    "callback": "url",
    "target": "url",
    "id": "transaction_id",
    "page_size": "limit",
    "after": "cursor",
    "starting_after": "cursor",
    "anthropic": "claude",
    "openai": "chatgpt",
    "gpt": "chatgpt",
    "google": "gemini",
    "bard": "gemini",
}


def unknown_fields(given: Iterable[tuple[str, Any]], known: Collection[str]) -> list[FieldEntry]:
    """Report each unknown name. For the first one, add the name that was probably meant."""
    found: list[FieldEntry] = []
    for name, value in given:
        meant = most_similar(name, known) if len(found) < _COMPARED_MAX else None
        entry = {"param": name, "detail": "unknown field", **_meant(meant)}
        if meant is not None and meant.endswith(_CENTS):
            entry["detail"] += f": {meant}{_IN_CENTS}"
            cents = cents_meant(value, is_dollars=name.lower().endswith(_DOLLARS))
            entry |= {} if cents is None else {"example": cents}
        found.append(entry)
    return found


def word_entry(param: str, detail: str, word: str, allowed: Collection[str]) -> FieldEntry:
    meant = most_similar(word, allowed)
    return {"param": param, "detail": detail, "allowed": list(allowed), **_meant(meant)}


def problem_of(
    name: str, message: str, kind: Any, value: Any, *, show: Callable[[str], str]
) -> FieldEntry:
    """Rewrite msgspec's message about a value in our words. `show` makes a caller's name safe to repeat."""
    where = _WHERE.search(message)
    inside = where[1] if where else ""
    if inside != _SOME_VALUE:
        inside = inside.replace("[...]", "")
    joint = "." if inside and not inside.startswith("[") else ""
    plain = _WHERE.sub("", message)
    unknown = _UNKNOWN.fullmatch(plain)
    if unknown is not None:
        return {"param": f"{name}{joint}{inside}.{show(unknown[1])}", "detail": "unknown field"}
    is_of_pair = inside == _SOME_VALUE or "`key` in" in message
    if is_of_pair and isinstance(value, dict):
        inside = _wrong_name(value, kind, show)
    problem: FieldEntry = {"param": f"{name}{joint}{inside}", "detail": problem_sentence(plain)}
    if inside:
        return problem | _pair_meant(inside, value, kind)
    if name.endswith(_CENTS) and message.startswith("Expected `int"):
        problem["detail"] += f": it{_IN_CENTS}"
    meant = value_meant(name, kind, value)
    if meant is not None:
        problem["example"] = meant
    choices = _choices(kind)
    if choices:
        if message.startswith("Invalid enum value"):
            problem["detail"] = f"is one of {', '.join(choices)}"
        alike = most_similar(value, choices) if isinstance(value, str) else None
        return {**problem, "allowed": choices, **_meant(alike)}
    return {**problem, **_bounds(kind)}


def _pair_meant(inside: str, value: Any, kind: Any) -> FieldEntry:
    name = inside.removeprefix(".")
    found = value.get(name) if isinstance(value, dict) else None
    if not (isinstance(found, int | float) and abs(found) < INT64_MAX):
        return {}
    text = str(found).lower()
    try:
        msgspec.convert({name: text}, kind)
    except msgspec.ValidationError:
        return {}
    return {"example": text}


def _wrong_name(value: Mapping[str, Any], kind: Any, show: Callable[[str], str]) -> str:
    for name, one in islice(value.items(), PAIRS_MAX):
        try:
            msgspec.convert({name: one}, kind)
        except msgspec.ValidationError:
            return f".{show(name)}" if name else ""
    return ""


def problem_sentence(message: str) -> str:
    if message.startswith("Invalid enum value"):
        return "not one of the values allowed"
    if "matching regex" in message:
        return "holds characters that are not allowed"
    text = _WORD.sub(_readable, message)
    return text[:1].lower() + text[1:]


def most_similar(name: str, known: Collection[str]) -> str | None:
    """Return the known name that was meant: by spelling, another API's name for it, a part of it, or similarity."""
    plain = name[:_COMPARED_CHARACTERS_MAX].strip()
    asked = plain.lower() if plain.isupper() else _HUMP.sub("_", plain).lower()
    for one in (asked, _ELSEWHERE.get(asked)):
        if one is not None and one in known:
            return one
    parts = asked.split("_")
    for around in (
        [one for one in known if asked in one.split("_")],
        [one for one in known if one in parts],
        [
            one
            for one in known
            if parts[-1] in _DOLLARS and one == f"{asked.rpartition('_')[0]}{_CENTS}"
        ],
    ):
        if len(around) == 1:
            return around[0]
    alike = get_close_matches(asked, known, n=1)
    return alike[0] if alike else None


def _meant(name: str | None) -> FieldEntry:
    return {} if name is None else {"did_you_mean": name}


def _bounds(kind: Any) -> FieldEntry:
    found = _bare(msgspec.inspect.type_info(kind))
    kinds = found.types if isinstance(found, msgspec.inspect.UnionType) else (found,)
    for one in map(_bare, kinds):
        if isinstance(one, msgspec.inspect.IntType | msgspec.inspect.FloatType):
            ends = {"minimum": one.ge, "maximum": one.le}
            return {
                word: end for word, end in ends.items() if end is not None and abs(end) < INT64_MAX
            }
    return {}


def _bare(found: msgspec.inspect.Type) -> msgspec.inspect.Type:
    while isinstance(found, msgspec.inspect.Metadata):
        found = found.type
    return found


def _choices(kind: Any) -> list[str]:
    if get_origin(kind) is Literal:
        return [str(word) for word in get_args(kind)]
    return [word for part in get_args(kind) for word in _choices(part)]


def _readable(kinds: re.Match[str]) -> str:
    return " or ".join(_WORDS.get(kind, kind) for kind in kinds[1].split(" | "))
