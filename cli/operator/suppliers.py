"""`topup suppliers`: who provides the credit; their options and health."""

import asyncio
from typing import Any

import click

from billing.desk import supplier_acts, supplier_setup_acts
from billing.fulfilment.protocol import ASK_S_MAX, Health
from billing.fulfilment.suppliers import ReadySupplier
from billing.topups.platform_rows import list_suppliers
from cli.acts.command import group_of
from cli.examples import examples
from cli.operator.supply import opened
from cli.options import environment_option
from cli.output import EXIT_REFUSED, json_option, show_rows
from keys.principal import Environment
from runtime.context import Context

suppliers = group_of(
    "suppliers",
    "Who provides the credit that is sent; staging and live have their own.",
    (*supplier_acts.ACTS, *supplier_setup_acts.ACTS),
)


@suppliers.command("check", epilog=examples("topup suppliers check --environment live"))
@environment_option
@json_option
@click.pass_context
def check(context: click.Context, environment: Environment) -> None:
    """Send each enabled supplier a harmless request, and say what is wrong. Changes nothing."""

    async def act(installation: Context) -> list[dict[str, Any]]:
        read = await installation.database.read(lambda tx: list_suppliers(tx, environment))
        ready = [installation.suppliers.ready(row) for row in read if row.is_active]
        return list(await asyncio.gather(*(_checked(one) for one in ready)))

    found = opened(act)
    show_rows(found, "id", "kind", "well", "detail", "balance_cents")
    if not all(one["well"] for one in found):
        context.exit(EXIT_REFUSED)


async def _checked(supplier: ReadySupplier) -> dict[str, Any]:
    balance_cents = None
    try:
        async with asyncio.timeout(ASK_S_MAX):
            found = await supplier.asked.probe()
            balance_cents = await supplier.asked.balance_cents()
    except Exception as error:
        found = Health(is_well=False, detail=type(error).__name__)
    return {
        "id": supplier.id,
        "kind": supplier.kind,
        "well": found.is_well and supplier.fault is None,
        "detail": supplier.fault or found.detail,
        "balance_cents": balance_cents,
    }
