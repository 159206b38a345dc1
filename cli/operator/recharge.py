"""`topup accounts recharge`: what an account buys by itself, seen and switched off."""

from typing import Any

import click
import msgspec

from billing.payments.recharging.setting import SwitchRechargeOff
from billing.recharges import records
from cli.database import account_named, read
from cli.examples import examples
from cli.operator.supply import opened
from cli.options import environment_option
from cli.output import json_option, run, show_record
from cli.person import by_option, who_acts
from gateway.api.schemas.recharges import Recharge
from kernel.errors import NotFound
from kernel.tenant import Tenant
from keys.audit_log import Actor
from keys.principal import Environment
from runtime.context import Context
from store.database import Transaction

CHARGES_SHOWN = 20


@click.group(
    epilog=examples(
        "topup accounts recharge show ops@acme.example --environment live",
        "topup accounts recharge off ops@acme.example --environment live --reason 'card is stolen'",
    )
)
def recharge() -> None:
    """What an account buys by itself when its balance falls. Only the account sets it, at its page."""


@recharge.command(
    "show", epilog=examples("topup accounts recharge show ops@acme.example --environment live")
)
@click.argument("account")
@environment_option
@json_option
def show(account: str, environment: Environment) -> None:
    """Show what is set, and the latest charges with why they were declined."""

    async def work(tx: Transaction) -> dict[str, Any]:
        tenant = Tenant((await account_named(account)(tx)).id, environment)
        found = await records.find(tx, tenant)
        if found is None:
            raise NotFound("Recharge")
        charges = await records.latest_charges(tx, tenant, limit=CHARGES_SHOWN)
        return dict(msgspec.to_builtins(Recharge.of(found, charges)))

    show_record(run(read(work)))


@recharge.command(
    "off",
    epilog=examples(
        "topup accounts recharge off ops@acme.example --environment live --reason 'card is stolen'"
    ),
)
@click.argument("account")
@click.option("--reason", required=True, help="Why, for the audit log.")
@by_option
@environment_option
@json_option
def off(account: str, reason: str, by: str | None, environment: Environment) -> None:
    """Switch it off until the account sets it again. A charge that is under way goes on to its end."""

    async def act(context: Context) -> dict[str, Any]:
        found = await context.database.read(account_named(account))
        command = SwitchRechargeOff(Tenant(found.id, environment), Actor(who_acts(by)), reason)
        switched = await context.engine.submit(command)
        return dict(msgspec.to_builtins(Recharge.of(switched)))

    show_record(opened(act))
