"""The options of a key's mandate, the same over HTTP and on the database."""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import click

from cli.options import Moment
from keys.mandate import SpendWindow

F = TypeVar("F", bound=Callable[..., Any])


class Window(click.ParamType[SpendWindow]):
    """3600:5000 is at most 5,000 cents in any 3,600 seconds."""

    name = "SECONDS:CENTS"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> SpendWindow:
        seconds, colon, cents = str(value).partition(":")
        if not (colon and seconds.isdigit() and cents.isdigit()):
            self.fail("write it as SECONDS:CENTS, such as 3600:5000", param, ctx)
        return SpendWindow(int(seconds), int(cents))


_OPTIONS = (
    click.option("--purpose", help="What it is for, in your words."),
    click.option(
        "--platform", "platforms", multiple=True, help="The only ones; repeat for several."
    ),
    click.option(
        "--recipient",
        "recipients",
        multiple=True,
        help="The only ones: an address or *@domain; repeat for several.",
    ),
    click.option("--lifetime-cents", type=int, help="The most that it may ever spend."),
    click.option(
        "--window",
        "windows",
        type=Window(),
        multiple=True,
        help="The most in any so many seconds; repeat for several.",
    ),
    click.option("--per-recipient-per-day-cents", type=int, help="To one recipient, UTC."),
    click.option("--max-sends-per-hour", type=int, help="Accepted sends in any hour."),
    click.option(
        "--repeat-guard-s", type=int, help="Refuse the same send again for so many seconds."
    ),
)
_LISTS = ("platforms", "recipients", "windows")
_CAPS = (
    click.option("--per-call-cents", type=int, help="The most that one send may cost."),
    click.option("--per-day-cents", type=int, help="The most in a day of UTC."),
    click.option("--per-month-cents", type=int, help="The most in a month of UTC."),
    click.option(
        "--approval-above-cents",
        "--approval-threshold-cents",
        "approval_threshold_cents",
        type=int,
        help="A send above it waits for approval.",
    ),
    click.option(
        "--approval-above-per-day-cents",
        type=int,
        help="So does one that takes the UTC day's sends without approval above it.",
    ),
    click.option("--expires-at", type=Moment(), help="RFC 3339, such as 2027-01-31T00:00:00Z."),
)
# What `--no` takes away, by the key's fields.
REMOVABLE: Mapping[str, str] = {
    "purpose": "purpose",
    "platforms": "platforms",
    "recipients": "recipients",
    "lifetime": "lifetime_cents",
    "windows": "windows",
    "per-recipient-per-day": "per_recipient_per_day_cents",
    "max-sends-per-hour": "max_sends_per_hour",
    "repeat-guard": "repeat_guard_s",
    "per-call": "per_call_cents",
    "per-day": "per_day_cents",
    "per-month": "per_month_cents",
    "approval-above": "approval_threshold_cents",
    "approval-above-per-day": "approval_above_per_day_cents",
    "expires-at": "expires_at",
}


def limit_options(command: F) -> F:
    """The options of every limit that a key may carry."""
    for option in reversed((*_CAPS, *_OPTIONS)):
        command = option(command)
    return command


def given(options: Mapping[str, Any]) -> dict[str, Any]:
    """The limits as a new key takes them; a list that was not named is none."""
    return {name: value or None if name in _LISTS else value for name, value in options.items()}
