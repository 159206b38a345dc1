"""What the webhooks' tables would cost if they were partitioned by time: tried, and kept as a measurement.

    python -m bench.partitions [--full] [--write] [--topups 1000000]

Three databases with the same rows, of 400 days, on one PostgreSQL: with tables as they are; with a partition for
each month of `events`, `deliveries` and `attempts`, by the ids of events and deliveries, which are made in the
order of time; and with partitions of `attempts` alone. A partitioned table has no unique key without the
column it is parted by, so `ux_events_no` and `ux_deliveries_job` are plain indexes there.

The code of the gateway and the worker runs on each in turns. CPU is that of PostgreSQL's processes which serve
it, planning included; of each call the least of the rounds.
"""

import argparse
import asyncio
import random
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import AsyncExitStack
from functools import partial
from typing import Any, Final

import asyncpg

from bench import report
from bench.scene import scene
from bench.sites import CLOCK, Site, ran_on, settle, site_of, take
from bench.stock import stock
from bench.tenants import Merchant, open_tenants
from kernel.clock import DAY_US
from kernel.ids import least_id
from kernel.tenant import Tenant
from keys.account import lock_tenants
from store.database import Database, Transaction
from tests.support.postgres_server import create_database, on_server
from webhooks.deliveries import log as delivery_log, retention
from webhooks.deliveries.log_page import DeliveryCursor, DeliveryFilter
from webhooks.deliveries.stage import Claimed
from webhooks.events import log as event_log
from webhooks.events.cursor import EventCursor
from webhooks.events.event import Outbox

TENANTS: Final = 10
KEPT_DAYS: Final = 400
PARTITIONS: Final = 14  # the last one for what is made now
# Each table's column of time, and the prefix of its ids.
COLUMNS: Final = {
    "events": ("id", "evt"),
    "deliveries": ("id", "dlv"),
    "attempts": ("delivery_id", "dlv"),
}
SITES: Final[Mapping[str, Collection[str]]] = {
    "one table each": (),
    f"{PARTITIONS} partitions each": tuple(COLUMNS),
    "of attempts alone": ("attempts",),
}
MANY: Final = 64
CALLS: Final = 50
DELETED_ROWS: Final = 20 * retention.ROWS_PER_STEP
_Read = Callable[[Transaction], Awaitable[object]]


async def turn(site: Site, events: int) -> None:
    """So often as many events, published, claimed and settled together."""
    tenant = random.choice(site.tenants).tenant
    claimed: list[Claimed] = []

    async def claim() -> None:
        claimed.extend(await take(site.database, MANY))

    publish = partial(_publish, site.database, tenant, events)
    await site.measured(f"publish {events}", events, publish)
    await site.measured(f"claim {events}", events, claim)
    assert len(claimed) == events, "all that was published"
    await site.measured(f"settle {events}", events, partial(settle, site.database, claimed))


async def _publish(database: Database, tenant: Tenant, events: int) -> None:
    async def work(tx: Transaction) -> None:
        await lock_tenants(tx, [tenant])
        outbox = await Outbox.load(tx, [tenant])
        for _ in range(events):
            outbox.publish(
                tenant,
                type="topup.delivered",
                data={"amount_cents": 100},
                now_us=CLOCK.now_us(),
            )
        await outbox.flush(tx)

    await database.transaction(work, durable=False)


async def reads(site: Site, days_ago: int) -> None:
    """What people and programs look at: the newest, and what came so many days ago."""
    tenant = site.tenants[0].tenant
    old = DeliveryCursor(CLOCK.now_us() - days_ago * DAY_US, "")

    async def known(tx: Transaction) -> tuple[str, str | None, EventCursor]:
        page = await delivery_log.list_deliveries(tx, tenant, before=old)
        one = page.deliveries[0] if page.deliveries else None
        newest = await event_log.newest_cursor(tx, tenant)
        behind = EventCursor(newest.epoch, newest.event_no - 100)
        return ("", None, behind) if one is None else (one.id, one.transaction_id, behind)

    id_, topup_id, behind = await site.database.read(known)
    of_topup = DeliveryFilter(transaction_id=topup_id or "txn_none")
    calls: Mapping[str, _Read] = {
        "delivery log, newest page": lambda tx: delivery_log.list_deliveries(tx, tenant),
        "delivery log, an older page": lambda tx: delivery_log.list_deliveries(
            tx, tenant, before=old
        ),
        "deliveries of a top-up": lambda tx: delivery_log.list_deliveries(
            tx, tenant, wanted=of_topup
        ),
        "attempts of a delivery": lambda tx: delivery_log.attempts_of(tx, tenant, id_),
        "poll of events": lambda tx: event_log.events_after(tx, tenant, after=behind),
    }
    for name, read in calls.items():

        async def work(read: _Read = read) -> None:
            for _ in range(CALLS):
                await site.database.read(read)

        await site.measured(name, CALLS, work)


