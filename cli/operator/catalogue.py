"""What `topup packs`, `topup plans` and `topup coupons` do alike: an act in one transaction that shows
what became of it, the list, and the commands that end and begin selling.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import click

from cli.database import read, write
from cli.examples import examples
from cli.options import environment_option
from cli.output import json_option, run, show_record, show_rows
from kernel.clock import SystemClock
from keys.principal import Environment
from store.database import Transaction

Shape = dict[str, Any]
# With the time of the act; what it changed, as it is shown.
Act = Callable[[Transaction, int], Awaitable[Shape]]
# Of an environment; whether those that are sold no longer are listed too.
Find = Callable[[Transaction, Environment, bool], Awaitable[Sequence[Shape]]]
# Environment, and which one.
Change = Callable[[Environment, str], None]


def run_act(act: Act) -> None:
    """Runs it in one transaction and shows the result."""
    now_us = SystemClock().now_us()
    show_record(run(write(lambda tx: act(tx, now_us))))


def add_list(group: click.Group, find: Find, *columns: str) -> None:
    """`list`, of those that are sold or of all."""

    @group.command("list", epilog=examples(f"topup {group.name} list --all"))
    @environment_option
    @click.option("--all", "with_inactive", is_flag=True, help="Those that are no longer sold too.")
    @json_option
    def list_(environment: Environment, with_inactive: bool) -> None:  # noqa: FBT001
        """List the catalogue in its order."""
        show_rows(run(read(lambda tx: find(tx, environment, with_inactive))), *columns)


def add_switch(
    group: click.Group, name: str, argument: str, change: Change, *, text: str, example: str
) -> None:
    """A command that changes the one that its argument names, such as `disable`."""

    @group.command(name, help=text, epilog=examples(example))
    @click.argument(argument)
    @environment_option
    @json_option
    def switch(environment: Environment, **chosen: str) -> None:
        change(environment, chosen[argument])
