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
from cli.amounts import read_by_people
from cli.examples import examples
from cli.options import Moment, environment_option
from cli.output import Command, json_option, note, print_json, run, show_rows, wants_json
from kernel.clock import DAY_US, SystemClock
from kernel.csv_text import csv_head, csv_lines
from kernel.errors import InvalidInput
from keys.principal import Environment
from runtime.installation import open_store
from runtime.settings import load_settings
from store.database import Database

_ShownAs = Literal["table", "csv", "json"]
_BREAKAGE = ("month", "breakage_micros", "expired_micros", "closing_micros")
_SUMS = ("topups", "amount_cents", "fee_cents", "charged_cents", "cost_cents", "margin_cents")


format_option = click.option(
    "--format",
    "shown_as",
    type=click.Choice(["table", "csv", "json"]),
    default="table",
    show_default=True,
    help="What to print; csv and json have exact amounts, csv a first line of names.",
)


@click.group(epilog=examples("topup report margin --by platform --environment live"))
def report() -> None:
    """What was earned."""


@report.command(
    "margin",
    epilog=examples(
        "topup report margin --environment live",
        "topup report margin --by platform --by supplier --environment live",
        "topup report margin --from 2026-06 --to 2026-07 --format csv",
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
@format_option
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
        note(f"Top-ups of unknown cost, which are not in the margin: {unknown}")


def _since_option(what: str) -> Callable[[Command], Command]:
    return click.option(
        "--from",
        "since",
        type=Moment(),
        help=f"{what} from then on, such as 2026-11; else a year ago.",
    )


_until_option = click.option(
    "--to", "until", type=Moment(), help="Before then, such as 2026-12; else until now."
)


@report.command(
    "revenue",
    epilog=examples(
        "topup report revenue --environment live",
        "topup report revenue --from 2026-11 --to 2026-12 --environment live",
        "topup report revenue --from 2026-01-01 --environment live --format csv",
    ),
)
@_since_option("Paid")
@_until_option
@format_option
@environment_option
@json_option
def revenue(
    *, since: int | None, until: int | None, shown_as: _ShownAs, environment: Environment
) -> None:
    """Add up payments by month, provider and currency: what was paid; what of these payments went back or is
    disputed until now (refunded); what went back or was disputed in the month, of whichever payments
    (refunded in month); and what the provider kept where that is known (`topup reconcile` keeps it). CSV and
    JSON have the amounts in the currency's smallest unit.
    """
    rows = _read(revenue_lines, _period(environment, since, until))
    _show(rows, RevenueLine.__struct_fields__, shown_as)


@report.command(
    "outstanding",
    epilog=examples(
        "topup report outstanding --from 2026-11 --environment live",
        "topup report outstanding --environment live --format csv",
    ),
)
@_since_option("Months")
@_until_option
@format_option
@environment_option
@json_option
def outstanding(
    *, since: int | None, until: int | None, shown_as: _ShownAs, environment: Environment
) -> None:
    """Add up by month the credit that customers bought and were given, what of it was taken back, used and has
    ended, and what they still hold. Breakage is credit of plans that was paid for and ended unused; expired is
    given credit that ended. It is the ledger, to the micro: CSV and JSON have micros of a US dollar.
    """
    rows = _read(credit_lines, _period(environment, since, until))
    _show(rows, OutstandingLine.__struct_fields__, shown_as)


@report.command(
    "breakage",
    epilog=examples("topup report breakage --from 2026-01 --environment live"),
)
@_since_option("Months")
@_until_option
@format_option
@environment_option
@json_option
def breakage(
    *, since: int | None, until: int | None, shown_as: _ShownAs, environment: Environment
) -> None:
    """Show by month the credit that ended unused, as `topup report outstanding` has it: of plans, paid for
    (breakage), and given (expired), each less than nothing since customers hold it no more; and what they
    still hold at the month's end (closing).
    """
    rows = _read(credit_lines, _period(environment, since, until))
    _show([{name: row[name] for name in _BREAKAGE} for row in rows], _BREAKAGE, shown_as)


def _period(environment: Environment, since: int | None, until: int | None) -> RevenuePeriod:
    """Raises InvalidInput for a time of no length, such as one month as both its ends."""
    ends_at = SystemClock().now_us() + 1 if until is None else until
    begins_at = ends_at - 366 * DAY_US if since is None else since
    if begins_at >= ends_at:
        raise InvalidInput(
            "--to has to be later than --from; a month stands for its beginning, so November is"
            " --from 2026-11 --to 2026-12",
            param="to",
        )
    return RevenuePeriod(environment, begins_at, ends_at)


def _read(
    lines: Callable[[Database, RevenuePeriod], Awaitable[Sequence[RevenueLine | OutstandingLine]]],
    period: RevenuePeriod,
) -> list[dict[str, Any]]:
    async def work() -> Sequence[RevenueLine | OutstandingLine]:
        async with open_store(load_settings()) as database:
            return await lines(database.unhurried(), period)

    return [msgspec.structs.asdict(one) for one in run(work())]


def _show(rows: list[dict[str, Any]], columns: Sequence[str], shown_as: _ShownAs) -> None:
    if shown_as == "csv":
        click.echo(csv_head(columns) + csv_lines(columns, rows), nl=False)
    elif shown_as == "json" or wants_json():
        print_json({"items": rows, "next_cursor": None})
    else:
        lines, names = read_by_people(rows, columns)
        show_rows(lines, *names)
