"""What a rate needs: cores, processes, connections and bytes a day, calculated from what was measured.

    python -m bench.machines [--write]

Nothing is run. docs/scale.md and docs/deploy.md keep the tables (--write), and a test compares them with the
measurements in docs/performance.md. A figure grows with the rate here, and no other way: where that ends is what
docs/scale.md is about.
"""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bench import rates, report
from bench.asked import Page, Row, number
from tests.support.installation import ROOT

# A process has one core at most, and is planned to have this share of it busy.
BUSY_SHARE: Final = 0.6
# docs/database.md, as the settings are unless changed.
CONNECTIONS_PER_PROCESS: Final = 19
# So that one can be restarted.
PROCESSES_MIN: Final = 2
SENDS_PER_S: Final = (100, 1_000, 10_000, 100_000)
_DAY_S: Final = 86_400
_NOT_PLANNED: Final = ("database", "all µs")
_HEAD: Final = (
    "sends a second",
    "gateways",
    "workers",
    "CPU ms per send",
    "gateway and worker cores",
    "PostgreSQL cores",
    "connections",
    "WAL MB/s",
    "disk GB per day",
)


@dataclass(frozen=True, slots=True)
class Cost:
    """What a send with its webhook costs where one gateway and one worker do so many a second."""

    sends_per_s: float
    gateway_us: float
    worker_us: float
    postgresql_us: float
    disk_bytes: float
    wal_bytes: float


@dataclass(frozen=True, slots=True)
class Need:
    """What so many sends a second need, each with one webhook that arrives at once."""

    sends_per_s: int
    gateways: int
    workers: int
    send_ms: float
    process_cores: float
    postgresql_cores: float
    connections: int
    wal_mb_per_s: float
    disk_gb_per_day: float


def measured(page: str) -> list[Cost]:
    """Return PostgreSQL's rows of `bench.rates`, by rate."""
    found = []
    for row in Page(page).rows(rates.SECTION, rates.TITLE, database="postgresql"):
        cells = [number(row[name]) or 0.0 for name in rates.COLUMNS if name not in _NOT_PLANNED]
        found.append(Cost(*cells))
    return found


def need(sends_per_s: int, costs: Sequence[Cost]) -> Need:
    """Plan by the costs; cores are busy ones, without what stands ready."""
    gateways = _processes(sends_per_s, [(one.sends_per_s, one.gateway_us) for one in costs])
    workers = _processes(sends_per_s, [(one.sends_per_s, one.worker_us) for one in costs])
    of_gateway = _at(sends_per_s / gateways, costs)
    worker_us = _at(sends_per_s / workers, costs).worker_us
    process_us = of_gateway.gateway_us + worker_us
    return Need(
        sends_per_s=sends_per_s,
        gateways=gateways,
        workers=workers,
        send_ms=(process_us + of_gateway.postgresql_us) / 1e3,
        process_cores=sends_per_s * process_us / 1e6,
        # How many sends share a commit is a matter of each gateway's own rate.
        postgresql_cores=sends_per_s * of_gateway.postgresql_us / 1e6,
        connections=(gateways + workers) * CONNECTIONS_PER_PROCESS,
        wal_mb_per_s=sends_per_s * of_gateway.wal_bytes / 1e6,
        disk_gb_per_day=sends_per_s * of_gateway.disk_bytes * _DAY_S / 1e9,
    )


def table(page: str) -> str:
    """Return the table of docs/scale.md."""
    costs = measured(page)
    rows = [_HEAD, *(_cells(need(rate, costs)) for rate in SENDS_PER_S)]
    return _table(rows)


def room(page: str) -> str:
    """Return the table of docs/deploy.md: what `bench.sizing` measured, as an operator asks for it."""
    sqlite, postgresql = (
        Page(page).rows("sizing", "Disk for each 1,000 sends", database=kind)[0]
        for kind in ("sqlite", "postgresql")
    )
    steady = measured(page)
    sends = "1,000 sends, each with one webhook"
    memory = ", ".join(_rounded(postgresql, f"{name} MB") for name in ("gateway", "worker"))
    return _table(
        [
            ("resource", "needed for", "amount"),
            (
                "disk, PostgreSQL",
                sends,
                _and_up_to(postgresql["disk MB"], [one.disk_bytes for one in steady])
                + "; as much again for each copy",
            ),
            (
                "disk, PostgreSQL's write-ahead log",
                sends,
                _and_up_to(postgresql["WAL MB"], [one.wal_bytes for one in steady])
                + "; unless archived, the space is reused within `max_wal_size`",
            ),
            ("disk, SQLite", sends, f"{sqlite['disk MB']} MB"),
            (
                "disk, log at level info",
                sends,
                f"{postgresql['log MB']} MB: one line for each request and one for each delivery",
            ),
            (
                "memory",
                "a gateway, a worker and Redis",
                f"{memory} and {_rounded(postgresql, 'redis MB')} MB under load",
            ),
            (
                "connections to PostgreSQL",
                "a gateway or a worker",
                f"up to {CONNECTIONS_PER_PROCESS}; {postgresql['connections']} in use here for one gateway and one worker",
            ),
            (
                "descriptors",
                "a gateway and a worker",
                f"{postgresql['descriptors'].replace(' + ', ' and ')} here: one for each connection or webhook in flight, plus a fixed number",
            ),
        ]
    )


