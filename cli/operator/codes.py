"""`topup codes`: redemption codes, made in batches. A code is printed once, when it is made."""

import contextlib
import csv
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final, TextIO

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from billing.credits import code_batch as batches
from billing.credits.code_batch import Batch, ListedCode, NewBatch
from billing.credits.redemption_code import RedemptionCodes
from cli.database import read, write
from cli.examples import examples
from cli.options import Moment, environment_option, limit_option
from cli.output import fail, json_option, note, print_json, run, show_record, show_rows, wants_json
from kernel.clock import SystemClock
from kernel.errors import NotFound
from keys.principal import Environment
from runtime.installation import REDEMPTION_KEY, known_secret_key, open_store, open_vault
from runtime.settings import load_settings
from store.database import Transaction

STDOUT: Final = "-"
# More than this scrolls past; a file keeps them.
SHOWN_MAX: Final = 10_000
_cursor = click.option("--cursor", help="The id of the last row of the page before.")


@click.group(
    epilog=examples(
        "topup codes create --credits 1000 --count 5",
        "topup codes batches",
    )
)
def codes() -> None:
    """Redemption codes: each is worth credit to whoever redeems it first."""


@codes.command(
    "create",
    epilog=examples(
        "topup codes create --credits 1000 --count 5",
        "topup codes create --credits 5000 --count 100000 --csv spring.csv --promotional --days 30",
    ),
)
@click.option(
    "--credits",
    type=click.IntRange(1, batches.CREDITS_MAX),
    required=True,
    help="What each is worth; 1,000 credits are $1.00.",
)
@click.option(
    "--count",
    type=click.IntRange(1, batches.COUNT_MAX),
    default=1,
    show_default=True,
    help="How many codes.",
)
@environment_option
@click.option("--expires-at", type=Moment(), help="Nothing can be redeemed from this time on.")
@click.option(
    "--uses",
    "uses_max",
    type=click.IntRange(1, batches.USES_MAX),
    default=1,
    show_default=True,
    help="How many accounts may redeem each code, once each.",
)
@click.option("--promotional", "is_promotional", is_flag=True, help="The credit is promotional.")
@click.option(
    "--days",
    "promotional_days",
    type=click.IntRange(1, batches.DAYS_MAX),
    help="Promotional credit ends so many days after it was redeemed.",
)
@click.option("--name", default="", help="What people call the batch.")
@click.option(
    "--csv", "csv_path", metavar="FILE", help="Write the codes into a new file; - prints."
)
@json_option
def create(csv_path: str | None, **fields: Any) -> None:
    """Create codes. They are shown this once: only their digests are kept."""
    new = NewBatch(**fields)
    if csv_path is None and new.count > SHOWN_MAX:
        raise fail(f"give --csv FILE for more than {SHOWN_MAX} codes")
    made: list[str] = []
    with _writer(csv_path, new) as keep:

        def take(step: Sequence[str]) -> None:
            if csv_path is None:
                made.extend(step)
            keep(step)

        batch = run(_make(new, take))
    _show_made(batch, made, csv_path)


@codes.command(
    "batches",
    epilog=examples(
        "topup codes batches --environment live",
    ),
)
@environment_option
@limit_option
@_cursor
@json_option
def batches_(environment: Environment, limit: int, cursor: str | None) -> None:
    """List batches, newest first."""

    async def work(tx: Transaction) -> list[Batch]:
        return await batches.list_batches(tx, environment, before_id=cursor, limit=limit)

    found = run(read(work))
    show_rows(
        [batch.shape() for batch in found],
        "id",
        "name",
        "credits",
        "count",
        "uses",
        "used",
        "promotional",
        "expires_at",
        "disabled_at",
        next_cursor=found[-1].id if len(found) == limit else None,
    )


