"""`topup providers forgotten`: erased accounts' customers that providers haven't deleted yet."""

import click

from billing.payments.recharging.forgotten import ask_again, give_up, list_forgotten
from cli.database import read
from cli.examples import examples
from cli.operator.supply import in_one
from cli.options import environment_option
from cli.output import json_option, note, run, show_record, show_rows
from cli.person import by_option, who_acts
from keys.audit_log import Actor
from keys.principal import Environment

_KEY = ("provider", "environment", "customer_ref")
_COLUMNS = (
    *("provider", "environment", "customer_ref", "attempts", "next_attempt_at"),
    *("last_error", "created_at"),
)


@click.group(
    epilog=examples(
        "topup providers forgotten list",
        "topup providers forgotten retry stripe cus_4Kp1 --environment staging",
        "topup providers forgotten drop stripe cus_4Kp1 --reason 'deleted in the dashboard'",
    )
)
def forgotten() -> None:
    """Customers of erased accounts that are still at a provider, with their cards."""


@forgotten.command("list", epilog=examples("topup providers forgotten list"))
@json_option
def list_() -> None:
    """List them in both environments, the oldest first, with why they couldn't be deleted yet."""
    show_rows([one.shape() for one in run(read(list_forgotten))], *_COLUMNS)


@forgotten.command(
    "retry", epilog=examples("topup providers forgotten retry stripe cus_4Kp1 --environment live")
)
@click.argument("provider")
@click.argument("customer_ref")
@environment_option
@json_option
def retry(provider: str, customer_ref: str, environment: Environment) -> None:
    """Retry the deletion within a minute, not only when its wait is over."""
    key = (provider, environment, customer_ref)
    in_one(lambda _context, tx, now_us: ask_again(tx, key, now_us=now_us))
    show_record(dict(zip(_KEY, key, strict=True)))
    note("A worker asks within a minute.")


@forgotten.command(
    "drop",
    epilog=examples(
        "topup providers forgotten drop stripe cus_4Kp1 --reason 'deleted in the dashboard'"
    ),
)
@click.argument("provider")
@click.argument("customer_ref")
@click.option("--reason", required=True, help="Why, for the audit log.")
@by_option
@environment_option
@json_option
def drop(
    *, provider: str, customer_ref: str, reason: str, by: str | None, environment: Environment
) -> None:
    """Stop retrying, because the customer is gone or you deleted it in the provider's dashboard."""
    key, actor = (provider, environment, customer_ref), Actor(who_acts(by))
    in_one(lambda _context, tx, now_us: give_up(tx, key, actor=actor, reason=reason, now_us=now_us))
    show_record(dict(zip(_KEY, key, strict=True)))
    note("It is not asked for any more; the audit log has your reason.")
