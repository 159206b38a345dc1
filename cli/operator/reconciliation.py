"""`topup reconciliation`: where provider, ledger and supplier disagree, and the comparison itself."""

import click

from billing.reconciliation import differences, runs
from billing.reconciliation.daily import DailyReconciliation
from billing.reconciliation.differences import MoneyDifference
from billing.reconciliation.runs import PartRun
from cli.database import read
from cli.examples import examples
from cli.operator.supply import in_one, opened
from cli.options import environment_option, limit_option
from cli.output import json_option, note, print_json, run, show_record, show_rows, wants_json
from cli.person import by_option, who_acts
from kernel.errors import InvalidInput
from keys.audit_log import Actor
from keys.principal import Environment
from runtime.context import Context
from store.database import Transaction

_COLUMNS = ("id", "kind", "subject_id", "expected", "found", "since", "press")
_RUNS = ("part", "checked", "ended_at", "next_at", "fault")


@click.group(
    epilog=examples(
        "topup reconciliation list --environment live",
        "topup reconciliation close dif_4Kp1 --environment live --reason 'refunded by hand'",
    )
)
def reconciliation() -> None:
    """Money in at the provider, the ledger, value out at the supplier: list, run, close."""


@reconciliation.command(
    "list",
    epilog=examples("topup reconciliation list --environment live"),
)
@environment_option
@click.option("--closed", is_flag=True, help="Those that were closed instead.")
@limit_option
@click.option("--cursor", help="The id of the last one of the page before.")
@json_option
def list_(environment: Environment, *, closed: bool, limit: int, cursor: str | None) -> None:
    """List differences, newest first, and when each part was last compared."""

    async def work(tx: Transaction) -> tuple[list[MoneyDifference], list[PartRun]]:
        found = await differences.page(
            tx, environment, is_closed=closed, before_id=cursor, limit=limit
        )
        return list(found), list(await runs.list_runs(tx, environment))

    found, parts = run(read(work))
    more = found[-1].id if len(found) == limit else None
    if wants_json():
        print_json(
            {
                "items": [one.shape() for one in found],
                "next_cursor": more,
                "parts": [one.shape() for one in parts],
            }
        )
        return
    show_rows([one.shape() for one in found], *_COLUMNS, next_cursor=more)
    note("compared:")
    show_rows([one.shape() for one in parts], *_RUNS)


@reconciliation.command(
    "run",
    epilog=examples(
        "topup reconciliation run --environment live",
        "topup reconciliation run --environment live --part provider:stripe",
    ),
)
@environment_option
@click.option("--part", help="ledger, suppliers, or provider: and a name; default: all.")
@json_option
def run_(environment: Environment, part: str | None) -> None:
    """Compare now, whether a worker has today or not. Exits with 1 if a part couldn't be compared."""

    async def act(context: Context) -> list[PartRun]:
        daily = DailyReconciliation(
            context.database, context.clock, context.payments, context.suppliers
        )
        known = daily.parts(environment)
        if part is not None and part not in known:
            raise InvalidInput(f"is one of {', '.join(known)}", param="part")
        wanted = known if part is None else [part]
        ran = [await daily.run_part(environment, one, is_wanted=True) for one in wanted]
        return [one for one in ran if one is not None]

    ran = opened(act)
    show_rows([one.shape() for one in ran], *_RUNS)
    if any(one.fault is not None for one in ran):
        raise SystemExit(1)


@reconciliation.command(
    "close",
    epilog=examples(
        "topup reconciliation close dif_4Kp1 --environment live --reason 'refunded by hand'"
    ),
)
@click.argument("difference_id")
@environment_option
@click.option("--reason", required=True, help="Why, for whoever looks at it later.")
@by_option
@json_option
def close(difference_id: str, environment: Environment, reason: str, by: str | None) -> None:
    """Close a difference that stays as it is; it opens again if its figures change."""

    async def act(_: Context, tx: Transaction, now_us: int) -> MoneyDifference:
        return await differences.close(
            tx, difference_id, environment, reason, by=Actor(who_acts(by)), now_us=now_us
        )

    show_record(in_one(act).shape())
