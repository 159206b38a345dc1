"""What is lost, and who waits, when parts of the system are killed, stopped, silent or full.

    python -m bench.crash [--only NAME] [--kind KIND] [--full] [--events N] [--seed N]

Tenants send while a disaster takes its course, each send repeated under its Idempotency-Key until
it is answered. Then every acknowledged send is held against the database and the receiver:

    kills            everything is killed in random order, one process of each kind
    backends         kill -9 of PostgreSQL's backends, two gateways and two workers
    backends-delayed the same with a commit_delay: longer between a commit's record and its flush
    stopped          a gateway, inside a transaction, and a worker stopped for 15 s, others beside them
    silent           every connection to PostgreSQL swallows what it is told, new ones work
    disk             the database's disk is full for 8 s (needs the right to mount)

Two more have bounds and a table of their own:

    poisoned         a supplier hands over one code twice, nonsense, contradictions, or hangs; workers
                     are killed and the supplier is paused, beside a good supplier and webhooks
    removed          colleagues are removed while what they sent for later and in bulk falls due;
                     workers are killed

Exit 1 beyond the bounds: acknowledged without row 0, lost 0, never tried 0, under another id or
bytes 0, findings of the audit 0, and, but for kills, a wait of 10 s for an answer. Also exit 1 if
`poisoned` sold a code twice, or `removed` sent anything without the owner or kept funds.
"""

import argparse
import asyncio
import sys
from collections.abc import Sequence
from functools import partial
from typing import Final

from bench import poisoned, removed
from bench.disasters import (
    fill_disk,
    kill_backends,
    kill_backends_late_in_a_commit,
    silence,
    stop_processes,
)
from bench.kills import kill_everything
from bench.scene import KINDS, scene, show
from bench.trial import WEBHOOK_TIMEOUT_S, Disaster, Judged, Part, Verdict, judge

EVENTS: Final = 1_000
EVENTS_FULL: Final = 10_000
POSTGRESQL: Final = ("postgresql",)
HEADER: Final = (
    "",
    "acknowledged",
    "without row",
    "lost",
    "never tried",
    "duplicated",
    "changed",
    "longest wait",
    "ledger",
    "",
)


def disasters(events: int) -> tuple[Disaster, ...]:
    """All there are; events is how long everything is killed."""
    return (
        Disaster(
            "kills",
            KINDS,
            partial(kill_everything, events=events),
            processes=1,
            is_wait_bound=False,
        ),
        Disaster("backends", POSTGRESQL, kill_backends),
        Disaster("backends-delayed", POSTGRESQL, kill_backends_late_in_a_commit),
        Disaster("stopped", POSTGRESQL, stop_processes),
        Disaster("silent", POSTGRESQL, silence, has_network=True),
        Disaster("disk", KINDS, fill_disk, disk_mb=400),
    )


PARTS: Final = (poisoned.PART, removed.PART)
NAMES: Final = (
    *(disaster.name for disaster in disasters(EVENTS)),
    *(part.name for part in PARTS),
)


def run(disaster: Disaster, kind: str, *, seed: int, is_full: bool) -> Verdict:
    """One disaster on one kind of database, from nothing to its verdict."""
    with scene(kind, disk_mb=disaster.disk_mb, webhook_timeout_s=str(WEBHOOK_TIMEOUT_S)) as stage:
        return asyncio.run(judge(stage, disaster, seed=seed, is_full=is_full))


def row_of(verdict: Verdict) -> list[object]:
    """The verdict as a row of the table."""
    return [
        f"{verdict.name}, {verdict.kind}",
        verdict.acknowledged,
        verdict.without_row,
        verdict.lost,
        verdict.never_tried,
        verdict.duplicated,
        verdict.changed,
        f"{verdict.longest_wait_s:.1f} s",
        "BROKEN" if verdict.findings else "proved",
        "BEYOND" if verdict.broken else "kept",
    ]


def main() -> None:
    given = _arguments()
    events = given.events or (EVENTS_FULL if given.full else EVENTS)
    kinds = given.kind or KINDS
    chosen = [
        (disaster, kind)
        for disaster in disasters(events)
        for kind in disaster.kinds
        if disaster.name in (given.only or NAMES) and kind in kinds
    ]
    # One after the other: two at once would make each other wait, which is what is measured.
    verdicts = [run(*one, seed=given.seed, is_full=given.full) for one in chosen]
    if verdicts:
        title = f"What was acknowledged while parts of the system were away, seed {given.seed}"
        show(title, HEADER, [row_of(verdict) for verdict in verdicts])
    is_beyond = told(verdicts)
    for part in PARTS:
        if part.name in (given.only or NAMES):
            judged = [run_part(part, kind, seed=given.seed) for kind in KINDS if kind in kinds]
            show(f"{part.title}, seed {given.seed}", part.header, [part_row(one) for one in judged])
            is_beyond = told(judged) or is_beyond
    sys.exit(1 if is_beyond else 0)


def run_part(part: Part, kind: str, *, seed: int) -> Judged:
    """One part on one kind of database, from nothing to its verdict."""
    with scene(kind, webhook_timeout_s=str(WEBHOOK_TIMEOUT_S)) as stage:
        return asyncio.run(part.judge(stage, seed))


def part_row(judged: Judged) -> list[object]:
    """The verdict as a row of its part's table."""
    ledger = "BROKEN" if judged.findings else "proved"
    first = f"{judged.name}, {judged.kind}"
    return [first, *judged.cells, ledger, "BEYOND" if judged.broken else "kept"]


def told(verdicts: Sequence[Verdict | Judged]) -> bool:
    """Prints what is beyond its bound; true if anything is."""
    for verdict in verdicts:
        for finding in verdict.findings:
            print(f"{verdict.name}, {verdict.kind}: audit: {finding}")
        for said in verdict.broken:
            print(f"{verdict.name}, {verdict.kind}: {said}")
    return any(verdict.broken for verdict in verdicts)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m bench.crash",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--only", action="append", choices=NAMES, help="may be given again")
    parser.add_argument("--kind", action="append", choices=KINDS)
    parser.add_argument("--full", action="store_true", help="more rounds of each, 10,000 events")
    parser.add_argument("--events", type=int, default=0, help="how long everything is killed")
    parser.add_argument("--seed", type=int, default=1)
    return parser.parse_args()


if __name__ == "__main__":
    main()
