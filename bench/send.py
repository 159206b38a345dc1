"""A durable send against a route that does nothing, in the same run, one after the other.

    python -m bench.send [--full] [--write] [--only sqlite|postgresql]

A real `topup serve`: authentication, the limiter at a high limit, a capped key, an idempotency key
on every send, each answer after its fsync. 1, 64 and 256 connections; one hot wallet, and 1,000
wallets under as many keys. No worker runs: deliveries are not part of a send, and none is
subscribed. Ratios are medians of the pairs' ratios.
"""

import asyncio
import re
import sys
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bench import report
from bench.loading import Load, load
from bench.peering import PortProgram
from bench.scene import KINDS, scene
from bench.tenants import open_tenants
from bench.usage import Meter, postmaster
from tests.support.installation import ROOT, Installation

CONNECTIONS = (1, 64, 256)
WALLETS = (1, 1000)
RATE_LIMIT = "1000000"


@dataclass(slots=True)
class Figures:
    """The rounds of one case: a no-op load and a send load each."""

    noops: list[Load] = field(default_factory=list)
    sends: list[Load] = field(default_factory=list)
    noop_cpu_us: list[float] = field(default_factory=list)
    cpu_us: list[dict[str, float]] = field(default_factory=list)
    statements: list[float] = field(default_factory=list)
    commits: list[float] = field(default_factory=list)

    def ratio(self, name: str) -> float:
        pairs = zip(self.sends, self.noops, strict=True)
        return report.median(getattr(send, name) / getattr(noop, name) for send, noop in pairs)

    def of(self, name: str) -> float:
        return report.median(getattr(send, name) for send in self.sends)

    def cpu_of(self, group: str) -> float:
        return report.median(cpu.get(group, 0.0) for cpu in self.cpu_us)


class Bench:
    """The gateway of one installation and the no-op beside it."""

    def __init__(self, installation: Installation, noop: PortProgram, *, seconds: float) -> None:
        self._installation = installation
        self._noop = noop
        self._seconds = seconds
        roots = {"gateway": [installation.gateways[0].pid]}
        if not installation.database_url.startswith("sqlite"):
            roots["postgres"] = [postmaster(installation.database_url)]
        self._meter = Meter(roots)
        self._noop_meter = Meter({"noop": [noop.pid]})

    def round(self, figures: Figures, connections: int, keys: Sequence[str]) -> None:
        common = {"connections": connections, "seconds": self._seconds}
        self._noop_meter.start()
        noop = load(self._noop.url, path="/noop", keys=keys, **common)  # type: ignore[arg-type]
        figures.noops.append(noop)
        # The meter saw the warm-up too; its requests are not in the tally.
        share = noop.seconds / self._seconds
        figures.noop_cpu_us.append(self._noop_meter.cpu_s()["noop"] * share / noop.requests * 1e6)
        before = scrape(self._installation.url)
        self._meter.start()
        send = load(self._installation.url, keys=keys, **common)  # type: ignore[arg-type]
        after = scrape(self._installation.url)
        assert not send.refused, f"refused: {send.statuses}"
        done = after["sends"] - before["sends"]
        figures.sends.append(send)
        figures.cpu_us.append({n: s / done * 1e6 for n, s in self._meter.cpu_s().items()})
        figures.statements.append((after["statements"] - before["statements"]) / done)
        figures.commits.append((after["batches"] - before["batches"]) / done)


def scrape(url: str) -> dict[str, float]:
    """What the gateway counts: sends, statements, and group commits of the engine."""
    with urllib.request.urlopen(f"{url}/metrics", timeout=10) as answer:
        text = answer.read().decode()
    patterns = {
        "sends": r'^topup_batch_size_sum\{batch="till"\} (\S+)',
        "batches": r'^topup_batch_size_count\{batch="till"\} (\S+)',
        "statements": r"^topup_statements (\S+)",
    }
    return {
        name: sum(float(value) for value in re.findall(pattern, text, re.MULTILINE))
        for name, pattern in patterns.items()
    }


def measure(kind: str, chosen: report.Options) -> list[tuple[int, int, Figures, dict[str, float]]]:
    """(wallets, connections, figures, peak memory) of each case on one kind of database."""
    cases = []
    with scene(kind, rate_limit_per_s=RATE_LIMIT, log_level=chosen.log_level) as found:
        installation = found.installation
        noop_argv = [sys.executable, "-m", "bench.peers.noop"]
        log = Path(installation.data_dir) / "noop.log"
        with PortProgram(noop_argv, cwd=ROOT, log_path=log) as noop:
            installation.start(gateways=1, workers=0)
            noop.wait_ready()
            bench = Bench(installation, noop, seconds=chosen.pick(1.5, 2.5))
            for wallets in WALLETS:
                tenants = asyncio.run(open_tenants(installation.database_url, wallets))
                keys = [tenant.key for tenant in tenants]
                for connections in CONNECTIONS:
                    figures = Figures()
                    for _ in range(chosen.runs):
                        bench.round(figures, connections, keys)
                    memory = Meter({"gateway": [installation.gateways[0].pid]}).peak_mb()
                    cases.append((wallets, connections, figures, memory))
                    print(f"  {kind} {wallets} wallets {connections} connections", flush=True)
    return cases


def main() -> None:
    chosen = report.options(
        __doc__, lambda parser: parser.add_argument("--only", choices=KINDS, default="")
    )
    ratios = report.Table(
        "A send ÷ a route that does nothing (for the rate, higher is better; for p99 and CPU, lower)",
        ("database", "wallets", "connections", "rate", "p50", "p99", "CPU of the process"),
    )
    figures_table = report.Table(
        "Figures: CPU time per send in µs, and peak memory",
        (
            *("database", "wallets", "connections", "sends/s", "no-op/s", "p50 ms", "p99 ms"),
            *("gateway µs", "PostgreSQL µs", "statements", "commits", "client busy"),
            "gateway MB",
        ),
    )
    for kind in [chosen.others.only] if chosen.others.only else KINDS:
        for wallets, connections, figures, memory in measure(kind, chosen):
            noop_us = report.median(figures.noop_cpu_us)
            gateway_us = figures.cpu_of("gateway")
            ratios.add(
                kind,
                wallets,
                connections,
                figures.ratio("per_s"),
                figures.ratio("p50_ms"),
                figures.ratio("p99_ms"),
                gateway_us / noop_us,
            )
            busy = report.median(one.cpu_s / (one.seconds * 1.25) for one in figures.noops)
            figures_table.add(
                kind,
                wallets,
                connections,
                round(figures.of("per_s")),
                round(report.median(noop.per_s for noop in figures.noops)),
                figures.of("p50_ms"),
                figures.of("p99_ms"),
                gateway_us,
                figures.cpu_of("postgres") or None,
                report.median(figures.statements),
                report.median(figures.commits),
                f"{busy:.0%}",
                memory["gateway"],
            )
    notes = (
        "`client busy` is the load client's share of a core during the no-op load. Near 100 %, the"
        " client is the limit, and the ratio looks too good; the CPU columns don't have this error."
    )
    report.show(chosen, "send", [ratios, figures_table], notes=notes)


if __name__ == "__main__":
    main()
