import asyncio
import time

import stripe

from store.database import Database, Transaction
from store.open import open_database
from tests.support.dispatcher import CLOCK, dispatching, given_tenant, rows, until
from tests.support.recording_receiver import receiver
from tests.support.webhook_rows import (
    everything,
    given_endpoint,
    given_events,
)
from webhooks.deliveries.claim import claim as take_due
from webhooks.deliveries.stage import Claim
from worker.dispatch import BEAT_S


async def test_an_event_arrives_signed_once_the_dispatcher_is_woken(database: Database) -> None:
    tenant = await given_tenant(database)
    async with receiver() as hook, dispatching(database) as (dispatcher, settled):
        _, secret = await given_endpoint(database, CLOCK, tenant, url=hook.url)
        [event_id] = await given_events(database, CLOCK, tenant)

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


async def test_an_endpoint_that_is_named_is_sent_its_delivery_once(database: Database) -> None:
    tenant = await given_tenant(database)
    async with receiver() as hook, dispatching(database) as (dispatcher, settled):
        endpoint, _ = await given_endpoint(database, CLOCK, tenant, url=hook.url)
        for count in range(1, 6):
            await given_events(database, CLOCK, tenant)
            dispatcher.wake(endpoint.id)
            await until(lambda count=count: len(settled) == count)  # type: ignore[misc]

    sent = [request.headers["x-aitopup-delivery"] for request in hook.requests]
    assert len(sent) == len(set(sent)) == 5


async def test_a_named_endpoint_does_not_keep_another_waiting(database: Database) -> None:
    tenant = await given_tenant(database)
    async with (
        receiver() as named,
        receiver() as other,
        dispatching(database) as (dispatcher, settled),
    ):
        endpoint, _ = await given_endpoint(
            database, CLOCK, tenant, url=named.url, events=["topup.delivered"]
        )
        await given_endpoint(database, CLOCK, tenant, url=other.url, events=["topup.failed"])
        await given_events(database, CLOCK, tenant)
        dispatcher.wake()
        await until(lambda: len(settled) == 1)
        await given_events(database, CLOCK, tenant)
        await given_events(database, CLOCK, tenant, type_="topup.failed")

        dispatcher.wake(endpoint.id)
        await until(lambda: len(settled) == 3)

    assert (len(named.requests), len(other.requests)) == (2, 1)


async def test_what_no_hint_told_of_is_found_all_the_same(database: Database) -> None:
    tenant = await given_tenant(database)
    async with receiver() as hook, dispatching(database):
        await given_endpoint(database, CLOCK, tenant, url=hook.url)
        await given_events(database, CLOCK, tenant)

        await hook.wait_for(1)


async def test_a_retry_comes_after_its_wait_without_being_woken(database: Database) -> None:
    tenant = await given_tenant(database)
    told: list[int] = []
    async with (
        receiver(lambda number: (500 if number < 2 else 200, 0.0)) as hook,
        dispatching(database, on_later=told.append) as (dispatcher, settled),
    ):
        await given_endpoint(database, CLOCK, tenant, url=hook.url, retry_schedule_s=(0, 1, 1))
        await given_events(database, CLOCK, tenant)
        dispatcher.wake()
        await until(lambda: len(settled) == 3)

    first, second, third = hook.requests
    attempts = [request.headers["x-aitopup-attempt"] for request in hook.requests]
    assert attempts == ["1", "2", "3"]
    assert first.body == second.body == third.body
    assert min(second.at_s - first.at_s, third.at_s - second.at_s) >= 1.0
    started_us = [one.sent.settlement.attempt.started_at for one in settled[1:]]
    late_us = [started - due for started, due in zip(started_us, told, strict=True)]
    # Timed: found by the beat of two seconds, each would be late by one. A busy machine may hold up one.
    assert min(late_us) >= 0
    assert min(late_us) < 900_000


