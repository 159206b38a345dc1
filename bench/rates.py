"""What a send with one webhook costs at a steady rate: CPU of each process, and bytes.

    python -m bench.rates [--full] [--write] [--kind postgresql]

One gateway and one worker, 1,000 accounts with an endpoint each, sends at an even pace. A batch commits what came
together, so a send at a low rate pays a commit alone, and costs several times what it costs in a full batch.
bench/machines.py plans by these tables. CPU is that of the processes and of all of PostgreSQL, its checkpoints
and autovacuum too; disk is what the database grew by, WAL what PostgreSQL wrote first.
"""

import argparse
import asyncio
from dataclasses import replace
from typing import Final

from bench import report
from bench.loading import load
from bench.scene import KINDS, Scene, scene
from bench.sink import Sink
from bench.sizing import room
from bench.tenants import open_tenants
from bench.usage import Meter, postmaster
from tests.support.postgres_server import on_server

SECTION: Final = "rates"
TITLE: Final = "A send with its webhook"
COLUMNS: Final = (
    *("database", "sends/s", "gateway µs", "worker µs", "PostgreSQL µs", "all µs"),
    *("disk bytes", "WAL bytes"),
)
RATES_PER_S: Final = (50, 200, 500, 1_000, 2_000)
ACCOUNTS: Final = 1_000
CONNECTIONS: Final = 64
WARM_UP: Final = 2_000
RATE_LIMIT: Final = "1000000"
RECEIPT_S_MAX: Final = 60
# Of what was asked: a rate that is not kept says nothing of its costs.
KEPT_UP_SHARE: Final = 0.95


def measure(kind: str, chosen: report.Options, table: report.Table) -> None:
    """Add the row of each rate."""
    with (
        Sink() as sink,
        scene(kind, rate_limit_per_s=RATE_LIMIT, log_level=chosen.log_level) as stage,
    ):
        installation = stage.installation
        hooks = [f"{sink.url}/{number}" for number in range(ACCOUNTS)]
        tenants = asyncio.run(open_tenants(installation.database_url, ACCOUNTS, hook_urls=hooks))
        keys = [tenant.key for tenant in tenants]
        installation.start()
        roots = {
            "gateway": [installation.gateways[0].pid],
            "worker": [installation.workers[0].pid],
        }
        if stage.server is not None:
            roots["postgres"] = [postmaster(stage.server.url)]
        meter = Meter(roots)
        _send(stage, sink, keys, rate=0, count=WARM_UP)
        if stage.server is not None:
            # What its autovacuum does within a minute: plans for empty tables cost more.
            on_server(installation.database_url, "VACUUM ANALYZE")
        for rate in RATES_PER_S:
            before = room(stage)
            meter.start()
            asked = round(rate * chosen.pick(4, 10))
            count = _send(stage, sink, keys, rate=rate, count=asked)
            if count < asked * KEPT_UP_SHARE:
                print(f"  {kind} does not keep up with {rate} a second here", flush=True)
                break
            cpu_us = {name: cpu_s / count * 1e6 for name, cpu_s in meter.cpu_s().items()}
            after = room(stage)
            wal = None if before.wal is None or after.wal is None else after.wal - before.wal
            table.add(
                kind,
                rate,
                round(cpu_us["gateway"]),
                round(cpu_us["worker"]),
                round(cpu_us["postgres"]) if "postgres" in cpu_us else None,
                round(sum(cpu_us.values())),
                round((after.database - before.database) / count),
                wal if wal is None else round(wal / count),
            )
            print(f"  {kind} {rate} a second", flush=True)


def _send(stage: Scene, sink: Sink, keys: list[str], *, rate: float, count: int) -> int:
    """Return how many were sent, once each webhook has arrived; fewer where every connection was busy."""
    sink.reset()
    done = load(
        stage.installation.url,
        keys=keys,
        connections=CONNECTIONS,
        requests=count,
        rate=rate,
        seconds=120,
    )
    assert not done.refused, f"refused: {done.statuses}"
    sink.wait(done.requests, timeout_s=RECEIPT_S_MAX)
    return done.requests


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--kind", action="append", choices=KINDS)


def main() -> None:
    # As an operator has it: what is logged is measured.
    chosen = replace(report.options(__doc__, _arguments), log_level="info")
    table = report.Table(f"{TITLE}, at a steady rate", COLUMNS)
    for kind in chosen.others.kind or KINDS:
        measure(kind, chosen, table)
    notes = f"{ACCOUNTS:,} accounts have an endpoint each. CPU time and bytes are per send."
    report.show(chosen, SECTION, [table], notes=notes, is_once=True)


if __name__ == "__main__":
    main()
