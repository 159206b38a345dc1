import json

import pytest

from kernel.clock import FixedClock
from kernel.tenant import Tenant
from keys.account import lock_tenants
from store.database import Database, Row, Transaction
from store.postgresql.database import PostgresqlDatabase
from tests.support.webhook_rows import given_account, given_endpoint, given_events
from webhooks.events.event import Outbox, render_event


async def rows(database: Database, text: str, **values: object) -> list[Row]:
    async def work(tx: Transaction) -> list[Row]:
        return list(await tx.fetch(text, **values))

    return await database.read(work)


def test_a_rendered_event_is_the_contracts_body() -> None:
    body = render_event(
        id="evt_1",
        type="topup.delivered",
        created_at_us=1_781_352_000_999_999,
        environment="staging",
        sequence=12,
        data={"transaction_id": "txn_1", "amount_cents": 1000, "reference": None},
    )

    assert body == (
        b'{"id":"evt_1","type":"topup.delivered","created_at":"2026-06-13T12:00:00Z",'
        b'"environment":"staging","api_version":"v1","sequence":12,'
        b'"data":{"transaction_id":"txn_1","amount_cents":1000,"reference":null}}'
    )


async def test_events_are_numbered_without_gaps_in_each_environment(
    database: Database, clock: FixedClock
) -> None:
    account = await given_account(database, clock)

    first = await given_events(database, clock, Tenant(account, "staging"), count=2)
    await given_events(database, clock, Tenant(account, "live"))
    third = await given_events(database, clock, Tenant(account, "staging"))

    found = await rows(database, "SELECT id, environment, event_no FROM events ORDER BY id")
    staging = [(row["id"], row["event_no"]) for row in found if row["environment"] == "staging"]
    live = [row["event_no"] for row in found if row["environment"] == "live"]
    assert staging == [(first[0], 1), (first[1], 2), (third[0], 3)]
    assert live == [1]


async def test_an_event_without_subscribers_is_kept_all_the_same(
    database: Database, clock: FixedClock
) -> None:
    account = await given_account(database, clock)

    [event_id] = await given_events(database, clock, Tenant(account, "staging"))

    [event] = await rows(database, "SELECT id, body, transaction_id FROM events")
    assert event["id"] == event_id
    assert event["transaction_id"] == "txn_1"
    assert json.loads(event["body"])["data"] == {"transaction_id": "txn_1", "number": 0}
    assert await rows(database, "SELECT id FROM deliveries") == []


async def test_a_delivery_is_written_for_each_endpoint_subscribed_to_the_type(
    database: Database, clock: FixedClock
) -> None:
    account = await given_account(database, clock)
    tenant = Tenant(account, "staging")
    every, _ = await given_endpoint(database, clock, tenant)
    some, _ = await given_endpoint(
        database, clock, tenant, events=["topup.delivered", "topup.failed"]
    )
    await given_endpoint(database, clock, tenant, events=["order.paid"])
    await given_endpoint(database, clock, Tenant(account, "live"))

    await given_events(database, clock, tenant)

    found = await rows(
        database, "SELECT endpoint_id, status, attempts_made, next_attempt_at FROM deliveries"
    )
    assert {row["endpoint_id"] for row in found} == {every.id, some.id}
    assert {(row["status"], row["attempts_made"]) for row in found} == {("pending", 0)}
    assert {row["next_attempt_at"] for row in found} == {clock.now_us()}


async def test_the_first_attempt_waits_as_the_endpoints_schedule_says(
    database: Database, clock: FixedClock
) -> None:
    account = await given_account(database, clock)
    await given_endpoint(database, clock, Tenant(account, "staging"), retry_schedule_s=(7, 5))

    await given_events(database, clock, Tenant(account, "staging"))

    [row] = await rows(database, "SELECT next_attempt_at FROM deliveries")
    assert row["next_attempt_at"] == clock.now_us() + 7_000_000


async def test_an_endpoint_can_be_left_out(database: Database, clock: FixedClock) -> None:
    account = await given_account(database, clock)
    tenant = Tenant(account, "staging")
    left_out, _ = await given_endpoint(database, clock, tenant)
    other, _ = await given_endpoint(database, clock, tenant)

    async def publish(tx: Transaction) -> None:
        await lock_tenants(tx, [tenant])
        outbox = await Outbox.load(tx, [tenant])
        outbox.publish(
            tenant,
            type="endpoint.disabled",
            data={},
            now_us=clock.now_us(),
            except_endpoint_id=left_out.id,
        )
        await outbox.flush(tx)

    await database.transaction(publish)

    found = await rows(database, "SELECT endpoint_id FROM deliveries")
    assert [row["endpoint_id"] for row in found] == [other.id]


@pytest.mark.parametrize("count", [1, 100])
async def test_publishing_costs_the_same_statements_whatever_the_number(
    database: Database, clock: FixedClock, count: int
) -> None:
    account = await given_account(database, clock)
    await given_endpoint(database, clock, Tenant(account, "staging"))
    costs = []
    for _ in range(2):
        before = database.statements_run
        await given_events(database, clock, Tenant(account, "staging"), count=count)
        costs.append(database.statements_run - before)

    # BEGIN, the lock, two to load, three to write, COMMIT; on PostgreSQL the three are one. The first
    # one also brings an endpoint at rest into the line, where that is a statement of its own.
    assert costs == ([6, 6] if isinstance(database, PostgresqlDatabase) else [9, 8])


async def test_a_transaction_that_fails_leaves_no_number_behind(
    database: Database, clock: FixedClock
) -> None:
    account = await given_account(database, clock)
    tenant = Tenant(account, "staging")

    async def fail(tx: Transaction) -> None:
        outbox = await Outbox.load(tx, [tenant])
        outbox.publish(tenant, type="order.paid", data={}, now_us=1)
        await outbox.flush(tx)
        raise LookupError

    with pytest.raises(LookupError):
        await database.transaction(fail)
    await given_events(database, clock, tenant)

    found = await rows(database, "SELECT event_no FROM events")
    assert [row["event_no"] for row in found] == [1]
