"""More processes on one PostgreSQL: gateways, workers, and both together, one of each up to the cores.

    python -m bench.scale [--full] [--write] [--processes 1 2 4] [--only "whole job"] [--connections 64 256]

Gateways: 64 connections on each, one hot wallet and 1,000 wallets. Workers: a backlog for 1,000
endpoints of as many accounts, gateways off. Whole job: n gateways and n workers, 1,000 wallets with an
endpoint each, 64 connections in all and 256, counted from the first request to the last receipt;
PostgreSQL is asked how many deadlocks it had. Before it is counted, PostgreSQL learns what the tables
hold, as its autovacuum does within a minute: with what it planned for empty ones an event cost it 1.4
times as much. The clients of several gateways send together what one would: each to wallets of its own at
any moment. Efficiency is what one of n does ÷ what one alone does; the same by CPU tells what a process
still does for a second of a core, which does not depend on how many cores this machine has. `cores` shows
which part is at its end.
"""

import argparse
import asyncio
import contextlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bench import report
from bench.drain import drain
from bench.loading import loading
from bench.scene import scene
from bench.sink import Sink
from bench.tenants import open_tenants
from bench.usage import Meter, postmaster
from tests.support.postgres_server import asked_on_server, on_server

# More than the cores show only that they are used up.
PROCESSES = [n for n in (1, 2, 4, 8) if n <= max(2, os.cpu_count() or 1)]
WALLETS = (1, 1000)
SENDS, DELIVERIES, WHOLE_JOB = PARTS = ("sends", "deliveries", "whole job")
ENDPOINTS = 1000
CONNECTIONS = 64
# Of the whole job, all gateways together: each of n gateways gathers an nth of them for a batch.
CONNECTIONS_IN_ALL = (64, 256)
WARM_UP = 2_000
RECEIPT_S_MAX = 120
RATE_LIMIT = "1000000"
KIND = "postgresql"


@dataclass(frozen=True, slots=True)
class Sample:
    """One run: what was done a second, and the cores that each part kept busy."""

    per_s: float
    p99_ms: float
    cores: Mapping[str, float]

    def cpu_us(self, part: str) -> float:
        return self.cores[part] / self.per_s * 1e6


def gateways(processes: int, chosen: report.Options) -> dict[int, list[Sample]]:
    """By number of wallets."""
    found: dict[int, list[Sample]] = {}
    with scene(KIND, rate_limit_per_s=RATE_LIMIT, log_level=chosen.log_level) as stage:
        installation = stage.installation
        assert stage.server is not None
        installation.start(gateways=processes, workers=0)
        pids = [gateway.pid for gateway in installation.gateways]
        meter = Meter({"process": pids, "postgres": [postmaster(stage.server.url)]})
        urls = [gateway.url for gateway in installation.gateways]
        for wallets in WALLETS:
            tenants = asyncio.run(open_tenants(installation.database_url, wallets))
            keys = [tenant.key for tenant in tenants]
            found[wallets] = [
                _send(urls, keys, meter, chosen.pick(2, 3)) for _ in range(chosen.runs)
            ]
    return found


def _send(urls: Sequence[str], keys: Sequence[str], meter: Meter, seconds: float) -> Sample:
    meter.start()
    with contextlib.ExitStack() as stack:
        loaders = [
            stack.enter_context(
                loading(
                    url,
                    keys=keys,
                    connections=CONNECTIONS,
                    first=number * CONNECTIONS,
                    seconds=seconds,
                )
            )
            for number, url in enumerate(urls)
        ]
        loads = [loader.result() for loader in loaders]
    assert not any(one.refused for one in loads), "refused"
    return Sample(
        sum(one.per_s for one in loads),
        max(one.p99_ms for one in loads),
        {part: cpu_s / seconds for part, cpu_s in meter.cpu_s().items()},
    )


def workers(processes: int, chosen: report.Options) -> list[Sample]:
    backlog = chosen.count(4_000, 10_000)
    found = []
    with Sink() as sink, scene(KIND, log_level=chosen.log_level) as stage:
        hooks = [f"{sink.url}/{number}" for number in range(ENDPOINTS)]
        url = stage.installation.database_url
        tenants = asyncio.run(open_tenants(url, ENDPOINTS, hook_urls=hooks))
        stage.installation.start(gateways=0, workers=processes)
        for _ in range(chosen.runs):
            one = drain(stage, tenants, sink, backlog)
            cores = {"process": one.cores["worker"], "postgres": one.cores["postgres"]}
            found.append(Sample(one.per_s, 0.0, cores))
    return found


def whole_job(processes: int, chosen: report.Options) -> tuple[dict[int, list[Sample]], int]:
    """So many gateways and workers at once, by connections; also the deadlocks that PostgreSQL counted."""
    with (
        Sink() as sink,
        scene(KIND, rate_limit_per_s=RATE_LIMIT, log_level=chosen.log_level) as stage,
    ):
        installation = stage.installation
        assert stage.server is not None
        hooks = [f"{sink.url}/{number}" for number in range(ENDPOINTS)]
        tenants = asyncio.run(open_tenants(installation.database_url, ENDPOINTS, hook_urls=hooks))
        installation.start(gateways=processes, workers=processes)
        pids = [one.pid for one in (*installation.gateways, *installation.workers)]
        meter = Meter({"process": pids, "postgres": [postmaster(stage.server.url)]})
        urls = [gateway.url for gateway in installation.gateways]
        keys = [tenant.key for tenant in tenants]
        # The first ones open connections and fill caches.
        _deliver(urls, keys, sink, meter, WARM_UP, CONNECTIONS)
        on_server(installation.database_url, "VACUUM ANALYZE")
        events = chosen.count(6_000, 8_000)
        found = {
            connections: [
                _deliver(urls, keys, sink, meter, events, connections) for _ in range(chosen.runs)
            ]
            for connections in chosen.others.connections
        }
        return found, asked_on_server(stage.server.url, _DEADLOCKS)


