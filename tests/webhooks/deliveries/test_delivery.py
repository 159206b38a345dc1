from collections.abc import Sequence

import pytest

from kernel.clock import FixedClock
from kernel.errors import NotFound
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
from webhooks.deliveries import delivery, log
from webhooks.deliveries.message import lost_settlement, settlement_of
from webhooks.deliveries.stage import MOVES, STATUSES, Claimed, Settlement
from webhooks.endpoints.endpoint import delete, patch
from webhooks.endpoints.fields import EndpointChanges
from webhooks.http.transport import ErrorClass, SendResult
from worker.endpoints import Ender


def outcome(
    status: int | None = 200,
    error: ErrorClass | None = None,
    *,
    retry_after: str | None = None,
    reason: str | None = None,
) -> SendResult:
    headers = {} if retry_after is None else {"retry-after": retry_after}
    return SendResult(
        status, error, reason, headers, b"ok", False, "203.0.113.1", {"total": 12.5}, 0, 12_500
    )


def settlement(claimed: Claimed, clock: FixedClock, result: SendResult) -> Settlement:
    return settlement_of(claimed, result, [], ended_at_us=clock.now_us())


async def settle(database: Database, settlements: Sequence[Settlement]) -> frozenset[str]:
    async def work(tx: Transaction) -> frozenset[str]:
        return await delivery.settle(tx, settlements)

    return await database.transaction(work, durable=False)


async def rows(database: Database, text: str, **values: object) -> list[Row]:
    async def work(tx: Transaction) -> list[Row]:
        return list(await tx.fetch(text, **values))

    return await database.read(work)


async def the_delivery(database: Database, tenant: Tenant, id_: str) -> log.Delivery:
    async def work(tx: Transaction) -> log.Delivery:
        return await log.get_delivery(tx, tenant, id_)

    return await database.read(work)


async def given_tenant(database: Database, clock: FixedClock, **endpoint: object) -> Tenant:
    account = await given_account(database, clock)
    await given_endpoint(database, clock, Tenant(account, "staging"), **endpoint)  # type: ignore[arg-type]
    return Tenant(account, "staging")


async def test_a_claim_brings_what_a_request_needs(database: Database, clock: FixedClock) -> None:
    tenant = await given_tenant(database, clock)
    [event_id] = await given_events(database, clock, tenant)

    claim = await claim_all(database, clock)

    [claimed] = claim.claimed
    [event] = await rows(database, "SELECT body FROM events")
    assert claimed.event_id == event_id
    assert claimed.body == event["body"]
    assert (claimed.number, claimed.claim_no, claimed.lost_claims) == (1, 1, 0)
    assert claimed.target.url == "https://hooks.example.com/in"
    assert claimed.target.schedule_s == (0, 5, 30)
    assert claimed.lease_until_us == clock.now_us() + LEASE_US
    assert (bool(claim.short_ids), claim.has_more, claim.was_contended) == (False, False, False)


async def test_what_is_claimed_is_not_claimed_again_until_its_lease_ends(
    database: Database, clock: FixedClock
) -> None:
    tenant = await given_tenant(database, clock)
    await given_events(database, clock, tenant)
    await claim_all(database, clock)
    clock.advance_s(LEASE_US / 1e6 - 0.000001)

    early = await claim_all(database, clock)
    clock.advance_s(0.000001)
    again = await claim_all(database, clock)

    assert early.claimed == []
    assert early.next_at_us == clock.now_us()
    [claimed] = again.claimed
    # Sent again under the same number, since no attempt was written.
    assert (claimed.number, claimed.claim_no, claimed.lost_claims) == (1, 2, 1)


