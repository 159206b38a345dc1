"""A request's id and trace: from its headers through the rows to its webhooks and the log."""

import logging
from typing import Any

import pytest

from kernel.clock import FixedClock
from store.database import Database
from tests.support.dispatcher import rows
from tests.support.gateway import Gateway
from tests.support.gateway_worker import delivering, fulfil
from tests.support.receiver import Received, Receiver

TRACE_ID = "4bf92f3577b34da6a3ce929d0e0e4736"
TRACED = {
    "X-Request-Id": "order-77",
    "traceparent": f"00-{TRACE_ID}-00f067aa0ba902b7-01",
    "tracestate": "rojo=1",
}
SEND = {"platform": "claude", "amount_cents": 500, "recipient_email": "user@example.com"}


async def registered(gateway: Gateway, key: str, url: str, **more: Any) -> str:
    answer = await gateway.call("POST", "/webhooks/register", key=key, json={"url": url, **more})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["data"]["id"])


def traced(received: Received) -> tuple[str | None, str | None, str | None]:
    """Its request's id, the trace's id and the state."""
    parent = received.headers.get("traceparent")
    headers = received.headers
    return (
        headers.get("x-request-id"),
        None if parent is None else parent[3:35],
        headers.get("tracestate"),
    )


async def test_webhooks_and_their_log_lines_carry_the_sends_id_and_trace(
    gateway: Gateway, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    key = await gateway.key(await gateway.account())
    failures = iter((500,))

    async def answer(_received: Received) -> int:
        return next(failures, 200)

    async with Receiver(answer) as receiver:
        await registered(gateway, key, receiver.url, retry_schedule_s=[0, 0])
        sent = await gateway.call("POST", "/topup/send", key=key, json=SEND, headers=TRACED)
        async with delivering(gateway):
            await receiver.at_least(2)
            listed = await gateway.call("GET", "/deliveries", key=key)
            [delivery] = listed.json()["data"]["items"]
            await gateway.call("POST", f"/deliveries/{delivery['id']}/replay", key=key)
            received = await receiver.at_least(3)
    shown = await gateway.call("GET", f"/deliveries/{delivery['id']}", key=key)
    story = await gateway.call("GET", f"/topup/status/{sent.json()['transaction_id']}", key=key)

    # The retry and the replay tell of the request that began it all.
    assert [traced(one) for one in received] == [("order-77", TRACE_ID, "rojo=1")] * 3
    parents = [one.headers["traceparent"] for one in received]
    assert len({*parents, TRACED["traceparent"]}) == 4
    assert all(parent.endswith("-01") for parent in parents)
    lines = [vars(one) for one in caplog.records if one.message == "delivery.attempted"]
    assert [line["request_id"] for line in lines] == ["order-77"] * 3
    assert [line["transaction_id"] for line in lines] == [sent.json()["transaction_id"]] * 3
    assert [line["trace_id"] for line in lines] == [TRACE_ID] * 3
    assert [line["span_id"] for line in lines] == [parent[36:52] for parent in parents]
    first = shown.json()["data"]["attempts"][0]["request_headers"]
    assert (first["X-Request-Id"], first["traceparent"]) == ("order-77", parents[0])
    assert first["tracestate"] == "********"
    assert story.json()["data"]["request_id"] == "order-77"
    # The send's own line names the trace, the others' have none.
    requests = [vars(one)["fields"] for one in caplog.records if one.message == "request"]
    assert [line.get("trace_id") for line in requests if line["request_id"] == "order-77"] == [
        TRACE_ID
    ]
    assert sum("trace_id" in line for line in requests) == 1


@pytest.mark.one_database
@pytest.mark.fixed_clock
async def test_whoever_ends_a_topup_its_webhooks_tell_of_the_send(
    gateway: Gateway, clock: FixedClock
) -> None:
    key = await gateway.key(await gateway.account())
    async with Receiver() as receiver:
        await registered(gateway, key, receiver.url)
        for recipient in ("delayed", "pending"):
            body = {**SEND, "recipient_email": f"{recipient}@sandbox.test"}
            headers = {"X-Request-Id": f"send-{recipient}"}
            sent = await gateway.call("POST", "/topup/send", key=key, json=body, headers=headers)
        pending_id = sent.json()["transaction_id"]
        await gateway.call(
            "POST",
            "/topup/cancel",
            key=key,
            json={"transaction_id": pending_id},
            headers={"X-Request-Id": "the-cancel"},
        )
        clock.advance_s(3)
        assert await fulfil(gateway) == 1
        async with delivering(gateway):
            received = await receiver.at_least(4)
    story = await gateway.call("GET", f"/topup/status/{pending_id}", key=key)

    told = {(one.event["type"], one.headers["x-request-id"]) for one in received}
    assert told == {
        ("topup.pending", "send-delayed"),
        ("topup.pending", "send-pending"),
        ("topup.cancelled", "send-pending"),
        ("topup.delivered", "send-delayed"),
    }
    assert not any("traceparent" in one.headers for one in received)
    assert story.json()["data"]["request_id"] == "send-pending"


@pytest.mark.one_database
async def test_a_test_ping_carries_its_requests_id_and_trace(gateway: Gateway) -> None:
    key = await gateway.key(await gateway.account())
    async with Receiver() as receiver:
        endpoint_id = await registered(gateway, key, receiver.url)
        path = f"/webhooks/{endpoint_id}/test"
        answer = await gateway.call("POST", path, key=key, json={}, headers=TRACED)

    assert answer.status_code == 200
    assert [traced(one) for one in receiver.received] == [("order-77", TRACE_ID, "rojo=1")]


@pytest.mark.one_database
async def test_a_delivered_send_is_kept_with_its_event_and_not_twice(
    gateway: Gateway, database: Database
) -> None:
    key = await gateway.key(await gateway.account())
    headers = {"X-Request-Id": "order-77", "traceparent": "00-nonsense"}
    await gateway.call("POST", "/topup/send", key=key, json=SEND, headers=headers)

    assert [row["trace"] for row in await rows(database, "SELECT trace FROM events")] == [
        "order-77"
    ]
    assert [row["trace"] for row in await rows(database, "SELECT trace FROM topups")] == [None]
