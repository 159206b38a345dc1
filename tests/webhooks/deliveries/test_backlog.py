"""What turns readiness red: deliveries that nobody looks after; and what must not."""

import pytest

from kernel.clock import FixedClock
from kernel.tenant import Tenant
from store.database import Database, Transaction
from tests.support.webhook_rows import (
    claim_all,
    given_account,
    given_endpoint,
    given_events,
    new_vault,
)
from webhooks.deliveries import backlog, delivery
from webhooks.deliveries.backlog import Backlog
from webhooks.deliveries.claim import claim as take_due
from webhooks.deliveries.message import settlement_of
from webhooks.deliveries.stage import Claimed
from webhooks.endpoints.endpoint import patch
from webhooks.endpoints.fields import EndpointChanges
from webhooks.http.transport import SendResult

NONE = Backlog(0, 0)
SECOND_US = 1_000_000


async def look(database: Database, clock: FixedClock) -> Backlog:
    async def work(tx: Transaction) -> Backlog:
        return await backlog.measure(tx, now_us=clock.now_us(), attempt_us_max=10 * SECOND_US)

    return await database.read(work)


async def settle(database: Database, clock: FixedClock, claimed: Claimed, status: int) -> None:
    outcome = SendResult(
        status, None if status == 200 else "http", None, {}, b"", False, None, {}, 0, 1
    )

    async def work(tx: Transaction) -> None:
        one = settlement_of(claimed, outcome, [], ended_at_us=clock.now_us())
        await delivery.settle(tx, [one])

    await database.transaction(work)


async def given_tenant(database: Database, clock: FixedClock) -> Tenant:
    return Tenant(await given_account(database, clock), "staging")


async def test_nothing_due_is_no_backlog(database: Database, clock: FixedClock) -> None:
    tenant = await given_tenant(database, clock)
    await given_endpoint(database, clock, tenant)

    assert await look(database, clock) == NONE


async def test_never_tried_for_more_than_a_minute_is_overlooked(
    database: Database, clock: FixedClock
) -> None:
    tenant = await given_tenant(database, clock)
    await given_endpoint(database, clock, tenant)
    await given_events(database, clock, tenant)
    clock.advance_s(60)
    at_the_edge = await look(database, clock)
    clock.advance_s(0.000001)

    assert at_the_edge == Backlog(60 * SECOND_US, 0)
    assert await look(database, clock) == Backlog(60 * SECOND_US + 1, 60 * SECOND_US + 1)


async def test_a_worker_that_went_away_is_seen_though_it_was_there_before(
    database: Database, clock: FixedClock
) -> None:
    tenant = await given_tenant(database, clock)
    await given_endpoint(database, clock, tenant)
    await given_events(database, clock, tenant)
    [claimed] = (await claim_all(database, clock)).claimed
    await settle(database, clock, claimed, 200)
    await given_events(database, clock, tenant)
    # Due for a minute, ten seconds of grain, and an attempt of ten that may still be under way.
    clock.advance_s(80)
    early = await look(database, clock)
    clock.advance_s(0.000001)

    assert early == Backlog(80 * SECOND_US, 0)
    assert (await look(database, clock)).overlooked_us == 80 * SECOND_US + 1


async def test_an_endpoint_that_is_served_slowly_is_not_overlooked(
    database: Database, clock: FixedClock
) -> None:
    tenant = await given_tenant(database, clock)
    await given_endpoint(database, clock, tenant, rate_limit_per_s=1)
    await given_events(database, clock, tenant, count=500)
    for _ in range(10):
        clock.advance_s(20)
        assert len((await claim_all(database, clock)).claimed) == 1

    found = await look(database, clock)

    assert (found.oldest_due_us, found.overlooked_us) == (200 * SECOND_US, 0)


async def test_a_disabled_endpoint_holds_on_purpose_and_has_its_time_once_enabled(
    database: Database, clock: FixedClock
) -> None:
    tenant = await given_tenant(database, clock)
    endpoint, _ = await given_endpoint(database, clock, tenant)

    async def set_status(tx: Transaction, status: str) -> None:
        changes = EndpointChanges(status=status)
        now_us = clock.now_us()
        await patch(tx, new_vault(), tenant, endpoint.id, changes=changes, now_us=now_us)

    await database.transaction(lambda tx: set_status(tx, "disabled"))
    await given_events(database, clock, tenant)
    clock.advance_s(3600)
    disabled = await look(database, clock)
    await database.transaction(lambda tx: set_status(tx, "enabled"))
    enabled = await look(database, clock)
    clock.advance_s(81)

    assert disabled == NONE
    assert enabled == Backlog(3600 * SECOND_US, 0)
    assert (await look(database, clock)).overlooked_us == 3681 * SECOND_US


@pytest.mark.parametrize("has_worker", [True, False])
async def test_dead_endpoints_of_one_tenant_count_only_where_no_worker_is(
    database: Database, clock: FixedClock, has_worker: bool
) -> None:
    dead = await given_tenant(database, clock)
    well = await given_tenant(database, clock)
    await given_endpoint(database, clock, dead)
    await given_events(database, clock, dead)
    [claimed] = (await claim_all(database, clock)).claimed
    await settle(database, clock, claimed, 500)
    await given_events(database, clock, dead)
    clock.advance_s(100)
    if has_worker:
        # Whatever it has in flight, another tenant is served.
        await given_endpoint(database, clock, well)
        await given_events(database, clock, well)
        await claim_well(database, clock, well)

    found = await look(database, clock)

    assert (found.oldest_due_us, found.overlooked_us > 0) == (100 * SECOND_US, not has_worker)


async def claim_well(database: Database, clock: FixedClock, tenant: Tenant) -> None:
    async def work(tx: Transaction) -> None:
        await take_due(
            tx,
            lambda candidates: [
                id_
                for candidate in candidates
                if candidate.account_id == tenant.account_id
                for id_ in candidate.due
            ],
            now_us=clock.now_us(),
            lease_us=30 * SECOND_US,
            ids_max=10,
        )

    await database.transaction(work)


async def test_it_is_one_statement_whatever_waits(database: Database, clock: FixedClock) -> None:
    tenant = await given_tenant(database, clock)
    for _ in range(5):
        await given_endpoint(database, clock, tenant)
    await given_events(database, clock, tenant, count=100)
    before = database.statements_run

    await look(database, clock)

    # BEGIN, the look, COMMIT.
    assert database.statements_run - before == 3
