"""One object's deliveries to an ordered endpoint: one at a time, in the order of their events."""

from collections.abc import Callable, Coroutine, Sequence
from typing import Any

import pytest

from kernel.clock import HOUR_US, SECOND_US, FixedClock
from keys.account import lock_tenants
from store.database import Database, Row, Transaction
from tests.support.ordered_rows import (
    REFUSED,
    A,
    B,
    answered,
    claimed,
    given_ordered,
    names,
    ready_at,
    replayed,
    rows,
)
from tests.support.webhook_rows import (
    LEASE_US,
    claim_all,
    everything,
    given_events,
    new_vault,
)
from webhooks.deliveries.claim import claim as take_due, claim_at_once
from webhooks.deliveries.stage import Claim
from webhooks.endpoints.endpoint import patch
from webhooks.endpoints.fields import EndpointChanges


async def test_an_event_goes_once_those_before_it_have_ended_and_others_go_on(
    database: Database, clock: FixedClock
) -> None:
    tenant, endpoint_id = await given_ordered(database, clock, retry_schedule_s=[0, 600])
    events = await given_events(database, clock, tenant, count=3, transaction_id=A)
    events += await given_events(database, clock, tenant, transaction_id=B)

    first, other = await claimed(database, clock)
    await answered(database, clock, first, REFUSED)
    await answered(database, clock, other)
    waiting = await claim_all(database, clock)
    clock.advance_s(600)
    [again] = await claimed(database, clock)
    await answered(database, clock, again, REFUSED)  # for good
    place_at = await ready_at(database, endpoint_id)
    [second] = await claimed(database, clock)
    await answered(database, clock, second)
    [third] = await claimed(database, clock)

    assert names([first, other, again, second, third], events) == [0, 3, 0, 1, 2]
    # The retry is the next that may go, and nobody looks before.
    assert waiting.claimed == []
    assert waiting.next_at_us == clock.now_us()
    # What goes on stands in the line at once.
    assert place_at is not None
    assert place_at <= clock.now_us()


async def test_what_has_no_object_waits_for_nobody(database: Database, clock: FixedClock) -> None:
    tenant, _ = await given_ordered(database, clock)
    await given_events(database, clock, tenant, count=3, type_="balance.low", transaction_id=None)

    assert len(await claimed(database, clock)) == 3


async def test_a_replay_of_an_older_event_waits_for_what_is_under_way_and_goes_before_the_rest(
    database: Database, clock: FixedClock
) -> None:
    tenant, _ = await given_ordered(database, clock)
    events = await given_events(database, clock, tenant, count=3, transaction_id=A)
    [first] = await claimed(database, clock)
    await answered(database, clock, first)
    [second] = await claimed(database, clock)

    # The same event twice, beside each other, and an older one than what is being sent.
    for _ in range(2):
        await replayed(database, clock, tenant, first.id)
    meanwhile = await claimed(database, clock)
    await answered(database, clock, second, REFUSED)
    clock.advance_s(5)
    sent = []
    for _ in range(4):
        [one] = await claimed(database, clock)
        await answered(database, clock, one)
        sent.append(one)

    assert meanwhile == []
    assert names(sent, events) == [0, 0, 1, 2]


