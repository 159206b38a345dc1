"""Who decides on the command line, for the audit log."""

import getpass
import os
from typing import Final

import click

by_option: Final = click.option("--by", help="Who decides; else the user of this machine.")


def who_acts(by: str | None) -> str:
    """Return who decides; in a container that may be a number without a name."""
    if by:
        return by
    try:
        name = getpass.getuser()
    except (KeyError, OSError):
        name = f"user {os.getuid()}"
    return f"{name} on the command line"
