"""?wait_s=: an answer as soon as something changes, wherever it was changed, and what it costs."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio

from kernel.clock import DAY_US, FixedClock, rfc3339
from tests.support.gateway import API, Gateway, running, settings_of
from webhooks.events.feed import WAITS_PER_HOLDER, Waits

DEADLINE_S = 20.0
ASKS = {
    "platform": "claude",
    "amount_cents": 600,
    "recipient_email": "approval@sandbox.test",
}
PENDING = {**ASKS, "recipient_email": "pending@sandbox.test"}
Gateways = tuple[Gateway, Gateway]


@pytest_asyncio.fixture
async def gateways(database_url: str, tmp_path: Path) -> AsyncIterator[Gateways]:
    settings = settings_of(database_url, tmp_path)
    async with running(settings) as first, running(settings) as second:
        yield first, second


async def sent(gateway: Gateway, key: str, body: dict[str, Any]) -> dict[str, Any]:
    answer = await gateway.call("POST", "/topup/send", key=key, json=body)
    held: dict[str, Any] = answer.json()
    return held


def asking(gateway: Gateway, key: str, path: str) -> "asyncio.Task[httpx.Response]":
    return asyncio.create_task(gateway.call("GET", path, key=key))


async def until_waiting(gateway: Gateway, count: int) -> None:
    """Until so many wait there, each with its second look behind it."""
    async with asyncio.timeout(DEADLINE_S):
        while gateway.context.waits.open_now != count:  # noqa: ASYNC110 nobody tells
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.05)


async def test_what_waits_says_what_to_ask_and_says_it_again_when_it_is_repeated(
    gateway: Gateway,
) -> None:
    key = await gateway.key(await gateway.account())
    asked, again = [
        await gateway.call(
            "POST", "/topup/send", key=key, json=ASKS, headers={"Idempotency-Key": "k-1"}
        )
        for _ in range(2)
    ]
    pending = await gateway.call("POST", "/topup/send", key=key, json=PENDING)
    delivered = await gateway.call(
        "POST", "/topup/send", key=key, json={**ASKS, "recipient_email": "ana@example.com"}
    )

    api = gateway.url + API
    topup_id, data = asked.json()["transaction_id"], asked.json()["data"]
    assert data["next_action"] == "poll"
    assert data["links"] == [
        {"rel": "poll", "method": "GET", "href": f"{api}/topup/status/{topup_id}?wait_s=50"},
        {
            "rel": "approval",
            "method": "GET",
            "href": f"{api}/approvals/{data['approval']['id']}?wait_s=50",
        },
        {
            "rel": "cancel",
            "method": "POST",
            "href": f"{api}/topup/cancel",
            "body": {"transaction_id": topup_id},
        },
    ]
    for answer, after_s in ((asked, "30"), (again, "30"), (pending, "5")):
        own = answer.json()["transaction_id"]
        assert answer.headers["location"] == f"{api}/topup/status/{own}"
        assert answer.headers["retry-after"] == after_s
    assert [one["rel"] for one in pending.json()["data"]["links"]] == ["poll", "cancel"]
    assert "location" not in delivered.headers
    assert not {"links", "next_action"} & delivered.json()["data"].keys()
    shown = await gateway.call("GET", f"/topup/status/{topup_id}", key=key)
    assert (shown.headers["location"], shown.json()["data"]["links"]) == (
        f"{api}/topup/status/{topup_id}",
        data["links"],
    )


async def test_a_scheduled_one_is_polled_without_a_wait(gateway: Gateway) -> None:
    key = await gateway.key(await gateway.account())
    tomorrow = rfc3339(gateway.context.clock.now_us() + DAY_US)
    made = await gateway.call("POST", "/topup/send", key=key, json={**PENDING, "send_at": tomorrow})
    path = f"/topup/status/{made.json()['transaction_id']}"
    shown = await gateway.call("GET", path, key=key)

    for answer in (made, shown):
        assert answer.json()["status"] == "scheduled"
        poll = answer.json()["data"]["links"][0]
        assert poll == {"rel": "poll", "method": "GET", "href": gateway.url + API + path}
        assert answer.headers["retry-after"] == "60"


async def test_a_decision_made_at_one_gateway_ends_the_waits_at_the_other(
    gateways: Gateways,
) -> None:
    here, there = gateways
    account_id = await here.account()
    key, approver = await here.key(account_id), await here.key(account_id)
    held = await sent(here, key, ASKS)
    approval_id = held["data"]["approval"]["id"]
    waits = [
        asking(there, key, f"/topup/status/{held['transaction_id']}?wait_s=50"),
        asking(there, key, f"/approvals/{approval_id}?wait_s=50"),
    ]
    await until_waiting(there, 2)
    # What happens to others wakes nobody.
    other = await sent(here, key, PENDING)
    await here.call(
        "POST", "/topup/cancel", key=key, json={"transaction_id": other["transaction_id"]}
    )

    await here.call("POST", f"/approvals/{approval_id}/approve", key=approver, json={})
    async with asyncio.timeout(DEADLINE_S):
        told, decided = await asyncio.gather(*waits)

    assert (told.json()["code"], told.json()["status"]) == (1001, "delivered")
    assert decided.json()["data"]["status"] == "approved"
    assert there.context.waits.open_now == 0


async def test_what_is_at_its_end_and_what_does_not_change_is_answered_as_it_is(
    gateway: Gateway,
) -> None:
    key = await gateway.key(await gateway.account())
    held = await sent(gateway, key, PENDING)
    path = f"/topup/status/{held['transaction_id']}"
    waited = await gateway.call("GET", f"{path}?wait_s=1", key=key)
    await gateway.call(
        "POST", f"/sandbox/topups/{held['transaction_id']}", key=key, json={"outcome": "failed"}
    )
    ended = await gateway.call("GET", f"{path}?wait_s=50", key=key)
    unknown = await gateway.call("GET", "/topup/status/txn_none?wait_s=50", key=key)
    bad = [
        await gateway.call("GET", f"{path}?wait_s={value}", key=key)
        for value in ("51", "-1", "1.5", "soon", "", "1&wait_s=2", "%F0%9F%98%80")
    ]

    assert (waited.json()["code"], waited.json()["status"]) == (1002, "pending")
    assert (ended.status_code, ended.json()["code"]) == (200, 3005)
    assert (unknown.status_code, unknown.json()["code"]) == (404, 3003)
    assert {(one.status_code, one.json()["code"]) for one in bad} == {(422, 2007)}
    assert bad[0].json()["data"]["error"]["errors"][0]["maximum"] == 50


@pytest.mark.fixed_clock
async def test_a_stopping_gateway_and_a_revoked_key_end_their_waits(
    gateway: Gateway, clock: FixedClock
) -> None:
    account_id = await gateway.account()
    owner = await gateway.key(account_id)
    made = await gateway.call("POST", "/keys", key=owner, json={"name": "agent"})
    agent = made.json()["data"]
    held = await sent(gateway, owner, PENDING)
    path = f"/topup/status/{held['transaction_id']}?wait_s=50"
    waits = [asking(gateway, key, path) for key in (owner, agent["key"])]
    await until_waiting(gateway, 2)
    await gateway.call("DELETE", f"/keys/{agent['id']}", key=owner)
    clock.advance_s(1)
    gateway.context.feed.close()
    async with asyncio.timeout(DEADLINE_S):
        told, refused = await asyncio.gather(*waits)
        after = await gateway.call("GET", path, key=owner)

    assert [told.json()["code"], after.json()["code"]] == [1002, 1002]
    assert (refused.status_code, refused.json()["code"]) == (401, 2010)


async def test_a_client_that_leaves_frees_its_place_and_one_too_many_is_told_when_to_come(
    gateway: Gateway,
) -> None:
    key = await gateway.key(await gateway.account())
    held = await sent(gateway, key, PENDING)
    path = f"/topup/status/{held['transaction_id']}?wait_s=50"
    waits = [asking(gateway, key, path) for _ in range(WAITS_PER_HOLDER)]
    await until_waiting(gateway, WAITS_PER_HOLDER)
    refused = await gateway.call("GET", path, key=key)
    for wait in waits:
        wait.cancel()
    await asyncio.gather(*waits, return_exceptions=True)
    await until_waiting(gateway, 0)

    assert (refused.status_code, refused.json()["code"]) == (429, 4001)
    assert refused.headers["retry-after"] == "5"
    assert refused.json()["data"]["error"]["limit"] == 50


async def test_many_waits_ask_the_database_nothing_while_nothing_happens(
    gateway: Gateway,
) -> None:
    account_id = await gateway.account()
    key = await gateway.key(account_id)
    held = await sent(gateway, key, PENDING)
    topup_id = held["transaction_id"]
    found = (await gateway.context.authenticator.authenticate(key)).tenant
    waits = Waits(gateway.context.database, gateway.context.feed)

    async def one(number: int) -> None:
        with waits.waiting(found, topup_id, f"key_{number}") as wait:
            await wait.begin()
            await wait.change()

    tasks = [asyncio.create_task(one(number)) for number in range(500)]
    async with asyncio.timeout(DEADLINE_S):
        while waits.open_now < 500:  # noqa: ASYNC110 nobody tells
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.6)  # more than two beats of the feed
        before = waits.looks
        await gateway.call("POST", "/topup/cancel", key=key, json={"transaction_id": topup_id})
        await asyncio.gather(*tasks)

    assert (before, waits.looks) == (0, 1)
