"""`topup plans`: what subscriptions are sold as."""

from typing import Any

import click

from billing.catalog import commands as catalogue
from billing.catalog.plan import CREDITS_MAX, Plan, get, list_plans
from billing.ledger.price import check_currency, price_of
from cli.database import read, write
from cli.examples import examples
from cli.options import environment_option
from cli.output import json_option, run, show_record, show_rows
from kernel.clock import SystemClock
from keys.audit_log import Actor
from keys.principal import Environment
from store.database import Transaction

_REFS = (
    ("--stripe-price-id-monthly", "Stripe's own price, price_…."),
    ("--stripe-price-id-yearly", "The same of a year."),
    ("--creem-product-id", "Creem's product; without it the plan is not sold there."),
    ("--creem-product-id-yearly", "The same of a year."),
)


def _refs(command: Any) -> Any:
    for name, text in reversed(_REFS):
        command = click.option(name, help=text)(command)
    return command


@click.group(
    epilog=examples(
        "topup plans list",
        "topup plans create --id pro --name Pro --price-monthly 20.00 --credits 20000",
    )
)
def plans() -> None:
    """Credit by the month or the year; staging and live have their own."""


@plans.command(
    "create",
    epilog=examples(
        "topup plans create --id pro --name Pro --price-monthly 20.00 --price-yearly 200.00 --credits 20000",
    ),
)
@environment_option
@click.option("--id", "plan_id", required=True, help="Such as pro; checkouts name it.")
@click.option("--name", required=True, help="What payers see.")
@click.option("--description", default="", help="A sentence for payers.")
@click.option("--price-monthly", required=True, help="Decimal, such as 9.99.")
@click.option("--price-yearly", help="Decimal; default: not sold by the year.")
@click.option("--currency", default="USD", show_default=True, help="ISO 4217.")
@click.option(
    "--credits",
    "included",
    type=click.IntRange(1, CREDITS_MAX),
    required=True,
    help="Of one month; 1,000 are worth $1.00.",
)
@click.option("--feature", "features", multiple=True, help="A line of the list; repeatable.")
@click.option("--position", type=click.IntRange(0, 1_000_000), default=0, help="0: the last.")
@_refs
@json_option
def create(
    environment: Environment,
    plan_id: str,
    price_monthly: str,
    price_yearly: str | None,
    currency: str,
    included: int,
    features: tuple[str, ...],
    **more: Any,
) -> None:
    """Add a plan. --credits are of a month; a paid year grants twelve times as many."""
    unit = check_currency(currency)
    yearly = None if price_yearly is None else price_of(price_yearly, unit, param="price_yearly")
    now_us = SystemClock().now_us()
    plan = Plan(
        environment=environment,
        id=plan_id,
        price_monthly=price_of(price_monthly, unit, param="price_monthly").amount,
        price_yearly=None if yearly is None else yearly.amount,
        currency=unit,
        credits_included=included,
        features=features,
        created_at=now_us,
        **more,
    )

    async def work(tx: Transaction) -> Plan:
        return await catalogue.create_plan(tx, plan, by=Actor(), now_us=now_us)

    show_record(_shape(run(write(work))))


@plans.command(
    "list",
    epilog=examples(
        "topup plans list --all",
    ),
)
@environment_option
@click.option("--all", "with_inactive", is_flag=True, help="Those that are no longer sold too.")
@json_option
def list_(environment: Environment, with_inactive: bool) -> None:  # noqa: FBT001
    """List the catalogue in its order."""

    async def work(tx: Transaction) -> list[Plan]:
        return list(await list_plans(tx, environment, with_inactive=with_inactive))

    rows = [_shape(plan) for plan in run(read(work))]
    show_rows(
        rows,
        "id",
        "name",
        "price_monthly",
        "price_yearly",
        "currency",
        "credits_included",
        "active",
    )


@plans.command(
    "show",
    epilog=examples(
        "topup plans show pro --environment live",
    ),
)
@click.argument("plan_id")
@environment_option
@json_option
def show(plan_id: str, environment: Environment) -> None:
    """Show one plan."""

    async def work(tx: Transaction) -> Plan:
        return await get(tx, (environment, plan_id))

    show_record(_shape(run(read(work))))


@plans.command(
    "set",
    epilog=examples(
        "topup plans set pro --stripe-price-id-monthly price_1Abc",
    ),
)
@click.argument("plan_id")
@environment_option
@_refs
@json_option
def set_(plan_id: str, environment: Environment, **refs: str | None) -> None:
    """Name the providers' own prices and products; an empty text takes one away."""
    _change(plan_id, environment, {k: v or None for k, v in refs.items() if v is not None})


@plans.command(
    "disable",
    epilog=examples(
        "topup plans disable pro",
    ),
)
@click.argument("plan_id")
@environment_option
@json_option
def disable(plan_id: str, environment: Environment) -> None:
    """Sell a plan no longer; who has it keeps it."""
    _change(plan_id, environment, {"is_active": False})


@plans.command(
    "enable",
    epilog=examples(
        "topup plans enable pro",
    ),
)
@click.argument("plan_id")
@environment_option
@json_option
def enable(plan_id: str, environment: Environment) -> None:
    """Sell a plan again."""
    _change(plan_id, environment, {"is_active": True})


def _change(plan_id: str, environment: Environment, changes: dict[str, Any]) -> None:
    now_us = SystemClock().now_us()

    async def work(tx: Transaction) -> Plan:
        place = (environment, plan_id)
        return await catalogue.change_plan(tx, place, changes, by=Actor(), now_us=now_us)

    show_record(_shape(run(write(work))))


def _shape(plan: Plan) -> dict[str, Any]:
    return {"environment": plan.environment, **plan.shape()}
