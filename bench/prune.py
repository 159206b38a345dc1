"""What it costs to delete what is older than its retention, and whether that keeps up with the sends.

    python -m bench.prune [--full] [--write] [--only sqlite|postgresql] [--topups 30000]

The worker's own chore, in this process, once or as often as there are workers, deletes the events, deliveries
and attempts of so many stored sends: with nothing else going on, and, once, beside 1,000 sends a second that a
gateway takes and a worker delivers. What was stored before is old, what is sent meanwhile is not. An event stands
for itself, its delivery and its attempt; where a walk was ended early, two rows of events or deliveries are one.
CPU is that of this process, which on SQLite is also the database's, and of PostgreSQL.

Disk is what the three tables take with their indexes: before, once all is deleted, once that was vacuumed, and
once as many sends were stored a second and a third time. Room that is not used again would show in these.
A poll is the look that each one makes at what is kept, before and once all is deleted and not vacuumed.
"""

import argparse
import asyncio
import contextlib
import sqlite3
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

import asyncpg

from bench import report
from bench.loading import Load, load
from bench.scene import KINDS, Scene, scene
from bench.sink import Sink
from bench.stock import stock
from bench.systems import count_of
from bench.tenants import Merchant, open_tenants, opened
from bench.usage import Meter, postmaster
from kernel.clock import FixedClock, SystemClock
from store.database import Transaction
from tests.support.postgres_server import asked_on_server
from webhooks.events import log as event_log
from worker.chores import retention_chore

ACCOUNTS: Final = (1, 1_000)
# Each worker has the chore: walks go on side by side.
WORKERS: Final = (1, 3)
SENDS_PER_S: Final = 1_000
AGAIN: Final = 2
POLLS: Final = 100
RATE_LIMIT: Final = "1000000"
TABLES: Final = ("events", "deliveries", "attempts")
_SIZE = " + ".join(f"pg_total_relation_size('{table}')" for table in TABLES)
_SIZE_SQLITE = f"""
SELECT SUM(pgsize) FROM dbstat WHERE name IN (SELECT name FROM sqlite_master WHERE tbl_name IN {TABLES})
"""
_DEAD = f"SELECT SUM(n_dead_tup) FROM pg_stat_user_tables WHERE relname IN {TABLES}"


@dataclass(frozen=True, slots=True)
class Walk:
    """One walk of the chore: events a second, and CPU of each."""

    per_s: float
    cpu_us: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Beside:
    """Sends at an even rate, first with nothing else going on, then with a walk beside them."""

    without: Load
    beside: Load
    pruned_per_s: float


async def walk(stage: Scene, *, workers: int = 1, seconds_max: float | None = None) -> Walk:
    """Everything stored so far is old; ends after seconds_max, where that is sooner."""
    url = stage.installation.database_url
    clock = FixedClock(SystemClock().now_us())
    meter = Meter({"postgres": [await asyncio.to_thread(postmaster, url)] if stage.server else []})
    async with contextlib.AsyncExitStack() as stack:
        databases = [await stack.enter_async_context(opened(url)) for _ in range(workers)]
        chores = [retention_chore(one, clock, {"live": 0, "staging": 0}) for one in databases]
        stored = await asyncio.to_thread(_old, url, clock.now_us())
        meter.start()
        began_s, cpu_s = time.perf_counter(), time.process_time()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(asyncio.gather(*(one.run() for one in chores)), seconds_max)
        seconds, ours_s = time.perf_counter() - began_s, time.process_time() - cpu_s
        used = {"worker": ours_s, **meter.cpu_s()}
        gone = stored - await asyncio.to_thread(_old, url, clock.now_us())
    return Walk(
        gone / seconds, {part: used_s / max(1, gone) * 1e6 for part, used_s in used.items()}
    )


def beside(stage: Scene, sink: Sink, tenants: Sequence[Merchant], seconds: float) -> Beside:
    """A started installation takes sends; in the second half what is old is deleted."""
    keys = [tenant.key for tenant in tenants]

    def send() -> Load:
        sent = load(stage.installation.url, keys=keys, rate=SENDS_PER_S, seconds=seconds)
        assert not sent.refused, f"refused: {sent.statuses}"
        return sent

    without = send()
    with ThreadPoolExecutor(1) as thread:
        sending = thread.submit(send)
        pruned = asyncio.run(walk(stage, seconds_max=seconds))
        sent = sending.result()
    sink.wait(without.requests + sent.requests, timeout_s=60)
    return Beside(without, sent, pruned.per_s)


def measure(
    kind: str, accounts: int, topups: int, chosen: report.Options
) -> Iterator[tuple[int, Walk, float]]:
    """Workers, what they did with nothing else going on, and what a vacuum of it costs, in CPU of each event."""
    with scene(kind, rate_limit_per_s=RATE_LIMIT, log_level=chosen.log_level) as stage:
        url = stage.installation.database_url
        tenants = _tenants(url, accounts, "http://127.0.0.1:9")
        for workers in WORKERS:
            asyncio.run(stock(url, tenants, topups))
            one = asyncio.run(walk(stage, workers=workers))
            yield workers, one, vacuum_us(stage, topups)


def measure_beside(kind: str, accounts: int, topups: int, chosen: report.Options) -> Beside:
    with (
        Sink() as sink,
        scene(kind, rate_limit_per_s=RATE_LIMIT, log_level=chosen.log_level) as stage,
    ):
        url = stage.installation.database_url
        tenants = _tenants(url, accounts, sink.url)
        stage.installation.start()
        asyncio.run(stock(url, tenants, topups))
        return beside(stage, sink, tenants, chosen.pick(8, 10))


