"""One delivery is cancelled by its owner: while it waits, and not after or in between."""

import pytest

from kernel.clock import SECOND_US, FixedClock
from kernel.errors import NotFound
from kernel.tenant import Tenant
from keys.account import lock_tenants
from store.database import Database, Transaction
from tests.support.ordered_rows import (
    REFUSED,
    TAKEN,
    A,
    answered,
    claimed,
    given_ordered,
    names,
    replayed,
    rows,
)
from tests.support.webhook_rows import LEASE_US, given_account, given_endpoint, given_events
from webhooks.deliveries import delivery
from webhooks.deliveries.delivery import CannotCancel
from webhooks.http.transport import SendResult


async def given_tenant(database: Database, clock: FixedClock) -> Tenant:
    """With one endpoint, whose second attempt is the last."""
    tenant = Tenant(await given_account(database, clock), "staging")
    await given_endpoint(database, clock, tenant, retry_schedule_s=[0, 600])
    return tenant


async def cancelled(database: Database, clock: FixedClock, tenant: Tenant, id_: str) -> None:
    async def work(tx: Transaction) -> None:
        await lock_tenants(tx, [tenant])
        await delivery.cancel(tx, tenant, id_, now_us=clock.now_us())

    await database.transaction(work)


async def test_what_waits_is_sent_no_more_and_can_be_replayed(
    database: Database, clock: FixedClock
) -> None:
    tenant = await given_tenant(database, clock)
    events = await given_events(database, clock, tenant)
    [one] = await claimed(database, clock)
    await answered(database, clock, one, REFUSED)

    for _ in range(2):
        await cancelled(database, clock, tenant, one.id)
        clock.advance_s(600)
    later = await claimed(database, clock)
    await replayed(database, clock, tenant, one.id)
    again = await claimed(database, clock)

    [row] = await rows(
        database, "SELECT status, settled_at FROM deliveries WHERE id = :i", i=one.id
    )
    assert (row["status"], row["settled_at"]) == ("cancelled", clock.now_us() - 1200 * SECOND_US)
    assert (later, names(again, events)) == ([], [0])


async def test_the_next_of_its_object_goes_at_once(database: Database, clock: FixedClock) -> None:
    tenant, _ = await given_ordered(database, clock, retry_schedule_s=[0, 600])
    events = await given_events(database, clock, tenant, count=3, transaction_id=A)
    [first] = await claimed(database, clock)
    await answered(database, clock, first, REFUSED)
    assert await claimed(database, clock) == []

    await cancelled(database, clock, tenant, first.id)

    assert names(await claimed(database, clock), events) == [1]


@pytest.mark.parametrize(("result", "status"), [(TAKEN, "delivered"), (REFUSED, "failed")])
async def test_what_has_ended_is_refused(
    database: Database, clock: FixedClock, result: SendResult, status: str
) -> None:
    tenant = await given_tenant(database, clock)
    await given_events(database, clock, tenant)
    [one] = await claimed(database, clock)
    if result is REFUSED:
        await answered(database, clock, one, REFUSED)
        clock.advance_s(600)
        [one] = await claimed(database, clock)
    await answered(database, clock, one, result)

    with pytest.raises(CannotCancel, match=f"The delivery is already {status}") as refused:
        await cancelled(database, clock, tenant, one.id)

    assert (refused.value.reason, refused.value.retry_after_s) == (status, None)


async def test_an_attempt_under_way_is_waited_for_and_a_lost_one_is_not(
    database: Database, clock: FixedClock
) -> None:
    tenant = await given_tenant(database, clock)
    await given_events(database, clock, tenant)
    [one] = await claimed(database, clock)

    with pytest.raises(CannotCancel, match="An attempt is in progress") as refused:
        await cancelled(database, clock, tenant, one.id)
    clock.advance_s(LEASE_US // SECOND_US)
    await cancelled(database, clock, tenant, one.id)
    await answered(database, clock, one)  # comes too late

    [row] = await rows(database, "SELECT status, attempts_made FROM deliveries")
    assert (refused.value.reason, refused.value.retry_after_s) == ("sending", 1)
    assert (row["status"], row["attempts_made"]) == ("cancelled", 0)


async def test_another_environments_is_not_found(database: Database, clock: FixedClock) -> None:
    tenant = await given_tenant(database, clock)
    await given_events(database, clock, tenant)
    [row] = await rows(database, "SELECT id FROM deliveries")

    with pytest.raises(NotFound, match="Delivery not found"):
        await cancelled(database, clock, Tenant(tenant.account_id, "live"), row["id"])
