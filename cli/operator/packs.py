"""`topup packs`: what credit is sold as."""

from functools import partial
from typing import Any

import click

from billing.catalog import commands as catalogue
from billing.catalog.pack import CREDITS_MAX, Pack, list_packs
from billing.ledger.price import check_currency, price_of
from cli.examples import examples
from cli.operator.catalogue import add_list, add_switch, run_act
from cli.options import environment_option
from cli.output import json_option
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
        created_at=SystemClock().now_us(),
    )

    async def act(tx: Transaction, now_us: int) -> dict[str, Any]:
        return _shape(await catalogue.create_pack(tx, pack, by=Actor(), now_us=now_us))

    run_act(act)


async def _listed(
    tx: Transaction,
    environment: Environment,
    with_inactive: bool,  # noqa: FBT001
) -> list[dict[str, Any]]:
    return [_shape(pack) for pack in await list_packs(tx, environment, with_inactive=with_inactive)]


def _set(environment: Environment, pack_id: str, *, is_active: bool) -> None:
    async def act(tx: Transaction, now_us: int) -> dict[str, Any]:
        place = (environment, pack_id)
        return _shape(
            await catalogue.set_pack_active(
                tx, place, is_active=is_active, by=Actor(), now_us=now_us
            )
        )

    run_act(act)


def _shape(pack: Pack) -> dict[str, Any]:
    return {"environment": pack.environment, **pack.shape(), "price": pack.price.decimal()}


add_list(packs, _listed, "id", "name", "price", "currency", "credits", "bonus_credits", "active")
add_switch(
    packs,
    "disable",
    "pack_id",
    partial(_set, is_active=False),
    text="Sell a pack no longer; orders that were made stay as they are.",
    example="topup packs disable pack_mini",
)
add_switch(
    packs,
    "enable",
    "pack_id",
    partial(_set, is_active=True),
    text="Sell a pack again.",
    example="topup packs enable pack_mini --environment live",
)
