"""Retention: what is old ends in small steps, and what is left still proves that nothing is missing."""

import asyncio
from collections.abc import Sequence

import pytest

from billing.ledger.audit import audit
from billing.providers import event_log as provider_event
from billing.providers.event_log import LogEntry, NotificationOutcome as Judged, NotificationRef
from kernel.clock import DAY_US, FixedClock
from kernel.tenant import Tenant
from keys import session
from keys.account import lock_tenants
from store.database import Database, Row, Transaction
from tests.support.dispatcher import rows
from tests.support.mailing_account import open_mailing_account
from tests.support.webhook_rows import claim_all, given_account, given_endpoint, given_events
from webhooks.deliveries import delivery, log, retention
from webhooks.deliveries.message import settlement_of
from webhooks.http.transport import SendResult
from worker.chores import (
    mails_chore,
    notifications_chore,
    retention_chore,
    sessions_chore,
)

DAY_S = 86_400
KEPT_US = {"staging": 30 * DAY_US, "live": 400 * DAY_US}


async def prune(database: Database, clock: FixedClock) -> None:
    await retention_chore(database, clock, KEPT_US, pause_s=0).run()


async def settle_all(database: Database, clock: FixedClock, status: int = 200) -> None:
    claimed = (await claim_all(database, clock)).claimed
    error = None if status == 200 else "http"
    outcome = SendResult(status, error, None, {}, b"", False, None, {}, 0, 1)  # type: ignore[arg-type]

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


async def given_tenant(database: Database, clock: FixedClock, environment: str) -> Tenant:
    tenant = Tenant(await given_account(database, clock), environment)
    await given_endpoint(database, clock, tenant)
    return tenant


@pytest.mark.parametrize(("environment", "days"), [("staging", 30), ("live", 400)])
async def test_rows_go_after_their_environments_days_and_not_a_moment_before(
    database: Database, clock: FixedClock, environment: str, days: int
) -> None:
    tenant = await given_tenant(database, clock, environment)
    await given_events(database, clock, tenant, count=3)
    await settle_all(database, clock)
    clock.advance_s(days * DAY_S)
    await prune(database, clock)
    at_the_edge = await counts(database)
    clock.advance_s(0.000001)
    await given_events(database, clock, tenant, count=2)

    await prune(database, clock)

    assert at_the_edge == (3, 3, 3)
    assert await counts(database) == (2, 2, 0)
    assert await numbers(database) == [4, 5]
    assert await findings(database) == []


async def set_time_of_second(database: Database, value: str) -> None:
    async def work(tx: Transaction) -> None:
        await tx.execute(f"UPDATE events SET created_at = {value} WHERE event_no = 2")

    await database.transaction(work)


@pytest.mark.one_database
async def test_a_walk_tells_by_how_much_what_it_could_not_delete_is_too_old(
    database: Database, clock: FixedClock
) -> None:
    lags: list[int] = []
    chore = retention_chore(database, clock, KEPT_US, pause_s=0, on_walked=lags.append)
    tenant = await given_tenant(database, clock, "staging")
    await given_events(database, clock, tenant, count=3)
    await settle_all(database, clock)
    # Nothing can be compared with such a time.
    await set_time_of_second(database, "'nonsense'")
    clock.advance_s(40 * DAY_S)

    await chore.run()
    await set_time_of_second(database, "0")
    await chore.run()

    assert lags == [10 * DAY_US, 0]


async def test_the_newest_event_stays_whatever_its_age(
    database: Database, clock: FixedClock
) -> None:
    tenant = await given_tenant(database, clock, "staging")
    await given_events(database, clock, tenant, count=5)
    await settle_all(database, clock)
    clock.advance_s(1000 * DAY_S)

    await prune(database, clock)

    assert await counts(database) == (1, 0, 0)
    assert await numbers(database) == [5]
    assert await findings(database) == []


