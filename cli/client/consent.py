"""Confirm before live credit is spent."""

import sys

import click

from cli.client.profiles import Access
from cli.output import EXIT_USAGE, fail


def confirm(given: Access, what: str) -> None:
    """Continue in staging or after a yes; exit after a no, and if nobody can be asked."""
    if given.is_staging:
        return
    if not sys.stdin.isatty():
        raise fail(
            "this would spend live credit, and nobody can be asked",
            advice="add --yes to go on without a question",
            exit_code=EXIT_USAGE,
        )
    click.confirm(f"{what} in live at {given.url}?", abort=True, err=True)
