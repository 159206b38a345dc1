"""`topup packs`: what credit is sold as."""

from typing import Any

import click

from billing.catalog import commands as catalogue
from billing.catalog.pack import CREDITS_MAX, Pack, list_packs
from billing.ledger.price import check_currency, price_of
from cli.database import read, write
from cli.examples import examples
from cli.options import environment_option
from cli.output import json_option, run, show_record, show_rows
from kernel.clock import SystemClock
from keys.audit_log import Actor
from keys.principal import Environment
from store.database import Transaction


@click.group(
    epilog=examples(
        "topup packs list",
        "topup packs create --id pack_mini --name Mini --price 5.00 --credits 5000",
    )
)
def packs() -> None:
    """Amounts of credit that are sold as one; staging and live have their own."""


@packs.command(
    "create",
    epilog=examples(
        "topup packs create --id pack_mini --name Mini --price 5.00 --credits 5500 --bonus-credits 500",
    ),
)
@environment_option
@click.option("--id", "pack_id", required=True, help="Such as pack_starter; orders name it.")
@click.option("--name", required=True, help="What payers see.")
@click.option("--price", required=True, help="Decimal, such as 20.00.")
@click.option("--currency", default="USD", show_default=True, help="ISO 4217.")
@click.option(
    "--credits",
    "sold",
    type=click.IntRange(1, CREDITS_MAX),
    required=True,
    help="All that is credited, the bonus included.",
)
@click.option("--bonus-credits", type=int, default=0, help="How many of them are a bonus.")
@click.option("--popular", is_flag=True, help="Marked as the one most people take.")
@click.option("--position", type=click.IntRange(0, 1_000_000), default=0, help="0: the last.")
@json_option
def create(environment: Environment, pack_id: str, price: str, currency: str, **more: Any) -> None:
    """Add a pack to the catalogue. 1,000 credits are worth $1.00."""
    cost = price_of(price, check_currency(currency), param="price")
    now_us = SystemClock().now_us()
    pack = Pack(
        environment=environment,
        id=pack_id,
        name=more["name"],
        amount=cost.amount,
        currency=cost.currency,
        credits=more["sold"],
        bonus_credits=more["bonus_credits"],
        is_popular=more["popular"],
        position=more["position"],
        created_at=now_us,
    )

    async def work(tx: Transaction) -> Pack:
        return await catalogue.create_pack(tx, pack, by=Actor(), now_us=now_us)

    show_record(_shape(run(write(work))))


@packs.command(
    "list",
    epilog=examples(
        "topup packs list --all",
    ),
)
@environment_option
@click.option("--all", "with_inactive", is_flag=True, help="Those that are no longer sold too.")
@json_option
def list_(environment: Environment, with_inactive: bool) -> None:  # noqa: FBT001
    """List the catalogue in its order."""

    async def work(tx: Transaction) -> list[Pack]:
        return list(await list_packs(tx, environment, with_inactive=with_inactive))

    rows = [_shape(pack) for pack in run(read(work))]
    show_rows(rows, "id", "name", "price", "currency", "credits", "bonus_credits", "active")


@packs.command(
    "disable",
    epilog=examples(
        "topup packs disable pack_mini",
    ),
)
@click.argument("pack_id")
@environment_option
@json_option
def disable(pack_id: str, environment: Environment) -> None:
    """Sell a pack no longer; orders that were made stay as they are."""
    _set(pack_id, environment, is_active=False)


@packs.command(
    "enable",
    epilog=examples(
        "topup packs enable pack_mini --environment live",
    ),
)
@click.argument("pack_id")
@environment_option
@json_option
def enable(pack_id: str, environment: Environment) -> None:
    """Sell a pack again."""
    _set(pack_id, environment, is_active=True)


def _set(pack_id: str, environment: Environment, *, is_active: bool) -> None:
    now_us = SystemClock().now_us()

    async def work(tx: Transaction) -> Pack:
        place = (environment, pack_id)
        return await catalogue.set_pack_active(
            tx, place, is_active=is_active, by=Actor(), now_us=now_us
        )

    show_record(_shape(run(write(work))))


def _shape(pack: Pack) -> dict[str, Any]:
    return {"environment": pack.environment, **pack.shape(), "price": pack.price.decimal()}
