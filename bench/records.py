"""What sealing the record log costs: CPU and bytes of a row, on both databases.

python -m bench.records [--rows 20000] [--only sqlite|postgresql]

So many events, each with one delivery and its attempt, and a tenth as many audit entries, an hour old; then one pass of the
sealer and one proof of everything. CPU is this process's, without PostgreSQL's.
"""

import argparse
import asyncio
import os
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from billing.records.proving import prove_records
from billing.records.sealing import RecordSealer
from kernel.clock import HOUR_US, FixedClock
from kernel.ids import least_id
from keys.vault import Vault
from store.database import Transaction
from store.migrate import migrate
from store.open import open_database
from tests.support.postgres_server import create_database, drop_database

_AT_ONCE = 500
_NAME = "bench_records"
_BEGUN_US = 1_782_777_600_000_000
_EVENT = (
    *("id", "account_id", "environment", "event_no", "type", "transaction_id", "body"),
    "created_at",
)
_DELIVERY = (
    *("id", "event_id", "endpoint_id", "account_id", "environment", "event_type", "status"),
    *("attempts_made", "created_at", "settled_at"),
)
_ATTEMPT = (
    *("delivery_id", "number", "id", "account_id", "environment", "started_at", "duration_us"),
    *("http_status", "timings_ms", "request_headers", "response_body"),
)
_AUDIT = ("id", "environment", "account_id", "actor", "action", "subject_id", "created_at")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=20_000)
    parser.add_argument("--only", choices=("sqlite", "postgresql"))
    chosen = parser.parse_args()
    with TemporaryDirectory() as folder:
        urls = {"sqlite": f"sqlite:///{Path(folder) / 'topup.db'}"}
        server = os.environ.get("TEST_DATABASE_URL")
        if server:
            drop_database(server, _NAME)
            urls["postgresql"] = create_database(server, _NAME)
        for kind, url in urls.items():
            if chosen.only in {None, kind}:
                asyncio.run(_measure(kind, url, chosen.rows))
        if server:
            drop_database(server, _NAME)


async def _measure(kind: str, url: str, rows: int) -> None:
    await asyncio.to_thread(migrate, url)
    database = open_database(url)
    try:
        clock = FixedClock(_BEGUN_US)
        sealer = RecordSealer(database, Vault([bytes(32)]), clock)
        await sealer.seal()
        for at in range(0, rows, _AT_ONCE):
            await database.transaction(lambda tx: _add(tx, at), durable=False)  # noqa: B023
        clock.advance_s(3600)
        began_s, began_cpu_s = time.monotonic(), time.process_time()
        head = await sealer.seal()
        took_s, cpu_s = time.monotonic() - began_s, time.process_time() - began_cpu_s
        stored = await database.read(_stored)
        print(
            f"{kind}: sealed {head.size:,} leaves in {took_s:.1f} s: {cpu_s / head.size * 1e6:.0f} µs of CPU and"
            f" {stored / head.size:.0f} bytes a leaf"
        )
        began_cpu_s = time.process_time()
        found = [one async for one in prove_records(database.unhurried())]
        cpu_s = time.process_time() - began_cpu_s
        print(
            f"{kind}: proved in {cpu_s / head.size * 1e6:.0f} µs of CPU a leaf, {len(found)} findings"
        )
        sys.stdout.flush()
    finally:
        await database.close()


async def _add(tx: Transaction, first: int) -> None:
    events, deliveries, attempts, entries = [], [], [], []
    for number in range(first, first + _AT_ONCE):
        at_us = _BEGUN_US + HOUR_US // 4 + number * 1_000
        event_id, delivery_id = least_id("evt", at_us), least_id("dlv", at_us)
        account_id, topup_id = least_id("acc", number % 50), least_id("txn", at_us)
        tenant = (account_id, "live")
        body = b'{"id":"%s","data":{"amount_cents":500,"pad":"%s"}}' % (
            event_id.encode(),
            b"x" * 500,
        )
        events.append((event_id, *tenant, number, "topup.delivered", topup_id, body, at_us))
        deliveries.append(
            (
                delivery_id,
                event_id,
                "ep_1",
                *tenant,
                "topup.delivered",
                "delivered",
                1,
                at_us,
                at_us,
            )
        )
        attempts.append(
            (delivery_id, 1, least_id("att", at_us), *tenant, at_us, 9, 200, "{}", "{}", b"ok")
        )
        if number % 10 == 0:
            entry = (least_id("adt", at_us), "live", account_id, "cli", "key.create", "key", at_us)
            entries.append(entry)
    await tx.insert("events", _EVENT, events)
    await tx.insert("deliveries", _DELIVERY, deliveries)
    await tx.insert("attempts", _ATTEMPT, attempts)
    await tx.insert("audit_log", _AUDIT, entries)


async def _stored(tx: Transaction) -> int:
    row = await tx.fetch_one(
        "SELECT SUM(LENGTH(leaves) + LENGTH(root) + LENGTH(first_id) * 2 + 16) AS n FROM record_tiles"
    )
    assert row is not None, "a sum is a row"
    return int(row["n"])


if __name__ == "__main__":
    main()
