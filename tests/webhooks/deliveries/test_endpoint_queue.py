"""The line of endpoints: a claim looks at its head, and nothing that is due is ever behind a later time."""

import asyncio

import pytest

from kernel.clock import FixedClock
from kernel.tenant import Tenant
from keys.account import lock_tenants
from store.database import Database, Row, Transaction
from store.open import open_database
from tests.support.dispatcher import rows
from tests.support.webhook_rows import (
    LEASE_US,
    claim_all,
    everything,
    given_account,
    given_endpoint,
    given_events,
)
from webhooks.deliveries import delivery, endpoint_queue, log
from webhooks.deliveries.claim import HEADS_MAX, claim as take_due
from webhooks.deliveries.message import settlement_of
from webhooks.deliveries.stage import Claim, Claimed
from webhooks.http.transport import SendResult
from worker.chores import repair_line


async def given_tenant(database: Database, clock: FixedClock) -> tuple[Tenant, str]:
    tenant = Tenant(await given_account(database, clock), "live")
    endpoint, _ = await given_endpoint(database, clock, tenant)
    return tenant, endpoint.id


async def settle(
    database: Database, clock: FixedClock, claimed: Claimed, status: int | None
) -> None:
    outcome = SendResult(
        status, None if status == 200 else "http", None, {}, b"", False, None, {}, 0, 1
    )

    async def work(tx: Transaction) -> None:
        one = settlement_of(claimed, outcome, [], ended_at_us=clock.now_us())
        await delivery.settle(tx, [one])

    await database.transaction(work)


async def put_off(database: Database, claim: Claim) -> None:
    await database.autocommit(lambda tx: endpoint_queue.put_off(tx, claim.line.laters))


async def place(database: Database) -> Row:
    [row] = await rows(database, "SELECT ready_at, is_failing FROM endpoint_queue")
    return row


async def test_an_endpoint_with_nothing_due_leaves_the_line_until_there_is_something(
    database: Database, clock: FixedClock
) -> None:
    tenant, _ = await given_tenant(database, clock)
    await given_events(database, clock, tenant)
    [claimed] = (await claim_all(database, clock)).claimed
    await put_off(database, await claim_all(database, clock))
    in_flight = await place(database)
    await settle(database, clock, claimed, 200)
    clock.advance_s(LEASE_US / 1e6)
    await put_off(database, await claim_all(database, clock))
    at_rest = await place(database)
    await given_events(database, clock, tenant)

    back = await claim_all(database, clock)

    assert in_flight["ready_at"] == claimed.lease_until_us
    assert at_rest["ready_at"] is None
    assert len(back.claimed) == 1


async def test_publishing_writes_no_place_that_is_early_enough(
    database: Database, clock: FixedClock
) -> None:
    tenant, _ = await given_tenant(database, clock)
    costs = []
    for _ in range(3):
        before = database.statements_run
        await given_events(database, clock, tenant)
        costs.append(database.statements_run - before)

    # On SQLite the first one is a statement more; on PostgreSQL it shares a round trip.
    assert costs[0] - costs[1] in {0, 1}
    assert costs[1] == costs[2]


@pytest.mark.parametrize("kind", ["event", "replay", "retry"])
async def test_what_is_added_between_a_look_and_its_putting_off_is_not_hidden(
    database: Database, clock: FixedClock, kind: str
) -> None:
    tenant, _ = await given_tenant(database, clock)
    await given_events(database, clock, tenant)
    [claimed] = (await claim_all(database, clock)).claimed
    if kind != "retry":
        await settle(database, clock, claimed, 200)
    seen = await claim_all(database, clock)

    if kind == "event":
        await given_events(database, clock, tenant)
    elif kind == "retry":
        await settle(database, clock, claimed, 500)
        clock.advance_s(5)
    else:

        async def again(tx: Transaction) -> None:
            await lock_tenants(tx, [tenant])
            [first] = (await log.list_deliveries(tx, tenant)).deliveries
            await delivery.replay(tx, tenant, first.id, now_us=clock.now_us())

        await database.transaction(again)
    await put_off(database, seen)

    assert len(seen.line.laters) == 1
    assert len((await claim_all(database, clock)).claimed) == 1


