"""`topup report`: what the operator earned."""

import csv
import sys
from collections.abc import Sequence
from typing import Any

import click
import msgspec

from billing.reports.margin import MARGIN_BY, MarginBy, MarginLine, margin_lines
from cli.database import read
from cli.examples import examples
from cli.options import Moment, environment_option
from cli.output import json_option, note, run, show_rows
from kernel.clock import DAY_US, SystemClock
from keys.principal import Environment
from store.database import Transaction

_SUMS = ("topups", "amount_cents", "fee_cents", "charged_cents", "cost_cents", "margin_cents")


@click.group(epilog=examples("topup report margin --by platform --environment live"))
def report() -> None:
    """What was earned."""


@report.command(
    "margin",
    epilog=examples(
        "topup report margin --environment live",
        "topup report margin --by platform --by supplier --environment live",
        "topup report margin --since 2026-06-01T00:00:00Z --until 2026-07-01T00:00:00Z --csv",
    ),
)
@click.option("--since", type=Moment(), help="Delivered from then on; else 30 days ago.")
@click.option("--until", type=Moment(), help="Delivered before then; else now.")
@click.option(
    "--by",
    type=click.Choice(MARGIN_BY),
    multiple=True,
    default=("day",),
    show_default=True,
    help="A line for each of these; give it several times for each combination.",
)
@click.option("--csv", "as_csv", is_flag=True, help="Comma-separated, with a line of names.")
@environment_option
@json_option
def margin(
    *,
    since: int | None,
    until: int | None,
    by: tuple[MarginBy, ...],
    as_csv: bool,
    environment: Environment,
) -> None:
    """Add up what delivered top-ups were charged, what their suppliers took, and what is left. Where a
    supplier does not say its cost, a top-up counts in without_cost and not in the margin.
    """
    ends_at = SystemClock().now_us() if until is None else until
    begins_at = ends_at - 30 * DAY_US if since is None else since
    groups = tuple(dict.fromkeys(by))

    async def work(tx: Transaction) -> Sequence[MarginLine]:
        return await margin_lines(tx, environment, since=begins_at, until=ends_at, by=groups)

    rows: list[dict[str, Any]] = [msgspec.structs.asdict(one) for one in run(read(work))]
    columns = (*groups, *_SUMS, "without_cost")
    if as_csv:
        writer = csv.DictWriter(
            sys.stdout, columns, extrasaction="ignore", lineterminator="\n", restval=""
        )
        writer.writeheader()
        writer.writerows(rows)
        return
    show_rows(rows, *columns)
    if unknown := sum(row["without_cost"] for row in rows):
        note(f"of {unknown} top-ups the cost is not known: they are not in the margin")
