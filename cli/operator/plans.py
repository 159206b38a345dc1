"""`topup plans`: what subscriptions are sold as."""

from collections.abc import Awaitable, Callable
from typing import Any, Final, TypeVar

import click

from billing.catalog import commands as catalogue
from billing.catalog.grant_terms import DEFAULT_TERMS, ROLLOVER_CREDITS_MAX, entitlements_of
from billing.catalog.plan import CREDITS_MAX, TRIAL_DAYS_MAX, Plan, get, list_plans
from billing.catalog.product_fields import ProductFields
from billing.ledger.price import check_currency, price_of
from billing.providers.registry import discover
from cli.database import read, write
from cli.examples import examples
from cli.options import environment_option
from cli.output import json_option, run, show_record, show_rows
from kernel.clock import SystemClock
from keys.audit_log import Actor
from keys.principal import Environment
from runtime.settings import SettingsError, load_settings
from store.database import Transaction

F = TypeVar("F", bound=Callable[..., Any])
_TAKEN: Final = ("name", "description", "position", "trial_days", "trial_credits")
# In a context's meta.
_OPTIONS: Final = "topup.plan_options"


class _PlanCommand(click.Command):
    """A command with an option for each price or product that a plan may have at a provider."""

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        found: list[click.Parameter] | None = ctx.meta.get(_OPTIONS)
        if found is None:
            found = ctx.meta[_OPTIONS] = [
                click.Option([f"--{field.name.replace('_', '-')}"], help=field.text)
                for field in _fields().by_key.values()
            ]
        *own, as_json, as_help = super().get_params(ctx)
        return [*own, *found, as_json, as_help]


_TERM_OPTIONS: Final = (
    click.option("--credit-expires", help="never, period_end, or a number of days such as 30d."),
    click.option(
        "--rollover-max-credits",
        type=click.IntRange(0, ROLLOVER_CREDITS_MAX),
        help="How much of what is left goes on into the next period; 0: nothing.",
    ),
    click.option(
        "--grants",
        type=click.Choice(["at_once", "monthly"]),
        help="monthly: a paid year gives its credit month by month.",
    ),
    click.option(
        "--entitlement",
        "entitlements",
        multiple=True,
        help="name=yes, name=no or name=100/month (day, month, period); repeatable; '' takes all away.",
    ),
    click.option(
        "--on-repurchase",
        type=click.Choice(["extend", "reset", "stack"]),
        help="What becomes of credit that is left when the plan is paid for again.",
    ),
    click.option(
        "--when-used-up",
        type=click.Choice(["wallet", "stop"]),
        help="stop: the account's own usage does not go on from the wallet.",
    ),
)


def _term_options(command: F) -> F:
    """An option for each of the terms."""
    for option in reversed(_TERM_OPTIONS):
        command = option(command)
    return command


def _terms_given(values: dict[str, Any]) -> dict[str, Any]:
    """Takes the terms that were given out of values."""
    names = ("credit_expires", "rollover_max_credits", "grants", "on_repurchase", "when_used_up")
    given = {name: values.pop(name) for name in names}
    terms = {name: value for name, value in given.items() if value is not None}
    if "rollover_max_credits" in terms:
        terms["rollover_max_credits"] = terms["rollover_max_credits"] or None
    lines = values.pop("entitlements")
    if lines:
        terms["entitlements"] = entitlements_of(lines)
    return terms