async def test_success_ends_a_delivery(database: Database, clock: FixedClock) -> None:
    tenant = await given_tenant(database, clock)
    await given_events(database, clock, tenant)
    [claimed] = (await claim_all(database, clock)).claimed
    clock.advance_s(1)

    held = await settle(database, [settlement(claimed, clock, outcome())])

    found = await the_delivery(database, tenant, claimed.id)
    assert held == {claimed.id}
    assert (found.status, found.attempts_made, found.next_attempt_at) == ("delivered", 1, None)
    [row] = await rows(database, "SELECT settled_at FROM deliveries")
    assert row["settled_at"] == clock.now_us()


async def test_failures_follow_the_schedule_and_then_end(
    database: Database, clock: FixedClock
) -> None:
    tenant = await given_tenant(database, clock)
    await given_events(database, clock, tenant)
    seen = []
    for _ in range(3):
        [claimed] = (await claim_all(database, clock)).claimed
        clock.advance_s(2)
        await settle(database, [settlement(claimed, clock, outcome(500, "http"))])
        found = await the_delivery(database, tenant, claimed.id)
        next_at = found.next_attempt_at
        wait_us = None if next_at is None else next_at - clock.now_us()
        seen.append((claimed.number, found.status, found.attempts_made, wait_us))
        clock.advance_s(0 if wait_us is None else wait_us / 1e6)

    assert seen == [
        (1, "pending", 1, 5_000_000),
        (2, "pending", 2, 30_000_000),
        (3, "failed", 3, None),
    ]
    assert (await claim_all(database, clock)).claimed == []


async def test_a_retry_after_of_503_moves_the_next_attempt(
    database: Database, clock: FixedClock
) -> None:
    tenant = await given_tenant(database, clock)
    await given_events(database, clock, tenant)
    [claimed] = (await claim_all(database, clock)).claimed

    await settle(database, [settlement(claimed, clock, outcome(503, "http", retry_after="120"))])

    found = await the_delivery(database, tenant, claimed.id)
    assert found.next_attempt_at == clock.now_us() + 120_000_000


async def test_an_outcome_after_its_claim_was_taken_over_changes_nothing(
    database: Database, clock: FixedClock
) -> None:
    tenant = await given_tenant(database, clock)
    await given_events(database, clock, tenant)
    [first] = (await claim_all(database, clock)).claimed
    clock.advance_s(LEASE_US / 1e6)
    [second] = (await claim_all(database, clock)).claimed

    stale = await settle(database, [settlement(first, clock, outcome(500, "http"))])
    held = await settle(database, [settlement(second, clock, outcome())])
    repeated = await settle(database, [settlement(second, clock, outcome())])

    found = await the_delivery(database, tenant, first.id)
    attempts = await rows(database, "SELECT number, http_status FROM attempts")
    assert [len(stale), len(held), len(repeated)] == [0, 1, 0]
    assert (found.status, found.attempts_made) == ("delivered", 1)
    assert [(row["number"], row["http_status"]) for row in attempts] == [(1, 200)]


async def lose_five_claims(database: Database, clock: FixedClock) -> Claimed:
    """The claim after five whose workers went away; a settled one begins the count anew."""
    for _ in range(5):
        [claimed] = (await claim_all(database, clock)).claimed
        assert not claimed.is_lost
        clock.advance_s(LEASE_US / 1e6)
    [claimed] = (await claim_all(database, clock)).claimed
    assert claimed.is_lost
    return claimed


