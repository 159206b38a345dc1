"""`topup stock`: codes that a `code_stock` supplier hands out. A code is never shown again."""

from itertools import islice
from typing import Any, TextIO

import click

from billing.fulfilment import commands, stock as stocked
from billing.fulfilment.stock import ADDED_AT_ONCE_MAX, NewCode, StockLevel
from billing.fulfilment.stock_csv import read_codes
from cli.examples import examples
from cli.operator.supply import in_one, opened
from cli.options import environment_option, limit_option
from cli.output import EXIT_REFUSED, json_option, show_record, show_rows
from kernel.clock import rfc3339
from keys.audit_log import Actor
from keys.principal import Environment
from runtime.context import Context
from store.database import Transaction


@click.group(
    epilog=examples(
        "topup stock add gift-cards codes.csv --environment live",
        "topup stock low --environment live",
    )
)
def stock() -> None:
    """Codes that were uploaded: each goes to one top-up, once."""


@stock.command(
    "add",
    epilog=examples(
        "topup stock add gift-cards codes.csv --environment live",
        "topup stock add gift-cards -",
    ),
)
@click.argument("supplier")
@click.argument("file", type=click.File("r", encoding="utf-8-sig"))
@environment_option
@json_option
def add(supplier: str, file: TextIO, environment: Environment) -> None:
    """Take codes in from a CSV file with the columns platform, amount_cents, code and, if they end,
    expires_at. The whole file is read before anything is taken in; a code that is known already is
    passed over, so the same file can be given again.
    """
    codes = list(read_codes(file, environment, supplier))

    async def act(context: Context) -> dict[str, Any]:
        added, rest = 0, iter(codes)
        while step := list(islice(rest, ADDED_AT_ONCE_MAX)):
            now_us = context.clock.now_us()

            async def work(
                tx: Transaction, step: list[NewCode] = step, now_us: int = now_us
            ) -> int:
                vault = context.suppliers.vault
                return await commands.add_stock(tx, step, vault, by=Actor(), now_us=now_us)

            added += await context.database.transaction(work)
        return {"given": len(codes), "added": added, "known_before": len(codes) - added}

    show_record(opened(act))


@stock.command("list", epilog=examples("topup stock list --environment live"))
@environment_option
@limit_option
@click.option("--cursor", help="The id of the last row of the page before.")
@json_option
def list_(environment: Environment, limit: int, cursor: str | None) -> None:
    """List codes, newest first, by their last characters, and which top-up got each."""

    async def act(_context: Context, tx: Transaction, _now_us: int) -> list[dict[str, Any]]:
        found = await stocked.list_codes(tx, environment, before_id=cursor, limit=limit)
        return [
            {
                "id": one.id,
                "supplier": one.supplier,
                "platform": one.platform,
                "amount_cents": one.amount_cents,
                "code": f"…{one.hint}",
                "expires_at": None if one.expires_at is None else rfc3339(one.expires_at),
                "added_at": rfc3339(one.added_at),
                "transaction_id": one.transaction_id,
                "taken_at": None if one.taken_at is None else rfc3339(one.taken_at),
            }
            for one in found
        ]

    rows = in_one(act)
    more = rows[-1]["id"] if len(rows) == limit else None
    columns = ("id", "supplier", "platform", "amount_cents", "code", "transaction_id", "taken_at")
    show_rows(rows, *columns, next_cursor=more)


@stock.command("low", epilog=examples("topup stock low --environment live"))
@click.option("--all", "with_enough", is_flag=True, help="Those of which there are enough, too.")
@environment_option
@json_option
@click.pass_context
def low(context: click.Context, with_enough: bool, environment: Environment) -> None:  # noqa: FBT001
    """List what few codes are left of; exit code 1 where there is any."""

    async def act(_context: Context, tx: Transaction, now_us: int) -> list[StockLevel]:
        return list(await stocked.levels(tx, environment, now_us=now_us))

    found = in_one(act)
    rows = [
        {
            "supplier": one.kind.supplier,
            "platform": one.kind.platform,
            "amount_cents": one.kind.amount_cents,
            "remaining": one.left,
            "low_threshold": one.low_threshold,
            "low": one.is_low,
        }
        for one in found
        if with_enough or one.is_low
    ]
    show_rows(rows, "supplier", "platform", "amount_cents", "remaining", "low_threshold", "low")
    if any(one.is_low for one in found):
        context.exit(EXIT_REFUSED)