async def test_an_endpoint_that_hangs_does_not_delay_another(database: Database) -> None:
    tenant = await given_tenant(database)
    async with (
        receiver() as hanging,
        receiver() as quick,
        dispatching(database, slots=20, timeout_s=60.0) as (dispatcher, _),
    ):
        hanging.held = asyncio.Event()
        await given_endpoint(database, CLOCK, tenant, url=hanging.url, events=["topup.failed"])
        await given_endpoint(database, CLOCK, tenant, url=quick.url, events=["topup.delivered"])
        await given_events(database, CLOCK, tenant, count=300, type_="topup.failed")
        dispatcher.wake()
        await hanging.wait_for(1)
        await given_events(database, CLOCK, tenant, count=50)
        dispatcher.wake()

        # Before any of the others could time out.
        await quick.wait_for(50)

        assert 0 < len(hanging.requests) <= 10
        hanging.held.set()


async def test_a_backlog_far_beyond_the_slots_is_worked_off(database: Database) -> None:
    tenant = await given_tenant(database)
    async with receiver() as hook, dispatching(database, slots=8) as (dispatcher, settled):
        await given_endpoint(database, CLOCK, tenant, url=hook.url)
        ids = await given_events(database, CLOCK, tenant, count=400)

        dispatcher.wake()
        await until(lambda: len(settled) == 400)

    assert sorted(request.event["id"] for request in hook.requests) == sorted(ids)


async def test_two_workers_share_the_work_and_send_each_delivery_once(
    database: Database, database_url: str
) -> None:
    tenant = await given_tenant(database)
    other = open_database(database_url)
    try:
        async with (
            receiver() as hook,
            dispatching(database, slots=8) as (one, first),
            dispatching(other, slots=8) as (two, second),
        ):
            await given_endpoint(database, CLOCK, tenant, url=hook.url)
            await given_endpoint(database, CLOCK, tenant, url=hook.url)
            await given_events(database, CLOCK, tenant, count=100)
            one.sharing.note_others(True)
            two.sharing.note_others(True)
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
    tenant = await given_tenant(database)
    async with receiver() as hook:
        await given_endpoint(database, CLOCK, tenant, url=hook.url)
        await given_events(database, CLOCK, tenant)

        async def claim_and_die(tx: Transaction) -> Claim:
            return await take_due(
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
    tenant = await given_tenant(database)
    async with (
        receiver(lambda _number: (410, 0.0)) as gone,
        receiver() as other,
        dispatching(database) as (dispatcher, _),
    ):
        endpoint, _ = await given_endpoint(
            database, CLOCK, tenant, url=gone.url, events=["topup.delivered"]
        )
        await given_endpoint(database, CLOCK, tenant, url=other.url, events=["endpoint.disabled"])
        await given_events(database, CLOCK, tenant)
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
    tenant = await given_tenant(database)
    async with receiver(lambda _number: (200, 0.5)) as hook:
        await given_endpoint(database, CLOCK, tenant, url=hook.url)
        async with dispatching(database) as (dispatcher, settled):
            await given_events(database, CLOCK, tenant)
            dispatcher.wake()
            await hook.wait_for(1)
            dispatcher.stop()
            await given_events(database, CLOCK, tenant)

        assert [one.sent.settlement.status for one in settled] == ["delivered"]
    found = await rows(database, "SELECT status FROM deliveries ORDER BY id")
    assert [row["status"] for row in found] == ["delivered", "pending"]


async def test_an_idle_dispatcher_does_not_poll(database: Database) -> None:
    async with dispatching(database):
        await asyncio.sleep(0.2)
        before, began_s = database.statements_run, time.monotonic()
        await asyncio.sleep(1.0)

        # At most one in the time of a beat: BEGIN, the scan, COMMIT.
        looks_max = 1 + (time.monotonic() - began_s) // BEAT_S
        assert database.statements_run - before <= 3 * looks_max
