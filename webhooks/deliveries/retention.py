"""Delete events, deliveries and attempts that are older than their environment's retention.

Open deliveries are kept. So are the newest event and all events that a delivery or a replay may need. All events from
number events_from_no on are stored. Each step reads at most ROWS_PER_STEP rows, and may be repeated.
"""

import math
from collections.abc import Sequence
from typing import Final, NamedTuple

from kernel.tenant import Tenant
from keys.account import lock_tenants
from store.database import Row, Transaction
from webhooks.deliveries import notice
from webhooks.deliveries.log import DeliveryCursor
from webhooks.deliveries.stage import PENDING, SENDING

ROWS_PER_STEP: Final = 500
TENANTS_PER_LOOK: Final = 200
FIRST_PLACE: Final = DeliveryCursor(0, "")
FIRST_TENANT: Final = Tenant("", "")

_MINE = "account_id = :account_id AND environment = :environment"
_TENANTS = """
SELECT e.account_id, e.environment,
    (SELECT MIN(d.created_at) FROM deliveries d
     WHERE d.account_id = e.account_id AND d.environment = e.environment) AS delivered_at,
    (SELECT v.created_at FROM events v
     WHERE v.account_id = e.account_id AND v.environment = e.environment
       AND v.event_no < e.event_no ORDER BY v.event_no LIMIT 1) AS oldest_event_at
FROM account_environments e
WHERE (e.account_id, e.environment) > (:account_id, :environment)
ORDER BY e.account_id, e.environment LIMIT :rows
"""
_OLD_DELIVERIES = f"""
SELECT id, created_at, status FROM deliveries
WHERE {_MINE} AND created_at < :before_us AND (created_at, id) > (:after_at, :after_id)
ORDER BY created_at, id LIMIT :rows
"""
_OLD_EVENTS = f"""
SELECT id, event_no, created_at FROM events WHERE {_MINE} AND event_no > :after_no
ORDER BY event_no LIMIT :rows
"""
_LAST = f"SELECT event_no FROM account_environments WHERE {_MINE}"
# Except in a replay, a delivery is created at the same time as its event.
_NEEDED = f"""
SELECT event_id, created_at FROM deliveries
WHERE {_MINE} AND created_at >= :first_us AND created_at <= :last_us
ORDER BY created_at, id LIMIT :rows
"""
_KEPT_FROM = f"""
UPDATE account_environments SET events_from_no = :from_no
WHERE {_MINE} AND events_from_no < :from_no
"""
_REPLAYED = """
SELECT event_id FROM deliveries WHERE event_id IN :ids[text] AND replay_of IS NOT NULL
"""


class Old(NamedTuple):
    tenant: Tenant
    delivered_at: int | None
    oldest_event_at: int | None

    def is_before(self, before_us: int) -> bool:
        return any(
            at is not None and at < before_us for at in (self.delivered_at, self.oldest_event_at)
        )

    def lag_us(self, before_us: int) -> int:
        ages = (self.delivered_at, self.oldest_event_at)
        return max((before_us - at for at in ages if at is not None), default=0)


class PrunedDeliveries(NamedTuple):
    """A step's result. after is None if no old rows are left."""

    rows: int
    after: DeliveryCursor | None


class PrunedEvents(NamedTuple):
    """A step's result. after_no is None if no old rows are left."""

    rows: int
    deleted: int
    after_no: int | None


async def tenants_after(tx: Transaction, tenant: Tenant) -> Sequence[Old]:
    rows = await tx.fetch(
        _TENANTS,
        account_id=tenant.account_id,
        environment=tenant.environment,
        rows=TENANTS_PER_LOOK,
    )
    return [
        Old(
            Tenant(row["account_id"], row["environment"]),
            row["delivered_at"],
            row["oldest_event_at"],
        )
        for row in rows
    ]


async def prune_deliveries(
    tx: Transaction, tenant: Tenant, *, before_us: int, after: DeliveryCursor
) -> PrunedDeliveries:
    rows = await tx.fetch(
        _OLD_DELIVERIES,
        account_id=tenant.account_id,
        environment=tenant.environment,
        before_us=before_us,
        after_at=after.created_at,
        after_id=after.id,
        rows=ROWS_PER_STEP,
    )
    # No lock is needed, because an ended delivery never changes again.
    ended = [row["id"] for row in rows if row["status"] not in {PENDING, SENDING}]
    if ended:
        await tx.execute("DELETE FROM attempts WHERE delivery_id IN :ids[text]", ids=ended)
        await tx.execute("DELETE FROM deliveries WHERE id IN :ids[text]", ids=ended)
    if len(rows) < ROWS_PER_STEP:
        return PrunedDeliveries(len(rows), None)
    return PrunedDeliveries(len(rows), DeliveryCursor(rows[-1]["created_at"], rows[-1]["id"]))


async def prune_events(
    tx: Transaction, tenant: Tenant, *, before_us: int, after_no: int
) -> PrunedEvents:
    """Delete events that no delivery needs. This takes the account's lock, which replays also take."""
    mine = {"account_id": tenant.account_id, "environment": tenant.environment}
    await lock_tenants(tx, [tenant])
    last = await tx.fetch_one(_LAST, **mine)
    if last is None:
        return PrunedEvents(0, 0, None)
    rows = await tx.fetch(_OLD_EVENTS, **mine, after_no=after_no, rows=ROWS_PER_STEP)
    old = [
        row for row in rows if row["created_at"] < before_us and row["event_no"] < last["event_no"]
    ]
    if not old:
        return PrunedEvents(0, 0, None)
    needed, until_us = await _needed(tx, tenant, old)
    gone = [row for row in old if row["id"] not in needed and row["created_at"] < until_us]
    if gone:
        ids = [row["id"] for row in gone]
        await tx.execute("DELETE FROM events WHERE id IN :ids[text]", ids=ids)
        from_no = max(row["event_no"] for row in gone) + 1
        await tx.execute(_KEPT_FROM, **mine, from_no=from_no)
    is_end = len(old) < ROWS_PER_STEP
    return PrunedEvents(len(old), len(gone), None if is_end else rows[-1]["event_no"])


async def _needed(
    tx: Transaction, tenant: Tenant, old: Sequence[Row]
) -> tuple[frozenset[str], float]:
    """Return the IDs of events that deliveries need. All such events from before the returned time are included."""
    times = [row["created_at"] for row in old]
    found = await tx.fetch(
        _NEEDED,
        account_id=tenant.account_id,
        environment=tenant.environment,
        first_us=min(times),
        last_us=max(times),
        rows=ROWS_PER_STEP,
    )
    until_us = found[-1]["created_at"] if len(found) == ROWS_PER_STEP else math.inf
    replayed = await tx.fetch(_REPLAYED, ids=[row["id"] for row in old])
    return frozenset(row["event_id"] for row in (*found, *replayed)), until_us


async def prune_notices(tx: Transaction, tenant: Tenant, *, before_us: int) -> int:
    return await notice.prune(tx, tenant, before_us=before_us, rows_max=ROWS_PER_STEP)
