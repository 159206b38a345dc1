"""What a claim takes: bounded, paced, in turn, and never what another worker has."""

import asyncio
from collections.abc import Sequence
from typing import Any, cast

from kernel.clock import SECOND_US, FixedClock
from kernel.tenant import Tenant
from store.database import Database, Row, Transaction
from store.open import open_database
from tests.support.webhook_rows import (
    LEASE_US,
    claim_all,
    everything,
    given_account,
    given_endpoint,
    given_events,
)
from webhooks.deliveries.claim import claim as take_due
from webhooks.deliveries.endpoint_queue import Candidate
from webhooks.deliveries.stage import Claim


async def given_tenant(database: Database, clock: FixedClock, **endpoint: object) -> Tenant:
    account = await given_account(database, clock)
    await given_endpoint(database, clock, Tenant(account, "staging"), **endpoint)  # type: ignore[arg-type]
    return Tenant(account, "staging")


async def test_two_workers_never_claim_the_same_delivery(
    database: Database, database_url: str, clock: FixedClock
) -> None:
    tenant = await given_tenant(database, clock)
    for _ in range(3):
        await given_endpoint(database, clock, tenant)
    await given_events(database, clock, tenant, count=25)
    other = open_database(database_url)
    taken: list[str] = []

    async def work(own: Database) -> None:
        for _ in range(40):
            claim = await claim_all(own, clock, ids_max=4)
            taken.extend(claimed.id for claimed in claim.claimed)

    try:
        await asyncio.gather(work(database), work(other))
    finally:
        await other.close()

    assert len(taken) == 100
    assert len(set(taken)) == 100


async def test_what_is_claimed_comes_in_the_order_of_its_turns(
    database: Database, clock: FixedClock
) -> None:
    tenant = await given_tenant(database, clock)
    await given_endpoint(database, clock, tenant)
    await given_events(database, clock, tenant, count=4)
    chosen: list[str] = []

    def by_turns(candidates: Sequence[Candidate]) -> list[str]:
        turns = zip(*(reversed(one.due) for one in candidates), strict=True)
        chosen[:] = [id_ for turn in turns for id_ in turn]
        return chosen

    claim = await claim_all(database, clock, choose=by_turns)

    assert len(chosen) == 8
    assert [one.id for one in claim.claimed] == chosen


async def test_two_workers_never_go_beyond_a_pace_together(
    database: Database, database_url: str, clock: FixedClock
) -> None:
    # A hundred a second go ten at a time, and the clock stands still.
    tenant = await given_tenant(database, clock, rate_limit_per_s=100)
    await given_events(database, clock, tenant, count=50)
    other = open_database(database_url)

    async def work(own: Database) -> int:
        return sum([len((await claim_all(own, clock, ids_max=3)).claimed) for _ in range(4)])

    counts = []
    try:
        for _ in range(100):
            counts.append(sum(await asyncio.gather(work(database), work(other))))
            if sum(counts) == 50:
                break
            clock.advance_s(0.01)
    finally:
        await other.close()

    # Where one counts the pace and the other holds the row, a turn may be lost, and is taken later.
    assert sum(counts) == 50
    for step in range(len(counts)):
        assert sum(counts[: step + 1]) <= 10 + step, counts


async def test_an_endpoint_without_a_pace_is_not_written_for_each_claim(
    database: Database, clock: FixedClock
) -> None:
    tenant = await given_tenant(database, clock)
    costs = []
    for _ in range(3):
        await given_events(database, clock, tenant)
        before = database.statements_run
        assert len((await claim_all(database, clock)).claimed) == 1
        costs.append(database.statements_run - before)

    # Scan, once in ten seconds the time of the claim, claim; BEGIN and COMMIT on SQLite.
    assert costs in ([5, 4, 4], [3, 2, 2])