@codes.command(
    "list",
    epilog=examples(
        "topup codes list --batch rdb_3kF9",
        "topup codes list --last4 7Q3X",
    ),
)
@environment_option
@click.option("--batch", "batch_id", help="Of one batch, by its id.")
@click.option("--last4", help="With these last four characters.")
@limit_option
@_cursor
@json_option
def list_(environment: Environment, limit: int, cursor: str | None, **narrowed: Any) -> None:
    """List codes by their last four characters, newest first."""

    async def work(tx: Transaction) -> list[ListedCode]:
        return await batches.list_codes(tx, environment, before_id=cursor, limit=limit, **narrowed)

    found = run(read(work))
    now_us = SystemClock().now_us()
    show_rows(
        [code.shape(now_us) for code in found],
        "id",
        "code",
        "status",
        "credits",
        "uses",
        "used",
        "expires_at",
        "batch_id",
        next_cursor=found[-1].id if len(found) == limit else None,
    )


@codes.command(
    "disable",
    epilog=examples(
        "topup codes disable rdb_3kF9     # a batch",
        "topup codes disable rdc_81Lm     # one code",
    ),
)
@click.argument("id_")
@json_option
def disable(id_: str) -> None:
    """Disable a code (rdc_…) or a whole batch (rdb_…). What was redeemed stays."""
    now_us = SystemClock().now_us()

    async def work(tx: Transaction) -> dict[str, Any]:
        if id_.startswith("rdb_"):
            return (await batches.disable_batch(tx, id_, now_us=now_us)).shape()
        if id_.startswith("rdc_"):
            return (await batches.disable_code(tx, id_, now_us=now_us)).shape(now_us)
        raise NotFound("Code or batch")

    show_record(run(write(work)))


async def _make(new: NewBatch, take: Callable[[Sequence[str]], None]) -> Batch:
    """Makes the batch; a bar on standard error shows how far it is."""
    settings = load_settings()
    vault = open_vault(known_secret_key(settings))
    now_us = SystemClock().now_us()
    columns = (TextColumn("codes"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    console = Console(stderr=True)
    async with open_store(settings) as database:
        key = await database.transaction(
            lambda tx: vault.data_key(tx, REDEMPTION_KEY, now_us=now_us)
        )
        with Progress(
            *columns, console=console, transient=True, disable=not console.is_terminal
        ) as bar:
            task = bar.add_task("codes", total=new.count)

            def keep(step: Sequence[str]) -> None:
                take(step)
                bar.advance(task, len(step))

            return await batches.make(database, RedemptionCodes(key), new, keep=keep, now_us=now_us)


@contextlib.contextmanager
def _writer(path: str | None, new: NewBatch) -> Iterator[Callable[[Sequence[str]], None]]:
    """Takes codes into the CSV file, which must be new and is its owner's alone."""
    if path is None:
        yield lambda _step: None
        return
    with contextlib.ExitStack() as stack:
        file = sys.stdout if path == STDOUT else stack.enter_context(_private_file(path))
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(["code", "credits", "environment"])

        def keep(step: Sequence[str]) -> None:
            rows.writerows([code, new.credits, new.environment] for code in step)
            # Before the batch counts as made: what is not on the disk was never handed over.
            file.flush()
            if path != STDOUT:
                os.fsync(file.fileno())

        yield keep


def _private_file(path: str) -> TextIO:
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise fail(f"{path} exists already", advice="codes are never written over a file") from None
    except OSError as error:
        raise fail(f"{path} cannot be written: {error.strerror}") from None
    return os.fdopen(descriptor, "w", encoding="ascii", newline="")


def _show_made(batch: Batch, made: Sequence[str], csv_path: str | None) -> None:
    """The codes, or only their batch where they went into a file."""
    if csv_path == STDOUT:
        return
    if csv_path is not None:
        show_record(batch.shape())
        note(f"{batch.code_count} codes are in {csv_path}, and nowhere else")
        return
    rows = [{"code": code, "credits": batch.shape()["credits"]} for code in made]
    if wants_json():
        print_json({"items": rows, "batch": batch.shape(), "next_cursor": None})
        return
    show_rows(rows, "code", "credits")
    note(f"{batch.id}: the codes are shown this once")
