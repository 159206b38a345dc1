"""`topup code-batches`: create redemption codes in batches. Each code is shown only once."""

import contextlib
import csv
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any, Final, TextIO

import click
import msgspec
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from billing.credits import redemption_code as batches
from billing.credits.code_acts import (
    BATCH_ACTS,
    CodeBatch,
    ManyCodes,
    batch_shown,
    batch_view,
)
from billing.credits.redemption_code import DATA_KEY, Batch, NewBatch, RedemptionCodes
from cli.acts.command import group_of
from cli.acts.options import options_of, values_of
from cli.acts.shown import print_result
from cli.options import environment_option
from cli.output import examples, fail, json_option, note, run
from gateway.http.fields import shape_of
from kernel.clock import SystemClock
from kernel.fields import facts_of
from keys import audit_log
from keys.audit_log import Actor
from runtime.installation import known_secret_key, open_store, open_vault
from runtime.settings import load_settings
from store.database import Transaction

STDOUT: Final = "-"


@click.command(
    "write",
    epilog=examples(
        "topup code-batches write spring.csv --credits 5000 --count 100000 --promotional --days 30"
    ),
)
@click.argument("file")
@environment_option
@json_option
def write(file: str, environment: str, **given: Any) -> None:
    """Create a batch of any size, and write its codes into a new CSV file. Use - for standard output.

    Store the file safely, because the gateway stores only digests of the codes.
    """
    values = values_of(facts_of(ManyCodes), given)
    asked: Any = shape_of(ManyCodes).decode(msgspec.json.encode(values), None)
    new: NewBatch = asked.of(environment)
    now_us = SystemClock().now_us()
    new.check(now_us)
    with _writer(file, new) as keep:
        batch = run(_make(new, keep, now_us))
    if file != STDOUT:
        print_result(CodeBatch, msgspec.to_builtins(batch_view(batch)))
        note(f"{batch.code_count} codes are in {file}, and nowhere else")


write.params[1:1] = options_of(facts_of(ManyCodes))


async def _make(new: NewBatch, take: Callable[[Sequence[str]], None], now_us: int) -> Batch:
    settings = load_settings()
    vault = open_vault(known_secret_key(settings))
    columns = (TextColumn("codes"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    console = Console(stderr=True)

    async with open_store(settings) as database:
        key = await database.transaction(partial(vault.data_key, name=DATA_KEY, now_us=now_us))
        with Progress(
            *columns, console=console, transient=True, disable=not console.is_terminal
        ) as bar:
            task = bar.add_task("codes", total=new.count)

            def keep(step: Sequence[str]) -> None:
                take(step)
                bar.advance(task, len(step))

            return await batches.make(
                database, RedemptionCodes(key), new, keep=keep, done=_log, now_us=now_us
            )


async def _log(tx: Transaction, batch: Batch) -> None:
    place = (batch.environment, batch.id)
    after = batch_shown(batch)
    await audit_log.record_change(
        tx, Actor(), "codes.create", *place, None, after, SystemClock().now_us()
    )


@contextlib.contextmanager
def _writer(path: str, new: NewBatch) -> Iterator[Callable[[Sequence[str]], None]]:
    with contextlib.ExitStack() as stack:
        file = sys.stdout if path == STDOUT else stack.enter_context(_private_file(path))
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(["code", "credits", "environment"])

        def keep(step: Sequence[str]) -> None:
            rows.writerows([code, new.credits, new.environment] for code in step)
            # The codes must be on the disk before the batch counts as created.
            file.flush()
            if path != STDOUT:
                os.fsync(file.fileno())

        yield keep


def _private_file(path: str) -> TextIO:
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise fail(
            f"{path} exists already", advice="choose another file name; codes never replace a file"
        ) from None
    except OSError as error:
        raise fail(f"{path} cannot be written: {error.strerror}") from None
    return os.fdopen(descriptor, "w", encoding="ascii", newline="")


code_batches = group_of(
    "code-batches",
    "Redemption codes that were made together, are worth the same and end together.",
    BATCH_ACTS,
    write,
)
