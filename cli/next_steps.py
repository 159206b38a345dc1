"""`topup` without a command: suggest the next steps on this machine."""

import os
from collections.abc import Sequence
from pathlib import Path

import click

from cli.client.profiles import is_logged_in

_DATA_DIR = "data"
Step = tuple[str, str]


def show_next_steps() -> None:
    title, steps = _next_steps()
    width = max(len(command) for command, _ in steps)
    click.echo(f"{title}\n")
    for command, sentence in steps:
        click.echo(f"  {click.style(command.ljust(width), bold=True)}  {sentence}")
    click.echo("\nAll commands: topup --help")


def _next_steps() -> tuple[str, Sequence[Step]]:
    if is_logged_in():
        return "You are logged in to a gateway.", (
            ("topup whoami", "Show your key and what is left of its limits."),
            (
                "topup send claude 10.00 user@example.com",
                "Send credit to a recipient.",
            ),
            ("topup listen", "Receive the account's webhooks on this machine."),
        )
    if os.environ.get("TOPUP_DATABASE_URL"):
        return "This machine runs an installation.", (
            ("topup doctor", "Check its database, Redis, workers and settings."),
            ("topup orders problems", "List payments that need a decision."),
            ("topup tokens create --kind operator", "Make a token for the operators' API."),
        )
    folder = Path(os.environ.get("TOPUP_DATA_DIR") or _DATA_DIR)
    if (folder / "dev.json").exists():
        return f"`topup dev` ran here before; its data is in {folder}.", (
            ("topup dev", "Start the gateway, a worker and the dashboard again."),
            ("topup doctor", "Check the database, Redis and settings."),
            ("topup login", "Log in to a gateway, here or elsewhere."),
        )
    return "Nothing is set up on this machine yet.", (
        ("topup dev", "Try it: gateway, worker, dashboard and a key, with no other software."),
        ("topup login --url https://topup.example", "Log in to a gateway that runs elsewhere."),
        ("topup serve --help", "Run it for production: docs/deploy.md."),
    )