async def test_a_lost_lease_gives_way_to_an_older_event_that_was_sent_again(
    database: Database, clock: FixedClock
) -> None:
    tenant, _ = await given_ordered(database, clock)
    events = await given_events(database, clock, tenant, count=2, transaction_id=A)
    [first] = await claimed(database, clock)
    await answered(database, clock, first)
    [lost] = await claimed(database, clock)
    await replayed(database, clock, tenant, first.id)
    before = await claimed(database, clock)

    clock.advance_s(LEASE_US // SECOND_US)
    [again] = await claimed(database, clock)
    await answered(database, clock, lost)  # comes too late
    await answered(database, clock, again)
    [last] = await claimed(database, clock)

    assert before == []
    assert names([again, last], events) == [0, 1]
    assert (last.number, last.lost_claims) == (1, 1)


async def test_a_backlog_of_one_object_hides_no_other_and_is_looked_at_once(
    database: Database, clock: FixedClock
) -> None:
    tenant, _ = await given_ordered(database, clock, retry_schedule_s=[0, 600])
    events = await given_events(database, clock, tenant, count=60, transaction_id=A)
    events += await given_events(database, clock, tenant, transaction_id=B)
    [first, *others] = (await claim_all(database, clock, ids_max=8)).claimed
    await answered(database, clock, first, REFUSED)

    looks = 1
    while not any(one.event_id == events[60] for one in others):
        claim = await claim_all(database, clock, ids_max=8)
        assert claim.has_more or claim.claimed
        others += claim.claimed
        looks += 1
    [untouched] = await rows(database, "SELECT SUM(claim_no) AS n FROM deliveries")
    await claim_all(database, clock, ids_max=8)
    [after] = await rows(database, "SELECT SUM(claim_no) AS n FROM deliveries")

    # 59 wait, eight of them are put off by each look.
    assert looks == 8
    assert untouched["n"] == after["n"]


@pytest.mark.parametrize("change", ["disabled", "held", "ordered no more", "at once"])
async def test_other_ways_to_what_waits(database: Database, clock: FixedClock, change: str) -> None:
    tenant, endpoint_id = await given_ordered(database, clock, retry_schedule_s=[0, 600])
    events = await given_events(database, clock, tenant, count=3, transaction_id=A)
    [first] = await claimed(database, clock)
    await answered(database, clock, first, REFUSED)
    assert await claimed(database, clock) == []

    async def patched(**changes: Any) -> None:
        async def work(tx: Transaction) -> None:
            await lock_tenants(tx, [tenant])
            await patch(
                tx,
                new_vault(),
                tenant,
                endpoint_id,
                changes=EndpointChanges(**changes),
                now_us=clock.now_us(),
            )

        await database.transaction(work)

    if change == "ordered no more":
        await patched(ordered=False)
        assert names(await claimed(database, clock), events) == [1, 2]
    elif change == "at once":
        clock.advance_s(600)
        taken = await database.autocommit(
            lambda tx: claim_at_once(
                tx, endpoint_id, now_us=clock.now_us(), lease_us=LEASE_US, rows_max=9
            )
        )
        assert taken == []
    else:
        await patched(status="disabled")
        clock.advance_s(600 if change == "disabled" else 2 * HOUR_US // SECOND_US)
        await patched(status="enabled")
        clock.advance_s(1)
        found = []
        for _ in range(3):
            [one] = await claimed(database, clock)
            await answered(database, clock, one)
            found.append(one)
        assert names(found, events) == [0, 1, 2]


class Interrupted:
    """A transaction in which something happens before the statement that begins so."""

    def __init__(
        self, tx: Transaction, beginning: str, happens: Callable[[], Coroutine[Any, Any, Any]]
    ) -> None:
        self._tx = tx
        self._beginning = beginning
        self._happens = happens

    async def fetch(self, text: str, **values: Any) -> Sequence[Row]:
        await self._reached(text)
        return await self._tx.fetch(text, **values)

    async def execute(self, text: str, **values: Any) -> int:
        await self._reached(text)
        return await self._tx.execute(text, **values)

    async def _reached(self, text: str) -> None:
        if self._beginning in text:
            await self._happens()


async def claim_meanwhile(
    database: Database,
    clock: FixedClock,
    beginning: str,
    happens: Callable[[], Coroutine[Any, Any, Any]],
) -> Claim:
    async def work(tx: Transaction) -> Claim:
        interrupted: Any = Interrupted(tx, beginning, happens)
        return await take_due(
            interrupted, everything, now_us=clock.now_us(), lease_us=LEASE_US, ids_max=9
        )

    return await database.autocommit(work)


async def test_what_happens_between_a_claims_statements_is_seen(
    database: Database, database_url: str, clock: FixedClock
) -> None:
    if database_url.startswith("sqlite"):
        pytest.skip("a claim on SQLite is one transaction, and nothing comes between")
    tenant, _ = await given_ordered(database, clock)
    events = await given_events(database, clock, tenant, count=3, transaction_id=A)
    [first] = (await claim_all(database, clock, ids_max=1)).claimed

    # Put off, the second would wait an hour for what has just ended.
    await claim_meanwhile(
        database, clock, "SET status = 'pending'", lambda: answered(database, clock, first)
    )
    [second] = await claimed(database, clock)
    await answered(database, clock, second)
    # Taken, the third would go beside an older one.
    beside = await claim_meanwhile(
        database,
        clock,
        "SET status = 'sending'",
        lambda: replayed(database, clock, tenant, first.id),
    )
    [again] = await claimed(database, clock)

    assert names([first, second, again], events) == [0, 1, 0]
    assert beside.claimed == []
    assert beside.was_contended
