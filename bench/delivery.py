"""Deliveries alone: a backlog drained by one worker, claim to log, against a loop that only posts.

    python -m bench.delivery [--full] [--write] [--backlog 50000] [--only sqlite|postgresql]

Receivers that answer in 1 ms and in 50 ms; one endpoint, and 1,000 of as many accounts. The bare
loop signs and posts by aiohttp, with no database and no queue, at a concurrency of 64 and of 500.
Each core's work is compared: deliveries for each CPU second of the worker, and of the bare loop.
"""

import argparse
import asyncio
import json
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from bench import report
from bench.peering import peer_python
from bench.running import PAUSE_S, ROOT, Installation
from bench.scene import KINDS, Scene, scene
from bench.sink import Sink
from bench.stock import stock
from bench.systems import count_of
from bench.tenants import Tenant, open_tenants
from bench.usage import Meter, postmaster

DELAYS_MS = (1, 50)
ENDPOINTS = (1, 1000)
LOOP_CONCURRENCY = {1: 64, 50: 500}


@dataclass(slots=True)
class Figures:
    """Rounds of one case: deliveries a second, CPU of the worker and of PostgreSQL in µs each."""

    per_s: list[float] = field(default_factory=list)
    worker_us: list[float] = field(default_factory=list)
    postgres_us: list[float] = field(default_factory=list)
    peak_mb: float = 0.0


def drain(stage: Scene, tenants: Sequence[Tenant], sink: Sink, backlog: int) -> Figures:
    """Fills the backlog, starts a worker, and ends it when the last attempt is on record."""
    installation, figures = stage.installation, Figures()
    url = installation.database_url
    logged = count_of(url, "attempts")
    asyncio.run(stock(url, tenants, backlog, is_backlog=True))
    sink.reset()
    installation.start(gateways=0, workers=1, with_redis=not installation.workers)
    worker = installation.workers[-1]
    roots = {"worker": [worker.pid]}
    if stage.server is not None:
        roots["postgres"] = [postmaster(stage.server.url)]
    meter = Meter(roots)
    # Its start is not what is measured: the first deliveries are the sign that it is over.
    began = sink.wait(min(100, backlog // 10), timeout_s=60)
    meter.start()
    ended = sink.wait(backlog, timeout_s=60 + backlog / 100)
    _wait_logged(installation, logged + backlog)
    counted = backlog - began["unique"]
    cpu_s = meter.cpu_s()
    figures.per_s.append(counted / (ended["last_ns"] - began["last_ns"]) * 1e9)
    figures.worker_us.append(cpu_s["worker"] / counted * 1e6)
    figures.postgres_us.append(cpu_s.get("postgres", 0.0) / counted * 1e6)
    figures.peak_mb = meter.peak_mb()["worker"]
    worker.stop()
    installation.workers.remove(worker)
    return figures


def bare_loop(sink: Sink, delay_ms: int, endpoints: int, count: int) -> tuple[float, float]:
    """Posts a second of the bare loop, and its CPU in µs each."""
    argv = [str(peer_python()), "-m", "bench.peers.aiohttp_loop", sink.url]
    argv += [str(count), str(LOOP_CONCURRENCY[delay_ms]), str(endpoints)]
    done = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, timeout=600, check=True)
    said = json.loads(done.stdout)
    return count / said["seconds"], said["cpu_s"] / count * 1e6


def measure(kind: str, delay_ms: int, endpoints: int, chosen: report.Options) -> list[object]:
    """The row of one case: first the ratios, then the figures."""
    backlog = chosen.others.backlog or chosen.count(4_000, 50_000)
    every = Figures()
    bare: list[tuple[float, float]] = []
    with (
        Sink(delay_ms) as sink,
        scene(kind, log_level="warning") as stage,
    ):
        hooks = [f"{sink.url}/{number}" for number in range(endpoints)]
        url = stage.installation.database_url
        tenants = asyncio.run(open_tenants(url, endpoints, hook_urls=hooks))
        for _ in range(chosen.runs):
            one = drain(stage, tenants, sink, backlog)
            every.per_s += one.per_s
            every.worker_us += one.worker_us
            every.postgres_us += one.postgres_us
            every.peak_mb = max(every.peak_mb, one.peak_mb)
            bare.append(bare_loop(sink, delay_ms, endpoints, backlog))
    per_s, worker_us = report.median(every.per_s), report.median(every.worker_us)
    bare_per_s = report.median(one[0] for one in bare)
    bare_us = report.median(one[1] for one in bare)
    ratios = [bare_us / worker_us, per_s / bare_per_s]
    figures = [round(per_s), round(bare_per_s), worker_us, bare_us]
    return [*ratios, *figures, report.median(every.postgres_us) or None, every.peak_mb]


def _wait_logged(installation: Installation, count: int) -> None:
    deadline_s = time.monotonic() + 60
    while count_of(installation.database_url, "attempts") < count:
        assert time.monotonic() < deadline_s, "attempts are missing"
        time.sleep(5 * PAUSE_S)


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--backlog", type=int, default=0)
    parser.add_argument("--only", choices=KINDS, default="")


def main() -> None:
    chosen = report.options(__doc__, _arguments)
    table = report.Table(
        "One worker ÷ a bare aiohttp loop (higher is better), then the figures",
        (
            *("database", "receiver", "endpoints", "per core", "rate", "delivered/s", "bare/s"),
            *("worker µs", "bare µs", "PostgreSQL µs", "worker MB"),
        ),
    )
    for kind in [chosen.others.only] if chosen.others.only else KINDS:
        for delay_ms in DELAYS_MS:
            for endpoints in ENDPOINTS:
                row = measure(kind, delay_ms, endpoints, chosen)
                table.add(kind, f"{delay_ms} ms", endpoints, *row)
                print(f"  {kind} {delay_ms} ms {endpoints} endpoints", flush=True)
    report.show(chosen, "delivery", [table])


if __name__ == "__main__":
    main()
