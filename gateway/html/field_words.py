"""What is wrong with a field, in the words of the form that asked for it.

The API speaks of cents, integers and null; a form asks for dollars and numbers, and its fields have labels.
Pure.
"""

import re
from collections.abc import Callable
from typing import Final

from gateway.html.format import count, money

_FILL_IN: Final = "fill this in"


def for_people(detail: str, param: str | None = None) -> str:
    """The detail of a refusal without names of the API's; param: the field that it is about."""
    for pattern, words in _RULES:
        if found := pattern.fullmatch(detail):
            return words(found, param or "")
    if param and detail.startswith(f"{param} "):
        return f"this{detail.removeprefix(param)}"
    return detail


def _range(found: re.Match[str], param: str) -> str:
    if param.startswith("price"):
        # Bounds are in the smallest unit of its currency, which a form does not ask for.
        return "the price is 0, or too large"
    least, most = (_amount(text, found["name"] or param) for text in found.group("least", "most"))
    return f"write {_kind(found['name'] or param)} from {least} to {most}{found['whose'] or ''}"


def _bound(found: re.Match[str], param: str) -> str:
    side = {"<=": "at most", ">=": "at least", "<": "less than", ">": "more than"}[found["side"]]
    return f"write {_kind(param)} of {side} {_amount(found['bound'], param)}"


def _length(found: re.Match[str], _param: str) -> str:
    number = int(found["bound"])
    kind = {"string": "character", "list": "item"}[found["kind"]]
    side = "at most" if found["side"] == "<=" else "at least"
    return f"write {side} {count(number)} {kind}{'' if number == 1 else 's'}"


def _fill_in(_found: re.Match[str], _param: str) -> str:
    return _FILL_IN


def _future(_found: re.Match[str], _param: str) -> str:
    return "choose a day in the future"


def _written(found: re.Match[str], _param: str) -> str:
    return f"write {found['words']}"


def _one_of(found: re.Match[str], _param: str) -> str:
    return f"choose one of {found['words']}"


def _characters(found: re.Match[str], _param: str) -> str:
    return f"write {found['least']} to {count(int(found['most']))} characters"


def _kind(param: str) -> str:
    return "an amount" if param.endswith("cents") else "a whole number"


def _amount(text: str, param: str) -> str:
    return money(int(text)) if param.endswith("cents") else count(int(text))


_RULES: Final[tuple[tuple[re.Pattern[str], Callable[[re.Match[str], str], str]], ...]] = (
    (
        re.compile(
            r"\A(?:(?P<name>\w{1,64}) )?is (?P<least>\d+) to (?P<most>\d+)(?:, or null)?(?P<whose> for \S+)?"
        ),
        _range,
    ),
    (re.compile(r"\Aexpected an integer (?P<side>[<>]=?) (?P<bound>-?\d+)"), _bound),
    (
        re.compile(r"\Aexpected a (?P<kind>string|list) of length (?P<side>[<>]=) (?P<bound>\d+)"),
        _length,
    ),
    (
        re.compile(
            r"\Aexpected an? [a-z]+, got null|\Ais required(?: where \w{1,64} is not given)?"
        ),
        _fill_in,
    ),
    (re.compile(r"\A\w{1,64} is (?P<words>\d.*)"), _written),
    (re.compile(r"\A(?:\w{1,64} )?(?:is|are) one of (?P<words>.+)"), _one_of),
    (re.compile(r"\A\w{1,64} has (?P<least>\d+) to (?P<most>\d+) characters"), _characters),
    (re.compile(r"\Aexpires_at lies in the future, before the year 10000"), _future),
)