def figures(page: str) -> str:
    """Return what else docs/scale.md plans by, with the commands that measure it."""
    read = Page(page)
    head = ("figure", "value", "measured by")
    return _table([head, *_growth(read), *_gateways(read), *_pruning(read)])


def _growth(read: Page) -> list[Sequence[str]]:
    large = read.rows("growth-large", "Cost at")
    alone, together = (
        [row for row in large if ("at once" in row["call"]) is is_together]
        for is_together in (False, True)
    )
    return [
        (
            "cost of a call, 10⁶ stored top-ups ÷ 10⁴",
            _span(read.rows("growth", "Cost at"), "median"),
            "`python -m bench.growth`",
        ),
        (
            "cost of a call, 10⁷ stored top-ups ÷ 10⁴; cost of 64 concurrent sends",
            f"{_span(alone, 'median')}; {_span(together, 'median')}",
            "`python -m bench.growth --sizes 10000 10000000`",
        ),
    ]


def _gateways(read: Page) -> list[Sequence[str]]:
    two = read.rows("scale-out", "Efficiency", processes="2")
    sends = [row for row in two if row["what"].startswith("sends")]
    return [
        (
            "sends a second from one wallet with two gateways; their p99",
            f"{sends[0]['per second']}; {sends[0]['p99 ms']} ms",
            "`python -m bench.scale`",
        ),
        (
            "sends per CPU time, two gateways ÷ one, with 1 to 1,000 wallets",
            _span(sends, "by CPU"),
            "`python -m bench.scale`",
        ),
    ]


def _pruning(read: Page) -> list[Sequence[str]]:
    rows = read.rows("pruning", "Deleting", database="postgresql")
    return [
        *(
            (
                f"events that {shown} can prune a second on PostgreSQL, with 1 to 1,000 accounts",
                _span([row for row in rows if row["workers"] == workers], "events/s"),
                "`python -m bench.prune`",
            )
            for workers, shown in (("1", "one worker"), ("3", "three workers"))
        ),
        (
            "cores that pruning 1,000 events a second needs on PostgreSQL",
            _span(rows, "cores at 1,000/s"),
            "`python -m bench.prune`",
        ),
    ]


def _span(rows: Sequence[Row], column: str) -> str:
    """Return the least and the most of a column, as the page shows them."""
    shown = sorted((row[column] for row in rows), key=lambda cell: number(cell) or 0.0)
    return shown[0] if len(shown) == 1 else f"{shown[0]} to {shown[-1]}"


# Where each table is kept, and between which marks.
KEPT: Final = (
    (ROOT / "docs/scale.md", "machines", table),
    (ROOT / "docs/scale.md", "figures", figures),
    (ROOT / "docs/deploy.md", "room", room),
)


def _processes(sends_per_s: float, costs_us: Sequence[tuple[float, float]]) -> int:
    """Return the fewest of which each has its share of a core at most."""
    count = PROCESSES_MIN
    while True:
        each = sends_per_s / count
        us = max((row for row in costs_us if row[0] <= each), default=costs_us[0])[1]
        if each * us / 1e6 <= BUSY_SHARE:
            return count
        count += 1


def _at(sends_per_s: float, costs: Sequence[Cost]) -> Cost:
    """Return what was measured at the next lower rate, where a send costs more."""
    lower = [one for one in costs if one.sends_per_s <= sends_per_s]
    return lower[-1] if lower else costs[0]


def _rounded(row: Row, name: str) -> str:
    return f"{number(row[name]) or 0:.0f}"


def _and_up_to(shown: str, bytes_a_send: Sequence[float]) -> str:
    """Return a size of one busy account, and the largest that was measured over many."""
    return (
        f"{shown} MB with one account, up to {max(bytes_a_send) / 1000:.1f} MB with 1,000 accounts"
    )


def _table(rows: Sequence[Sequence[str]]) -> str:
    head, *others = rows
    return "\n".join(f"| {' | '.join(row)} |" for row in (head, ["---"] * len(head), *others))


def _cells(one: Need) -> tuple[str, ...]:
    return (
        f"{one.sends_per_s:,}",
        f"{one.gateways}",
        f"{one.workers}",
        f"{one.send_ms:.2f}",
        f"{one.process_cores:.2f}",
        f"{one.postgresql_cores:.2f}",
        f"{one.connections:,}",
        f"{one.wal_mb_per_s:.1f}",
        f"{one.disk_gb_per_day:,.0f}",
    )


def _keep(path: Path, name: str, text: str) -> None:
    path.write_text(report.replaced(path.read_text(), name, text))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--write", action="store_true", help="make the pages' tables again")
    is_kept = parser.parse_args().write
    page = report.PAGE.read_text()
    for path, name, made in KEPT:
        print(f"{path.name}\n\n{made(page)}\n")
        if is_kept:
            _keep(path, name, made(page))


if __name__ == "__main__":
    main()