async def test_five_lost_claims_are_told_and_end_no_delivery_before_its_schedule(
    database: Database, clock: FixedClock
) -> None:
    account = await given_account(database, clock)
    tenant = Tenant(account, "staging")
    await given_endpoint(database, clock, tenant, retry_schedule_s=(0, 5, 30, 7200))
    await given_events(database, clock, tenant)
    waits_s, statuses = [], []
    for _ in range(4):
        claimed = await lose_five_claims(database, clock)
        lost = lost_settlement(claimed, now_us=clock.now_us())
        await settle(database, [lost])
        statuses.append((await the_delivery(database, tenant, claimed.id)).status)
        if lost.next_attempt_at_us is not None:
            waits_s.append((lost.next_attempt_at_us - clock.now_us()) // 1_000_000)
            clock.advance_s(waits_s[-1])

    attempts = await rows(database, "SELECT number, error FROM attempts ORDER BY number")
    [endpoint] = await rows(database, "SELECT failing_since_at FROM endpoints")
    # A minute, two, and the schedule's own two hours.
    assert waits_s == [60, 120, 7200]
    assert statuses == ["pending", "pending", "pending", "failed"]
    assert [tuple(row) for row in attempts] == [(number, "lost") for number in (1, 2, 3, 4)]
    assert endpoint["failing_since_at"] is None


async def test_a_settled_attempt_forgets_the_lost_claims_before_it(
    database: Database, clock: FixedClock
) -> None:
    tenant = await given_tenant(database, clock)
    await given_events(database, clock, tenant)
    await claim_all(database, clock)
    clock.advance_s(LEASE_US / 1e6)
    [claimed] = (await claim_all(database, clock)).claimed
    await settle(database, [settlement(claimed, clock, outcome(500, "http"))])
    clock.advance_s(5)

    [again] = (await claim_all(database, clock)).claimed

    assert (claimed.lost_claims, again.lost_claims, again.number) == (1, 0, 2)


@pytest.mark.parametrize("endpoints", [1, 7])
@pytest.mark.parametrize("events", [1, 40])
async def test_claim_and_settle_cost_a_fixed_number_of_statements(
    database: Database, clock: FixedClock, endpoints: int, events: int
) -> None:
    tenant = await given_tenant(database, clock)
    for _ in range(endpoints - 1):
        await given_endpoint(database, clock, tenant)
    await given_events(database, clock, tenant, count=events)
    start = database.statements_run
    claim = await claim_all(database, clock)
    claimed_at = database.statements_run
    half = len(claim.claimed) // 2
    results = [outcome() for _ in range(half)]
    results += [outcome(500, "http") for _ in claim.claimed[half:]]
    settlements = [
        settlement(claimed, clock, result)
        for claimed, result in zip(claim.claimed, results, strict=True)
    ]

    held = await settle(database, settlements)

    assert len(held) == endpoints * events
    # Scan, the endpoints' time of claim, claim; BEGIN and COMMIT on SQLite.
    assert claimed_at - start in {3, 5}
    # BEGIN, at most three for the endpoints' health, their places in the line where some failed,
    # deliveries, attempts, COMMIT.
    assert database.statements_run - claimed_at <= 8


async def test_a_disabled_endpoints_rows_are_held_and_sent_when_it_is_back(
    database: Database, clock: FixedClock
) -> None:
    account = await given_account(database, clock)
    tenant = Tenant(account, "staging")
    endpoint, _ = await given_endpoint(database, clock, tenant)

    async def set_status(tx: Transaction, status: str) -> None:
        await patch(
            tx,
            new_vault(),
            tenant,
            endpoint.id,
            changes=EndpointChanges(status=status),
            now_us=clock.now_us(),
        )

    await database.transaction(lambda tx: set_status(tx, "disabled"))
    await given_events(database, clock, tenant)
    clock.advance_s(3600)
    held = await claim_all(database, clock)
    await database.transaction(lambda tx: set_status(tx, "enabled"))
    sent = await claim_all(database, clock)

    assert (held.claimed, held.next_at_us) == ([], None)
    assert len(sent.claimed) == 1


async def test_deleting_an_endpoint_cancels_what_it_has_not_had(
    database: Database, clock: FixedClock
) -> None:
    account = await given_account(database, clock)
    tenant = Tenant(account, "staging")
    endpoint, _ = await given_endpoint(database, clock, tenant)
    await given_events(database, clock, tenant, count=2)
    claim = await claim_all(database, clock, ids_max=1)

    async def work(tx: Transaction) -> None:
        await lock_tenants(tx, [tenant])
        await delete(tx, new_vault(), tenant, endpoint.id, now_us=clock.now_us())

    await database.transaction(work)
    await Ender(database, clock).sweep()
    stale = await settle(database, [settlement(claim.claimed[0], clock, outcome())])
    await given_events(database, clock, tenant)

    found = await rows(database, "SELECT status FROM deliveries")
    assert [row["status"] for row in found] == ["cancelled", "cancelled"]
    assert stale == frozenset()
    assert (await claim_all(database, clock)).claimed == []


async def test_health_begins_with_the_first_failure_and_ends_with_a_success(
    database: Database, clock: FixedClock
) -> None:
    tenant = await given_tenant(database, clock)
    seen = []
    for result in (outcome(500, "http"), outcome(None, "timeout"), outcome()):
        await given_events(database, clock, tenant)
        claim = await claim_all(database, clock, ids_max=1)
        [claimed] = claim.claimed
        await settle(database, [settlement(claimed, clock, result)])
        [row] = await rows(database, "SELECT failing_since_at FROM endpoints")
        seen.append(row["failing_since_at"])
        clock.advance_s(1)

    started = clock.now_us() - 3_000_000
    assert seen == [started, started, None]


@pytest.mark.parametrize("newest_first", [False, True])
async def test_of_failures_written_together_the_first_begins_the_time_of_failing(
    database: Database, clock: FixedClock, *, newest_first: bool
) -> None:
    tenant = await given_tenant(database, clock)
    await given_events(database, clock, tenant, count=3)
    started = clock.now_us()
    failed = []
    for claimed in (await claim_all(database, clock)).claimed:
        failed.append(settlement(claimed, clock, outcome(500, "http")))
        clock.advance_s(1)

    await settle(database, failed[::-1] if newest_first else failed)

    [row] = await rows(database, "SELECT failing_since_at FROM endpoints")
    [notice] = await rows(database, "SELECT failing_since_at FROM notices")
    assert (row["failing_since_at"], notice["failing_since_at"]) == (started, started)


async def test_a_replay_is_a_new_delivery_of_the_same_event(
    database: Database, clock: FixedClock
) -> None:
    tenant = await given_tenant(database, clock)
    [event_id] = await given_events(database, clock, tenant)
    [claimed] = (await claim_all(database, clock)).claimed
    await settle(database, [settlement(claimed, clock, outcome())])

    async def replay(tx: Transaction) -> str:
        return await delivery.replay(tx, tenant, claimed.id, now_us=clock.now_us())

    id_ = await database.transaction(replay)

    [again] = (await claim_all(database, clock)).claimed
    found = await the_delivery(database, tenant, id_)
    assert (again.id, again.event_id, again.body) == (id_, event_id, claimed.body)
    assert again.number == 1
    assert found.replay_of == claimed.id


async def test_another_environments_delivery_cannot_be_replayed(
    database: Database, clock: FixedClock
) -> None:
    tenant = await given_tenant(database, clock)
    await given_events(database, clock, tenant)
    [claimed] = (await claim_all(database, clock)).claimed

    async def replay(tx: Transaction) -> str:
        return await delivery.replay(tx, Tenant(tenant.account_id, "live"), claimed.id, now_us=1)

    with pytest.raises(NotFound, match="Delivery not found"):
        await database.transaction(replay)


async def test_a_reason_with_a_nul_can_be_stored(database: Database, clock: FixedClock) -> None:
    tenant = await given_tenant(database, clock)
    await given_events(database, clock, tenant)
    [claimed] = (await claim_all(database, clock)).claimed
    bad = outcome(None, "protocol", reason="bad \x00 line \ud800")

    await settle(database, [settlement(claimed, clock, bad)])

    [row] = await rows(database, "SELECT reason FROM attempts")
    assert row["reason"] == "bad \ufffd line \ufffd"


def test_an_ended_delivery_moves_no_more() -> None:
    assert set(MOVES) == set(STATUSES)
    assert [MOVES[status] for status in ("delivered", "failed", "cancelled")] == [frozenset()] * 3
