"""The form of a key: its fields as the API takes them, and a key as its form shows it."""

import re
from collections.abc import Mapping
from typing import Any, Final

from gateway.html.forms import Form, dollars
from gateway.html.phrase import phrase
from gateway.html.typed import Typed
from kernel.errors import DomainError, InvalidInput
from kernel.fields import time_us
from keys.api_keys.fields import NewKey, columns_of_new

# Each is an amount of cents of the API under its name and _cents.
_CAPS: Final = ("per_call", "per_day", "per_month")
_AMOUNTS: Final = (
    "approval_above",
    "approval_above_per_day",
    "lifetime",
    "per_recipient_per_day",
)
_UNITS_S: Final = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}
_WINDOW: Final = re.compile(r"(\d{1,9})\s*([smhd])\s*:?\s*(\S+)")


def body_of(typed: Typed, *, now_us: int) -> dict[str, Any]:
    """A blank field is no limit; what cannot be read, or would be refused by itself, is noted."""
    form = typed.form
    expires_on = form.text("expires_on")
    body: dict[str, Any] = {
        "name": form.text("name"),
        "purpose": form.text("purpose") or None,
        "scopes": form.many("scopes"),
        "ip_allow_list": form.lines("ip_allow_list"),
        "platforms": form.lines("platforms") or None,
        "recipients": form.lines("recipients") or None,
        "windows": typed.parse("windows", lambda: _windows(form)) or None,
        **typed.amounts((*_CAPS, *_AMOUNTS)),
        "max_sends_per_hour": typed.integer("max_sends_per_hour"),
        "repeat_guard_s": typed.integer("repeat_guard_s"),
        "expires_at": f"{expires_on}T00:00:00Z" if expires_on else None,
    }
    # The API comes to these once the rest is right; a person is told of all of it at once.
    _note_refused(typed, body, now_us)
    return body


def _note_refused(typed: Typed, body: Mapping[str, Any], now_us: int) -> None:
    new = NewKey(
        name=body["name"],
        scopes=body["scopes"],
        ip_allow_list=body["ip_allow_list"],
        recipients=body["recipients"],
        max_sends_per_hour=body["max_sends_per_hour"],
        repeat_guard_s=body["repeat_guard_s"],
        expires_at=typed.parse("expires_at", lambda: time_us(body["expires_at"], "expires_at")),
    )
    try:
        columns_of_new(new, scopes=(), now_us=now_us)
    except DomainError as error:
        for one in error.extra.get("errors") or [{"param": error.param, "detail": error.detail}]:
            typed.refuse(one["param"], one["detail"])


def form_of_key(key: Mapping[str, Any]) -> Form:
    amounts = {cap: key["caps"][f"{cap}_cents"] for cap in _CAPS}
    amounts |= {name: key[f"{name}_cents"] for name in _AMOUNTS}
    windows = [f"{_length(one['seconds'])} {dollars(one['cents'])}" for one in key["windows"]]
    return Form(
        {
            "name": [key["name"]],
            "purpose": [key["purpose"] or ""],
            "scopes": key["scopes"],
            "ip_allow_list": ["\n".join(key["ip_allow_list"])],
            "platforms": ["\n".join(key["platforms"] or ())],
            "recipients": ["\n".join(key["recipients"] or ())],
            "windows": ["\n".join(windows)],
            "max_sends_per_hour": [_number(key["max_sends_per_hour"])],
            "repeat_guard_s": [_number(key["repeat_guard_s"])],
            "expires_on": [(key["expires_at"] or "")[:10]],
            **{name: [dollars(cents)] for name, cents in amounts.items()},
        }
    )


def _windows(form: Form) -> list[dict[str, int]]:
    found = []
    for line in form.raw("windows").splitlines():
        if not line.strip():
            continue
        read = _WINDOW.fullmatch(line.strip())
        cents = None if read is None else Form({"windows": [read[3]]}).cents("windows")
        if read is None or cents is None:
            said = phrase("write one a line, such as 1h 50.00 or 7d 200.00")
            raise InvalidInput(said, param="windows")
        found.append({"seconds": int(read[1]) * _UNITS_S[read[2]], "cents": cents})
    return found


def _length(seconds: int) -> str:
    """In the largest unit that it is a whole number of."""
    for unit, length_s in sorted(_UNITS_S.items(), key=lambda one: -one[1]):
        if seconds % length_s == 0:
            return f"{seconds // length_s}{unit}"
    raise AssertionError("every number of seconds is some of them")


def _number(value: int | None) -> str:
    return "" if value is None else str(value)
