"""The whole job, ours and the peers' in one run: accept, persist, sign, deliver, log.

    python -m bench.pipeline [--full] [--write] [--only NAME …] [--events 12000]

One load client, one receiver, everything on this machine's cores. A burst by 64 connections gives
accepted/s, delivered/s (first request to last receipt), CPU by process and memory; then an even
pace of 10/s and of half of what was delivered gives send-to-receipt latency. Receivers answer at
once, and after 50 ms. Systems that are far slower get fewer events, which the table says.
"""

import argparse
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from bench import report
from bench.loading import Load, load
from bench.sink import Sink
from bench.systems import SYSTEMS, Running, System, start
from bench.usage import Meter
from tests.support.installation import PAUSE_S, READY_S_MAX, NotReady
from tests.support.postgres_server import OwnServer

CONNECTIONS = 64
SLOW_MS = 50
LOW_PER_S = 10
WARM_UP_MAX = 2_000  # a second or so: compilers and pools are warm then
# A peer that is not installed, or that does not deliver all, keeps no other from being measured.
_LEFT_OUT = (NotReady, TimeoutError)
GROUPS = ("front", "worker", "redis", "postgres")
PEER = "bullmq"


@dataclass(slots=True)
class Round:
    """One start of one system."""

    events: int
    accepted_per_s: float = 0.0
    delivered_per_s: float = 0.0
    slow_per_s: float = 0.0
    low: dict[str, float] = field(default_factory=dict)
    half: dict[str, float] = field(default_factory=dict)
    cpu_us: dict[str, float] = field(default_factory=dict)
    peak_mb: dict[str, float] = field(default_factory=dict)


class Figures:
    """The rounds of one system; medians of what they hold."""

    def __init__(self) -> None:
        self.rounds: list[Round] = []

    def of(self, name: str) -> float:
        return report.median(getattr(one, name) for one in self.rounds)

    def inside(self, name: str, key: str) -> float:
        return report.median(getattr(one, name).get(key, 0.0) for one in self.rounds)

    @property
    def cpu_us(self) -> float:
        return report.median(sum(one.cpu_us.values()) for one in self.rounds)


class Bench:
    """Runs rounds in one temporary folder, on one PostgreSQL, against two receivers."""

    def __init__(
        self, chosen: report.Options, server: OwnServer, folder: Path, sinks: tuple[Sink, Sink]
    ) -> None:
        self._chosen = chosen
        self._server = server
        self._folder = folder
        self._sink, self._slow_sink = sinks

    def round(self, system: System, number: int) -> Round:
        """Both receivers; raises NotReady where the system cannot run here."""
        chosen, folder = self._chosen, self._folder / f"{number}-{system.name.replace(' ', '')}"
        seconds = chosen.pick(3, 5)
        most = chosen.others.events or chosen.count(4_000, 12_000)
        one = Round(events=min(most, round(system.per_s * seconds)))
        with self._started(system, folder.with_suffix(".i"), self._sink) as running:
            self._warm_up(running, self._sink, system.per_s)
            self._burst(running, one)
            one.low = self._pace(running, LOW_PER_S, chosen.pick(3, 5))
            one.half = self._pace(running, one.delivered_per_s / 2, chosen.pick(2, 3))
        with self._started(system, folder.with_suffix(".s"), self._slow_sink) as running:
            slow_events = min(most, round(system.slow_per_s * seconds))
            self._warm_up(running, self._slow_sink, system.slow_per_s)
            sent, came = self._send(running, self._slow_sink, slow_events)
            one.slow_per_s = _delivered_per_s(sent, came, slow_events)
        return one

    def _started(self, system: System, folder: Path, sink: Sink) -> AbstractContextManager[Running]:
        return start(
            system,
            self._server,
            folder,
            sink.url,
            is_slow=sink is self._slow_sink,
            log_level=self._chosen.log_level,
        )

    def _burst(self, running: Running, one: Round) -> None:
        logged_before = running.logged()
        meter = Meter(running.roots)
        meter.start()
        sent, came = self._send(running, self._sink, one.events)
        _wait_logged(running, logged_before, one.events)
        one.accepted_per_s = sent.per_s
        one.delivered_per_s = _delivered_per_s(sent, came, one.events)
        one.cpu_us = {name: s / one.events * 1e6 for name, s in meter.cpu_s().items()}
        one.peak_mb = meter.peak_mb()

    def _warm_up(self, running: Running, sink: Sink, per_s: int) -> None:
        sink.reset()
        _load(running, requests=1)
        try:
            sink.wait(1, timeout_s=READY_S_MAX)
        except TimeoutError:
            raise NotReady(f"nothing is delivered:\n{running.logs}") from None
        events = min(WARM_UP_MAX, per_s)
        _load(running, requests=events)
        sink.wait(events + 1, timeout_s=READY_S_MAX)

    def _send(self, running: Running, sink: Sink, events: int) -> tuple[Load, dict[str, float]]:
        sink.reset()
        sent = _load(running, requests=events)
        assert not sent.refused, f"refused: {sent.statuses}"
        return sent, sink.wait(events, timeout_s=240)

    def _pace(self, running: Running, per_s: float, seconds: float) -> dict[str, float]:
        self._sink.reset()
        sent = _load(running, rate=per_s, seconds=seconds)
        return self._sink.wait(sent.requests, timeout_s=60)


