"""What an endpoint is sent without a look at any other: only where nothing else has a say."""

import asyncio

import pytest

from kernel.clock import DAY_US, SECOND_US, FixedClock
from kernel.tenant import Tenant
from store.database import Database
from store.open import open_database
from tests.support.webhook_rows import (
    LEASE_US,
    claim_all,
    given_account,
    given_endpoint,
    given_events,
)
from webhooks.deliveries.claim import claim_at_once
from webhooks.deliveries.stage import Claimed


async def take(
    database: Database, clock: FixedClock, endpoint_id: str, rows_max: int = 10
) -> list[Claimed]:
    return await database.autocommit(
        lambda tx: claim_at_once(
            tx, endpoint_id, now_us=clock.now_us(), lease_us=LEASE_US, rows_max=rows_max
        )
    )


async def given_known(database: Database, clock: FixedClock) -> tuple[Tenant, str]:
    """An endpoint that was claimed for a moment ago, with two deliveries waiting."""
    tenant = Tenant(await given_account(database, clock), "staging")
    endpoint, _ = await given_endpoint(database, clock, tenant)
    await given_events(database, clock, tenant)
    await claim_all(database, clock)
    await given_events(database, clock, tenant, count=2)
    return tenant, endpoint.id


async def change(database: Database, text: str) -> None:
    await database.transaction(lambda tx: tx.execute(text))


async def test_it_takes_what_is_due_and_is_what_a_claim_would_be(
    database: Database, clock: FixedClock
) -> None:
    _, endpoint_id = await given_known(database, clock)

    [one] = await take(database, clock, endpoint_id, rows_max=1)
    [other] = (await claim_all(database, clock)).claimed

    assert await take(database, clock, endpoint_id) == []
    assert one.id != other.id
    assert one.target == other.target
    assert (one.number, one.claim_no, one.lost_claims) == (1, 1, 0)
    assert one.lease_until_us == clock.now_us() + LEASE_US
    assert b'"type":"topup.delivered"' in one.body


async def test_a_lost_claim_is_counted_as_by_any_claim(
    database: Database, clock: FixedClock
) -> None:
    _, endpoint_id = await given_known(database, clock)
    first = await take(database, clock, endpoint_id)

    clock.advance_s(LEASE_US // SECOND_US)
    await change(database, f"UPDATE endpoints SET claimed_at = {clock.now_us()}")
    again = await take(database, clock, endpoint_id)

    assert {one.id for one in first} < {one.id for one in again}
    assert {one.lost_claims for one in again} == {1}


@pytest.mark.parametrize(
    "text",
    [
        "UPDATE endpoints SET status = 'disabled'",
        "UPDATE endpoints SET deleted_at = 1",
        "UPDATE endpoints SET rate_limit_per_s = 1000",
        "UPDATE endpoints SET enabled_at = 1",
        f"UPDATE endpoints SET claimed_at = claimed_at - {10 * SECOND_US}",
        "UPDATE accounts SET is_sandbox = 1",
        f"UPDATE deliveries SET next_attempt_at = next_attempt_at + {DAY_US}",
        "UPDATE deliveries SET status = 'cancelled'",
    ],
)
async def test_whatever_else_has_a_say_leaves_it_to_a_claim(
    database: Database, clock: FixedClock, text: str
) -> None:
    _, endpoint_id = await given_known(database, clock)

    await change(database, text)

    assert await take(database, clock, endpoint_id) == []


async def test_two_workers_never_take_the_same(
    database: Database, database_url: str, clock: FixedClock
) -> None:
    tenant, endpoint_id = await given_known(database, clock)
    await given_events(database, clock, tenant, count=98)
    other = open_database(database_url)
    taken: list[str] = []

    async def work(own: Database, *, is_at_once: bool) -> None:
        for _ in range(40):
            if is_at_once:
                claimed = await take(own, clock, endpoint_id, rows_max=3)
            else:
                claimed = (await claim_all(own, clock, ids_max=3)).claimed
            taken.extend(one.id for one in claimed)

    try:
        await asyncio.gather(
            work(database, is_at_once=True),
            work(other, is_at_once=True),
            work(other, is_at_once=False),
        )
    finally:
        await other.close()

    assert len(taken) == len(set(taken)) == 100
