"""What arrived is written in one statement, and only where nothing else is to be written with it."""

from collections.abc import Sequence

import pytest

from kernel.clock import FixedClock
from kernel.tenant import Tenant
from store.database import Database, Transaction
from tests.support.webhook_rows import (
    LEASE_US,
    claim_all,
    given_account,
    given_endpoint,
    given_events,
)
from webhooks.deliveries import delivery
from webhooks.deliveries.message import settlement_of
from webhooks.deliveries.stage import Claimed, Settlement
from webhooks.http.transport import SendResult

ARRIVED = SendResult(200, None, None, {}, b"ok", False, "203.0.113.1", {"total": 12.5}, 0, 12_500)
FAILED = SendResult(500, "http", None, {}, b"no", False, "203.0.113.1", {"total": 12.5}, 0, 12_500)


async def given_claimed(database: Database, clock: FixedClock, *, count: int = 1) -> list[Claimed]:
    tenant = Tenant(await given_account(database, clock), "staging")
    await given_endpoint(database, clock, tenant)
    await given_events(database, clock, tenant, count=count)
    return (await claim_all(database, clock)).claimed


def outcomes(
    claimed: Sequence[Claimed], clock: FixedClock, result: SendResult = ARRIVED
) -> list[Settlement]:
    return [settlement_of(one, result, [], ended_at_us=clock.now_us()) for one in claimed]


async def settle_delivered(database: Database, settlements: Sequence[Settlement]) -> frozenset[str]:
    return await database.autocommit(lambda tx: delivery.settle_delivered(tx, settlements))


async def written(database: Database) -> list[tuple[object, ...]]:
    """Each delivery with its attempts."""

    async def work(tx: Transaction) -> list[tuple[object, ...]]:
        rows = await tx.fetch(
            "SELECT d.id, d.status, d.attempts_made, d.claim_no, d.next_attempt_at, d.settled_at,"
            " a.number, a.http_status, a.response_body FROM deliveries d"
            " LEFT JOIN attempts a ON a.delivery_id = d.id ORDER BY d.id, a.number"
        )
        return [tuple(row) for row in rows]

    return await database.read(work)


@pytest.mark.parametrize("count", [1, 5, 40])
async def test_what_arrived_is_written_with_its_attempts(
    database: Database, clock: FixedClock, count: int
) -> None:
    claimed = await given_claimed(database, clock, count=count)
    before = database.statements_run

    held = await settle_delivered(database, outcomes(claimed, clock))

    statements = database.statements_run - before
    ids = sorted(one.id for one in claimed)
    assert held == frozenset(ids)
    # BEGIN, the update, the attempts and COMMIT on SQLite.
    assert statements in {1, 4}
    assert await written(database) == [
        (id_, "delivered", 1, 2, None, clock.now_us(), 1, 200, b"ok") for id_ in ids
    ]


async def test_an_outcome_after_its_claim_was_taken_over_changes_nothing(
    database: Database, clock: FixedClock
) -> None:
    [first] = await given_claimed(database, clock)
    clock.advance_s(LEASE_US / 1e6)
    [second] = (await claim_all(database, clock)).claimed

    stale = await settle_delivered(database, outcomes([first], clock))
    held = await settle_delivered(database, outcomes([second], clock))
    repeated = await settle_delivered(database, outcomes([second], clock))

    assert [len(stale), len(held), len(repeated)] == [0, 1, 0]
    assert await written(database) == [
        (first.id, "delivered", 1, 3, None, clock.now_us(), 1, 200, b"ok")
    ]


async def test_one_that_is_left_costs_its_neighbours_nothing_and_has_no_attempt(
    database: Database, clock: FixedClock
) -> None:
    claimed = await given_claimed(database, clock, count=3)
    gone, *others = outcomes(claimed, clock)
    await settle_delivered(database, [gone])

    held = await settle_delivered(database, outcomes(claimed, clock, ARRIVED))

    assert held == {one.claimed.id for one in others}
    assert [row[6] for row in await written(database)] == [1, 1, 1]


async def test_an_endpoint_that_is_noted_as_failing_is_left_to_be_noted_as_well(
    database: Database, clock: FixedClock
) -> None:
    first, second = await given_claimed(database, clock, count=2)
    await database.transaction(
        lambda tx: delivery.settle(tx, outcomes([first], clock, FAILED)), durable=False
    )

    left = await settle_delivered(database, outcomes([second], clock))
    held = await database.transaction(
        lambda tx: delivery.settle(tx, outcomes([second], clock)), durable=False
    )
    rows = await database.read(lambda tx: tx.fetch("SELECT failing_since_at FROM endpoints"))

    assert left == frozenset()
    assert held == {second.id}
    assert [row["failing_since_at"] for row in rows] == [None]


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
async def test_a_row_that_somebody_else_holds_is_left_at_once(
    database: Database, clock: FixedClock
) -> None:
    first, second = await given_claimed(database, clock, count=2)
    hold = "SELECT id FROM deliveries WHERE id = :id FOR UPDATE"

    async def work(tx: Transaction) -> frozenset[str]:
        await tx.fetch(hold, id=first.id)
        return await settle_delivered(database, outcomes([first, second], clock))

    assert await database.transaction(work) == {second.id}


async def test_only_what_arrived_and_keeps_nothing_waiting_may_be_written_so(
    database: Database, clock: FixedClock
) -> None:
    tenant = Tenant(await given_account(database, clock), "staging")
    await given_endpoint(database, clock, tenant, ordered=True)
    await given_events(database, clock, tenant)
    [ordered] = (await claim_all(database, clock)).claimed
    [plain] = await given_claimed(database, clock)

    settlements = [
        *outcomes([plain, ordered], clock),
        *outcomes([plain], clock, FAILED),
    ]

    assert [delivery.may_settle_delivered(one) for one in settlements] == [True, False, False]
