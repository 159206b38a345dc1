"""Retention: what is old ends in small steps, and what is left still proves that nothing is missing."""

from collections.abc import Sequence

import pytest

from billing.audit import audit
from kernel.clock import DAY_US, FixedClock
from keys.account import lock_scopes
from keys.principal import Scope
from store.db import Database, Row, Transaction
from tests.webhooks.given import claim_all, given_account, given_endpoint, given_events
from tests.worker.dispatching import rows
from webhooks import delivery, log, retention
from webhooks.message import settlement_of
from webhooks.transport import Outcome
from worker.prune import retention_chore

DAY_S = 86_400
KEPT_US = {"staging": 30 * DAY_US, "live": 400 * DAY_US}


async def prune(database: Database, clock: FixedClock) -> None:
    await retention_chore(database, clock, KEPT_US, pause_s=0).run()


async def settle_all(database: Database, clock: FixedClock, status: int = 200) -> None:
    claimed = (await claim_all(database, clock)).claimed
    error = None if status == 200 else "http"
    outcome = Outcome(status, error, None, {}, b"", False, None, {}, 0, 1)  # type: ignore[arg-type]

    async def work(tx: Transaction) -> None:
        now_us = clock.now_us()
        await delivery.settle(
            tx, [settlement_of(one, outcome, [], ended_at_us=now_us) for one in claimed]
        )

    await database.transaction(work)


async def counts(database: Database) -> tuple[int, int, int]:
    """Events, deliveries, attempts."""
    found = []
    for table in ("events", "deliveries", "attempts"):
        [row] = await rows(database, f"SELECT COUNT(*) AS n FROM {table}")
        found.append(row["n"])
    return (found[0], found[1], found[2])


async def numbers(database: Database) -> list[int]:
    found: Sequence[Row] = await rows(database, "SELECT event_no FROM events ORDER BY event_no")
    return [row["event_no"] for row in found]


async def findings(database: Database) -> list[str]:
    return [finding.rule async for finding in audit(database)]


async def given_scope(database: Database, clock: FixedClock, environment: str) -> Scope:
    scope = (await given_account(database, clock), environment)
    await given_endpoint(database, clock, scope)
    return scope


@pytest.mark.parametrize(("environment", "days"), [("staging", 30), ("live", 400)])
async def test_rows_go_after_their_environments_days_and_not_a_moment_before(
    database: Database, clock: FixedClock, environment: str, days: int
) -> None:
    scope = await given_scope(database, clock, environment)
    await given_events(database, clock, scope, count=3)
    await settle_all(database, clock)
    clock.advance_s(days * DAY_S)
    await prune(database, clock)
    at_the_edge = await counts(database)
    clock.advance_s(0.000001)
    await given_events(database, clock, scope, count=2)

    await prune(database, clock)

    assert at_the_edge == (3, 3, 3)
    assert await counts(database) == (2, 2, 0)
    assert await numbers(database) == [4, 5]
    assert await findings(database) == []


async def test_the_newest_event_stays_whatever_its_age(
    database: Database, clock: FixedClock
) -> None:
    scope = await given_scope(database, clock, "staging")
    await given_events(database, clock, scope, count=5)
    await settle_all(database, clock)
    clock.advance_s(1000 * DAY_S)

    await prune(database, clock)

    assert await counts(database) == (1, 0, 0)
    assert await numbers(database) == [5]
    assert await findings(database) == []


async def test_a_delivery_that_is_open_keeps_its_event_and_all_that_came_after(
    database: Database, clock: FixedClock
) -> None:
    scope = (await given_account(database, clock), "staging")
    await given_endpoint(database, clock, scope, retry_schedule_s=[0] + [3 * DAY_S] * 19)
    await given_events(database, clock, scope)
    await settle_all(database, clock)
    clock.advance_s(1)
    await given_events(database, clock, scope)
    await settle_all(database, clock, 500)
    clock.advance_s(1)
    await given_events(database, clock, scope)
    await settle_all(database, clock)
    clock.advance_s(31 * DAY_S)

    await prune(database, clock)

    assert await counts(database) == (2, 1, 1)
    assert await numbers(database) == [2, 3]
    await settle_all(database, clock)
    await prune(database, clock)
    assert await counts(database) == (1, 0, 0)


async def test_a_replay_keeps_an_old_event_until_it_is_old_itself(
    database: Database, clock: FixedClock
) -> None:
    scope = await given_scope(database, clock, "staging")
    await given_events(database, clock, scope, count=2)
    await settle_all(database, clock)
    clock.advance_s(29 * DAY_S)

    async def replay_the_first(tx: Transaction) -> None:
        await lock_scopes(tx, [scope])
        first = (await log.list_deliveries(tx, scope)).deliveries[-1]
        await delivery.replay(tx, scope, first.id, now_us=clock.now_us())

    await database.transaction(replay_the_first)
    clock.advance_s(2 * DAY_S)
    await prune(database, clock)
    kept = await counts(database)
    await settle_all(database, clock)
    clock.advance_s(29 * DAY_S)
    await prune(database, clock)

    assert kept == (2, 1, 0)
    assert await counts(database) == (1, 0, 0)


async def test_no_step_deletes_more_than_its_rows(database: Database, clock: FixedClock) -> None:
    scope = await given_scope(database, clock, "staging")
    await given_events(database, clock, scope, count=1200)
    await settle_all(database, clock)
    await settle_all(database, clock)
    clock.advance_s(31 * DAY_S)
    before_us = clock.now_us() - KEPT_US["staging"]

    async def step(tx: Transaction) -> object:
        return await retention.prune_deliveries(
            tx, scope, before_us=before_us, after=retention.FIRST_PLACE
        )

    before = database.statements_run
    await database.transaction(step, durable=False)
    spent = database.statements_run - before
    after_one = await counts(database)
    await prune(database, clock)

    # BEGIN, the look, two deletions, COMMIT.
    assert spent == 5
    assert after_one == (1200, 700, 700)
    assert await counts(database) == (1, 0, 0)


async def test_a_gap_in_the_numbers_is_found(database: Database, clock: FixedClock) -> None:
    scope = await given_scope(database, clock, "staging")
    await given_events(database, clock, scope, count=4)

    async def lose(tx: Transaction, number: int) -> None:
        await tx.execute("DELETE FROM events WHERE event_no = :number", number=number)

    whole = await findings(database)
    await database.transaction(lambda tx: lose(tx, 1))
    pruned = await findings(database)
    await database.transaction(lambda tx: lose(tx, 3))
    gap = await findings(database)
    await database.transaction(lambda tx: lose(tx, 4))

    assert (whole, pruned) == ([], [])
    assert gap == ["event numbers have no gap"]
    assert await findings(database) == ["event numbers have no gap"]


async def test_what_is_not_old_costs_one_look(database: Database, clock: FixedClock) -> None:
    scope = await given_scope(database, clock, "staging")
    await given_events(database, clock, scope, count=10)
    before = database.statements_run

    await prune(database, clock)

    # Two looks, the second past the last account: BEGIN, SELECT, COMMIT.
    assert database.statements_run - before == 6