async def test_a_delivery_that_is_open_keeps_its_event_and_all_that_came_after(
    database: Database, clock: FixedClock
) -> None:
    tenant = Tenant(await given_account(database, clock), "staging")
    await given_endpoint(database, clock, tenant, retry_schedule_s=[0] + [3 * DAY_S] * 19)
    await given_events(database, clock, tenant)
    await settle_all(database, clock)
    clock.advance_s(1)
    await given_events(database, clock, tenant)
    await settle_all(database, clock, 500)
    clock.advance_s(1)
    await given_events(database, clock, tenant)
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
    tenant = await given_tenant(database, clock, "staging")
    await given_events(database, clock, tenant, count=2)
    await settle_all(database, clock)
    clock.advance_s(29 * DAY_S)

    async def replay_the_first(tx: Transaction) -> None:
        await lock_tenants(tx, [tenant])
        first = (await log.list_deliveries(tx, tenant)).deliveries[-1]
        await delivery.replay(tx, tenant, first.id, now_us=clock.now_us())

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
    tenant = await given_tenant(database, clock, "staging")
    await given_events(database, clock, tenant, count=1200)
    await settle_all(database, clock)
    await settle_all(database, clock)
    clock.advance_s(31 * DAY_S)
    before_us = clock.now_us() - KEPT_US["staging"]

    async def step(tx: Transaction) -> object:
        return await retention.prune_deliveries(
            tx, tenant, before_us=before_us, after=retention.FIRST_PLACE
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
    tenant = await given_tenant(database, clock, "staging")
    await given_events(database, clock, tenant, count=4)

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


@pytest.mark.one_database
async def test_accounts_with_few_old_rows_share_a_pause(
    database: Database, clock: FixedClock
) -> None:
    for _ in range(4):
        await given_events(database, clock, await given_tenant(database, clock, "staging"), count=3)
    await settle_all(database, clock)
    clock.advance_s(31 * DAY_S)

    # A pause is never over: nothing ends that makes one.
    await asyncio.wait_for(retention_chore(database, clock, KEPT_US, pause_s=3600).run(), 30)

    assert await counts(database) == (4, 0, 0)


async def test_what_is_not_old_costs_one_look(database: Database, clock: FixedClock) -> None:
    tenant = await given_tenant(database, clock, "staging")
    await given_events(database, clock, tenant, count=10)
    before = database.statements_run

    await prune(database, clock)

    # Two looks, the second past the last account: BEGIN, SELECT, COMMIT.
    assert database.statements_run - before == 6


async def given_notifications(database: Database, clock: FixedClock, *outcomes: Judged) -> None:
    """A notification of each outcome in both environments, named by it."""
    entries = [
        LogEntry(NotificationRef("stripe", environment, outcome, "x"), outcome, clock.now_us())
        for environment in KEPT_US
        for outcome in outcomes
    ]
    await database.transaction(lambda tx: provider_event.record(tx, entries))


async def left(database: Database) -> list[str]:
    found = await rows(
        database, "SELECT environment, event_id FROM provider_events ORDER BY environment, event_id"
    )
    return [f"{row['environment']} {row['event_id']}" for row in found]


async def test_what_providers_told_goes_after_its_environments_days_but_what_is_undecided(
    database: Database, clock: FixedClock
) -> None:
    await given_notifications(database, clock, "applied", "review", "unknown", "refused")
    chore = notifications_chore(database, clock, KEPT_US, pause_s=0)
    clock.advance_s(30 * DAY_S)
    await chore.run()
    assert len(await left(database)) == 8
    clock.advance_s(0.000001)
    await given_notifications(database, clock, "ignored")

    await chore.run()

    assert [one for one in await left(database) if one.startswith("staging")] == [
        "staging ignored",
        "staging refused",
        "staging review",
    ]
    assert len([one for one in await left(database) if one.startswith("live")]) == 5
    clock.advance_s(401 * DAY_S)
    await chore.run()
    assert await left(database) == [
        "live refused",
        "live review",
        "staging refused",
        "staging review",
    ]


async def test_many_notifications_go_in_steps(database: Database, clock: FixedClock) -> None:
    entries = [
        LogEntry(NotificationRef("stripe", "live", f"evt_{number}", "x"), "applied", clock.now_us())
        for number in range(provider_event.PRUNE_ROWS + 1)
    ]
    await database.transaction(lambda tx: provider_event.record(tx, entries))
    clock.advance_s(401 * DAY_S)

    step = await database.transaction(
        lambda tx: provider_event.prune(tx, "live", before_us=clock.now_us())
    )
    left_over = await left(database)
    await notifications_chore(database, clock, KEPT_US, pause_s=0).run()

    assert (step, len(left_over)) == (500, 1)
    assert await left(database) == []


async def begin(database: Database, clock: FixedClock) -> str:
    account_id = await given_account(database, clock)

    async def work(tx: Transaction) -> str:
        begun, _ = await session.begin(
            tx, account_id=account_id, user_agent="x", now_us=clock.now_us()
        )
        return begun.id

    return await database.transaction(work)


async def session_ids(database: Database) -> list[str]:
    return [row["id"] for row in await rows(database, "SELECT id FROM sessions ORDER BY id")]


async def test_sessions_that_ended_go_without_a_sign_in(
    database: Database, clock: FixedClock
) -> None:
    made: list[str] = []
    # Unused for thirteen days, twelve, seven; for three and none.
    for wait_days in (1, 5, 4, 3, 0):
        made.append(await begin(database, clock))
        clock.advance_s(wait_days * DAY_S)

    await sessions_chore(database, clock, pause_s=0).run()

    assert await session_ids(database) == made[3:]


async def test_every_session_is_looked_at_in_steps(database: Database, clock: FixedClock) -> None:
    for _ in range(3):
        await begin(database, clock)
    columns = "account_id, environment, user_agent, created_at, last_seen_at, expires_at"

    async def copy(tx: Transaction) -> None:
        await tx.execute(
            f"""WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 400)
                INSERT INTO sessions (id, digest, {columns})
                SELECT id || 'x' || i, digest || i, {columns} FROM sessions, n"""
        )

    await database.transaction(copy)
    clock.advance_s(7 * DAY_S)
    kept = await begin(database, clock)
    before = len(await session_ids(database))

    await sessions_chore(database, clock, pause_s=0).run()

    assert before == 1204
    assert await session_ids(database) == [kept]


@pytest.mark.one_database
async def test_mail_of_long_ago_goes_but_what_is_on_its_way(
    database: Database, clock: FixedClock
) -> None:
    account = await open_mailing_account(database, clock, recipient_max=1)
    queued, limited = [await account.send() for _ in range(2)]
    clock.advance_s(31 * 86_400)
    fresh = await account.send(to="other@mail.com")

    await mails_chore(database, clock, {"staging": 30 * DAY_US}, pause_s=0).run()

    kept = [bool(await account.mails(topup)) for topup in (queued, limited, fresh)]
    assert kept == [True, False, True]
