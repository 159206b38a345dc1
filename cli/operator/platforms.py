"""`topup platforms`: what credit can be sent to, and who supplies it."""

from typing import Any

import click

from billing.fulfilment import commands
from billing.fulfilment.commands import platform_shape
from billing.topups.platform import MAX_AMOUNT_CENTS, MIN_AMOUNT_CENTS
from billing.topups.platform_rows import (
    AMOUNT_CENTS_MAX,
    PlatformRow,
    get_platform,
    list_platforms,
    suppliers_of,
)
from cli.examples import examples
from cli.operator.fees import fee
from cli.operator.supply import in_one
from cli.options import environment_option
from cli.output import json_option, show_record, show_rows
from keys.audit_log import Actor
from keys.principal import Environment
from runtime.context import Context
from store.database import Transaction

_CENTS = click.IntRange(1, AMOUNT_CENTS_MAX)


@click.group(
    epilog=examples(
        "topup platforms list --environment live",
        "topup platforms suppliers claude gift-cards by-hand --environment live",
    )
)
def platforms() -> None:
    """What credit can be sent to; staging and live have their own. One without a supplier is not
    offered.
    """


platforms.add_command(fee)


@platforms.command("list", epilog=examples("topup platforms list --environment live"))
@environment_option
@json_option
def list_(environment: Environment) -> None:
    """List platforms in their order, with their suppliers in the order they are asked."""

    async def act(_context: Context, tx: Transaction, _now_us: int) -> list[dict[str, Any]]:
        named = await suppliers_of(tx, environment)
        return [
            platform_shape(one, named.get(one.id, ()))
            for one in await list_platforms(tx, environment)
        ]

    columns = ("id", "name", "min_amount_cents", "max_amount_cents", "active", "suppliers")
    show_rows(in_one(act), *columns)


@platforms.command(
    "create", epilog=examples("topup platforms create gpt --name GPT --environment live")
)
@click.argument("platform")
@click.option("--name", help="What senders see; else its id.")
@click.option(
    "--min-cents",
    type=_CENTS,
    default=MIN_AMOUNT_CENTS,
    show_default=True,
    help="The smallest amount.",
)
@click.option(
    "--max-cents",
    type=_CENTS,
    default=MAX_AMOUNT_CENTS,
    show_default=True,
    help="The largest amount.",
)
@environment_option
@json_option
def create(
    platform: str, name: str | None, min_cents: int, max_cents: int, environment: Environment
) -> None:
    """Add a platform. It is offered once `topup platforms suppliers` names who supplies it."""

    async def act(_context: Context, tx: Transaction, now_us: int) -> dict[str, Any]:
        row = PlatformRow(
            environment=environment,
            id=platform,
            name=name or platform.capitalize(),
            min_amount_cents=min_cents,
            max_amount_cents=max_cents,
            created_at=now_us,
        )
        return platform_shape(await commands.add_platform(tx, row, by=Actor(), now_us=now_us))

    show_record(in_one(act))


@platforms.command("set", epilog=examples("topup platforms set gpt --max-cents 50000"))
@click.argument("platform")
@click.option("--name", help="What senders see.")
@click.option("--min-cents", type=_CENTS, help="The smallest amount.")
@click.option("--max-cents", type=_CENTS, help="The largest amount.")
@environment_option
@json_option
def set_(platform: str, environment: Environment, **given: Any) -> None:
    """Change a platform's name or amounts."""
    names = {"name": "name", "min_cents": "min_amount_cents", "max_cents": "max_amount_cents"}
    changes = {names[key]: value for key, value in given.items() if value is not None}
    _change(environment, platform, changes)


@platforms.command("disable", epilog=examples("topup platforms disable gpt --environment live"))
@click.argument("platform")
@environment_option
@json_option
def disable(platform: str, environment: Environment) -> None:
    """Offer a platform no longer; top-ups that are under way go on."""
    _change(environment, platform, {"is_active": False})


@platforms.command("enable", epilog=examples("topup platforms enable gpt --environment live"))
@click.argument("platform")
@environment_option
@json_option
def enable(platform: str, environment: Environment) -> None:
    """Offer a platform again."""
    _change(environment, platform, {"is_active": True})


@platforms.command(
    "suppliers",
    epilog=examples(
        "topup platforms suppliers claude gift-cards by-hand --environment live",
        "topup platforms suppliers claude --environment live",
    ),
)
@click.argument("platform")
@click.argument("suppliers", nargs=-1)
@environment_option
@json_option
def suppliers_(platform: str, suppliers: tuple[str, ...], environment: Environment) -> None:
    """Say who supplies a platform, in order: the next one is asked after a definite no. None: it is
    not offered. Top-ups that are with a supplier stay with it until it says no.
    """

    async def act(_context: Context, tx: Transaction, now_us: int) -> dict[str, Any]:
        row = await commands.set_platform_suppliers(
            tx, environment, platform, suppliers, by=Actor(), now_us=now_us
        )
        return platform_shape(row, suppliers)

    show_record(in_one(act))


def _change(environment: str, platform: str, changes: dict[str, Any]) -> None:
    async def act(_context: Context, tx: Transaction, now_us: int) -> dict[str, Any]:
        await commands.change_platform(
            tx, environment, platform, changes, by=Actor(), now_us=now_us
        )
        named = await suppliers_of(tx, environment)
        found = await get_platform(tx, environment, platform)
        return platform_shape(found, named.get(platform, ()))

    show_record(in_one(act))
