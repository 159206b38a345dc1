"""`topup settings`: every setting, its value and where it came from; secrets masked."""

import dataclasses

import click

from cli.examples import examples
from cli.output import json_option, note, show_rows
from runtime.settings import load_settings
from runtime.shown_settings import shown_settings, unknown_variables


@click.command(
    epilog=examples(
        "topup settings",
        "topup settings --json",
    )
)
@json_option
def settings() -> None:
    """Print every setting with its source, secrets masked."""
    loaded = load_settings()
    rows = [dataclasses.asdict(row) for row in shown_settings(loaded)]
    show_rows(rows, "variable", "value", "source", "description")
    for name in unknown_variables():
        note(f"warning: {name} names no setting")
    for sentence in loaded.providers.notes:
        note(f"warning: {sentence}")
