"""Options that many commands have, meaning the same everywhere."""

from typing import Any

import click

from kernel.clock import parse_rfc3339
from kernel.limits import PAGE_ITEMS, PAGE_ITEMS_MAX
from keys.principal import ENVIRONMENTS

environment_option = click.option(
    "--environment",
    type=click.Choice(ENVIRONMENTS),
    default="staging",
    show_default=True,
    help="Which of the two closed worlds.",
)
account_option = click.option(
    "--account",
    help="Its id or email address; default: the oldest operator's account, else the oldest.",
)
limit_option = click.option(
    "--limit",
    type=click.IntRange(1, PAGE_ITEMS_MAX),
    default=PAGE_ITEMS,
    show_default=True,
    help="How many at most.",
)


class Moment(click.ParamType[int]):
    """An RFC 3339 time, as microseconds."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        try:
            return value if isinstance(value, int) else parse_rfc3339(value)
        except (ValueError, OverflowError):
            return self.fail(
                "a time is written like 2026-06-13T12:00:00Z, with its zone", param, ctx
            )