def _whole_job_of(connections: int) -> str:
    """What its row of the table is called."""
    many = "" if connections == CONNECTIONS else f", {connections} connections"
    return f"{WHOLE_JOB}{many}"


# Of all databases, since the server began.
_DEADLOCKS = "SELECT SUM(deadlocks)::int FROM pg_stat_database"


def _deliver(
    urls: Sequence[str],
    keys: Sequence[str],
    sink: Sink,
    meter: Meter,
    events: int,
    connections: int,
) -> Sample:
    sink.reset()
    meter.start()
    each, requests = connections // len(urls), events // len(urls)
    with contextlib.ExitStack() as stack:
        loaders = [
            stack.enter_context(
                loading(
                    url,
                    keys=keys,
                    connections=each,
                    first=number * each,
                    requests=requests,
                    seconds=RECEIPT_S_MAX,
                )
            )
            for number, url in enumerate(urls)
        ]
        loads = [loader.result() for loader in loaders]
    assert not any(one.refused for one in loads), "refused"
    sent = sum(one.requests for one in loads)
    came = sink.wait(sent, timeout_s=RECEIPT_S_MAX)
    took_s = (came["last_ns"] - min(one.begun_ns for one in loads)) / 1e9
    return Sample(
        sent / took_s,
        came["p99_ms"],
        {part: cpu_s / took_s for part, cpu_s in meter.cpu_s().items()},
    )


def _tables(found: Mapping[str, Mapping[int, Sequence[Sample]]]) -> list[report.Table]:
    """What each part does with n processes, beside the same with one."""
    table = report.Table(
        f"Efficiency of each process on {os.cpu_count()} cores (1.00 means as efficient as a single process)",
        (
            *("what", "processes", "by rate", "by CPU", "per second", "p99 ms", "process µs"),
            *("cores: processes", "cores: PostgreSQL"),
        ),
    )
    for what, samples in found.items():
        alone = samples[min(samples)]
        for processes, runs in samples.items():
            per_s = report.median(one.per_s for one in runs)
            cpu_us = report.median(one.cpu_us("process") for one in runs)
            first_per_s = report.median(one.per_s for one in alone) / min(samples)
            table.add(
                what,
                processes,
                per_s / processes / first_per_s,
                report.median(one.cpu_us("process") for one in alone) / cpu_us,
                round(per_s),
                report.median(one.p99_ms for one in runs) or None,
                cpu_us,
                report.median(one.cores["process"] for one in runs),
                report.median(one.cores["postgres"] for one in runs),
            )
    return [table]


def _hot(found: Mapping[str, Mapping[int, Sequence[Sample]]], wallets: Sequence[str]) -> str:
    """One hot wallet ÷ many, for each number of gateways."""
    hot, many = (found[name] for name in wallets)
    ratios = [
        f"{report.shown(_per_s(hot[n]) / _per_s(many[n]))} with {n} gateway{'s' if n > 1 else ''}"
        for n in sorted(hot)
    ]
    return f"Sends a second with one busy wallet ÷ with 1,000 wallets: {', '.join(ratios)}."


def _per_s(runs: Sequence[Sample]) -> float:
    return report.median(one.per_s for one in runs)


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--processes", type=int, nargs="+", default=PROCESSES)
    parser.add_argument("--only", choices=PARTS, help="one part of it")
    parser.add_argument(
        "--connections",
        type=int,
        nargs="+",
        default=list(CONNECTIONS_IN_ALL),
        help="of the whole job, in all",
    )


def main() -> None:
    chosen = report.options(__doc__, _arguments, full_runs=3)
    parts = (chosen.others.only,) if chosen.others.only else PARTS
    names = {wallets: f"sends, {wallets:,} wallets" for wallets in WALLETS}
    found: dict[str, dict[int, Sequence[Sample]]] = {}
    notes = []
    deadlocks = 0
    for processes in chosen.others.processes:
        if SENDS in parts:
            for wallets, runs in gateways(processes, chosen).items():
                found.setdefault(names[wallets], {})[processes] = runs
        if DELIVERIES in parts:
            found.setdefault(DELIVERIES, {})[processes] = workers(processes, chosen)
        if WHOLE_JOB in parts:
            by_connections, counted = whole_job(processes, chosen)
            for connections, runs in by_connections.items():
                found.setdefault(_whole_job_of(connections), {})[processes] = runs
            deadlocks += counted
        print(f"  {processes} processes", flush=True)
    if SENDS in parts:
        notes.append(_hot(found, [names[wallets] for wallets in WALLETS]))
    if WHOLE_JOB in parts:
        notes.append(f"Deadlocks during the whole job: {deadlocks}.")
    report.show(chosen, "scale-out", _tables(found), notes=" ".join(notes))


if __name__ == "__main__":
    main()
