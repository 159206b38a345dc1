"""Arguments and options that the commands over HTTP share."""

import re
from collections.abc import Callable
from typing import Any, Final, TypeVar

import click

PAGE_ITEMS: Final = 20
PAGE_ITEMS_MAX: Final = 100
F = TypeVar("F", bound=Callable[..., Any])


class IdOf(click.ParamType[str]):
    """An ID with this prefix: nothing else may be in a call's path."""

    def __init__(self, prefix: str) -> None:
        self.name = f"{prefix}_…"
        self._prefix = prefix

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        if not re.fullmatch(rf"{self._prefix}_[0-9A-Za-z]{{1,40}}", str(value)):
            self.fail(f"such an id begins with {self._prefix}_", param, ctx)
        return str(value)


def page_options(command: F) -> F:
    limit = click.option(
        "--limit",
        type=click.IntRange(1, PAGE_ITEMS_MAX),
        default=PAGE_ITEMS,
        show_default=True,
        help="How many at most.",
    )
    cursor = click.option("--cursor", help="The next_cursor of the page before.")
    return limit(cursor(command))
