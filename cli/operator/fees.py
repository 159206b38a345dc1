"""`topup platforms fee`: what a send costs beside its amount, for all or for one account."""

from typing import Any

import click

from billing.fulfilment import commands
from billing.fulfilment.commands import fee_shape
from billing.topups.fee import BASIS_POINTS_MAX, FEE_CENTS_MAX
from billing.topups.fee_rows import EVERYBODY, FeeRow, list_fees
from cli.database import account_named
from cli.examples import examples
from cli.operator.supply import in_one
from cli.options import environment_option
from cli.output import json_option, show_record, show_rows
from keys.audit_log import Actor
from keys.principal import Environment
from runtime.context import Context
from store.database import Transaction

_CENTS = click.IntRange(0, FEE_CENTS_MAX)
_whose_option = click.option(
    "--account", help="Of this account only, by id or email address; else of all the others."
)


@click.group(
    epilog=examples(
        "topup platforms fee set claude --fixed-cents 30 --basis-points 250 --environment live",
        "topup platforms fee set claude --account shop@example.com --environment live",
    )
)
def fee() -> None:
    """What a send costs beside its amount: a fixed part and a share of it, rounded up to a cent. An
    account's own fee stands in place of the platform's. Set the first one once every gateway and worker
    runs this version.
    """


@fee.command("list", epilog=examples("topup platforms fee list --environment live"))
@environment_option
@json_option
def list_(environment: Environment) -> None:
    """List fees; one without an account is of all accounts that have none of their own."""

    async def act(_context: Context, tx: Transaction, _now_us: int) -> list[dict[str, Any]]:
        return [fee_shape(one) for one in await list_fees(tx, environment)]

    columns = ("platform", "account", "fixed_cents", "basis_points", "min_cents", "max_cents")
    show_rows(in_one(act), *columns)


@fee.command(
    "set",
    epilog=examples(
        "topup platforms fee set claude --fixed-cents 30 --basis-points 250",
        "topup platforms fee set claude --basis-points 300 --min-cents 50 --max-cents 2000",
        "topup platforms fee set claude --account shop@example.com",
    ),
)
@click.argument("platform")
@click.option("--fixed-cents", type=_CENTS, default=0, show_default=True, help="On each send.")
@click.option(
    "--basis-points",
    type=click.IntRange(0, BASIS_POINTS_MAX),
    default=0,
    show_default=True,
    help="Hundredths of a percent of the amount: 250 is 2.5 %.",
)
@click.option("--min-cents", type=_CENTS, default=0, show_default=True, help="The smallest fee.")
@click.option("--max-cents", type=_CENTS, help="The largest fee; else there is none.")
@_whose_option
@environment_option
@json_option
def set_(platform: str, account: str | None, environment: Environment, **parts: Any) -> None:
    """Set a fee, in place of what there was. With all parts 0 an account pays none. Top-ups that were
    sent, and quotes of the last ten minutes, keep theirs.
    """

    async def act(_context: Context, tx: Transaction, now_us: int) -> dict[str, Any]:
        row = FeeRow(
            environment=environment,
            platform=platform,
            account_id=await _whose(tx, account),
            changed_at=now_us,
            **parts,
        )
        return fee_shape(await commands.set_fee(tx, row, by=Actor(), now_us=now_us))

    show_record(in_one(act))


@fee.command(
    "clear",
    epilog=examples(
        "topup platforms fee clear claude",
        "topup platforms fee clear claude --account shop@example.com",
    ),
)
@click.argument("platform")
@_whose_option
@environment_option
@json_option
def clear(platform: str, account: str | None, environment: Environment) -> None:
    """Take a fee away. An account without its own pays the platform's again."""

    async def act(_context: Context, tx: Transaction, now_us: int) -> dict[str, Any]:
        whose = await _whose(tx, account)
        cleared = await commands.clear_fee(
            tx, environment, platform, whose, by=Actor(), now_us=now_us
        )
        return fee_shape(cleared)

    show_record(in_one(act))


async def _whose(tx: Transaction, account: str | None) -> str:
    return EVERYBODY if account is None else (await account_named(account)(tx)).id
