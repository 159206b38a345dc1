import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

import stripe

from kernel.clock import SystemClock
from keys.principal import Scope
from store.db import Database, Row, T, Transaction, Work
from store.errors import ConnectionLost
from store.open import open_database
from tests.webhooks.given import (
    everything,
    given_account,
    given_endpoint,
    given_events,
    new_vault,
)
from tests.worker.receiver import receiver
from webhooks import delivery
from webhooks.guard import Policy
from webhooks.message import Keyring
from webhooks.resolver import SystemResolver
from webhooks.stage import Claim
from webhooks.transport import Transport
from worker.deliver import Courier, Settled, lease_us
from worker.dispatch import Dispatcher
from worker.slots import Slots

POLICY = Policy(allow_private=True, allow_http=True)
CLOCK = SystemClock()


@asynccontextmanager
async def dispatching(
    database: Database,
    *,
    slots: int = 100,
    timeout_s: float = 5.0,
    on_later: Callable[[int], None] = lambda _at_us: None,
) -> AsyncIterator[tuple[Dispatcher, list[Settled]]]:
    """A running dispatcher and what it settled; at the end it is stopped in order."""
    settled: list[Settled] = []
    resolver = SystemResolver()
    transport = Transport(POLICY, resolver, CLOCK)
    courier = Courier(
        transport.post,
        Keyring(new_vault()),
        CLOCK,
        live_policy=POLICY,
        staging_policy=POLICY,
        timeout_s=timeout_s,
    )
    dispatcher = Dispatcher(
        database,
        new_vault(),
        CLOCK,
        courier,
        Slots(slots),
        lease_us=lease_us(timeout_s),
        on_later=on_later,
        on_settled=settled.append,
    )
    running = asyncio.create_task(dispatcher.run())
    try:
        yield dispatcher, settled
        dispatcher.stop()
        await running
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await transport.close()
        resolver.close()


async def rows(database: Database, text: str) -> list[Row]:
    async def work(tx: Transaction) -> list[Row]:
        return list(await tx.fetch(text))

    return await database.read(work)


async def given_scope(database: Database) -> Scope:
    return (await given_account(database, CLOCK), "staging")


async def until(condition: Callable[[], bool], *, timeout_s: float = 20.0) -> None:
    async with asyncio.timeout(timeout_s):
        # What it waits for is a row or a list, which tells nobody.
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.005)


async def test_an_event_arrives_signed_once_the_dispatcher_is_woken(database: Database) -> None:
    scope = await given_scope(database)
    async with receiver() as hook, dispatching(database) as (dispatcher, settled):
        _, secret = await given_endpoint(database, CLOCK, scope, url=hook.url)
        [event_id] = await given_events(database, CLOCK, scope)

        dispatcher.wake()
        await hook.wait_for(1)
        await until(lambda: len(settled) == 1)

    [request] = hook.requests
    assert request.event["id"] == event_id
    assert stripe.WebhookSignature.verify_header(
        request.body.decode(), request.headers["x-aitopup-signature"], secret, tolerance=300
    )
    [row] = await rows(database, "SELECT status, attempts_made FROM deliveries")
    assert (row["status"], row["attempts_made"]) == ("delivered", 1)


async def test_what_no_hint_told_of_is_found_all_the_same(database: Database) -> None:
    scope = await given_scope(database)
    async with receiver() as hook, dispatching(database):
        await given_endpoint(database, CLOCK, scope, url=hook.url)
        await given_events(database, CLOCK, scope)

        await hook.wait_for(1)


async def test_a_retry_comes_after_its_wait_without_being_woken(database: Database) -> None:
    scope = await given_scope(database)
    told: list[int] = []
    async with (
        receiver(lambda number: (500 if number == 0 else 200, 0.0)) as hook,
        dispatching(database, on_later=told.append) as (dispatcher, settled),
    ):
        await given_endpoint(database, CLOCK, scope, url=hook.url, retry_schedule_s=(0, 1))
        await given_events(database, CLOCK, scope)
        dispatcher.wake()
        await until(lambda: len(settled) == 2)

    first, second = hook.requests
    [due_us] = told
    assert (first.headers["x-aitopup-attempt"], second.headers["x-aitopup-attempt"]) == ("1", "2")
    assert first.body == second.body
    assert second.at_s - first.at_s >= 1.0
    started_us = settled[1].sent.settlement.attempt.started_at_us
    # Timed, not found by the beat of two seconds.
    assert 0 <= started_us - due_us < 900_000


