"""What an endpoint's state does to its deliveries, with real workers and counted requests."""

import asyncio
import itertools

from kernel.clock import FixedClock
from kernel.tenant import Tenant
from store.database import Database, Transaction
from store.open import open_database
from tests.support.dispatcher import CLOCK, dispatching, given_tenant, rows, until
from tests.support.recording_receiver import RecordingReceiver, receiver
from tests.support.webhook_rows import (
    claim_all,
    given_account,
    given_endpoint,
    given_events,
    new_vault,
)
from webhooks.endpoints.endpoint import patch
from webhooks.endpoints.fields import EndpointChanges


async def test_a_receiver_that_comes_back_is_met_by_one_request_then_by_a_few(
    database: Database,
) -> None:
    tenant = await given_tenant(database)
    release = asyncio.Event()
    in_flight: list[int] = []

    async with receiver() as hook, dispatching(database) as (dispatcher, settled):
        hold_answers(hook, release, in_flight)
        endpoint, _ = await given_endpoint(database, CLOCK, tenant, url=hook.url)
        await set_status(database, endpoint.id, tenant, "disabled")
        await given_events(database, CLOCK, tenant, count=40)
        await set_status(database, endpoint.id, tenant, "enabled")
        dispatcher.wake()
        await hook.wait_for(1)
        dispatcher.wake()
        # Another claim has been under way since, and brought nothing.
        before = database.statements_run
        await until(lambda: database.statements_run > before)
        alone = len(hook.requests)

        release.set()
        await until(lambda: len(settled) == 40)

    assert alone == 1
    # The pace lets five go together, the lane as many as have succeeded before.
    assert max(in_flight) <= 6
    assert len({request.event["id"] for request in hook.requests}) == 40


async def test_two_workers_claim_no_more_together_than_the_pace_allows(
    database: Database, database_url: str, clock: FixedClock
) -> None:
    tenant = Tenant(await given_account(database, clock), "staging")
    await given_endpoint(database, clock, tenant, rate_limit_per_s=10)
    await given_events(database, clock, tenant, count=100)
    other = open_database(database_url)
    counts = []
    try:
        for _ in range(120):
            claims = await asyncio.gather(claim_all(database, clock), claim_all(other, clock))
            counts.append(sum(len(claim.claimed) for claim in claims))
            if sum(counts) == 15:
                break
            clock.advance_s(0.05)
    finally:
        await other.close()

    # One each tenth of a second at most, whichever worker is quicker; and all of them come.
    assert sum(counts) == 15
    assert all(sum(pair) <= 1 for pair in itertools.pairwise(counts))


async def test_a_receiver_that_says_disable_is_not_called_again(database: Database) -> None:
    tenant = await given_tenant(database)
    async with receiver() as hook, dispatching(database) as (dispatcher, settled):
        hook.headers = {"webhook-delivery": "disable"}
        await given_endpoint(database, CLOCK, tenant, url=hook.url)
        await given_events(database, CLOCK, tenant)
        dispatcher.wake()
        await until(lambda: len(settled) == 1)
        status = ""
        async with asyncio.timeout(20):
            while status != "disabled":
                [row] = await rows(database, "SELECT status, disabled_reason FROM endpoints")
                status = row["status"]
        await given_events(database, CLOCK, tenant)
        dispatcher.wake()

    assert row["disabled_reason"] == "asked"
    assert len(hook.requests) == 1
    found = await rows(database, "SELECT status FROM deliveries ORDER BY id")
    assert [one["status"] for one in found] == ["delivered", "pending"]


def hold_answers(hook: RecordingReceiver, release: asyncio.Event, in_flight: list[int]) -> None:
    """Until `release`, no answer; in_flight gets the number of open requests at each arrival."""
    hook.held = release
    hook.in_flight = in_flight


async def set_status(database: Database, endpoint_id: str, tenant: Tenant, status: str) -> None:
    async def work(tx: Transaction) -> None:
        changes = EndpointChanges(status=status)
        now_us = CLOCK.now_us()
        await patch(tx, new_vault(), tenant, endpoint_id, changes=changes, now_us=now_us)

    await database.transaction(work)
