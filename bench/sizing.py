"""What an operator has to have room for: disk and log for each 1,000 sends, memory, connections.

    python -m bench.sizing [--full] [--write]

A send here has one webhook, delivered at its first attempt. Disk is what the database grew by,
indexes included, after a first thousand that fills the first pages; PostgreSQL's write-ahead log is
kept apart, since it is used again (max_wal_size) unless it is archived. Log lines are those of the
level info, one for the request and one for the delivery. Memory is the highest of each process.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace

import psutil

from bench import report
from bench.loading import load
from bench.scene import KINDS, Scene, scene
from bench.sink import Sink
from bench.systems import pid_of_redis
from bench.tenants import open_tenants
from bench.usage import Meter

FIRST = 1_000
RATE_LIMIT = "1000000"
_OURS = "SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"


@dataclass(frozen=True, slots=True)
class Room:
    """Bytes of the database and of the logs at one moment; wal null where there is none apart."""

    database: int
    wal: int | None
    log: int


def main() -> None:
    # As an operator has it: what is logged is measured.
    chosen = replace(report.options(__doc__), log_level="info")
    sends = chosen.pick(5_000, 20_000)
    table = report.Table(
        "Disk for each 1,000 sends; memory and connections for each process",
        (
            "database",
            "disk MB",
            "WAL MB",
            "log MB",
            "gateway MB",
            "worker MB",
            "redis MB",
            "connections",
            "descriptors",
        ),
    )
    for kind in KINDS:
        table.add(kind, *measure(kind, int(sends)))
    notes = f"Measured over {int(sends):,} sends on 16 connections. The descriptors are counted in the gateway and the worker together."
    report.show(chosen, "sizing", [table], notes=notes, is_once=True)


def measure(kind: str, sends: int) -> Sequence[object]:
    with Sink() as sink, scene(kind, rate_limit_per_s=RATE_LIMIT, log_level="info") as stage:
        installation = stage.installation
        (tenant,) = asyncio.run(open_tenants(installation.database_url, 1, hook_urls=[sink.url]))
        installation.start()
        pids = [installation.gateways[0].pid, installation.workers[0].pid]
        meter = Meter(
            {
                "gateway": pids[:1],
                "worker": pids[1:],
                "redis": [pid_of_redis(installation)],
            }
        )
        meter.start()
        send(stage, sink, tenant.key, FIRST)
        before = room(stage)
        send(stage, sink, tenant.key, sends)
        after = room(stage)
        peak = meter.peak_mb()
        opened = asyncio.run(installation.fetch(_OURS))[0][0] if stage.server else None
        descriptors = " + ".join(str(psutil.Process(pid).num_fds()) for pid in pids)
    thousands = sends / 1000
    return (
        (after.database - before.database) / 1e6 / thousands,
        None
        if after.wal is None or before.wal is None
        else (after.wal - before.wal) / 1e6 / thousands,
        (after.log - before.log) / 1e6 / thousands,
        *(peak[name] for name in ("gateway", "worker", "redis")),
        opened,
        descriptors,
    )


def send(stage: Scene, sink: Sink, key: str, count: int) -> None:
    """So many sends, and each webhook's receipt."""
    sink.reset()
    done = load(stage.installation.url, keys=[key], connections=16, requests=count, seconds=300)
    assert not done.refused, f"refused: {done.statuses}"
    sink.wait(count, timeout_s=120)


def room(stage: Scene) -> Room:
    """SQLite's write-ahead log counts as the database's: it is written into it sooner or later."""
    installation = stage.installation
    log = sum(path.stat().st_size for path in installation.data_dir.glob("*.log"))
    if stage.server is None:
        files = installation.data_dir.glob("topup.db")
        return Room(sum(path.stat().st_size for path in files), None, log)
    text = "SELECT pg_database_size(current_database()), pg_current_wal_lsn() - '0/0'::pg_lsn"
    [(database, wal)] = asyncio.run(installation.fetch(text))
    return Room(int(database), int(wal), log)


if __name__ == "__main__":
    main()
