"""One object's deliveries to an ordered endpoint, whatever happens in whatever order, and by several workers at once."""

import asyncio
import random
from collections import defaultdict
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from typing import Any

from hypothesis import HealthCheck, given, settings, strategies as st

from kernel.clock import SECOND_US, FixedClock
from kernel.tenant import Tenant
from store.database import Database, Transaction
from store.open import open_database
from tests.support.ordered_rows import (
    REFUSED,
    TAKEN,
    A,
    B,
    answered,
    given_ordered,
    replayed,
    rows,
)
from tests.support.webhook_rows import LEASE_US, claim_all, given_events
from webhooks.deliveries.claim import claim as take_due
from webhooks.deliveries.endpoint_queue import Candidate
from webhooks.deliveries.stage import Claim, Claimed
from webhooks.http.transport import SendResult


def some_of(random_: random.Random) -> Callable[[Sequence[Candidate]], list[str]]:
    def choose(candidates: Sequence[Candidate]) -> list[str]:
        offered = [id_ for one in candidates for id_ in (*one.due, *one.held)]
        return random_.sample(offered, min(len(offered), 2))

    return choose


@dataclass
class World:
    """An ordered endpoint, two workers that share nothing, and what each of them has under way."""

    database: Database
    clock: FixedClock
    tenant: Tenant
    random: random.Random
    under_way: dict[str, Claimed] = field(default_factory=dict)
    ended: list[str] = field(default_factory=list)

    async def publish(self) -> None:
        object_id = self.random.choice((A, B, None))
        await given_events(
            self.database,
            self.clock,
            self.tenant,
            type_="topup.delivered" if object_id else "balance.low",
            transaction_id=object_id,
            count=self.random.randint(1, 3),
        )

    async def claim(self) -> int:
        claim = await self.database.autocommit(self._claim)
        for one in claim.claimed:
            await self._check(one)
            self.under_way[one.id] = one
        return len(claim.claimed) + (claim.has_more or claim.was_contended)

    async def _claim(self, tx: Transaction) -> Claim:
        choose = some_of(random.Random(self.random.random()))
        return await take_due(
            tx,
            choose,
            now_us=self.clock.now_us(),
            lease_us=LEASE_US,
            ids_max=self.random.choice((2, 9)),
        )

    async def _check(self, one: Claimed) -> None:
        """By the events' own numbers: nothing open comes before it, and nothing of its object is sent."""
        if one.transaction_id is None:
            return
        found = await rows(
            self.database,
            """SELECT d.id, d.status, d.next_attempt_at, e.event_no FROM deliveries d
               JOIN events e ON e.id = d.event_id
               WHERE d.endpoint_id = :endpoint_id AND d.transaction_id = :object
                 AND d.status IN ('pending', 'sending') ORDER BY e.event_no, d.id""",
            endpoint_id=one.target.id,
            object=one.transaction_id,
        )
        now_us = self.clock.now_us()
        sending = [
            r["id"] for r in found if r["status"] == "sending" and r["next_attempt_at"] > now_us
        ]
        assert found[0]["id"] == one.id
        assert sending == [one.id]

    async def settle(self, result: SendResult | None = None) -> None:
        if self.under_way:
            one = self.under_way.pop(self.random.choice(sorted(self.under_way)))
            await answered(
                self.database, self.clock, one, result or self.random.choice((TAKEN, REFUSED))
            )
            self.ended.append(one.id)

    async def lose(self) -> None:
        """A worker is killed with what it had claimed, and time goes by."""
        self.under_way.clear()
        self.clock.advance_s(LEASE_US // SECOND_US)

    async def replay(self) -> None:
        if self.ended:
            id_ = self.random.choice(self.ended)
            await replayed(self.database, self.clock, self.tenant, id_)

    async def wait(self) -> None:
        self.clock.advance_s(self.random.choice((1, 5)))

    async def drain(self) -> None:
        """Everything ends, and soon: no wait is longer than that of a retry or of a lease."""
        for _ in range(400):
            is_moved = await self.claim()
            while self.under_way:
                await self.settle(TAKEN)
                is_moved = 1
            left = await rows(
                self.database,
                """SELECT 1 AS one FROM deliveries WHERE account_id = :id
                   AND status IN ('pending', 'sending')""",
                id=self.tenant.account_id,
            )
            if not left:
                return
            if not is_moved:
                self.clock.advance_s(5)
        raise AssertionError("something is held for ever")


STEPS = ("publish", "claim", "claim", "settle", "settle", "lose", "replay", "wait")


async def test_whatever_happens_in_whatever_order(database: Database, clock: FixedClock) -> None:
    loop = asyncio.get_running_loop()

    async def run(steps: Sequence[str], seed: int) -> None:
        tenant, _ = await given_ordered(database, clock, retry_schedule_s=[0, 5])
        world = World(database, clock, tenant, random.Random(seed))
        for step in steps:
            await getattr(world, step)()
        await world.drain()

    @settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.lists(st.sampled_from(STEPS), min_size=5, max_size=25), st.integers(0, 1000))
    def examples(steps: list[str], seed: int) -> None:
        work: Coroutine[Any, Any, None] = run(steps, seed)
        asyncio.run_coroutine_threadsafe(work, loop).result()

    await asyncio.to_thread(examples)


async def test_two_workers_at_once_send_no_object_twice_and_lose_nothing(
    database: Database, database_url: str, clock: FixedClock
) -> None:
    tenant, _ = await given_ordered(database, clock)
    other = open_database(database_url)
    under_way: set[str] = set()
    sent: dict[str, list[int]] = defaultdict(list)
    events: list[str] = []
    replays = 0

    async def publish() -> None:
        for number in range(12):
            object_id = (A, B)[number % 2]
            events.extend(
                await given_events(database, clock, tenant, count=3, transaction_id=object_id)
            )

    async def work(own: Database) -> None:
        nonlocal replays
        idle = 0
        while idle < 40:
            found = (await claim_all(own, clock, ids_max=4)).claimed
            idle = 0 if found else idle + 1
            for one in found:
                assert one.transaction_id is not None
                assert one.transaction_id not in under_way
                under_way.add(one.transaction_id)
            for one in found:
                await asyncio.sleep(0)
                sent[one.transaction_id or ""].append(events.index(one.event_id))
                under_way.discard(one.transaction_id or "")
                await answered(own, clock, one)
                if len(events) == 36 and replays < 10:
                    replays += 1
                    await replayed(own, clock, tenant, one.id)

    try:
        await publish()
        await asyncio.gather(work(database), work(other), work(other))
    finally:
        await other.close()

    assert [len(sent[A]) + len(sent[B])] == [46]
    for numbers in sent.values():
        firsts = [number for at, number in enumerate(numbers) if number not in numbers[:at]]
        assert firsts == sorted(firsts)
