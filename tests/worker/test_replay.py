"""The worker's replays on real parts: through the dispatcher to a receiver, beside live events."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest

from kernel.clock import SECOND_US
from kernel.tenant import Tenant
from store.database import Database, Transaction
from store.open import open_database
from tests.support.dispatcher import CLOCK, dispatching, given_tenant, rows, until
from tests.support.recording_receiver import receiver
from tests.support.replay_history import execute, found, start
from tests.support.webhook_rows import given_endpoint, given_events
from webhooks.replays import replay
from webhooks.replays.replay import NewReplay, Replay
from worker.dispatch import Dispatcher
from worker.endpoints import Replayer

FIRST_S = 60  # how long ago the deliveries failed


@contextlib.asynccontextmanager
async def replaying(url: str, dispatcher: Dispatcher) -> AsyncIterator[None]:
    """A running replayer, whose commits wake the dispatcher as in one worker."""
    database = open_database(url, on_hint=lambda _name: dispatcher.wake())
    running = asyncio.create_task(Replayer(database, CLOCK).run())
    try:
        yield
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await database.close()


async def given_failures(database: Database, tenant: Tenant, count: int) -> list[str]:
    """Events whose only delivery has failed a while ago; their ids."""
    ids = await given_events(database, CLOCK, tenant, count=count)
    ago_us = CLOCK.now_us() - FIRST_S * SECOND_US

    async def fail(tx: Transaction) -> None:
        await tx.execute(
            """UPDATE deliveries SET status = 'failed', next_attempt_at = NULL,
                   created_at = :ago_us, settled_at = :ago_us""",
            ago_us=ago_us,
        )

    await database.transaction(fail)
    return ids


async def ended(database: Database, job: Replay, *, timeout_s: float = 30.0) -> Replay:
    """The job once it is over."""
    async with asyncio.timeout(timeout_s):
        while (now := await found(database, job)).ended_at is None:  # noqa: ASYNC110
            await asyncio.sleep(0.02)
    return now


async def test_what_failed_arrives_once_with_the_same_id_and_bytes(
    database: Database, database_url: str
) -> None:
    tenant = await given_tenant(database)
    async with receiver() as hook:
        endpoint, _ = await given_endpoint(database, CLOCK, tenant, url=hook.url)
        ids = await given_failures(database, tenant, 150)
        job = await start(database, CLOCK, tenant, endpoint.id, NewReplay(rate_per_s=1_000))
        async with dispatching(database) as (dispatcher, _), replaying(database_url, dispatcher):
            over = await ended(database, job)

    stored = {row["id"]: row["body"] for row in await rows(database, "SELECT id, body FROM events")}
    came = [request.headers["webhook-id"] for request in hook.requests]
    assert sorted(came) == sorted(ids)
    assert all(request.body == stored[request.headers["webhook-id"]] for request in hook.requests)
    assert (over.status, over.matched, over.done, over.failed) == ("done", 150, 150, 0)


async def test_a_replayed_delivery_is_retried_as_any_other(
    database: Database, database_url: str
) -> None:
    tenant = await given_tenant(database)
    async with receiver(lambda number: (500 if number < 2 else 200, 0.0)) as hook:
        endpoint, _ = await given_endpoint(
            database, CLOCK, tenant, url=hook.url, retry_schedule_s=(0, 0, 0)
        )
        await given_failures(database, tenant, 1)
        job = await start(database, CLOCK, tenant, endpoint.id)
        async with dispatching(database) as (dispatcher, _), replaying(database_url, dispatcher):
            over = await ended(database, job)

    attempts = [request.headers["x-aitopup-attempt"] for request in hook.requests]
    assert attempts == ["1", "2", "3"]
    assert (over.status, over.done, over.failed) == ("done", 1, 0)


async def test_live_events_overtake_a_replay_to_a_slow_receiver(
    database: Database, database_url: str
) -> None:
    tenant = await given_tenant(database)
    async with receiver(lambda _number: (200, 0.02)) as hook:
        endpoint, _ = await given_endpoint(database, CLOCK, tenant, url=hook.url)
        ids = set(await given_failures(database, tenant, 400))
        job = await start(database, CLOCK, tenant, endpoint.id, NewReplay(rate_per_s=200))
        async with (
            dispatching(database, slots=8) as (dispatcher, _),
            replaying(database_url, dispatcher),
        ):
            await hook.wait_for(100)
            came_before = len(hook.requests)
            [live] = await given_events(database, CLOCK, tenant)
            dispatcher.wake()
            await until(lambda: any(one.headers["webhook-id"] == live for one in hook.requests))
            order = [request.headers["webhook-id"] for request in hook.requests]
            over = await found(database, job)
            await database.transaction(lambda tx: _cancel(tx, job))

    between = order[came_before : order.index(live)]
    # A tenth of a second's worth may be due when a step adds as many, and half the slots in flight.
    assert len(between) <= 2 * 20 + 4
    assert set(between) <= ids
    assert over.queued < 400


async def _cancel(tx: Transaction, job: Replay) -> Replay:
    return await replay.cancel(tx, job.tenant, job.id, now_us=CLOCK.now_us())


async def test_a_worker_that_ends_is_followed_by_another(
    database: Database, database_url: str
) -> None:
    tenant = await given_tenant(database)
    async with receiver() as hook:
        endpoint, _ = await given_endpoint(database, CLOCK, tenant, url=hook.url)
        ids = await given_failures(database, tenant, 120)
        job = await start(database, CLOCK, tenant, endpoint.id, NewReplay(rate_per_s=200))
        for number in range(3):
            async with (
                dispatching(database) as (dispatcher, _),
                replaying(database_url, dispatcher),
            ):
                await hook.wait_for(30 * (number + 1))
        async with (
            dispatching(database) as (dispatcher, _),
            replaying(database_url, dispatcher),
            replaying(database_url, dispatcher),
        ):
            over = await ended(database, job)

    assert sorted(request.headers["webhook-id"] for request in hook.requests) == sorted(ids)
    assert (over.status, over.done) == ("done", 120)


async def test_a_job_that_breaks_holds_up_no_other(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    tenant = await given_tenant(database)
    endpoint, _ = await given_endpoint(database, CLOCK, tenant)
    await given_failures(database, tenant, 3)
    broken = await start(database, CLOCK, tenant, endpoint.id)
    other, _ = await given_endpoint(database, CLOCK, tenant)
    await given_failures(database, tenant, 3)
    sound = await start(database, CLOCK, tenant, other.id)
    # No code of ours writes this; a row may still be altered by hand.
    await execute(
        database, "UPDATE replays SET delivery_status = 'odd' WHERE id = :id", id=broken.id
    )
    replayer = Replayer(database, CLOCK)

    waits = {await replayer.poll() for _ in range(3)}

    assert (await found(database, sound)).queued == 3
    assert "replay.broke" in caplog.text
    assert max(waits) <= 1.0


async def test_a_step_that_the_database_refuses_is_taken_later(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    tenant = await given_tenant(database)
    endpoint, _ = await given_endpoint(database, CLOCK, tenant)
    await given_failures(database, tenant, 3)
    job = await start(database, CLOCK, tenant, endpoint.id)
    replayer = Replayer(database, CLOCK)
    await execute(database, "ALTER TABLE endpoints RENAME TO elsewhere")

    refused_s = await replayer.poll()
    await execute(database, "ALTER TABLE elsewhere RENAME TO endpoints")
    await replayer.poll()

    assert refused_s == 1.0
    assert "replay.waits" in caplog.text
    assert (await found(database, job)).queued == 3


async def test_without_a_database_it_looks_again(
    database_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    away = open_database(database_url)
    await away.close()
    if "sqlite" not in database_url:
        away = open_database("postgresql://nobody@127.0.0.1:1/nothing")

    wait_s = await Replayer(away, CLOCK).poll()

    assert wait_s == 1.0
    assert "replay.waits" in caplog.text
