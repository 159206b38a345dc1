import hashlib
from dataclasses import replace

import pytest
from msgspec import to_builtins
from msgspec.structs import asdict

from kernel.clock import FixedClock
from kernel.errors import InvalidInput, NotFound
from kernel.ids import AttemptId, DeliveryId
from kernel.tenant import Tenant
from store.database import Database, Transaction
from tests.support.webhook_rows import (
    claim_all,
    given_account,
    given_endpoint,
    given_events,
    new_vault,
)
from webhooks.deliveries import delivery, log
from webhooks.deliveries.log import DeliveryFilter
from webhooks.deliveries.message import SecretCache, message_headers, settlement_of
from webhooks.delivery_log.acts import Attempt as AttemptShape, Delivery as DeliveryShape
from webhooks.events import log as event_log
from webhooks.events.cursor import START, EventCursor
from webhooks.http.transport import SendResult


async def given_tenant(database: Database, clock: FixedClock) -> Tenant:
    tenant = Tenant(await given_account(database, clock), "staging")
    await given_endpoint(database, clock, tenant)
    return tenant


async def test_a_delivery_and_its_attempts_have_the_contracts_shapes(
    database: Database, clock: FixedClock
) -> None:
    tenant = await given_tenant(database, clock)
    [event_id] = await given_events(database, clock, tenant)
    [claimed] = (await claim_all(database, clock)).claimed
    clock.advance_s(0.25)
    outcome = SendResult(
        503, "http", "private", {}, b"no\xff", True, "192.0.2.7", {"total": 250.0}, 0, 250_000
    )
    opened = SecretCache(new_vault()).open(claimed.target)
    headers = message_headers(claimed, opened, now_us=clock.now_us())
    settlement = settlement_of(claimed, outcome, headers, ended_at_us=clock.now_us())

    async def settle(tx: Transaction) -> None:
        await delivery.settle(tx, [settlement])

    async def read(tx: Transaction) -> tuple[log.Delivery, list[log.Attempt]]:
        found = await log.get_delivery(tx, tenant, claimed.id)
        return found, await log.attempts_of(tx, tenant, claimed.id)

    await database.transaction(settle)
    found, [attempt] = await database.read(read)

    assert asdict(DeliveryShape.of(replace(found, key_id="key_1", key_name="Shop"))) == {
        "id": claimed.id,
        "event_id": event_id,
        "event_type": "topup.delivered",
        "endpoint_id": claimed.target.id,
        "transaction_id": "txn_1",
        "status": "pending",
        "attempts_made": 1,
        "next_attempt_at": "2026-06-13T12:00:05Z",
        "replay_of": None,
        "created_at": "2026-06-13T12:00:00Z",
        "key_id": "key_1",
        "key_name": "Shop",
        "blocked_by": None,
    }
    assert to_builtins(AttemptShape.of(attempt)) == {
        "id": attempt.id,
        "number": 1,
        "started_at": "2026-06-13T12:00:00.000Z",
        "duration_ms": 250,
        "http_status": 503,
        "error": "http",
        "remote_address": "192.0.2.7",
        "timings_ms": {"total": 250.0},
        "request_headers": attempt.request_headers,
        "body_sha256": hashlib.sha256(claimed.body).hexdigest(),
        "response_body": "no\ufffd",
    }
    assert attempt.reason == "private"
    assert dict(attempt.request_headers) == {
        **dict(headers),
        "X-AiTopUp-Signature": "********",
        "webhook-signature": "********",
    }


@pytest.mark.parametrize(
    ("duration_us", "total_ms", "shown_ms"),
    [(9_999_400, 10_000.0, 10_000), (610, 1.0, 1), (1_590, 1.59, 2), (250_000, 249.0, 250)],
)
def test_an_attempt_takes_no_less_than_its_steps(
    duration_us: int, total_ms: float, shown_ms: int
) -> None:
    attempt = log.Attempt(
        id=AttemptId("att_1"),
        delivery_id=DeliveryId("dlv_1"),
        number=1,
        started_at=0,
        duration_us=duration_us,
        http_status=200,
        error=None,
        reason=None,
        remote_address=None,
        timings_ms={"total": total_ms},
        request_headers={},
        body_sha256="",
        response_body=b"",
    )

    assert AttemptShape.of(attempt).duration_ms == shown_ms


