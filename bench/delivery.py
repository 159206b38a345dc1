"""Deliveries alone: a backlog drained by one worker, claim to log, against a loop that only posts.

    python -m bench.delivery [--full] [--write] [--backlog 10000] [--only sqlite|postgresql]

Receivers that answer in 1 ms and in 50 ms; one endpoint, and 1,000 of as many accounts. The bare
loop signs and posts by aiohttp, with no database and no queue, at a concurrency of 64 and of 500.
Each core's work is compared: deliveries for each CPU second of the worker, and of the bare loop.
"""

import argparse
import asyncio
import json
import subprocess

from bench import report
from bench.drain import Drained, drain
from bench.peering import peer_python
from bench.scene import KINDS, scene
from bench.sink import Sink
from bench.tenants import open_tenants
from tests.support.installation import ROOT

DELAYS_MS = (1, 50)
ENDPOINTS = (1, 1000)
LOOP_CONCURRENCY = {1: 64, 50: 500}


def bare_loop(sink: Sink, delay_ms: int, endpoints: int, count: int) -> tuple[float, float]:
    """Posts a second of the bare loop, and its CPU in µs each."""
    argv = [str(peer_python()), "-m", "bench.peers.aiohttp_loop", sink.url]
    argv += [str(count), str(LOOP_CONCURRENCY[delay_ms]), str(endpoints)]
    done = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, timeout=600, check=True)
    said = json.loads(done.stdout)
    return count / said["seconds"], said["cpu_s"] / count * 1e6


def measure(kind: str, delay_ms: int, endpoints: int, chosen: report.Options) -> list[object]:
    """The row of one case: first the ratios, then the figures."""
    backlog = chosen.others.backlog or chosen.count(4_000, 10_000)
    rounds: list[Drained] = []
    bare: list[tuple[float, float]] = []
    with Sink(delay_ms) as sink, scene(kind, log_level=chosen.log_level) as stage:
        hooks = [f"{sink.url}/{number}" for number in range(endpoints)]
        url = stage.installation.database_url
        tenants = asyncio.run(open_tenants(url, endpoints, hook_urls=hooks))
        stage.installation.start(gateways=0, workers=1)
        for _ in range(chosen.runs):
            rounds.append(drain(stage, tenants, sink, backlog))
            bare.append(bare_loop(sink, delay_ms, endpoints, backlog))
    per_s = report.median(one.per_s for one in rounds)
    worker_us = report.median(one.cpu_us["worker"] for one in rounds)
    postgres_us = report.median(one.cpu_us.get("postgres", 0.0) for one in rounds)
    bare_per_s, bare_us = (report.median(one[place] for one in bare) for place in (0, 1))
    ratios = [bare_us / worker_us, per_s / bare_per_s]
    figures = [round(per_s), round(bare_per_s), worker_us, bare_us, postgres_us or None]
    return [*ratios, *figures, max(one.worker_mb for one in rounds)]


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--backlog", type=int, default=0)
    parser.add_argument("--only", choices=KINDS, default="")


def main() -> None:
    chosen = report.options(__doc__, _arguments, full_runs=3)
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
