"""`topup suppliers`: who provides the credit; their options, how they do, whether they answer."""

import asyncio
from typing import Any

import click

from billing.desk.supplier_acts import ACTS
from billing.fulfilment import commands
from billing.fulfilment.commands import supplier_shape
from billing.fulfilment.protocol import ASK_S_MAX, Health
from billing.fulfilment.suppliers import ReadySupplier
from billing.topups.platform_rows import SupplierRow, list_suppliers
from cli.acts.command import group_of
from cli.examples import examples
from cli.operator.supply import in_one, opened, options_of
from cli.options import environment_option
from cli.output import EXIT_REFUSED, json_option, show_record, show_rows
from keys.audit_log import Actor
from keys.principal import Environment
from runtime.context import Context
from store.database import Transaction

_options = click.option(
    "--option",
    "given",
    multiple=True,
    metavar="NAME=VALUE",
    help="An option of its kind; empty: none.",
)
_secrets = click.option(
    "--secret",
    "secrets",
    multiple=True,
    metavar="NAME=@FILE",
    help="A secret option: a file's first line, or NAME=- for standard input. Sealed, never shown again.",
)
suppliers = group_of(
    "suppliers", "Who provides the credit that is sent; staging and live have their own.", ACTS
)


@suppliers.command("kinds", epilog=examples("topup suppliers kinds"))
@json_option
def kinds() -> None:
    """List the kinds of suppliers, and the options of each."""

    async def act(context: Context) -> list[dict[str, Any]]:
        return [
            {"kind": one.name, "text": one.text, "options": list(one.options.__struct_fields__)}
            for one in context.suppliers.registrations.values()
        ]

    show_rows(opened(act), "kind", "text", "options")


@suppliers.command(
    "create",
    epilog=examples(
        "topup suppliers create gift-cards --kind code_stock --environment live",
        "topup suppliers create own --kind http --option url=https://topup.example.com"
        " --secret secret=@secret.txt --environment live",
        "topup suppliers create own --kind http --simulated",
    ),
)
@click.argument("supplier")
@click.option("--kind", required=True, help="What it is; `topup suppliers kinds` lists them.")
@click.option(
    "--simulated", is_flag=True, help="Staging only: simulates its kind and calls no provider."
)
@_options
@_secrets
@environment_option
@json_option
def create(
    supplier: str,
    kind: str,
    simulated: bool,  # noqa: FBT001
    given: tuple[str, ...],
    secrets: tuple[str, ...],
    environment: Environment,
) -> None:
    """Add a supplier; `topup platforms set` then says what for. Its id and kind stay for ever."""
    options = options_of(given, secrets)

    async def act(context: Context, tx: Transaction, now_us: int) -> dict[str, Any]:
        row = SupplierRow(
            environment=environment,
            id=supplier,
            kind=kind,
            is_simulated=simulated,
            created_at=now_us,
            changed_at=now_us,
        )
        known = context.suppliers
        made = await commands.add_supplier(
            tx, row, options, known.registrations, known.vault, by=Actor(), now_us=now_us
        )
        ready = known.ready(made)
        if ready.fault is not None:
            raise click.UsageError(ready.fault)
        return supplier_shape(made)

    show_record(in_one(act))


@suppliers.command(
    "set",
    epilog=examples("topup suppliers set own --secret secret=@new.txt --environment live"),
)
@click.argument("supplier")
@_options
@_secrets
@click.option(
    "--despite-open-attempts",
    is_flag=True,
    help="Change where it is asked, though top-ups are with it: the same service, with the same records.",
)
@environment_option
@json_option
def set_(
    supplier: str,
    given: tuple[str, ...],
    secrets: tuple[str, ...],
    despite_open_attempts: bool,  # noqa: FBT001
    environment: Environment,
) -> None:
    """Set options of a supplier anew; the others stay as they are."""
    changes = options_of(given, secrets)

    async def act(context: Context, tx: Transaction, now_us: int) -> dict[str, Any]:
        known = context.suppliers
        changed = await commands.change_supplier(
            tx,
            environment,
            supplier,
            changes,
            known.registrations,
            known.vault,
            despite_open_attempts=despite_open_attempts,
            by=Actor(),
            now_us=now_us,
        )
        return supplier_shape(changed)

    show_record(in_one(act))


@suppliers.command("check", epilog=examples("topup suppliers check --environment live"))
@environment_option
@json_option
@click.pass_context
def check(context: click.Context, environment: Environment) -> None:
    """Ask each supplier that is on a harmless question, and say what is wrong. Changes nothing."""

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
