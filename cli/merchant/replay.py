"""`topup replay`: send an endpoint's deliveries of a period again, and watch the job that does it.

The job belongs to the workers: leaving this command, or killing it, ends the watching only.
"""

import asyncio
from typing import Any, Final

import click
from msgspec.structs import asdict
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
)

from cli.acts.command import command_of
from cli.examples import examples
from cli.options import Moment
from cli.output import json_option, note, run, show_record
from kernel.clock import SystemClock
from kernel.errors import NotFound
from kernel.tenant import Tenant
from keys.account import lock_tenants
from runtime.installation import open_store
from runtime.settings import load_settings
from store.database import Database, Transaction
from webhooks.deliveries.stage import FAILED
from webhooks.events.event import EVENT_TYPES
from webhooks.replays import asked, replay as replays
from webhooks.replays.acts import ACTS
from webhooks.replays.asked import NewReplay
from webhooks.replays.match import REPLAYED_STATUSES
from webhooks.replays.replay import Replay
from webhooks.replays.views import Replay as ReplayShape, filter_of

LOOK_S: Final = 0.25
# A worker takes a new job's first step within a second.
LOOKS_PATIENT: Final = 40
_ENDPOINT: Final = "SELECT account_id, environment FROM endpoints WHERE id = :id"


@click.group(
    "replay",
    invoke_without_command=True,
    epilog=examples(
        "topup replay --endpoint we_9Xc2 --since 2026-06-13T00:00:00Z --dry-run",
        "topup replay --endpoint we_9Xc2 --status delivered --rate 20",
    ),
)
@click.option("--endpoint", "endpoint_id", help="The endpoint's id.")
@click.option("--since", "since_us", type=Moment(), help="From this time on; else from the first.")
@click.option("--until", "until_us", type=Moment(), help="Up to this time; else until now.")
@click.option(
    "--status",
    type=click.Choice(REPLAYED_STATUSES),
    default=FAILED,
    show_default=True,
    help="Those that ended so.",
)
@click.option(
    "--event",
    "events",
    multiple=True,
    type=click.Choice(EVENT_TYPES),
    metavar="TYPE",
    help="A type such as topup.delivered; may be repeated. Else all.",
)
@click.option(
    "--rate",
    "rate_per_s",
    type=click.IntRange(1, asked.RATE_PER_S_MAX),
    default=asked.RATE_PER_S,
    show_default=True,
    help="How many a second at most.",
)
@click.option("--like", help="Only those that were answered as this failed delivery was.")
@click.option("--ramp", is_flag=True, help="Send one first, then more while they arrive.")
@click.option("--dry-run", is_flag=True, help="Only count.")
@click.option("--no-wait", is_flag=True, help="Do not watch the job.")
@json_option
@click.pass_context
def replay(
    ctx: click.Context,
    /,
    *,
    endpoint_id: str | None,
    dry_run: bool,
    no_wait: bool,
    **wanted: Any,
) -> None:
    """Send an endpoint's deliveries of a period again: the same events, fresh signatures."""
    if ctx.invoked_subcommand is not None:
        return
    if endpoint_id is None:
        raise click.UsageError("say which --endpoint", ctx)
    new = NewReplay(**wanted)
    show_record(run(_replay(endpoint_id, new, is_dry=dry_run, waits=not no_wait)))


for act in ACTS:
    replay.add_command(command_of(act))


def _shown(replay: Replay) -> dict[str, Any]:
    return asdict(ReplayShape.at(replay, SystemClock().now_us()))


async def _replay(endpoint_id: str, new: NewReplay, *, is_dry: bool, waits: bool) -> dict[str, Any]:
    """The job as it ended, or as it begins, or the count alone."""
    now_us = SystemClock().now_us()

    async def whose(tx: Transaction) -> Tenant:
        return await _owner_of(tx, endpoint_id)

    async with open_store(load_settings()) as database:
        tenant = await database.read(whose)
        wanted = await asked.load_wanted(database, tenant, endpoint_id, new, now_us=now_us)
        matched = await asked.count(database, wanted)
        if is_dry:
            return {"dry_run": True, "matched": matched, **filter_of(wanted)}

        async def make(tx: Transaction) -> Replay:
            await lock_tenants(tx, [tenant])
            return await replays.create(tx, wanted, new, matched=matched, now_us=now_us)

        made = await database.transaction(make)
        note(f"{made.id}: {matched} to send, at most {made.rate_per_s} a second")
        return _shown(await _watched(database, made) if waits else made)


async def _watched(database: Database, job: Replay) -> Replay:
    """The job once it has ended; a bar on standard error shows how far it is."""

    async def look(tx: Transaction) -> Replay:
        return await replays.get(tx, job.tenant, job.id)

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[failed]} failed"),
        TimeRemainingColumn(),
    )
    looks_idle = 0
    console = Console(stderr=True)
    try:
        with Progress(
            *columns, console=console, transient=True, disable=not console.is_terminal
        ) as bar:
            task = bar.add_task(job.status, total=job.matched, failed=0)
            while job.ended_at is None:
                await asyncio.sleep(LOOK_S)
                before, job = job, await database.read(look)
                if job.paused_reason is not None and before.paused_reason is None:
                    note(f"paused: {job.paused_reason}; `topup replay resume {job.id}` goes on")
                bar.update(
                    task,
                    description=job.status,
                    total=job.matched,
                    completed=job.done,
                    failed=job.failed,
                )
                looks_idle = looks_idle + 1 if job == before else 0
                if looks_idle == LOOKS_PATIENT and job.queued == 0:
                    note("no step has run yet: is a worker running, and the endpoint enabled?")
    except asyncio.CancelledError:
        note(f"the replay goes on without this; `topup replay show {job.id}` tells how far it is")
        raise
    return job


async def _owner_of(tx: Transaction, endpoint_id: str) -> Tenant:
    """Return whose endpoint it is; the operator need not say."""
    row = await tx.fetch_one(_ENDPOINT, id=endpoint_id)
    if row is None:
        raise NotFound("Webhook")
    return Tenant(row["account_id"], row["environment"])
