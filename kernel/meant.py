"""Guess what a malformed value was meant to be, for the examples in errors[].

Only numbers, times, email addresses and our own words are returned, so that no secret leaks.
"""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from kernel.clock import parse_rfc3339

_CENTS_MAX: Final = 10**13
_AMOUNT: Final = re.compile(
    r"(?P<sign>(?:US)?\$)? ?(?P<whole>[0-9]{1,11}|[0-9]{1,3}(?:,[0-9]{3}){1,3})(?P<part>\.[0-9]{2})?"
    r"(?P<word> ?(?:USD|dollars?))?",
    re.IGNORECASE,
)
_TIME: Final = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}(?::[0-9]{2})?(?:\.[0-9]+)?"
)
_WORD: Final = re.compile(r"[a-z]{2,20}[.:][a-z._]{2,40}")
_ADDRESS: Final = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9.-]{1,253}")
# Seconds from 2001 to 2286. Numbers a thousand times as large are milliseconds.
_SECONDS: Final = range(10**9, 10**10)
_WORDS_MAX: Final = 320


def value_meant(name: str, kind: Any, value: Any) -> Any | None:
    for one in _candidates(name, value):
        try:
            msgspec.convert(one, kind)
        except msgspec.ValidationError:
            continue
        return one
    return None


def cents_meant(value: Any, *, is_dollars: bool = False) -> int | None:
    """Read 1500.0, "1500", "$15.00", "15.00" or 15.5 as US cents. The first four mean 1500, the last 1550."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return _of_number(value, is_dollars=is_dollars)
    found = _AMOUNT.fullmatch(value[:40].strip()) if isinstance(value, str) else None
    if found is None:
        return None
    whole, part = int(found["whole"].replace(",", "")), found["part"]
    if not (is_dollars or part or found["sign"] or found["word"]):
        return whole
    return whole * 100 + int((part or ".00")[1:])


def time_meant(value: Any) -> str | None:
    """Read seconds or milliseconds since 1970, or a time without a zone, as UTC."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        seconds = value if value in _SECONDS else value / 1000
        if int(seconds) in _SECONDS:
            return f"{datetime.fromtimestamp(int(seconds), UTC):%Y-%m-%dT%H:%M:%SZ}"
    if isinstance(value, str) and len(value) <= 40 and _TIME.fullmatch(value):
        said = f"{value.replace(' ', 'T')}Z"
        try:
            parse_rfc3339(said)
        except ValueError:
            return None
        return said
    return None


def address_meant(text: str) -> str | None:
    """Return the only email address in the text, as in `Ann <ann@example.com>`."""
    if len(text) > _WORDS_MAX:
        return None
    found = _ADDRESS.findall(text.removeprefix("mailto:").replace(" @", "@").replace("@ ", "@"))
    return found[0] if len(found) == 1 else None


def _of_number(value: float, *, is_dollars: bool) -> int | None:
    if not abs(value) < _CENTS_MAX:
        return None
    if value == int(value) and not is_dollars:
        return int(value)
    cents = round(value * 100)
    return cents if abs(cents - value * 100) < 1e-6 else None


def _candidates(name: str, value: Any) -> Iterator[Any]:
    if name.endswith("_cents"):
        yield cents_meant(value)
        return
    if name.endswith(("_at", "_after", "_before")):
        yield time_meant(value)
        return
    if isinstance(value, str) and value.lower() in {"true", "false"}:
        yield value.lower() == "true"
    if isinstance(value, str) and value[:16].isdecimal():
        yield int(value) if len(value) < 16 else None
    if isinstance(value, float) and value == int(value):
        yield int(value)
    if isinstance(value, str) and _WORD.fullmatch(value):
        yield [value]
    if isinstance(value, list) and len(value) == 1 and isinstance(value[0], str):
        yield value[0] if _ADDRESS.fullmatch(value[0][:_WORDS_MAX]) else None
