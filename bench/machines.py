"""What a rate needs, calculated from what was measured: cores, processes, connections, bytes a day.

    python -m bench.machines

Nothing is run. docs/scale.md has the table, with what it leaves out; a test compares them. A figure grows with
the rate here, and no other way: where that ends is what the page is about.
"""

import math
from dataclasses import dataclass
from typing import Final

# CPU of a send over 1,000 wallets, PostgreSQL, 64 connections, and of a delivery to one of 1,000 endpoints,
# 1 ms away: docs/performance.md, "Send" and "Delivery alone", 2026-11-24.
GATEWAY_US: Final = 181
WORKER_US: Final = 141
POSTGRESQL_SEND_US: Final = 86.2
POSTGRESQL_DELIVERY_US: Final = 56.2
# Of a send with one webhook: "Room" of the same page, 2026-11-24.
DISK_BYTES: Final = 4_070
WAL_BYTES: Final = 6_110
# A process has one core at most, and is planned to have this share of it busy.
BUSY_SHARE: Final = 0.6
# docs/operations.md, as the settings are unless changed.
CONNECTIONS_PER_PROCESS: Final = 19
# So that one can be restarted.
PROCESSES_MIN: Final = 2
SENDS_PER_S: Final = (100, 1_000, 10_000, 100_000)
_DAY_S: Final = 86_400
_HEAD: Final = (
    "sends a second",
    "gateways",
    "workers",
    "their cores",
    "PostgreSQL's cores",
    "connections",
    "WAL MB/s",
    "disk GB a day",
)


@dataclass(frozen=True, slots=True)
class Need:
    """What so many sends a second need, each with one webhook that arrives at once."""

    sends_per_s: int
    gateways: int
    workers: int
    process_cores: float
    postgresql_cores: float
    connections: int
    wal_mb_per_s: float
    disk_gb_per_day: float


def need(sends_per_s: int) -> Need:
    """By the figures above; cores are busy ones, without what stands ready."""
    gateway_cores = sends_per_s * GATEWAY_US / 1e6
    worker_cores = sends_per_s * WORKER_US / 1e6
    gateways, workers = _processes(gateway_cores), _processes(worker_cores)
    return Need(
        sends_per_s=sends_per_s,
        gateways=gateways,
        workers=workers,
        process_cores=gateway_cores + worker_cores,
        postgresql_cores=sends_per_s * (POSTGRESQL_SEND_US + POSTGRESQL_DELIVERY_US) / 1e6,
        connections=(gateways + workers) * CONNECTIONS_PER_PROCESS,
        wal_mb_per_s=sends_per_s * WAL_BYTES / 1e6,
        disk_gb_per_day=sends_per_s * DISK_BYTES * _DAY_S / 1e9,
    )


def table() -> str:
    """As docs/scale.md has it."""
    rows = [_HEAD, tuple("---" for _ in _HEAD), *(_cells(need(rate)) for rate in SENDS_PER_S)]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _processes(cores: float) -> int:
    return max(PROCESSES_MIN, math.ceil(cores / BUSY_SHARE))


def _cells(one: Need) -> tuple[str, ...]:
    return (
        f"{one.sends_per_s:,}",
        f"{one.gateways}",
        f"{one.workers}",
        f"{one.process_cores:.2f}",
        f"{one.postgresql_cores:.2f}",
        f"{one.connections:,}",
        f"{one.wal_mb_per_s:.1f}",
        f"{one.disk_gb_per_day:,.0f}",
    )


if __name__ == "__main__":
    print(table())
