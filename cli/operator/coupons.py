"""`topup coupons`: what lowers an order's price."""

from functools import partial
from typing import Any

import click

from billing.catalog import commands as catalogue
from billing.catalog.coupon import PERCENT_MAX, USES_MAX, Coupon, list_coupons, new_coupon
from billing.ledger.price import check_currency, price_of
from cli.database import read
from cli.examples import examples
from cli.operator.catalogue import add_switch, run_act
from cli.options import Moment, environment_option, limit_option
from cli.output import json_option, run, show_rows
from kernel.clock import SystemClock
from keys.audit_log import Actor
from keys.principal import Environment
from store.database import Transaction

_uses = click.IntRange(1, USES_MAX)


@click.group(
    epilog=examples(
        "topup coupons create --code SPRING --percent 10",
        "topup coupons list",
    )
)
def coupons() -> None:
    """Codes that lower an order's price; staging and live have their own."""


@coupons.command(
    "create",
    epilog=examples(
        "topup coupons create --code SPRING --percent 10 --uses-per-account 1",
        "topup coupons create --code FIVE --amount-off 5.00 --minimum 20.00",
    ),
)
@environment_option
@click.option("--code", required=True, help="What payers type; of either case.")
@click.option("--percent", type=click.IntRange(1, PERCENT_MAX), help="Of the list price.")
@click.option("--amount-off", help="Instead of a percentage; decimal, such as 5.00.")
@click.option("--minimum", help="The least list price; decimal, such as 20.00.")
@click.option("--currency", default="USD", show_default=True, help="Of these amounts.")
@click.option("--uses-max", type=_uses, help="By everybody; default: any number.")
@click.option("--uses-per-account", type=_uses, help="Default: any number.")
@click.option("--expires-at", type=Moment(), help="RFC 3339, such as 2027-01-31T00:00:00Z.")
@json_option
def create(
    environment: Environment,
    code: str,
    amount_off: str | None,
    minimum: str | None,
    currency: str,
    **limits: Any,
) -> None:
    """Create a coupon. The part of an order that it pays for is promotional credit."""
    unit = check_currency(currency)
    made = new_coupon(
        environment,
        code,
        now_us=SystemClock().now_us(),
        amount_off=_units(amount_off, unit, "amount_off"),
        minimum_amount=_units(minimum, unit, "minimum"),
        currency=None if amount_off is None and minimum is None else unit,
        **limits,
    )

    async def act(tx: Transaction, now_us: int) -> dict[str, Any]:
        return (await catalogue.create_coupon(tx, made, by=Actor(), now_us=now_us)).shape()

    run_act(act)


@coupons.command(
    "list",
    epilog=examples(
        "topup coupons list --environment live",
    ),
)
@environment_option
@limit_option
@click.option("--cursor", help="The id of the last coupon of the page before.")
@json_option
def list_(environment: Environment, limit: int, cursor: str | None) -> None:
    """List coupons, newest first."""

    async def work(tx: Transaction) -> list[Coupon]:
        return list(await list_coupons(tx, environment, before_id=cursor, limit=limit))

    found = run(read(work))
    more = found[-1].id if len(found) == limit else None
    rows = [coupon.shape() for coupon in found]
    show_rows(
        rows,
        "code",
        "percent",
        "amount_off",
        "currency",
        "minimum_amount",
        "used_count",
        "uses_max",
        "expires_at",
        "active",
        next_cursor=more,
    )


def _set(environment: Environment, code: str, *, is_active: bool) -> None:
    async def act(tx: Transaction, now_us: int) -> dict[str, Any]:
        changed = await catalogue.set_coupon_active(
            tx, environment, code, is_active=is_active, by=Actor(), now_us=now_us
        )
        return changed.shape()

    run_act(act)


def _units(text: str | None, currency: str, param: str) -> int | None:
    return None if text is None else price_of(text, currency, param=param).amount


add_switch(
    coupons,
    "disable",
    "code",
    partial(_set, is_active=False),
    text="Take a coupon no longer; orders that have it keep it.",
    example="topup coupons disable SPRING",
)
add_switch(
    coupons,
    "enable",
    "code",
    partial(_set, is_active=True),
    text="Take a coupon again.",
    example="topup coupons enable SPRING",
)