async def test_an_endpoint_that_hangs_does_not_delay_another(database: Database) -> None:
    scope = await given_scope(database)
    async with (
        receiver(lambda _number: (200, 60.0)) as hanging,
        receiver() as quick,
        dispatching(database, slots=20, timeout_s=3.0) as (dispatcher, settled),
    ):
        await given_endpoint(database, CLOCK, scope, url=hanging.url, events=["topup.failed"])
        await given_endpoint(database, CLOCK, scope, url=quick.url, events=["topup.delivered"])
        await given_events(database, CLOCK, scope, count=300, type_="topup.failed")
        dispatcher.wake()
        await hanging.wait_for(1)
        await given_events(database, CLOCK, scope, count=50)
        dispatcher.wake()

        await quick.wait_for(50)

        assert not [one for one in settled if one.sent.settlement.attempt.error == "timeout"]
        assert len(hanging.requests) <= 10


async def test_a_backlog_far_beyond_the_slots_is_worked_off(database: Database) -> None:
    scope = await given_scope(database)
    async with receiver() as hook, dispatching(database, slots=8) as (dispatcher, settled):
        await given_endpoint(database, CLOCK, scope, url=hook.url)
        ids = await given_events(database, CLOCK, scope, count=400)

        dispatcher.wake()
        await until(lambda: len(settled) == 400)

    assert sorted(request.event["id"] for request in hook.requests) == sorted(ids)


async def test_two_workers_share_the_work_and_send_each_delivery_once(
    database: Database, database_url: str
) -> None:
    scope = await given_scope(database)
    other = open_database(database_url)
    try:
        async with (
            receiver() as hook,
            dispatching(database, slots=8) as (one, first),
            dispatching(other, slots=8) as (two, second),
        ):
            await given_endpoint(database, CLOCK, scope, url=hook.url)
            await given_endpoint(database, CLOCK, scope, url=hook.url)
            await given_events(database, CLOCK, scope, count=100)
            one.wake()
            two.wake()
            await until(lambda: len(first) + len(second) == 200)
    finally:
        await other.close()

    sent = [request.headers["x-aitopup-delivery"] for request in hook.requests]
    assert len(sent) == len(set(sent)) == 200


async def test_what_a_dead_worker_had_claimed_is_sent_again_under_the_same_number(
    database: Database,
) -> None:
    scope = await given_scope(database)
    async with receiver() as hook:
        await given_endpoint(database, CLOCK, scope, url=hook.url)
        await given_events(database, CLOCK, scope)

        async def claim_and_die(tx: Transaction) -> Claim:
            return await delivery.claim(
                tx, everything, now_us=CLOCK.now_us(), lease_us=300_000, ids_max=10
            )

        lost = await database.transaction(claim_and_die)
        async with dispatching(database):
            await hook.wait_for(1)

    [request] = hook.requests
    [row] = await rows(database, "SELECT attempts_made, claim_no, status FROM deliveries")
    assert len(lost.claimed) == 1
    assert request.headers["x-aitopup-attempt"] == "1"
    assert (row["attempts_made"], row["status"]) == (1, "delivered")


async def test_410_disables_the_endpoint_and_the_others_hear_of_it(database: Database) -> None:
    scope = await given_scope(database)
    async with (
        receiver(lambda _number: (410, 0.0)) as gone,
        receiver() as other,
        dispatching(database) as (dispatcher, _),
    ):
        endpoint, _ = await given_endpoint(
            database, CLOCK, scope, url=gone.url, events=["topup.delivered"]
        )
        await given_endpoint(database, CLOCK, scope, url=other.url, events=["endpoint.disabled"])
        await given_events(database, CLOCK, scope)
        dispatcher.wake()

        await other.wait_for(1)

    [notice] = other.requests
    assert notice.event["type"] == "endpoint.disabled"
    assert notice.event["data"]["id"] == endpoint.id
    assert notice.event["data"]["disabled_reason"] == "gone"
    held = await rows(
        database, "SELECT status FROM deliveries WHERE event_type = 'topup.delivered'"
    )
    assert [row["status"] for row in held] == ["pending"]
    assert len(gone.requests) == 1


