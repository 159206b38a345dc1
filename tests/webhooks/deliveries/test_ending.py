"""What deleted and disabled endpoints had is ended in steps, none of which grows with the backlog."""

from collections.abc import Sequence
from typing import Any, cast

import pytest

from kernel.clock import FixedClock
from kernel.tenant import Tenant
from keys.account import lock_tenants
from store.database import Database, Row, Transaction
from tests.support.webhook_rows import (
    LEASE_US,
    claim_all,
    given_account,
    given_endpoint,
    given_events,
    new_vault,
)
from webhooks.deliveries import ending, retention
from webhooks.endpoints.endpoint import delete, patch
from webhooks.endpoints.fields import EndpointChanges
from worker.chores import expire_held
from worker.endpoints import Ender

BACKLOG = 2 * ending.ROWS_PER_STEP + 100
DAY_S = 86_400


class Counting:
    """A transaction that adds up the rows that its statements read and touch."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx
        self.rows = 0

    async def fetch(self, text: str, **values: Any) -> Sequence[Row]:
        found = await self._tx.fetch(text, **values)
        self.rows += len(found)
        return found

    async def fetch_one(self, text: str, **values: Any) -> Row | None:
        return await self._tx.fetch_one(text, **values)

    async def execute(self, text: str, **values: Any) -> int:
        touched = await self._tx.execute(text, **values)
        self.rows += touched
        return touched


async def given_tenant(database: Database, clock: FixedClock) -> tuple[Tenant, str]:
    tenant = Tenant(await given_account(database, clock), "live")
    endpoint, _ = await given_endpoint(database, clock, tenant)
    return tenant, endpoint.id


async def remove(database: Database, clock: FixedClock, tenant: Tenant, endpoint_id: str) -> int:
    """How many rows the deletion itself touched."""

    async def work(tx: Transaction) -> int:
        await lock_tenants(tx, [tenant])
        counting = Counting(tx)
        counted = cast(Transaction, _Passing(counting, tx))
        await delete(counted, new_vault(), tenant, endpoint_id, now_us=clock.now_us())
        return counting.rows

    return await database.transaction(work)


class _Passing:
    """Counts where it can and passes everything else on."""

    def __init__(self, counting: Counting, tx: Transaction) -> None:
        self._counting = counting
        self._tx = tx

    def __getattr__(self, name: str) -> Any:
        return getattr(self._counting, name, None) or getattr(self._tx, name)


async def set_status(
    database: Database, clock: FixedClock, tenant: Tenant, endpoint_id: str, status: str
) -> None:
    async def work(tx: Transaction) -> None:
        await lock_tenants(tx, [tenant])
        changes = EndpointChanges(status=status)
        await patch(tx, new_vault(), tenant, endpoint_id, changes=changes, now_us=clock.now_us())

    await database.transaction(work)


async def counts(database: Database) -> dict[str, int]:
    async def work(tx: Transaction) -> dict[str, int]:
        text = "SELECT status, COUNT(*) AS n FROM deliveries GROUP BY status"
        return {row["status"]: row["n"] for row in await tx.fetch(text)}

    return await database.read(work)


async def test_deleting_costs_the_same_whatever_waits_and_the_backlog_is_cancelled_in_steps(
    database: Database, clock: FixedClock
) -> None:
    tenant, endpoint_id = await given_tenant(database, clock)
    await given_events(database, clock, tenant, count=BACKLOG)

    touched = await remove(database, clock, tenant, endpoint_id)
    at_once = await counts(database)
    claimed = (await claim_all(database, clock)).claimed
    place: ending.EndingCursor | None = ending.EndingCursor()
    changed, rows_most = [], 0
    while place is not None:

        async def work(
            tx: Transaction, place: ending.EndingCursor = place
        ) -> tuple[ending.EndingCursor | None, int, int]:
            counting = Counting(tx)
            passing = cast(Transaction, _Passing(counting, tx))
            then, count = await ending.step(passing, endpoint_id, place, now_us=clock.now_us())
            return then, count, counting.rows

        place, count, rows = await database.transaction(work)
        changed.append(count)
        rows_most = max(rows_most, rows)

    # The endpoint's row, its notices and its place in the line.
    assert touched <= 3
    assert (at_once, claimed) == ({"pending": BACKLOG}, [])
    # Read and changed; the last look finds that nothing is left, and takes it out of the line.
    assert changed == [500, 500, 100, 0]
    assert rows_most <= 2 * ending.ROWS_PER_STEP
    assert await counts(database) == {"cancelled": BACKLOG}


async def test_a_sweep_that_died_in_the_middle_is_gone_on_with(
    database: Database, clock: FixedClock
) -> None:
    tenant, endpoint_id = await given_tenant(database, clock)
    await given_events(database, clock, tenant, count=ending.ROWS_PER_STEP + 7)
    await claim_all(database, clock, ids_max=3)
    await remove(database, clock, tenant, endpoint_id)

    async def first(tx: Transaction) -> None:
        await ending.step(tx, endpoint_id, ending.EndingCursor(), now_us=clock.now_us())

    await database.transaction(first)
    ended = await Ender(database, clock).sweep()
    again = await Ender(database, clock).sweep()

    assert (ended, again) == (7, 0)
    assert await counts(database) == {"cancelled": ending.ROWS_PER_STEP + 7}


async def test_what_was_in_flight_when_an_endpoint_was_disabled_is_held_once_its_lease_ends(
    database: Database, clock: FixedClock
) -> None:
    tenant, endpoint_id = await given_tenant(database, clock)
    await given_events(database, clock, tenant, count=3)
    await claim_all(database, clock, ids_max=2)
    await set_status(database, clock, tenant, endpoint_id, "disabled")
    ender = Ender(database, clock)

    early = await ender.sweep()
    clock.advance_s(LEASE_US / 1e6)
    held = await ender.sweep()
    at_rest = await ender.sweep()
    states = await counts(database)
    await set_status(database, clock, tenant, endpoint_id, "enabled")
    sent = await claim_all(database, clock)

    assert (early, held, at_rest) == (0, 2, 0)
    assert states == {"pending": 3}
    assert len(sent.claimed) == 3


async def test_a_delivery_left_in_flight_does_not_stop_retention(
    database: Database, clock: FixedClock
) -> None:
    tenant, endpoint_id = await given_tenant(database, clock)
    first = await given_events(database, clock, tenant)
    await claim_all(database, clock)
    await set_status(database, clock, tenant, endpoint_id, "disabled")
    clock.advance_s(9 * DAY_S)
    for _ in range(5):
        await given_events(database, clock, tenant)

    await Ender(database, clock).sweep()
    await expire_held(database, clock)

    async def prune(tx: Transaction) -> int:
        before_us = clock.now_us() - DAY_S * 1_000_000
        await retention.prune_deliveries(
            tx, tenant, before_us=before_us, after=retention.FIRST_PLACE
        )
        return (await retention.prune_events(tx, tenant, before_us=before_us, after_no=0)).deleted

    pruned = await database.transaction(prune)
    assert (len(first), pruned) == (1, 1)


async def test_what_is_held_for_seven_days_fails(database: Database, clock: FixedClock) -> None:
    tenant, endpoint_id = await given_tenant(database, clock)
    await given_events(database, clock, tenant)
    await set_status(database, clock, tenant, endpoint_id, "disabled")
    clock.advance_s(7 * DAY_S)
    await expire_held(database, clock)
    early = await counts(database)
    clock.advance_s(0.000001)

    await expire_held(database, clock)

    assert (early, await counts(database)) == ({"pending": 1}, {"failed": 1})


@pytest.mark.parametrize("held", [3, 40])
async def test_expiring_looks_at_what_is_late_and_not_at_what_is_held(
    database: Database, clock: FixedClock, held: int
) -> None:
    tenant, endpoint_id = await given_tenant(database, clock)
    await set_status(database, clock, tenant, endpoint_id, "disabled")
    await given_events(database, clock, tenant)
    clock.advance_s(3 * DAY_S)
    await given_events(database, clock, tenant, count=held)
    clock.advance_s(5 * DAY_S)

    await expire_held(database, clock)
    await expire_held(database, clock)

    assert await counts(database) == {"failed": 1, "pending": held}