async def deletion(site: Site) -> None:
    """Of the oldest rows of one account, by the steps that the worker makes."""
    tenant = site.tenants[-1].tenant

    async def step(tx: Transaction) -> None:
        before_us = CLOCK.now_us()
        await retention.prune_deliveries(
            tx, tenant, before_us=before_us, after=retention.FIRST_PLACE
        )

    async def events(tx: Transaction) -> None:
        await retention.prune_events(tx, tenant, before_us=CLOCK.now_us(), after_no=0)

    async def work() -> None:
        for _ in range(DELETED_ROWS // retention.ROWS_PER_STEP):
            await site.database.transaction(step, durable=False)
            await site.database.transaction(events, durable=False)

    await site.measured("deletion of an event", DELETED_ROWS, work)
    # Autovacuum goes through the indexes of a table one after the other.
    vacuums = [f"VACUUM (PARALLEL 0) {table}" for table in COLUMNS]
    await site.asked("vacuum of it", DELETED_ROWS, vacuums)


async def drop(site: Site, tables: Collection[str]) -> None:
    """Of the second month."""
    rows = await site.admin.fetchval(f"SELECT COUNT(*) FROM {next(iter(tables))}_1")
    drops = [f"DROP TABLE {table}_1" for table in tables]
    await site.asked("drop of its month", int(rows), drops)


def partitioned(url: str, tables: Collection[str]) -> None:
    """Turns these tables into partitioned ones with the same rows and indexes."""

    async def run(connection: "asyncpg.Connection[Any]") -> None:
        for table in tables:
            await _part(connection, table)

    ran_on(url, run)
    on_server(url, "VACUUM ANALYZE")
    on_server(url, "CHECKPOINT")


async def _part(connection: "asyncpg.Connection[Any]", table: str) -> None:
    column, prefix = COLUMNS[table]
    indexes = await connection.fetch(
        "SELECT indexdef FROM pg_indexes WHERE schemaname = 'public' AND tablename = $1", table
    )
    await connection.execute(
        f"""CREATE SCHEMA whole; ALTER TABLE {table} SET SCHEMA whole;
            CREATE TABLE {table} (LIKE whole.{table} INCLUDING DEFAULTS INCLUDING STORAGE)
            PARTITION BY RANGE ({column})"""
    )
    step_us = KEPT_DAYS * DAY_US // (PARTITIONS - 1)
    first_us = CLOCK.now_us() - KEPT_DAYS * DAY_US
    edges = [f"'{least_id(prefix, first_us + n * step_us)}'" for n in range(1, PARTITIONS)]
    for number, (low, high) in enumerate(
        zip(["MINVALUE", *edges], [*edges, "MAXVALUE"], strict=True)
    ):
        await connection.execute(
            f"""CREATE TABLE {table}_{number} PARTITION OF {table}
                FOR VALUES FROM ({low}) TO ({high})"""
        )
    await connection.execute(f"INSERT INTO {table} SELECT * FROM whole.{table}")
    await connection.execute("DROP SCHEMA whole CASCADE")
    for row in indexes:
        is_key = f"{table}_pkey" in row["indexdef"]
        text = row["indexdef"] if is_key else row["indexdef"].replace(" UNIQUE ", " ")
        await connection.execute(text)


async def measure(
    urls: Mapping[str, str], tenants: Sequence[Merchant], rounds: int
) -> dict[str, dict[str, float]]:
    """By site and call: the least CPU of a round, in µs."""
    async with AsyncExitStack() as stack:
        sites = {
            name: await stack.enter_async_context(site_of(url, tenants))
            for name, url in urls.items()
        }
        for number in range(rounds + 1):
            if number == 1:
                # The first round plans the statements and fills the caches.
                for site in sites.values():
                    site.found.clear()
            for events in (1, MANY):
                for _ in range(CALLS):
                    for site in sites.values():
                        await turn(site, events)
            days_ago = random.randrange(1, KEPT_DAYS - 1)
            for site in sites.values():
                await reads(site, days_ago)
        for name, site in sites.items():
            await deletion(site)
            if SITES[name]:
                await drop(site, SITES[name])
        return {
            name: {call: min(found) for call, found in site.found.items()}
            for name, site in sites.items()
        }


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--topups", type=int, default=0, help="stored ones, a multiple of 10")


def main() -> None:
    chosen = report.options(__doc__, _arguments)
    topups = chosen.others.topups or chosen.count(100_000, 1_000_000)
    with scene("postgresql") as stage:
        assert stage.server is not None
        url = stage.installation.database_url
        tenants = asyncio.run(
            open_tenants(url, TENANTS, hook_urls=["https://hooks.example.com/in"])
        )
        asyncio.run(stock(url, tenants, topups, span_us=KEPT_DAYS * DAY_US))
        urls = {}
        for number, (name, tables) in enumerate(SITES.items()):
            urls[name] = create_database(stage.server.url, f"site{number}", template="topup")
            partitioned(urls[name], tables)
            print(f"  {name}: ready", flush=True)
        found = asyncio.run(measure(urls, tenants, chosen.count(4, 10)))
    first, *others = SITES
    columns = [word for name in others for word in (name, "÷")]
    table = report.Table(
        f"PostgreSQL's CPU, µs, beside {topups:,} events of {KEPT_DAYS} days",
        ("call", first, *columns),
    )
    for call in dict.fromkeys(call for one in found.values() for call in one):
        before_us = found[first].get(call)
        cells: list[float | None] = [before_us]
        for name in others:
            us = found[name][call]
            cells += [us, None if before_us is None else us / before_us]
        table.add(call, *cells)
    notes = (
        f"Publish, claim and settle: for each event of as many together. {DELETED_ROWS:,} deleted."
    )
    report.show(chosen, "partitions", [table], notes=notes)


if __name__ == "__main__":
    main()