async def test_a_stop_finishes_what_is_in_flight_and_claims_no_more(database: Database) -> None:
    scope = await given_scope(database)
    async with receiver(lambda _number: (200, 0.5)) as hook:
        await given_endpoint(database, CLOCK, scope, url=hook.url)
        async with dispatching(database) as (dispatcher, settled):
            await given_events(database, CLOCK, scope)
            dispatcher.wake()
            await hook.wait_for(1)
            dispatcher.stop()
            await given_events(database, CLOCK, scope)

        assert [one.sent.settlement.status for one in settled] == ["delivered"]
    found = await rows(database, "SELECT status FROM deliveries ORDER BY id")
    assert [row["status"] for row in found] == ["delivered", "pending"]


class Unsteady:
    """A database that is away for transactions while told so."""

    def __init__(self, real: Database) -> None:
        self._real = real
        self.is_away = False
        self.refused = 0

    @property
    def statements_run(self) -> int:
        return self._real.statements_run

    @statements_run.setter
    def statements_run(self, count: int) -> None:
        self._real.statements_run = count

    async def transaction(
        self, work: Work[T], *, durable: bool = True, was_committed: Work[bool] | None = None
    ) -> T:
        if self.is_away:
            self.refused += 1
            raise ConnectionLost("away")
        return await self._real.transaction(work, durable=durable, was_committed=was_committed)

    async def read(self, work: Work[T]) -> T:
        return await self._real.read(work)

    async def close(self) -> None:
        await self._real.close()


async def test_outcomes_wait_for_a_database_that_is_away(database: Database) -> None:
    scope = await given_scope(database)
    unsteady = Unsteady(database)

    def go_away(_number: int) -> tuple[int, float]:
        unsteady.is_away = True
        return 200, 0.0

    async with receiver(go_away) as hook, dispatching(unsteady) as (dispatcher, settled):
        await given_endpoint(database, CLOCK, scope, url=hook.url)
        await given_events(database, CLOCK, scope, count=4)
        dispatcher.wake()
        await hook.wait_for(4)
        await until(lambda: unsteady.refused >= 2)
        before = [row["status"] for row in await rows(database, "SELECT status FROM deliveries")]
        unsteady.is_away = False
        await until(lambda: len(settled) == 4)

    after = [row["status"] for row in await rows(database, "SELECT status FROM deliveries")]
    assert before == ["sending"] * 4
    assert after == ["delivered"] * 4
    assert len(hook.requests) == 4


async def test_an_outcome_that_the_database_refuses_costs_its_neighbours_nothing(
    database: Database,
) -> None:
    scope = await given_scope(database)
    async with receiver() as hook, dispatching(database) as (dispatcher, settled):
        await given_endpoint(database, CLOCK, scope, url=hook.url)
        await given_events(database, CLOCK, scope, count=4)
        ids = [row["id"] for row in await rows(database, "SELECT id FROM deliveries ORDER BY id")]

        async def poison(tx: Transaction) -> None:
            await tx.insert("attempts", ATTEMPT_COLUMNS, [_attempt_row(ids[1], scope)])

        await database.transaction(poison)
        dispatcher.wake()
        await until(lambda: len(settled) == 4)

    found = await rows(database, "SELECT id, status FROM deliveries ORDER BY id")
    assert [row["status"] for row in found] == ["delivered", "sending", "delivered", "delivered"]


ATTEMPT_COLUMNS = (
    "delivery_id",
    "number",
    "id",
    "account_id",
    "environment",
    "started_at",
    "duration_us",
    "timings_ms",
    "request_headers",
    "response_body",
)


def _attempt_row(delivery_id: str, scope: Scope) -> Sequence[object]:
    return (delivery_id, 1, "att_1", *scope, 0, 0, "{}", "{}", b"")


async def test_an_idle_dispatcher_does_not_poll(database: Database) -> None:
    async with dispatching(database):
        await asyncio.sleep(0.2)
        before = database.statements_run
        await asyncio.sleep(1.0)

        # At most one beat of two seconds: BEGIN, the scan, COMMIT.
        assert database.statements_run - before <= 3