def disk(kind: str, topups: int) -> tuple[object, ...]:
    """Megabytes at each moment, and the dead rows once all is deleted."""
    with scene(kind) as stage:
        url = stage.installation.database_url
        tenants = _tenants(url, 1, "http://127.0.0.1:9")
        asyncio.run(stock(url, tenants, topups))
        full = (_megabytes(stage), asyncio.run(_poll_ms(url, tenants[0])))
        asyncio.run(walk(stage))
        dead = int(asked_on_server(url, _DEAD)) if stage.server else None
        deleted = (_megabytes(stage), asyncio.run(_poll_ms(url, tenants[0])))
        vacuum_us(stage, topups)
        sizes = [full[0], deleted[0], _megabytes(stage)]
        for _ in range(AGAIN):
            asyncio.run(stock(url, tenants, topups))
            sizes.append(_megabytes(stage))
            asyncio.run(walk(stage))
            vacuum_us(stage, topups)
        return (*sizes, dead, full[1], deleted[1])


async def _poll_ms(url: str, merchant: Merchant) -> float:
    """The least of many."""

    async def look(tx: Transaction) -> None:
        await event_log.newest_cursor(tx, merchant.tenant)

    async with opened(url) as database:
        times_s = []
        for _ in range(POLLS):
            began_s = time.perf_counter()
            await database.read(look)
            times_s.append(time.perf_counter() - began_s)
        return min(times_s) * 1000


def vacuum_us(stage: Scene, events: int) -> float:
    """What autovacuum does sooner or later, at once; CPU for each event. SQLite needs none."""
    if stage.server is None:
        return 0.0
    url = stage.installation.database_url
    meter = Meter({"postgres": [postmaster(url)]})

    async def work() -> float:
        connection = await asyncpg.connect(url)
        try:
            meter.start()
            for table in TABLES:
                # Autovacuum goes through the indexes of a table one after the other.
                await connection.execute(f"VACUUM (PARALLEL 0) {table}")
            return meter.cpu_s()["postgres"]
        finally:
            await connection.close()

    return asyncio.run(work()) / events * 1e6


def _tenants(url: str, accounts: int, hook_url: str) -> list[Merchant]:
    return asyncio.run(open_tenants(url, accounts, hook_urls=[hook_url]))


def _old(url: str, before_us: int) -> float:
    """Events with their deliveries; of an account its deliveries go first, all of them."""
    old = [count_of(url, f"{table} WHERE created_at < {before_us}") for table in TABLES[:2]]
    return sum(old) / 2


def _megabytes(stage: Scene) -> float:
    url = stage.installation.database_url
    if stage.server:
        return int(asked_on_server(url, f"SELECT {_SIZE}")) / 1e6
    with contextlib.closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as connection:
        (size,) = connection.execute(_SIZE_SQLITE).fetchone()
    return int(size) / 1e6


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--only", choices=KINDS, default="")
    parser.add_argument("--topups", type=int, default=0, help="stored ones, a multiple of 1,000")


def main() -> None:
    chosen = report.options(__doc__, _arguments)
    kinds = [chosen.others.only] if chosen.others.only else KINDS
    topups = chosen.others.topups or chosen.count(20_000, 30_000)
    alone = report.Table(
        f"Deleting {topups:,} events with their deliveries and attempts, without other load",
        (
            *("database", "accounts", "workers", "events/s", "worker µs", "PostgreSQL µs"),
            *("vacuum µs", "cores at 1,000/s"),
        ),
    )
    with_sends = report.Table(
        f"While {SENDS_PER_S:,} sends a second arrive with their webhooks",
        (
            *(
                "database",
                "accounts",
                "events/s deleted",
                "÷ sends/s",
                "sends/s",
                "sends/s without",
            ),
            *("p50 ms", "p50 ms without", "p99 ms", "p99 ms without"),
        ),
    )
    room = report.Table(
        f"Disk space of {topups:,} events in MB",
        (
            *(
                "database",
                "before",
                "after deletion",
                "after vacuum",
                "stored a 2nd time",
                "stored a 3rd time",
            ),
            *("dead rows after deletion", "poll ms before", "poll ms after deletion"),
        ),
    )
    for kind in kinds:
        for accounts in ACCOUNTS:
            for workers, walked, vacuum in measure(kind, accounts, topups, chosen):
                _add_alone(alone, (kind, f"{accounts:,}", workers), walked, vacuum)
            one = measure_beside(kind, accounts, topups, chosen)
            _add_beside(with_sends, kind, accounts, one)
        room.add(kind, *disk(kind, topups))
    report.show(chosen, "pruning", [alone, with_sends, room], is_once=True)


def _add_alone(table: report.Table, what: Sequence[object], walked: Walk, vacuum_us: float) -> None:
    ours, database = walked.cpu_us["worker"], walked.cpu_us["postgres"]
    cores = (ours + database + vacuum_us) * SENDS_PER_S / 1e6
    table.add(*what, round(walked.per_s), ours, database or None, vacuum_us or None, cores)


def _add_beside(table: report.Table, kind: str, accounts: int, one: Beside) -> None:
    cells = [
        getattr(sent, figure)
        for figure in ("per_s", "p50_ms", "p99_ms")
        for sent in (one.beside, one.without)
    ]
    ratio = one.pruned_per_s / one.beside.per_s
    table.add(kind, f"{accounts:,}", round(one.pruned_per_s), ratio, *cells)


if __name__ == "__main__":
    main()
