"""A page of the delivery log among a million deliveries, filter by filter; and a step of retention.

    python -m bench.delivery_log [--rows 1000000] [--pages 200] [--kind sqlite --kind postgresql]

Two accounts: four fifths of the rows are a healthy one's, with few failures and rare types and one
endpoint of ten deliveries; the rest belong to one whose endpoint never answered. Values that are
common, rare and absent. Half of the pages are the head of the list, half begin at a random time.
Prints milliseconds for a page of 50 as the API reads it; the promise is a p99 below 20 ms.
"""

import argparse
import asyncio
import random
import time
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, Final

from bench.scene import KINDS, milliseconds, scene, show
from bench.stock import tidy
from bench.tenants import Merchant, open_tenants, opened
from kernel.clock import DAY_US, SystemClock
from kernel.ids import new_id
from store.database import Database, Transaction
from webhooks.deliveries import log, retention
from webhooks.deliveries.log import DeliveryCursor, DeliveryFilter

ROWS_PER_STEP: Final = 5_000
SPAN_US: Final = 20 * DAY_US
RARE: Final = 1_000  # one in so many
TEN: Final = 10
COLUMNS: Final = (
    *("id", "event_id", "endpoint_id", "account_id", "environment", "event_type"),
    *("transaction_id", "status", "attempts_made", "next_attempt_at", "created_at", "settled_at"),
)
RARE_STATES: Final = ("failed", "pending", "sending")
RARE_TYPES: Final = ("topup.failed", "balance.low")


