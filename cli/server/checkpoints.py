"""`topup checkpoints`: list, show, verify and seal the ledger's days, and change the signing key."""

from collections.abc import Sequence
from functools import partial
from typing import Any

import click

from billing.checkpoints import checkpoint as rows
from billing.checkpoints.checkpoint import Checkpoint, day_start_of, shape_of
from billing.checkpoints.proving import note_all, prove_checkpoints, verify_all
from billing.checkpoints.sealing import Sealer
from billing.checkpoints.signing_keys import rotate
from billing.checkpoints.sums import add_sealed
from billing.records import head as record_head
from billing.records.head import RecordHead
from billing.records.proving import prove_records
from billing.records.sealing import LOOK_BACK_US, RecordSealer
from cli.database import read, save_if_writable
from cli.opened import opened
from cli.options import environment_option, limit_option
from cli.output import (
    EXIT_REFUSED,
    examples,
    json_option,
    note,
    run,
    show_record,
    show_rows,
    wants_json,
)
from cli.server.audit import proving_key
from kernel.clock import DAY_US, SystemClock, rfc3339
from kernel.errors import InvalidInput, NotFound
from keys.principal import Environment
from runtime.context import Context
from runtime.installation import open_store
from runtime.settings import load_settings
from store.database import Transaction

_COLUMNS = ("environment", "day", "size", "late", "root", "sealed_at")


@click.group(
    epilog=examples(
        "topup checkpoints list --environment live",
        "topup checkpoints verify",
    )
)
def checkpoints() -> None:
    """List, show, verify and seal the ledger's days and the record log. docs/receipts.md explains them."""


@checkpoints.command("list", epilog=examples("topup checkpoints list --environment live --json"))
@environment_option
@limit_option
@click.option("--cursor", metavar="DAY", help="List only days before this one.")
@json_option
def list_(environment: Environment, *, limit: int, cursor: str | None) -> None:
    """List sealed days, newest first."""
    before = None if cursor is None else _day(cursor)

    async def work(tx: Transaction) -> Sequence[Checkpoint]:
        return await rows.page(tx, environment, before=before, limit=limit)

    found = run(read(work))
    more = found[-1].day if len(found) == limit else None
    show_rows([shape_of(one) for one in found], *_COLUMNS, next_cursor=more)


@checkpoints.command(
    "show", epilog=examples("topup checkpoints show 2026-11-22 --environment live --json")
)
@click.argument("day")
@environment_option
@json_option
def show(day: str, environment: Environment) -> None:
    """Show one sealed day with its signed statement, which others can store as evidence."""
    day_start_at = _day(day)

    async def work(tx: Transaction) -> Checkpoint | None:
        return await rows.find(tx, environment, day_start_at)

    found = run(read(work))
    if found is None:
        raise NotFound("Checkpoint", param="day")
    show_record(shape_of(found))


@checkpoints.command(
    "verify",
    epilog=examples(
        "topup checkpoints verify",
        "topup checkpoints verify --environment live --since 2026-11-01",
    ),
)
@click.option(
    "--environment",
    type=click.Choice(["staging", "live"]),
    help="Check only this environment. Default: both.",
)
@click.option(
    "--since", metavar="DAY", help="Check only this day and later ones, and trust earlier days."
)
@json_option
@click.pass_context
def verify(context: click.Context, environment: str | None, since: str | None) -> None:
    """Compare all sealed days and the record log with the rows that they cover. Exit 1 if anything was changed, removed
    or added.

    `topup audit` relies on sealed days, and says when all of them were last verified.
    """
    since_day = 0 if since is None else _day(since)
    found = run(_verify(environment or "", since_day))
    if found:
        show_rows(found, "rule", "environment", "day", "row_id")
        note(f"{len(found)} differences between the ledger and its sealed days")
        context.exit(EXIT_REFUSED)
    if wants_json():
        show_rows([], "rule")
    note("the ledger and the record log are as they were sealed")


@checkpoints.command(
    "seal",
    epilog=examples("topup checkpoints seal", "topup checkpoints seal --look-back-days 30"),
)
@click.option(
    "--look-back-days",
    type=click.IntRange(0, 3660),
    default=0,
    help="Also search this many earlier days for unsealed transfers.",
)
@json_option
def seal(look_back_days: int) -> None:
    """Seal the days that ended at least an hour ago, and the record log. Workers do this automatically.

    The record log gets a new signed head each time. Rows from the last five minutes wait for the next head.
    """

    async def act(context: Context) -> tuple[Sequence[Checkpoint], RecordHead]:
        parts = (context.database, context.vault, context.clock)
        sealed = await Sealer(*parts).seal_due(look_back_days=look_back_days)
        look_back_us = max(LOOK_BACK_US, look_back_days * DAY_US)
        signed = await RecordSealer(*parts).seal(look_back_us=look_back_us)
        await add_sealed(context.database)
        return sealed, signed

    sealed, signed = opened(act)
    show_rows([shape_of(one) for one in sealed], *_COLUMNS, facts={"head": signed.shape()})
    note(f"head {signed.number} of the record log is signed, up to {rfc3339(signed.sealed_to)}")


@checkpoints.command(
    "heads",
    epilog=examples("topup checkpoints heads", "topup checkpoints heads --limit 1 --json"),
)
@limit_option
@click.option("--cursor", type=int, metavar="NUMBER", help="List only heads before this one.")
@json_option
def heads(*, limit: int, cursor: int | None) -> None:
    """List the hourly signed heads of the record log, newest first. --json includes the signed statements, which
    can serve as evidence.
    """

    async def work(tx: Transaction) -> Sequence[RecordHead]:
        return await record_head.page(tx, before=cursor, limit=limit)

    found = run(read(work))
    more = str(found[-1].number) if len(found) == limit else None
    columns = ("number", "day", "size", "sealed_to", "sealed_at", "root")
    show_rows([one.shape() for one in found], *columns, next_cursor=more)


@checkpoints.command("rotate-key", epilog=examples("topup checkpoints rotate-key"))
@json_option
def rotate_key() -> None:
    """Sign with a new key from now on. Earlier keys stay published, so that their signatures can be checked."""

    async def act(context: Context) -> str:
        async def work(tx: Transaction) -> str:
            return await rotate(tx, context.vault, now_us=context.clock.now_us())

        return await context.database.transaction(work)

    show_record({"kid": opened(act)})


async def _verify(environment: str, since_day: int) -> list[dict[str, Any]]:
    """Return the differences found. If all days were checked, record this for `topup audit`."""
    settings = load_settings()
    key = await proving_key(settings)
    key.check()
    async with open_store(settings) as database:
        patient = database.unhurried()
        # Some rows of the record log belong to both environments. Leave out only rows of the other environment.
        other = {"live": "staging", "staging": "live"}.get(environment)
        log = prove_records(patient, since_day=since_day, vault=key.vault)
        records = [
            one._asdict() async for one in log if not environment or one.environment != other
        ]
        if since_day:
            some = prove_checkpoints(patient, environment, since_day=since_day)
            return [one._asdict() async for one in some] + records
        began_at = SystemClock().now_us()
        found, noted = await verify_all(patient, environment, began_at=began_at)
        await save_if_writable(database, partial(note_all, noted=noted))
        return [one._asdict() for one in found] + records


def _day(text: str) -> int:
    try:
        return day_start_of(text)
    except ValueError:
        raise InvalidInput("Give a day such as 2026-11-22.", param="day") from None