@pytest.mark.long
async def test_publishers_and_looks_side_by_side_hide_nothing(
    database: Database, database_url: str, clock: FixedClock
) -> None:
    tenant, _ = await given_tenant(database, clock)
    other = open_database(database_url)
    done = asyncio.Event()
    taken: list[str] = []

    async def publish() -> None:
        for _ in range(30):
            await given_events(database, clock, tenant)
        done.set()

    # Else the looks, which wait for nobody on SQLite, took turn after turn, thousands to a publication.
    async def let_publish() -> None:
        await asyncio.sleep(0.001)

    async def look() -> None:
        while not done.is_set():
            claim = await claim_all(other, clock)
            taken.extend(one.id for one in claim.claimed)
            await let_publish()
            await put_off(other, claim)
            await let_publish()

    try:
        await asyncio.gather(publish(), look())
        taken.extend(one.id for one in (await claim_all(other, clock)).claimed)
    finally:
        await other.close()

    assert len(set(taken)) == 30


async def test_endpoints_that_fail_wait_in_a_line_of_their_own(
    database: Database, clock: FixedClock
) -> None:
    tenant, _ = await given_tenant(database, clock)
    await given_events(database, clock, tenant, count=2)
    [claimed] = (await claim_all(database, clock, ids_max=1)).claimed
    await settle(database, clock, claimed, 500)
    failing = await place(database)
    clock.advance_s(5)

    async def none_that_fails(tx: Transaction) -> Claim:
        return await take_due(
            tx, everything, now_us=clock.now_us(), lease_us=LEASE_US, ids_max=9, failing_max=0
        )

    barred = await database.autocommit(none_that_fails)
    claims = (await claim_all(database, clock)).claimed
    await settle(database, clock, claims[0], 200)

    assert failing["is_failing"] == 1
    assert barred.claimed == []
    assert len(claims) == 2
    assert (await place(database))["is_failing"] == 0


async def test_a_look_takes_in_a_part_of_a_long_line_and_the_next_goes_on_behind_it(
    database: Database, clock: FixedClock
) -> None:
    tenants = []
    for _ in range(HEADS_MAX // 50 + 1):
        tenant = Tenant(await given_account(database, clock), "live")
        tenants.append(tenant)
        for _ in range(50):
            await given_endpoint(database, clock, tenant)
        await given_events(database, clock, tenant)
        clock.advance_s(1)

    async def look(tx: Transaction) -> Claim:
        return await take_due(tx, lambda _: [], now_us=clock.now_us(), lease_us=1, ids_max=1)

    first = await database.autocommit(look)
    behind = first.line.after
    assert behind is not None

    async def go_on(tx: Transaction) -> Claim:
        return await take_due(
            tx, everything, now_us=clock.now_us(), lease_us=1, ids_max=1, after=behind
        )

    rest = await database.autocommit(go_on)

    assert (first.endpoints_due, len(rest.claimed), rest.line.after) == (HEADS_MAX, 50, None)
    assert {one.account_id for one in rest.claimed} == {tenants[-1][0]}


async def test_what_a_process_of_an_older_version_wrote_is_shown(
    database: Database, clock: FixedClock
) -> None:
    tenant, _ = await given_tenant(database, clock)
    await given_events(database, clock, tenant)

    async def forget(tx: Transaction) -> None:
        await tx.execute("DELETE FROM endpoint_queue")

    await database.transaction(forget)
    hidden = await claim_all(database, clock)
    await repair_line(database, clock)

    assert hidden.claimed == []
    assert len((await claim_all(database, clock)).claimed) == 1


async def test_a_place_taken_a_moment_ago_by_another_clock_is_not_hidden(
    database: Database, clock: FixedClock, caplog: pytest.LogCaptureFixture
) -> None:
    tenant, endpoint_id = await given_tenant(database, clock)
    await given_events(database, clock, tenant)

    async def enabled_elsewhere(tx: Transaction) -> None:
        await endpoint_queue.begin_again(tx, endpoint_id, now_us=clock.now_us() + 20_000)

    await database.transaction(enabled_elsewhere)
    await repair_line(database, clock)

    # A warning of it tells operators that a process of an older version is still running.
    assert "endpoint_queue.mended" not in caplog.text