class Million:
    """The rows of two accounts, oldest first, and the filters that look for them."""

    def __init__(self, well: Merchant, dead: Merchant, rare_endpoint: str, rows: int) -> None:
        self.well, self.dead, self.rare_endpoint = well, dead, rare_endpoint
        self.rows = rows
        self.ends_us = SystemClock().now_us()
        self.begins_us = self.ends_us - SPAN_US
        self.transaction_id = ""

    def row(self, number: int) -> tuple[Any, ...]:
        at_us = self.begins_us + SPAN_US * number // self.rows
        tenant = self.dead if number % 5 == 4 else self.well
        status, type_, endpoint_id = "delivered", "topup.delivered", tenant.endpoint_id
        place = number // RARE
        if tenant is self.dead:
            status = "failed"
        elif number % RARE == 0:
            status = RARE_STATES[place % len(RARE_STATES)]
        elif number % RARE == 1:
            type_ = RARE_TYPES[place % len(RARE_TYPES)]
        elif number % (self.rows // TEN) == 2:
            endpoint_id = self.rare_endpoint
        transaction_id = new_id("txn")
        if number == self.rows // 2:
            self.transaction_id = transaction_id
        is_open = status in {"pending", "sending"}
        return (
            *(new_id("dlv"), new_id("evt"), endpoint_id, *tenant.tenant, type_, transaction_id),
            *(status, 0 if is_open else 1, at_us if is_open else None),
            *(at_us, None if is_open else at_us + 2_000),
        )

    def cases(self) -> Mapping[str, tuple[Merchant, DeliveryFilter]]:
        """By what a row of the table says."""
        hour_us = 3600 * 1_000_000
        middle_us = self.begins_us + SPAN_US // 2
        common = self.well.endpoint_id
        filters = {
            "none": DeliveryFilter(),
            "created_after, the last hour": DeliveryFilter(created_after=self.ends_us - hour_us),
            "created_before, half way": DeliveryFilter(created_before=middle_us),
            "created_after and before, an hour": DeliveryFilter(
                created_after=middle_us, created_before=middle_us + hour_us
            ),
            "status=delivered, common": DeliveryFilter(status="delivered"),
            "status=failed, rare": DeliveryFilter(status="failed"),
            "status=pending, rare": DeliveryFilter(status="pending"),
            "status=cancelled, absent": DeliveryFilter(status="cancelled"),
            "endpoint_id, common": DeliveryFilter(endpoint_id=common),
            "endpoint_id, ten rows": DeliveryFilter(endpoint_id=self.rare_endpoint),
            "endpoint_id, unknown": DeliveryFilter(endpoint_id="we_0000000000000000"),
            "endpoint_id, another's": DeliveryFilter(endpoint_id=self.dead.endpoint_id),
            "event_type=topup.delivered, common": DeliveryFilter(event_type="topup.delivered"),
            "event_type=topup.failed, rare": DeliveryFilter(event_type="topup.failed"),
            "event_type=order.paid, absent": DeliveryFilter(event_type="order.paid"),
            "transaction_id": DeliveryFilter(transaction_id=self.transaction_id),
            "transaction_id, unknown": DeliveryFilter(transaction_id="txn_0000000000000000"),
            "endpoint and status=failed": DeliveryFilter(endpoint_id=common, status="failed"),
            "endpoint and a rare type": DeliveryFilter(
                endpoint_id=common, event_type="balance.low"
            ),
            "endpoint and status=delivered": DeliveryFilter(endpoint_id=common, status="delivered"),
            "failed and a common type, a day": DeliveryFilter(
                status="failed",
                event_type="topup.delivered",
                created_after=middle_us,
                created_before=middle_us + DAY_US,
            ),
        }
        cases = {name: (self.well, wanted) for name, wanted in filters.items()}
        cases["all failed: status=failed"] = (self.dead, DeliveryFilter(status="failed"))
        cases["all failed: status=delivered, absent *"] = (
            self.dead,
            DeliveryFilter(status="delivered"),
        )
        cases["all failed: endpoint, delivered, absent *"] = (
            self.dead,
            DeliveryFilter(endpoint_id=self.dead.endpoint_id, status="delivered"),
        )
        return cases


async def fill(database: Database, million: Million) -> None:
    """Written directly, past the writer of the table: nothing else makes a million in a minute."""
    for first in range(0, million.rows, ROWS_PER_STEP):
        numbers = range(first, min(million.rows, first + ROWS_PER_STEP))

        async def work(tx: Transaction, numbers: range = numbers) -> None:
            await tx.insert("deliveries", COLUMNS, [million.row(number) for number in numbers])

        await database.transaction(work, durable=False)


async def _page(
    tx: Transaction, tenant: Merchant, wanted: DeliveryFilter, before: DeliveryCursor | None
) -> log.DeliveryPage:
    return await log.list_deliveries(tx, tenant.tenant, wanted=wanted, before=before)


async def pages(
    database: Database, million: Million, tenant: Merchant, wanted: DeliveryFilter, count: int
) -> tuple[list[float], int]:
    """Seconds of each page, and how many rows the head of the list had."""
    random_ = random.Random(1)
    seconds, head = [], 0
    for number in range(count):
        before = None
        if number % 2:
            before = DeliveryCursor(random_.randrange(million.begins_us, million.ends_us), "")
        began_s = time.perf_counter()
        work = partial(_page, tenant=tenant, wanted=wanted, before=before)
        page = await database.read(work)
        seconds.append(time.perf_counter() - began_s)
        if number == 0:
            head = len(page.deliveries)
    return seconds, head


async def steps(database: Database, million: Million, count: int) -> list[float]:
    """Seconds of each step of retention, which deletes 500 rows."""
    seconds = []
    for _ in range(count):

        async def work(tx: Transaction) -> None:
            await retention.prune_deliveries(
                tx, million.well.tenant, before_us=million.ends_us, after=retention.FIRST_PLACE
            )

        began_s = time.perf_counter()
        await database.transaction(work, durable=False)
        seconds.append(time.perf_counter() - began_s)
    return seconds


async def measure(url: str, kind: str, *, rows: int, count: int) -> list[Sequence[object]]:
    well, other, dead = await open_tenants(url, 3, hook_urls=["https://hooks.example.com/in"])
    million = Million(well, dead, await _moved(url, other, well), rows)
    async with opened(url) as database:
        began_s = time.perf_counter()
        await fill(database, million)
        print(f"{kind}: {rows:,} rows in {time.perf_counter() - began_s:.0f} s", flush=True)
        tidy(url)
        table: list[Sequence[object]] = []
        for name, (tenant, wanted) in million.cases().items():
            seconds, head = await pages(database, million, tenant, wanted, count)
            table.append([f"{kind}: {name}", head, *milliseconds(seconds)[1:]])
        deleted = await steps(database, million, min(count, 50))
        table.append([f"{kind}: a step of retention", 500, *milliseconds(deleted)[1:]])
    return table


async def _moved(url: str, giver: Merchant, taker: Merchant) -> str:
    """The giver's endpoint becomes a second one of the taker."""

    async def work(tx: Transaction) -> None:
        await tx.execute(
            "UPDATE endpoints SET account_id = :account_id WHERE id = :id",
            account_id=taker.account_id,
            id=giver.endpoint_id,
        )

    async with opened(url) as database:
        await database.transaction(work)
    return giver.endpoint_id


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--pages", type=int, default=200)
    parser.add_argument("--kind", action="append", choices=KINDS)
    given = parser.parse_args()
    table: list[Sequence[object]] = []
    for kind in given.kind or KINDS:
        with scene(kind) as stage:
            url = stage.installation.database_url
            table += asyncio.run(measure(url, kind, rows=given.rows, count=given.pages))
    show(
        f"A page of 50 among {given.rows:,} deliveries, ms",
        ("", "rows", "p50", "p99", "max"),
        table,
    )
    print("\n* The page looks at a bounded number of rows and goes on, empty or not.")


if __name__ == "__main__":
    main()