class Meanwhile:
    """A transaction in which somebody disables every endpoint after the first statement."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx

    async def fetch(self, text: str, **values: Any) -> Sequence[Row]:
        rows = await self._tx.fetch(text, **values)
        await self._tx.execute("UPDATE endpoints SET status = 'disabled'")
        return rows


async def test_an_endpoint_disabled_meanwhile_is_left(
    database: Database, clock: FixedClock
) -> None:
    tenant = await given_tenant(database, clock)
    await given_events(database, clock, tenant)

    async def work(tx: Transaction) -> Claim:
        return await take_due(
            cast(Transaction, Meanwhile(tx)),
            everything,
            now_us=clock.now_us(),
            lease_us=LEASE_US,
            ids_max=5,
        )

    claim = await database.autocommit(work)

    assert claim.claimed == []
    assert claim.was_contended


async def test_the_choice_bounds_what_is_claimed(database: Database, clock: FixedClock) -> None:
    tenant = await given_tenant(database, clock)
    await given_events(database, clock, tenant, count=5)

    def two(candidates: Sequence[Candidate]) -> list[str]:
        return list(candidates[0].due)[:2]

    async def work(tx: Transaction) -> tuple[int, bool, bool]:
        claim = await take_due(tx, two, now_us=clock.now_us(), lease_us=LEASE_US, ids_max=100)
        return len(claim.claimed), bool(claim.short_ids), claim.has_more

    assert await database.transaction(work) == (2, True, False)


async def test_a_claim_that_took_all_it_was_offered_says_there_may_be_more(
    database: Database, clock: FixedClock
) -> None:
    tenant = await given_tenant(database, clock)
    await given_events(database, clock, tenant, count=5)

    first = await claim_all(database, clock, ids_max=3)
    second = await claim_all(database, clock, ids_max=3)

    assert (len(first.claimed), first.has_more, bool(first.short_ids)) == (3, True, False)
    assert (len(second.claimed), second.has_more) == (2, False)


async def test_the_longest_due_go_first(database: Database, clock: FixedClock) -> None:
    tenant = await given_tenant(database, clock)
    older = await given_events(database, clock, tenant)
    clock.advance_s(1)
    await given_events(database, clock, tenant, count=3)

    claim = await claim_all(database, clock, ids_max=1)

    assert [claimed.event_id for claimed in claim.claimed] == older


async def test_the_next_due_time_skips_what_is_due(database: Database, clock: FixedClock) -> None:
    tenant = await given_tenant(database, clock)
    await given_endpoint(database, clock, tenant, retry_schedule_s=(9,))
    await given_events(database, clock, tenant)

    claim = await claim_all(database, clock)

    assert len(claim.claimed) == 1
    assert claim.next_at_us == clock.now_us() + 9_000_000


async def test_a_rate_limit_is_kept_across_claims(database: Database, clock: FixedClock) -> None:
    tenant = await given_tenant(database, clock, rate_limit_per_s=2)
    await given_events(database, clock, tenant, count=4)
    counts = []
    for _ in range(4):
        claim = await claim_all(database, clock)
        counts.append(len(claim.claimed))
        assert claim.next_at_us is not None
        assert claim.next_at_us <= clock.now_us() + 500_000
        clock.advance_s(0.25)

    assert counts == [1, 0, 1, 0]


async def test_a_sandbox_account_is_sent_fifteen_at_once_and_then_slowly(
    database: Database, clock: FixedClock
) -> None:
    account = await given_account(database, clock, is_sandbox=True)
    tenant = Tenant(account, "staging")
    await given_endpoint(database, clock, tenant, is_sandbox=True)
    await given_events(database, clock, tenant, count=20)

    first = await claim_all(database, clock)
    clock.advance_s(4)
    second = await claim_all(database, clock)

    assert (len(first.claimed), len(second.claimed)) == (15, 1)


async def test_an_endpoint_without_a_slot_is_offered_nothing_of_its_backlog(
    database: Database, clock: FixedClock
) -> None:
    tenant = Tenant(await given_account(database, clock), "staging")
    full, _ = await given_endpoint(database, clock, tenant)
    other, _ = await given_endpoint(database, clock, tenant)
    await given_events(database, clock, tenant, count=3)

    async def work(tx: Transaction) -> Claim:
        return await take_due(
            tx,
            everything,
            now_us=clock.now_us(),
            lease_us=LEASE_US,
            ids_max=100,
            full_ids=[full.id],
        )

    claim = await database.transaction(work)

    assert [one.target.id for one in claim.claimed] == [other.id] * 3
    assert (claim.endpoints_due, claim.short_ids) == (1, frozenset())


async def test_a_claim_says_when_the_attempt_was_due_and_another_after_a_lost_one_says_the_same(
    database: Database, clock: FixedClock
) -> None:
    tenant = await given_tenant(database, clock, retry_schedule_s=(7, 5))
    await given_events(database, clock, tenant)
    due_at = clock.now_us() + 7 * SECOND_US
    clock.advance_s(9)

    [first] = (await claim_all(database, clock)).claimed
    clock.advance_s(LEASE_US / SECOND_US)
    [again] = (await claim_all(database, clock)).claimed

    assert (first.due_at, first.lost_claims) == (due_at, 0)
    assert (again.due_at, again.lost_claims) == (due_at, 1)


async def test_a_claim_brings_what_the_event_came_of(database: Database, clock: FixedClock) -> None:
    tenant = await given_tenant(database, clock)
    await given_events(database, clock, tenant, trace="order-77")
    await given_events(database, clock, tenant)

    claimed = (await claim_all(database, clock)).claimed

    assert sorted(one.trace or "" for one in claimed) == ["", "order-77"]
