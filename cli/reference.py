"""Print every command's help as one page: `python -m cli.reference > docs/cli.md`."""

from collections.abc import Iterator
from typing import Final

import click

from cli.faults import table
from cli.main import GROUPS, main

WIDTH: Final = 100
_START: Final = """\
# The command line

`make run` puts `topup` into `.venv/bin`; `. .venv/bin/activate` puts it on the PATH. It works on the installation that the
settings name (environment, `.env`); `topup settings` prints them. The commands of *Use a gateway*, `webhooks` and `events` can
also call any gateway over HTTP, with an API key and without a database. `topup login` stores the gateway and key as a profile.
In CI, set `TOPUP_API_KEY` and `TOPUP_URL`, which override it.

**Two ways.** Each command does the same either way. `--profile` runs it over HTTP; `--local` or `--account` runs it in process on
this installation's database. Without these options, a merchant's command runs over HTTP if you are logged in, and any other
command in process.

- **Results** go to standard output, and nothing else does, so you can pipe them. `--json` prints JSON; lists are
  `{"items": […], "next_cursor": …}`. Tables fit 80 columns: ids and times are whole, other texts end in `…`, and columns without
  room are named below the table. Amounts carry their currency, and empty fields are left out; `--json` has every field.
- **Exit codes**: 0 done · 1 refused, or something was found (`audit`, `doctor`, `verify`) · 2 wrong usage or settings ·
  3 the database, Redis or the gateway can't be reached · 10 to 46 [why the database can't be used](#exit-codes-of-a-database).
  With `--json`, a refusal is `{"error": {"detail", "advice"}}` on standard error.
- **Colours and progress bars** appear only on a terminal; `NO_COLOR=1` turns colours off.
- **Completion**: `eval "$(topup completion bash)"` in `~/.bashrc`, the same with `zsh` in `~/.zshrc`; for fish
  `topup completion fish > ~/.config/fish/completions/topup.fish`.

This page is made by `python -m cli.reference > docs/cli.md` from the commands' own help.
"""
_CODES: Final = """\
## Exit codes of a database

Every command that opens the database exits with these codes, also `doctor`. Its message names the setting and what to do.

"""


def root() -> click.Context:
    """Return the context of `topup`, from which all commands inherit the option `-h`."""
    return click.Context(main, info_name="topup", **main.context_settings)


def commands() -> Iterator[tuple[str, click.Context]]:
    """Yield all commands and groups under `topup`, with their full names, in the order of `topup --help`."""
    with root() as context:
        for name in main.list_commands(context):
            yield from _below(main, name, context)


def page() -> str:
    parts = [_START]
    titles = {names[0]: title for title, names in ((t, list(g)) for t, g in GROUPS.items())}
    for path, context in commands():
        names = path.split()
        if len(names) == 2 and names[1] in titles:
            parts.append(f"## {titles[names[1]]}\n")
        parts.append(f"{'#' * (len(names) + 1)} `{path}`\n\n```text\n{_help(context)}\n```\n")
    parts.append(_CODES + table())
    return "\n".join(parts)


def _below(
    group: click.Group, name: str, parent: click.Context
) -> Iterator[tuple[str, click.Context]]:
    command = group.get_command(parent, name)
    assert command is not None, "the group lists it"
    context = click.Context(
        command, info_name=name, parent=parent, max_content_width=WIDTH, terminal_width=WIDTH
    )
    with context.scope(cleanup=False):
        yield context.command_path, context
        if isinstance(command, click.Group):
            for below in command.list_commands(context):
                yield from _below(command, below, context)


def _help(context: click.Context) -> str:
    lines = context.command.get_help(context).splitlines()
    return "\n".join(line.rstrip() for line in lines).strip()


if __name__ == "__main__":
    print(page(), end="")
