"""Write field errors for people who fill in forms."""

import re
from collections.abc import Callable
from functools import partial
from typing import Final

from gateway.html.format import money
from gateway.html.phrase import Value, counted, phrase

_FILL_IN: Final = phrase("fill this in")
_AMOUNTS: Final = {
    "<=": phrase("write an amount of at most %(bound)s"),
    ">=": phrase("write an amount of at least %(bound)s"),
    "<": phrase("write an amount of less than %(bound)s"),
    ">": phrase("write an amount of more than %(bound)s"),
}
_NUMBERS: Final = {
    "<=": phrase("write a whole number of at most %(bound)s"),
    ">=": phrase("write a whole number of at least %(bound)s"),
    "<": phrase("write a whole number of less than %(bound)s"),
    ">": phrase("write a whole number of more than %(bound)s"),
}


def for_people(detail: str, param: str | None = None) -> str:
    for pattern, words in _RULES:
        if found := pattern.fullmatch(detail):
            return words(found, param or "")
    named, _, rest = detail.partition(" ")
    if param and named.strip("`") == param:
        return f"{'these' if rest.startswith('are ') else 'this'} {rest}"
    return detail


def _range(found: re.Match[str], param: str) -> str:
    if param.startswith("price"):
        # Bounds are in the currency's smallest unit.
        return phrase("the price is 0, or too large")
    name, whose = found["name"] or param, found["whose"]
    least, most = (_amount(text, name) for text in found.group("least", "most"))
    if whose and _is_money(name):
        return phrase(
            "write an amount from %(least)s to %(most)s for %(whose)s",
            least=least,
            most=most,
            whose=whose,
        )
    if _is_money(name):
        return phrase("write an amount from %(least)s to %(most)s", least=least, most=most)
    return phrase("write a whole number from %(least)s to %(most)s", least=least, most=most)


def _bound(found: re.Match[str], param: str) -> str:
    words = (_AMOUNTS if _is_money(param) else _NUMBERS)[found["side"]]
    return phrase(words, bound=_amount(found["bound"], param))


def _length(found: re.Match[str], _param: str) -> str:
    number, is_most = int(found["bound"]), found["side"] in {"<=", "most"}
    if found["kind"] in {"string", "characters"}:
        if is_most:
            return counted(
                "write at most %(num)s character", "write at most %(num)s characters", number
            )
        return counted(
            "write at least %(num)s character", "write at least %(num)s characters", number
        )
    if is_most:
        return counted("write at most %(num)s item", "write at most %(num)s items", number)
    return counted("write at least %(num)s item", "write at least %(num)s items", number)


def _fill_in(_found: re.Match[str], _param: str) -> str:
    return _FILL_IN


def _too_long(found: re.Match[str], _param: str) -> str:
    return phrase(
        "more was sent than the %(most)s kB that are read of it, so nothing was done: go back, shorten it and"
        " send it once more",
        most=int(found["bytes"]) // 1024,
    )


def _future(_found: re.Match[str], _param: str) -> str:
    return phrase("choose a day in the future")


def _app_code(_found: re.Match[str], _param: str) -> str:
    return phrase("that is not the app's code now: is the phone's clock right?")


def _password(_found: re.Match[str], _param: str) -> str:
    return phrase("Confirm your password")


def _written(found: re.Match[str], _param: str) -> str:
    return f"write {found['words']}"


def _one_of(found: re.Match[str], _param: str) -> str:
    return phrase("choose one of %(words)s", words=found["words"])


def _characters(found: re.Match[str], _param: str) -> str:
    least, most = int(found["least"]), int(found["most"])
    return phrase("write %(least)s to %(most)s characters", least=least, most=most)


def _wider_than_parent(found: re.Match[str], _param: str) -> str:
    name, most = found["name"], found["most"]
    amount = partial(money, int(most)) if name == "windows" else _amount(most, name)
    return phrase("this must be at most %(most)s, the limit of a parent key", most=amount)


def _asked_by_preset(found: re.Match[str], param: str) -> str:
    return phrase(
        "the preset %(preset)s needs this, such as %(amount)s",
        preset=found["preset"],
        amount=_amount(found["suggested"], param),
    )


def _is_money(param: str) -> bool:
    return param.endswith("cents")


def _amount(text: str, param: str) -> Value:
    return partial(money, int(text)) if _is_money(param) else int(text)


_RULES: Final[tuple[tuple[re.Pattern[str], Callable[[re.Match[str], str], str]], ...]] = (
    (
        re.compile(
            r"\A(?:`?(?P<name>\w{1,64})`? |The \w+ )?(?:is|must be from) (?P<least>\d+) to (?P<most>\d+)"
            r"(?:(?: US)? cents| credits)?(?:, or null)?(?: for (?P<whose>(?!any )[^\s:]+)(?:: .+)?)?\.?"
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
    (
        re.compile(
            r"\A(?:(?:`?\w{1,64}`? )?(?:is|are|must be)|Choose) one of (?P<words>(?!the ).+?)\.?"
        ),
        _one_of,
    ),
    (
        re.compile(
            r"\A(?:The |A )?\w{1,64} must have (?P<least>\d+) to (?P<most>\d+) characters\.?"
        ),
        _characters,
    ),
    (
        re.compile(
            r"\A(?:This|(?:The |An? )?`?\w{1,64}`?) can have at (?P<side>most) (?P<bound>\d+) (?P<kind>characters)\.?"
        ),
        _length,
    ),
    (
        re.compile(
            r"\A(?P<name>\w{1,64}) must be at most (?P<most>\d+), the limit of a parent key\."
        ),
        _wider_than_parent,
    ),
    (
        re.compile(r"\ARequired by the preset (?P<preset>\w+): .+, such as (?P<suggested>\d+)\."),
        _asked_by_preset,
    ),
    (re.compile(r"\AThe body is longer than (?P<bytes>\d+) bytes\."), _too_long),
    (re.compile(r"\AThe expiry must be in the future(?:, before the year 10000)?\."), _future),
    (re.compile(r"\AThis isn't the current code from your authenticator app\."), _app_code),
    (re.compile(r"\AConfirm your password: .+"), _password),
)
