"""`topup report`: what the operator earned, took in, and owes to customers."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Literal

import click
import msgspec

from billing.reports.margin import MARGIN_BY, MarginBy, MarginLine, MarginPeriod, margin_lines
from billing.reports.money_back import RevenuePeriod
from billing.reports.revenue import (
    OutstandingLine,
    RevenueLine,
    credit_lines,
    revenue_lines,
)
from cli.examples import examples
from cli.options import Moment, environment_option
from cli.output import json_option, note, print_json, run, show_rows
from kernel.clock import DAY_US, SystemClock
from kernel.csv_text import csv_head, csv_lines
from keys.principal import Environment
from runtime.installation import open_store
from runtime.settings import load_settings
from store.database import Database

_ShownAs = Literal["table", "csv", "json"]
_SUMS = ("topups", "amount_cents", "fee_cents", "charged_cents", "cost_cents", "margin_cents")


@click.group(epilog=examples("topup report margin --by platform --environment live"))
def report() -> None:
    """What was earned."""


@report.command(
    "margin",
    epilog=examples(
        "topup report margin --environment live",
        "topup report margin --by platform --by supplier --environment live",
        "topup report margin --from 2026-06-01T00:00:00Z --to 2026-07-01T00:00:00Z --format csv",
    ),
)
@click.option("--from", "since", type=Moment(), help="Delivered from then on; else 30 days ago.")
@click.option("--to", "until", type=Moment(), help="Delivered before then; else now.")
@click.option("--platform", help="Of this platform only.")
@click.option(
    "--by",
    type=click.Choice(MARGIN_BY),
    multiple=True,
    default=("day",),
    show_default=True,
    help="A line for each of these; give it several times for each combination.",
)
@click.option(
    "--format",
    "shown_as",
    type=click.Choice(["table", "csv", "json"]),
    default="table",
    show_default=True,
    help="What to print; csv has a first line of names.",
)
@environment_option
@json_option
def margin(
    *,
    since: int | None,
    until: int | None,
    platform: str | None,
    by: tuple[MarginBy, ...],
    shown_as: _ShownAs,
    environment: Environment,
) -> None:
    """Add up what delivered top-ups were charged, what their suppliers took, and what is left. Where a
    supplier does not say its cost, a top-up counts in without_cost and not in the margin.
    """
    ends_at = SystemClock().now_us() if until is None else until
    begins_at = ends_at - 30 * DAY_US if since is None else since
    groups = tuple(dict.fromkeys(by))
    period = MarginPeriod(environment, begins_at, ends_at, platform)

    async def work() -> Sequence[MarginLine]:
        async with open_store(load_settings()) as database:
            return await margin_lines(database, period, by=groups)

    rows: list[dict[str, Any]] = [msgspec.structs.asdict(one) for one in run(work())]
    _show(rows, (*groups, *_SUMS, "without_cost"), shown_as)
    if unknown := sum(row["without_cost"] for row in rows):
        note(f"of {unknown} top-ups the cost is not known: they are not in the margin")


format_option = click.option(
    "--format",
    "shown_as",
    type=click.Choice(["table", "csv", "json"]),
    default="table",
    show_default=True,
    help="What to print; csv has a first line of names.",
)


@report.command(
    "revenue",
    epilog=examples(
        "topup report revenue --environment live",
        "topup report revenue --from 2026-01-01T00:00:00Z --environment live --format csv",
    ),
)
@click.option("--from", "since", type=Moment(), help="Paid from then on; else a year ago.")
@click.option("--to", "until", type=Moment(), help="Paid before then; else now.")
@format_option
@environment_option
@json_option
def revenue(
    *, since: int | None, until: int | None, shown_as: _ShownAs, environment: Environment
) -> None:
    """Add up payments by month, provider and currency, in the currency's smallest unit: what was paid; what
    of these payments went back or is disputed until now (refunded); what went back or was disputed in the
    month, of whichever payments (refunded_in_month); and what the provider kept where that is known
    (`topup reconcile` keeps it).
    """
    _print(revenue_lines, RevenueLine, _period(environment, since, until), shown_as)


@report.command(
    "outstanding",
    epilog=examples("topup report outstanding --environment live --format csv"),
)
@click.option("--from", "since", type=Moment(), help="Months from then on; else a year ago.")
@click.option("--to", "until", type=Moment(), help="Until then; else now.")
@format_option
@environment_option
@json_option
def outstanding(
    *, since: int | None, until: int | None, shown_as: _ShownAs, environment: Environment
) -> None:
    """Add up by month, in micros of a US dollar, the credit that customers bought and were given, what of it
    was taken back, used and has ended, and what they still hold. Breakage is credit of plans that was paid for
    and ended unused; expired is given credit that ended. It is the ledger, to the micro.
    """
    _print(credit_lines, OutstandingLine, _period(environment, since, until), shown_as)


def _period(environment: Environment, since: int | None, until: int | None) -> RevenuePeriod:
    ends_at = SystemClock().now_us() + 1 if until is None else until
    return RevenuePeriod(environment, ends_at - 366 * DAY_US if since is None else since, ends_at)


def _print(
    read: Callable[[Database, RevenuePeriod], Awaitable[Sequence[RevenueLine | OutstandingLine]]],
    form: type[RevenueLine | OutstandingLine],
    period: RevenuePeriod,
    shown_as: _ShownAs,
) -> None:
    async def work() -> Sequence[RevenueLine | OutstandingLine]:
        async with open_store(load_settings()) as database:
            return await read(database.unhurried(), period)

    rows: list[dict[str, Any]] = [msgspec.structs.asdict(one) for one in run(work())]
    _show(rows, form.__struct_fields__, shown_as)


def _show(rows: list[dict[str, Any]], columns: Sequence[str], shown_as: _ShownAs) -> None:
    if shown_as == "csv":
        click.echo(csv_head(columns) + csv_lines(columns, rows), nl=False)
    elif shown_as == "json":
        print_json({"items": rows, "next_cursor": None})
    else:
        show_rows(rows, *columns)
