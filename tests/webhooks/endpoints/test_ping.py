import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import cast

import pytest

from kernel.clock import FixedClock
from kernel.errors import InvalidInput, NotFound
from kernel.tenant import Tenant
from store.database import Database, Row, Transaction
from tests.support.replay_history import run_to_the_end, sent_again, start
from tests.support.webhook_rows import (
    claim_all,
    given_account,
    given_endpoint,
    given_events,
    new_vault,
)
from webhooks.deliveries import delivery
from webhooks.deliveries.log import Attempt
from webhooks.endpoints.endpoint import delete
from webhooks.endpoints.ping import Sender, send_test
from webhooks.events.catalogue import sample_data
from webhooks.events.event import EVENT_TYPES, TEST_EVENT
from webhooks.http.guard import Policy
from webhooks.http.names import SystemResolver
from webhooks.http.transport import SendResult, Transport
from webhooks.replays.replay import NewReplay
from worker.endpoints import Ender

POLICY = Policy(allow_private=True, allow_http=True)


@asynccontextmanager
async def receiver(status: int) -> AsyncIterator[tuple[str, list[bytes]]]:
    """A loopback server that answers `status` and keeps what it was sent."""
    requests: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
        requests.append(head + await reader.readexactly(length))
        writer.write(
            b"HTTP/1.1 %d X\r\nContent-Length: 4\r\nConnection: close\r\n\r\nnope" % status
        )
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    try:
        yield f"http://127.0.0.1:{port}/hook", requests
    finally:
        server.close()
        await server.wait_closed()


@asynccontextmanager
async def transport(clock: FixedClock) -> AsyncIterator[Transport]:
    resolver = SystemResolver()
    opened = Transport(POLICY, resolver, clock)
    try:
        yield opened
    finally:
        await opened.close()
        resolver.close()


async def ping(
    database: Database,
    sender: Transport,
    clock: FixedClock,
    tenant: Tenant,
    endpoint_id: str,
    event_type: str = TEST_EVENT,
) -> Attempt:
    """The endpoint is sent a ping, and has five seconds to answer."""
    sending = Sender(database, new_vault(), sender, clock, POLICY, timeout_s=5)
    return await send_test(sending, tenant, endpoint_id, event_type)


async def ended(database: Database, clock: FixedClock, event_id: str, *, status: str) -> str:
    """What a receiver and its dispatcher do: the event's pending delivery ends. Its id."""

    async def work(tx: Transaction) -> str:
        row = await tx.fetch_one(
            "SELECT id FROM deliveries WHERE event_id = :event_id AND status = 'pending'",
            event_id=event_id,
        )
        assert row is not None
        await tx.execute(
            """UPDATE deliveries SET status = :status, settled_at = :now_us, next_attempt_at = NULL
               WHERE id = :id""",
            status=status,
            now_us=clock.now_us(),
            id=row["id"],
        )
        return str(row["id"])

    return await database.transaction(work)


async def rows(database: Database, text: str) -> list[Row]:
    async def work(tx: Transaction) -> list[Row]:
        return list(await tx.fetch(text))

    return await database.read(work)


@pytest.mark.parametrize(
    ("status", "error", "delivered"), [(200, None, "delivered"), (500, "http", "failed")]
)
async def test_a_ping_answers_with_its_one_attempt(
    database: Database, clock: FixedClock, status: int, error: str | None, delivered: str
) -> None:
    tenant = Tenant(await given_account(database, clock), "staging")
    async with receiver(status) as (url, requests), transport(clock) as sender:
        endpoint, _ = await given_endpoint(
            database, clock, tenant, url=url, events=["order.paid"], retry_schedule_s=(60, 60)
        )

        attempt = await ping(database, sender, clock, tenant, endpoint.id, "topup.delivered")

    clock.advance_s(3600)
    [row] = await rows(database, "SELECT id, status, attempts_made, event_id FROM deliveries")
    assert (attempt.number, attempt.http_status, attempt.error) == (1, status, error)
    assert attempt.response_body == b"nope"
    assert (row["status"], row["attempts_made"]) == (delivered, 1)
    assert (await claim_all(database, clock)).claimed == []
    [request] = requests
    head, _, body = request.partition(b"\r\n\r\n")
    assert b"X-AiTopUp-Delivery: " + row["id"].encode() in head
    event = json.loads(body)
    assert (event["id"], event["type"]) == (row["event_id"], "topup.delivered")
    assert event["data"]["metadata"] == {"test": "true"}