def _load(
    running: Running, *, requests: int | None = None, rate: float = 0, seconds: float = 240
) -> Load:
    return load(
        running.url,
        path=running.path,
        body=running.body,
        keys=running.keys,
        connections=CONNECTIONS,
        requests=requests,
        rate=rate,
        seconds=seconds,
    )


def _delivered_per_s(sent: Load, came: dict[str, float], events: int) -> float:
    return events / ((came["last_ns"] - sent.begun_ns) / 1e9)


def _wait_logged(running: Running, before: int | None, events: int) -> None:
    """The job is done when the last attempt is on record; the CPU it takes belongs to the event."""
    deadline_s = time.monotonic() + 60
    while before is not None and (running.logged() or 0) - before < events:
        assert time.monotonic() < deadline_s, "attempts are missing"
        time.sleep(10 * PAUSE_S)


@contextmanager
def _stage(chosen: report.Options) -> Iterator[Bench]:
    with tempfile.TemporaryDirectory(prefix="topup-bench-") as name:
        folder = Path(name)
        folder.chmod(0o711)
        server = OwnServer(folder)
        server.create()
        server.start()
        try:
            with Sink() as sink, Sink(SLOW_MS) as slow:
                yield Bench(chosen, server, folder, (sink, slow))
        finally:
            server.close()


def _ratios(figures: dict[str, Figures]) -> report.Table:
    table = report.Table(
        "Ours ÷ the peer's (for rates, higher is better; for latency and CPU, lower)",
        (
            "ours",
            "peer",
            "delivered/s",
            "delivered/s to receivers that take 50 ms",
            "p50 at 10/s",
            "CPU per event",
        ),
    )
    for ours, mine in figures.items():
        for peer, theirs in figures.items():
            if not ours.startswith("topup") or peer.startswith("topup"):
                continue
            table.add(
                ours,
                peer,
                mine.of("delivered_per_s") / theirs.of("delivered_per_s"),
                mine.of("slow_per_s") / theirs.of("slow_per_s"),
                mine.inside("low", "p50_ms") / theirs.inside("low", "p50_ms"),
                mine.cpu_us / theirs.cpu_us,
            )
    return table


def _rates(figures: dict[str, Figures]) -> report.Table:
    table = report.Table(
        "Events per second, and time from send to receipt in ms",
        (
            *(
                "system",
                "rounds",
                "events",
                "accepted/s",
                "delivered/s",
                "delivered/s to receivers that take 50 ms",
            ),
            *("p50 at 10/s", "p99 at 10/s", "p50 at half the rate", "p99 at half the rate"),
        ),
    )
    for name, one in figures.items():
        table.add(
            name,
            len(one.rounds),
            int(one.of("events")),
            round(one.of("accepted_per_s")),
            round(one.of("delivered_per_s")),
            round(one.of("slow_per_s")),
            *(one.inside(pace, p) for pace in ("low", "half") for p in ("p50_ms", "p99_ms")),
        )
    return table


def _costs(figures: dict[str, Figures]) -> report.Table:
    table = report.Table(
        "CPU µs per event and peak resident MB, each summed over a group's processes",
        ("system", "total µs", *(f"{name} µs" for name in GROUPS), "front MB", "worker MB"),
    )
    for name, one in figures.items():
        table.add(
            name,
            one.cpu_us,
            *(one.inside("cpu_us", group) for group in GROUPS),
            *(one.inside("peak_mb", group) for group in ("front", "worker")),
        )
    return table


def _is_chosen(system: System, only: Sequence[str]) -> bool:
    return system.name in only if only else not system.is_asked_for


def _arguments(parser: argparse.ArgumentParser) -> None:
    names = [system.name for system in SYSTEMS]
    parser.add_argument("--only", action="append", choices=names, default=[])
    parser.add_argument("--events", type=int, default=0, help="at most, for each burst")


def main() -> None:
    chosen = report.options(__doc__, _arguments)
    figures: dict[str, Figures] = {}
    with _stage(chosen) as bench:
        # One system after the other, five times over: what the machine does meanwhile hits all.
        for number in range(chosen.runs):
            for system in SYSTEMS:
                if number >= system.rounds_max or not _is_chosen(system, chosen.others.only):
                    continue
                try:
                    one = bench.round(system, number)
                except _LEFT_OUT as error:
                    if system.name.startswith("topup"):
                        raise
                    print(f"  {system.name} is left out: {error}", flush=True)
                    continue
                figures.setdefault(system.name, Figures()).rounds.append(one)
                print(f"  {system.name}: {one.delivered_per_s:,.0f}/s", flush=True)
    notes = (
        "Peers store events and attempts as rows in PostgreSQL, and queue jobs in a Redis without persistence."
        " bullmq-redis stores its jobs only in that Redis and isn't durable. BullMQ runs at concurrency 50,"
        " or 500 for receivers that take 50 ms, and undici has as many connections. `rounds` is the number of rounds;"
        " much slower systems ran fewer."
    )
    tables = [_ratios(figures), _rates(figures), _costs(figures)]
    report.show(chosen, "pipeline", tables, notes=notes)


if __name__ == "__main__":
    main()