def _fields() -> ProductFields:
    """Of every provider that is found; of ours alone while the settings cannot be read."""
    try:
        registrations = load_settings().providers.registrations
    except SettingsError:
        registrations = discover()
    return ProductFields.of(registrations.values())


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
    cls=_PlanCommand,
    epilog=examples(
        "topup plans create --id pro --name Pro --price-monthly 20.00 --price-yearly 200.00 --credits 20000",
        "topup plans create --id max --name Max --price-monthly 50.00 --credits 60000"
        " --credit-expires period_end --rollover-max-credits 20000 --entitlement exports=100/month",
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
@click.option(
    "--trial-days",
    type=click.IntRange(0, TRIAL_DAYS_MAX),
    default=0,
    help="Days before the first payment.",
)
@click.option(
    "--trial-credits", type=click.IntRange(0, CREDITS_MAX), default=0, help="What a trial grants."
)
@click.option("--feature", "features", multiple=True, help="A line of the list; repeatable.")
@click.option("--position", type=click.IntRange(0, 1_000_000), default=0, help="0: the last.")
@_term_options
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
    fields = _fields()
    products = fields.given(more)
    terms = DEFAULT_TERMS.changed(_terms_given(more))
    plan = Plan(
        environment=environment,
        id=plan_id,
        price_monthly=price_of(price_monthly, unit, param="price_monthly").amount,
        price_yearly=None if yearly is None else yearly.amount,
        currency=unit,
        credits_included=included,
        features=features,
        products={key: ref for key, ref in products.items() if ref is not None},
        grant_terms=terms,
        created_at=SystemClock().now_us(),
        **{name: more[name] for name in _TAKEN},
    )

    async def act(tx: Transaction, now_us: int) -> dict[str, Any]:
        made = await catalogue.create_plan(tx, plan, fields, by=Actor(), now_us=now_us)
        return _shape(made, fields)

    _run_act(act)


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
    found = run(read(lambda tx: get(tx, (environment, plan_id))))
    show_record(_shape(found, _fields()))


@plans.command(
    "set",
    cls=_PlanCommand,
    epilog=examples(
        "topup plans set pro --stripe-price-id-monthly price_1Abc",
        "topup plans set pro --credit-expires period_end --rollover-max-credits 20000",
        "topup plans set pro --trial-days 14 --trial-credits 500",
    ),
)
@click.argument("plan_id")
@environment_option
@click.option("--trial-days", type=click.IntRange(0, TRIAL_DAYS_MAX), help="0: no trial.")
@click.option("--trial-credits", type=click.IntRange(0, CREDITS_MAX), help="What a trial grants.")
@_term_options
@json_option
def set_(
    plan_id: str,
    environment: Environment,
    trial_days: int | None,
    trial_credits: int | None,
    **more: Any,
) -> None:
    """Change what a plan grants, its trial, and the providers' own prices and products.

    An empty text takes a price or product away. Who has the plan keeps its terms.
    """
    terms = _terms_given(more)
    named = {name: ref for name, ref in more.items() if ref is not None}
    trial = {"trial_days": trial_days, "trial_credits": trial_credits}
    if trial_days == 0:
        trial["trial_credits"] = 0
    given = {name: value for name, value in trial.items() if value is not None}
    _change(environment, plan_id, products=_fields().given(named), grant_terms=terms, **given)


@plans.command("list", epilog=examples("topup plans list --all"))
@environment_option
@click.option("--all", "with_inactive", is_flag=True, help="Those that are no longer sold too.")
@json_option
def list_(environment: Environment, *, with_inactive: bool) -> None:
    """List the catalogue in its order."""
    fields = _fields()
    found = run(read(lambda tx: list_plans(tx, environment, with_inactive=with_inactive)))
    show_rows(
        [_shape(plan, fields) for plan in found],
        *("id", "name", "price_monthly", "price_yearly", "currency", "credits_included", "active"),
    )


@plans.command("disable", epilog=examples("topup plans disable pro"))
@click.argument("plan_id")
@environment_option
@json_option
def disable(plan_id: str, environment: Environment) -> None:
    """Sell a plan no longer; who has it keeps it."""
    _change(environment, plan_id, is_active=False)


@plans.command("enable", epilog=examples("topup plans enable pro"))
@click.argument("plan_id")
@environment_option
@json_option
def enable(plan_id: str, environment: Environment) -> None:
    """Sell a plan again."""
    _change(environment, plan_id, is_active=True)


def _run_act(act: Callable[[Transaction, int], Awaitable[dict[str, Any]]]) -> None:
    """Run it in one transaction, at the time that it is given; show what it changed."""
    now_us = SystemClock().now_us()
    show_record(run(write(lambda tx: act(tx, now_us))))


def _change(environment: Environment, plan_id: str, **changes: Any) -> None:
    fields = _fields()

    async def act(tx: Transaction, now_us: int) -> dict[str, Any]:
        place = (environment, plan_id)
        changed = await catalogue.change_plan(tx, place, changes, fields, by=Actor(), now_us=now_us)
        return _shape(changed, fields)

    _run_act(act)


def _shape(plan: Plan, fields: ProductFields) -> dict[str, Any]:
    return {"environment": plan.environment, **plan.shape(fields)}