async def test_a_ping_that_is_answered_gone_disables_the_endpoint(
    database: Database, clock: FixedClock
) -> None:
    tenant = Tenant(await given_account(database, clock), "staging")
    async with receiver(410) as (url, _), transport(clock) as sender:
        endpoint, _ = await given_endpoint(database, clock, tenant, url=url)

        await ping(database, sender, clock, tenant, endpoint.id)

    [row] = await rows(database, "SELECT status, disabled_reason FROM endpoints")
    assert (row["status"], row["disabled_reason"]) == ("disabled", "gone")


async def test_a_ping_of_an_endpoint_that_is_deleted_meanwhile_finds_none(
    database: Database, clock: FixedClock
) -> None:
    tenant = Tenant(await given_account(database, clock), "staging")

    class Deleting:
        """The receiver takes its time, and the endpoint is gone when it answers."""

        async def post(self, *_: object, **__: object) -> SendResult:
            await database.transaction(
                lambda tx: delete(tx, new_vault(), tenant, endpoint.id, now_us=clock.now_us())
            )
            await Ender(database, clock).sweep()
            now_us = clock.now_us()
            return SendResult(200, None, None, {}, b"", False, None, {}, now_us, now_us)

    endpoint, _ = await given_endpoint(database, clock, tenant)
    with pytest.raises(NotFound):
        await ping(database, cast(Transport, Deleting()), clock, tenant, endpoint.id)

    [row] = await rows(database, "SELECT status, attempts_made FROM deliveries")
    assert (row["status"], row["attempts_made"]) == ("cancelled", 0)


@pytest.mark.parametrize(("answer", "status"), [(500, "failed"), (200, "delivered")])
async def test_no_replay_sends_a_sample_again_as_if_it_were_real(
    database: Database, clock: FixedClock, answer: int, status: str
) -> None:
    tenant = Tenant(await given_account(database, clock), "staging")
    async with receiver(answer) as (url, _), transport(clock) as sender:
        endpoint, _ = await given_endpoint(database, clock, tenant, url=url)
        await ping(database, sender, clock, tenant, endpoint.id, "topup.delivered")
    [sample] = await rows(database, "SELECT id, event_id FROM deliveries")
    await database.transaction(
        lambda tx: delivery.replay(tx, tenant, sample["id"], now_us=clock.now_us())
    )
    # Sent again by its id, it is still a sample.
    await ended(database, clock, sample["event_id"], status=status)
    [event_id] = await given_events(database, clock, tenant)
    real = await ended(database, clock, event_id, status=status)
    clock.advance_s(3600)

    job = await start(database, clock, tenant, endpoint.id, NewReplay(status=status))
    await run_to_the_end(database, clock)

    assert job.matched == 1
    assert await sent_again(database, job) == [real]


async def test_a_ping_of_an_unknown_endpoint_or_type_writes_nothing(
    database: Database, clock: FixedClock
) -> None:
    tenant = Tenant(await given_account(database, clock), "staging")
    endpoint, _ = await given_endpoint(database, clock, Tenant(tenant.account_id, "live"))

    async with transport(clock) as sender:
        for event_type, error in (("endpoint.test", NotFound), ("topup.lost", InvalidInput)):
            with pytest.raises(error):
                await ping(database, sender, clock, tenant, endpoint.id, event_type)

    assert await rows(database, "SELECT id FROM events") == []


@pytest.mark.parametrize("event_type", EVENT_TYPES)
def test_every_type_has_a_sample(event_type: str) -> None:
    data = sample_data(event_type, {"id": "we_1"}, now_us=0)

    if event_type.startswith("topup."):
        # What was claimed stays delivered.
        told = {"topup.claimed": "delivered"}
        assert data["status"] == told.get(event_type, event_type.removeprefix("topup."))
    assert data["test"] is True
    assert json.dumps(data).count("txn_") == json.dumps(data).count("txn_test")