async def test_the_end_of_a_lease_is_not_shown(database: Database, clock: FixedClock) -> None:
    tenant = await given_tenant(database, clock)
    await given_events(database, clock, tenant)
    [claimed] = (await claim_all(database, clock)).claimed

    async def read(tx: Transaction) -> log.Delivery:
        return await log.get_delivery(tx, tenant, claimed.id)

    found = await database.read(read)
    assert (found.status, found.next_attempt_at) == ("sending", None)


async def test_deliveries_are_filtered_and_paged_newest_first(
    database: Database, clock: FixedClock
) -> None:
    tenant = await given_tenant(database, clock)
    await given_events(database, clock, tenant, type_="topup.failed")
    clock.advance_s(10)
    await given_events(database, clock, tenant, count=3)
    ten_later = clock.now_us()
    [endpoint_id] = {one.target.id for one in (await claim_all(database, clock, ids_max=1)).claimed}

    async def count(tx: Transaction, wanted: DeliveryFilter, **page: object) -> list[str]:
        found = await log.list_deliveries(tx, tenant, wanted=wanted, **page)  # type: ignore[arg-type]
        return [one.id for one in found.deliveries]

    async def read(tx: Transaction) -> None:
        everything = await count(tx, DeliveryFilter())
        assert everything == sorted(everything, reverse=True)
        assert len(everything) == 4
        assert await count(tx, DeliveryFilter(), limit=2) == everything[:2]
        first = await log.list_deliveries(tx, tenant, limit=2)
        assert first.next is not None
        rest = await log.list_deliveries(tx, tenant, before=first.next, limit=2)
        assert ([one.id for one in rest.deliveries], rest.next) == (everything[2:], None)
        assert await count(tx, DeliveryFilter(status="sending")) == everything[3:]
        assert await count(tx, DeliveryFilter(event_type="topup.failed")) == everything[3:]
        assert await count(tx, DeliveryFilter(endpoint_id=endpoint_id)) == everything
        assert await count(tx, DeliveryFilter(endpoint_id="we_other")) == []
        assert await count(tx, DeliveryFilter(transaction_id="txn_1")) == everything
        assert await count(tx, DeliveryFilter(created_after=ten_later)) == everything[:3]
        assert await count(tx, DeliveryFilter(created_before=ten_later)) == everything[3:]
        with pytest.raises(InvalidInput):
            await count(tx, DeliveryFilter(status="lost"))

    await database.read(read)


async def test_events_are_polled_in_order_and_listed_newest_first(
    database: Database, clock: FixedClock
) -> None:
    tenant = await given_tenant(database, clock)
    ids = await given_events(database, clock, tenant, count=2)
    ids += await given_events(database, clock, tenant, type_="order.paid")

    async def read(tx: Transaction) -> None:
        newest = await event_log.list_events(tx, tenant, limit=2)
        assert [one.id for one in newest.events] == [ids[2], ids[1]]
        rest = await event_log.list_events(tx, tenant, before=newest.next)
        assert [one.id for one in rest.events] == [ids[0]]
        polled = await event_log.events_after(tx, tenant, after=EventCursor(0, 1))
        assert [(one.id, one.event_no) for one in polled.events] == [(ids[1], 2), (ids[2], 3)]
        paid = await event_log.events_after(tx, tenant, after=START, event_type="order.paid")
        assert [one.id for one in paid.events] == [ids[2]]
        assert (newest.has_more, rest.has_more, polled.has_more) == (True, False, False)
        assert (polled.next.event_no, paid.next.event_no) == (3, 3)
        one = await event_log.get_event(tx, tenant, ids[0])
        assert bytes(one.shape()) == one.body
        with pytest.raises(InvalidInput):
            await event_log.list_events(tx, tenant, event_type="topup.lost")

    await database.read(read)


async def test_another_environments_rows_look_like_none(
    database: Database, clock: FixedClock
) -> None:
    tenant = await given_tenant(database, clock)
    [event_id] = await given_events(database, clock, tenant)
    [claimed] = (await claim_all(database, clock)).claimed
    live = Tenant(tenant.account_id, "live")

    async def read(tx: Transaction) -> None:
        assert (await log.list_deliveries(tx, live)).deliveries == []
        of_endpoint = DeliveryFilter(endpoint_id=claimed.target.id)
        assert (await log.list_deliveries(tx, live, wanted=of_endpoint)).deliveries == []
        assert (await event_log.list_events(tx, live)).events == []
        assert await log.attempts_of(tx, live, claimed.id) == []
        with pytest.raises(NotFound, match="Delivery not found"):
            await log.get_delivery(tx, live, claimed.id)
        with pytest.raises(NotFound, match="Event not found"):
            await event_log.get_event(tx, live, event_id)

    await database.read(read)
