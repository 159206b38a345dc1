"""Define the options that several commands share."""

import contextlib
import getpass
import os
import sys
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import click
from click.core import ParameterSource

from cli.output import note
from kernel.limits import PAGE_ITEMS, PAGE_ITEMS_MAX
from keys.principal import ENVIRONMENTS

environment_option = click.option(
    "--environment",
    type=click.Choice(ENVIRONMENTS),
    default="staging",
    show_default=True,
    help="The environment to use.",
)
limit_option = click.option(
    "--limit",
    type=click.IntRange(1, PAGE_ITEMS_MAX),
    default=PAGE_ITEMS,
    show_default=True,
    help="The maximum number of items to print.",
)

SECRET_CHARACTERS_MAX = 4096
# This key in a context's meta names the option that was read from standard input.
READS_STDIN = "topup.reads_stdin"


def web_address(_context: click.Context, _option: click.Parameter, value: str | None) -> str | None:
    if value is None:
        return None
    with contextlib.suppress(ValueError):
        parts = urlsplit(value)
        # Reading the port also validates it.
        if parts.scheme in ("http", "https") and parts.hostname and parts.port != 0:
            return value
    raise click.BadParameter("is a URL such as http://localhost:3000/hook")


def take_secret(context: click.Context, option: click.Parameter, value: str | None) -> str | None:
    """Read the secret that an option names. `-` stands for a line of standard input. @FILE stands for a file's
    first line.

    A secret on the command line itself is accepted with a warning, because process lists show it.
    """
    if value is None:
        return None
    if value == "-":
        if context.meta.setdefault(READS_STDIN, option.name) != option.name:
            raise click.UsageError("standard input holds one secret; give the other as @FILE")
        text = sys.stdin.readline(SECRET_CHARACTERS_MAX)
    elif value.startswith("@"):
        try:
            with Path(value[1:]).open(encoding="utf-8") as file:
                text = file.readline(SECRET_CHARACTERS_MAX)
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "is not text"
            raise click.BadParameter(f"{value[1:]}: {reason}") from None
    else:
        if context.get_parameter_source(option.name or "") is ParameterSource.COMMANDLINE:
            note(
                f"warning: {option.opts[0]} is visible in the list of processes; give it as - (standard"
                f" input), @FILE or in {option.envvar}"
            )
        return value
    if not text.strip():
        raise click.BadParameter("there is no secret there")
    return text.strip()


by_option: Final = click.option(
    "--by", help="The name to record for this action. Default: the user of this machine."
)


def actor_name(by: str | None) -> str:
    """Return the name of the person who decides. In a container, the user may have a number but no name."""
    if by:
        return by
    try:
        name = getpass.getuser()
    except (KeyError, OSError):
        name = f"user {os.getuid()}"
    return f"{name} on the command line"
