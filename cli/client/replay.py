"""`topup replay`: resend an endpoint's deliveries from a period, and show the progress."""

import time
from collections.abc import Mapping
from typing import Any, Final

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from cli.acts.command import Way, group_of, local_option, way_of
from cli.acts.shown import print_result
from cli.client.profiles import profile_option
from cli.output import examples, json_option, note
from webhooks.replays.acts import ACTS, SHOW, Replay

LOOK_S: Final = 1.0
LOOKS_PATIENT: Final = 10


@click.command("watch", epilog=examples("topup replay watch rpl_6Tt3"))
@click.argument("object_id", metavar="REPLAY_ID")
@local_option
@profile_option
@json_option
def watch(**given: Any) -> None:
    """Show a replay's progress on standard error until it ends. Ctrl-C stops only this command, not the replay."""
    way = way_of(SHOW, given)
    try:
        ended = _watched(way)
    except KeyboardInterrupt:
        id_ = given["object_id"]
        note(
            f"the replay continues without this command; `topup replay show {id_}` shows its progress"
        )
        raise click.Abort from None
    print_result(Replay, ended)


def _watched(way: Way) -> Mapping[str, Any]:
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[failed]} failed"),
        TimeRemainingColumn(),
    )
    console = Console(stderr=True)
    job, looks_idle = way.show(SHOW), 0
    with Progress(
        *columns, console=console, transient=True, disable=not console.is_terminal
    ) as bar:
        task = bar.add_task(job["status"], total=job["matched"], failed=0)
        while job["ended_at"] is None:
            time.sleep(LOOK_S)
            before, job = job, way.show(SHOW)
            reason = job["paused_reason"]
            if reason is not None and before["paused_reason"] is None:
                note(f"paused: {reason}; `topup replay resume {job['id']}` continues it")
            bar.update(
                task,
                description=job["status"],
                total=job["matched"],
                completed=job["done"],
                failed=job["failed"],
            )
            looks_idle = looks_idle + 1 if job == before else 0
            if looks_idle == LOOKS_PATIENT and job["queued"] == 0:
                note("no step has run yet: is a worker running, and the endpoint enabled?")
    return job


replay = group_of("replay", "Send an endpoint's deliveries of a period again.", ACTS, watch)
