"""MCP's Events extension: what a client follows by webhook and by poll, and what ends it."""

import asyncio
import json
from typing import Any

import pytest

from kernel.clock import FixedClock
from kernel.tenant import Tenant
from keys import account_access
from keys.api_keys.api_key import revoke
from keys.signatures.signing import verify
from store.database import Transaction
from tests.support.gateway import Gateway
from tests.support.gateway_worker import delivering
from tests.support.mcp_agent import ORDER, fresh_key
from tests.support.mcp_events import EventsClient, agree, agreeing, new_secret, subscription
from tests.support.receiver import Received, Receiver
from webhooks.subscriptions.subscription import CREDENTIAL_MAX, SANDBOX_MAX
from worker.endpoints import Subscriptions

pytestmark = pytest.mark.one_database


async def client_of(gateway: Gateway, **fields: Any) -> tuple[EventsClient, str]:
    key = await gateway.key(await gateway.account(), **fields)
    return EventsClient(gateway, key), key


async def send(gateway: Gateway, key: str) -> str:
    sent = await gateway.call(
        "POST",
        "/topup/send",
        key=key,
        json=ORDER,
        headers={"Idempotency-Key": fresh_key()["idempotency_key"]},
    )
    assert sent.status_code == 200, sent.text
    return str(sent.json()["transaction_id"])


def events_in(receiver: Receiver) -> list[Received]:
    return [one for one in receiver.received if "eventId" in one.event]


async def count(gateway: Gateway, sql: str, **values: Any) -> int:
    async def read(tx: Transaction) -> int:
        row = await tx.fetch_one(sql, **values)
        return 0 if row is None else int(row["n"])

    return await gateway.context.database.read(read)


async def test_the_extension_is_declared_where_clients_look(gateway: Gateway) -> None:
    client, _ = await client_of(gateway)
    found = (await client.result("server/discover"))["capabilities"]
    listed = (await client.result("events/list"))["events"]

    assert found["events"] == {}
    assert found["extensions"]["io.modelcontextprotocol/events"] == {}
    assert {tuple(one["delivery"]) for one in listed} == {("webhook", "poll")}
    by_name = {one["name"]: one for one in listed}
    assert set(by_name["topup.delivered"]["inputSchema"]["properties"]) == {"transaction_id"}
    assert set(by_name["key.cap_near"]["inputSchema"]["properties"]) == {"key_id"}
    assert "transaction_id" in json.dumps(by_name["topup.failed"]["payloadSchema"])
    assert len(json.dumps(listed)) < 40_000


async def test_a_delivery_is_signed_and_has_the_events_form(gateway: Gateway) -> None:
    client, key = await client_of(gateway)
    secret = new_secret()
    async with agreeing() as receiver, delivering(gateway):
        granted = await client.subscribe(receiver.url, secret=secret, ttlMs=3_600_000)
        transaction_id = await send(gateway, key)
        await receiver.until(lambda: len(events_in(receiver)) == 1)

    asked, got = receiver.received[0], events_in(receiver)[0]
    assert asked.event["type"] == "verification"
    assert asked.headers["webhook-id"].startswith("msg_verification_")
    for one in (asked, got):
        assert one.headers["x-mcp-subscription-id"] == granted["id"]
        now_s = int(one.headers["webhook-timestamp"])
        assert verify(headers=one.headers, body=one.body, secret=secret, now_s=now_s) == []
    body = got.event
    assert set(body) == {"eventId", "name", "timestamp", "data", "cursor"}
    assert got.headers["webhook-id"] == body["eventId"]
    assert (body["name"], body["data"]["transaction_id"]) == ("topup.delivered", transaction_id)
    assert body["data"]["voucher_code"] is None
    assert granted["truncated"] is False
    polled = await client.poll(cursor=granted["cursor"])
    assert [one["eventId"] for one in polled["events"]] == [body["eventId"]]


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ((200, b""), "challenge_failed"),
        ((200, b'{"challenge":"another"}'), "challenge_failed"),
        ((200, b'{"challenge":7}'), "challenge_failed"),
        ((200, b"\xff"), "challenge_failed"),
        ((200, b"[" * 4000), "challenge_failed"),
        ((404, b""), "http_4xx"),
        ((302, b""), "http_4xx"),
        ((503, b""), "http_5xx"),
        (None, "connection_refused"),
    ],
)
async def test_a_receiver_that_did_not_agree_gets_nothing(
    gateway: Gateway, answer: Any, reason: str
) -> None:
    async def refuse(_received: Received) -> Any:
        return answer

    client, key = await client_of(gateway)
    async with Receiver(refuse) as receiver, delivering(gateway):
        told = await client.error("events/subscribe", subscription(receiver.url))
        await send(gateway, key)
        await asyncio.sleep(0.05)

    assert told == (-32027, {"reason": reason})
    assert events_in(receiver) == []


async def test_a_closed_port_is_told_without_its_address(gateway: Gateway) -> None:
    client, _ = await client_of(gateway)
    async with agreeing() as receiver:
        url = receiver.url
    told = await client.error("events/subscribe", subscription(url))

    assert told == (-32027, {"reason": "connection_refused"})


@pytest.mark.parametrize(
    ("change", "code", "data"),
    [
        ({"name": "topup.unknown"}, -32023, {"kind": "event"}),
        ({"arguments": {"amount": 1}}, -32602, {"param": "arguments.amount"}),
        ({"arguments": {"transaction_id": 7}}, -32602, {"param": "arguments.transaction_id"}),
        ({"cursor": "x"}, -32602, {"param": "cursor"}),
        ({"ttlMs": -1}, -32602, {"param": "ttlMs"}),
        ({"maxAgeMs": 10**15}, -32602, {"param": "maxAgeMs"}),
        ({"delivery": {"mode": "push", "url": "https://a.example"}}, -32026, None),
        ({"delivery": {"url": 7}}, -32602, {"param": "delivery"}),
        ({"delivery": {"mode": "webhook"}}, -32602, {"param": "delivery.url"}),
    ],
)
async def test_what_is_wrong_is_named(
    gateway: Gateway, change: dict[str, Any], code: int, data: Any
) -> None:
    client, _ = await client_of(gateway)
    params = {**subscription("https://hook.example/mcp"), **change}
    told = await client.error("events/subscribe", params)

    assert told[0] == code
    assert data is None or told[1] == data


@pytest.mark.parametrize(
    "secret",
    ["", "secret", "whsec_", "whsec_!!!", new_secret(23), new_secret(65), "WHSEC_" + "A" * 44],
)
async def test_a_secret_of_another_form_is_refused(gateway: Gateway, secret: str) -> None:
    client, _ = await client_of(gateway)
    params = subscription("https://hook.example/mcp")
    params["delivery"]["secret"] = secret

    assert await client.error("events/subscribe", params) == (-32602, {"param": "delivery.secret"})


async def test_who_may_not_read_events_is_refused(gateway: Gateway) -> None:
    client, _ = await client_of(gateway, scopes=("topup:send", "topup:read"))
    for method in ("events/subscribe", "events/unsubscribe", "events/poll"):
        code, data = await client.error(method, subscription("https://hook.example/mcp"))
        assert (code, data) == (-32024, {"required_scopes": ["webhooks:read"]})


async def test_a_renewal_is_the_same_subscription_and_rotates_the_secret(gateway: Gateway) -> None:
    client, key = await client_of(gateway)
    old, new = new_secret(), new_secret()
    async with agreeing() as receiver, delivering(gateway):
        first = await client.subscribe(receiver.url, secret=old, ttlMs=60_000)
        again = await client.subscribe(receiver.url, secret=new, ttlMs=7_200_000)
        other = await client.subscribe(
            receiver.url, secret=new, arguments={"transaction_id": "txn_none"}
        )
        await send(gateway, key)
        await receiver.until(lambda: len(events_in(receiver)) == 1)

    assert first["id"] == again["id"] != other["id"]
    assert first["refreshBefore"] < again["refreshBefore"]
    assert again["deliveryStatus"] == {"active": True}
    # One question for all of a client's subscriptions to the address.
    assert [one.event.get("type") for one in receiver.received] == ["verification", None]
    [got] = events_in(receiver)
    now_s = int(got.headers["webhook-timestamp"])
    for secret in (old, new):
        assert verify(headers=got.headers, body=got.body, secret=secret, now_s=now_s) == []


async def test_time_to_live_is_bounded(gateway: Gateway) -> None:
    client, _ = await client_of(gateway)
    now_us = gateway.context.clock.now_us()
    async with agreeing() as receiver:
        ends = [
            (await client.subscribe(receiver.url, ttlMs=ttl))["refreshBefore"]
            for ttl in (0, 10**12, None)
        ]

    assert now_us > 0
    assert ends[0] < ends[2] < ends[1]


async def test_an_argument_narrows_what_is_sent(gateway: Gateway) -> None:
    client, key = await client_of(gateway)
    begin = (await client.poll())["cursor"]
    transaction_id = await send(gateway, key)
    await send(gateway, key)
    polled = await client.poll(cursor=begin, arguments={"transaction_id": transaction_id})
    one = await client.poll(cursor=begin, maxEvents=1)
    rest = await client.poll(cursor=one["cursor"])

    assert [each["data"]["transaction_id"] for each in polled["events"]] == [transaction_id]
    assert (len(one["events"]), one["hasMore"], len(rest["events"])) == (1, True, 1)
    assert rest["hasMore"] is False
    assert polled["nextPollMs"] > 0


async def test_a_cursor_that_cannot_go_on_says_truncated(gateway: Gateway) -> None:
    client, key = await client_of(gateway)
    await send(gateway, key)
    for cursor in ("0-999999", "7-1"):
        polled = await client.poll(cursor=cursor)
        assert (polled["events"], polled["truncated"]) == ([], True)
        assert (await client.poll(cursor=polled["cursor"]))["truncated"] is False
    aged = await client.poll(cursor="0", maxAgeMs=0)
    assert (aged["events"], aged["truncated"]) == ([], True)


async def test_a_new_subscription_sends_what_was_missed_since_its_cursor(gateway: Gateway) -> None:
    client, key = await client_of(gateway)
    begin = (await client.poll())["cursor"]
    transaction_id = await send(gateway, key)
    async with agreeing() as receiver, delivering(gateway):
        granted = await client.subscribe(receiver.url, cursor=begin)
        await receiver.until(lambda: len(events_in(receiver)) == 1)
        aged = await client.subscribe(
            receiver.url, cursor=begin, maxAgeMs=0, arguments={"transaction_id": transaction_id}
        )

    assert (granted["cursor"], granted["truncated"]) == (begin, False)
    assert events_in(receiver)[0].event["data"]["transaction_id"] == transaction_id
    assert aged["truncated"] is True


async def test_an_unsubscribed_client_hears_no_more(gateway: Gateway) -> None:
    client, key = await client_of(gateway)
    async with agreeing() as receiver, delivering(gateway):
        await client.subscribe(receiver.url)
        await client.unsubscribe(receiver.url)
        again = await client.error("events/unsubscribe", subscription(receiver.url))
        await send(gateway, key)
        await asyncio.sleep(0.05)

    assert again == (-32023, {"kind": "subscription"})
    assert events_in(receiver) == []


async def test_another_key_of_the_account_cannot_end_it(gateway: Gateway) -> None:
    account_id = await gateway.account()
    mine = EventsClient(gateway, await gateway.key(account_id))
    other = EventsClient(gateway, await gateway.key(account_id))
    async with agreeing() as receiver:
        granted = await mine.subscribe(receiver.url)
        told = await other.error("events/unsubscribe", subscription(receiver.url))
        theirs = await other.subscribe(receiver.url)

    assert told == (-32023, {"kind": "subscription"})
    assert granted["id"] != theirs["id"]
    # Each was asked: one client's agreement isn't another's.
    assert [one.event["type"] for one in receiver.received] == ["verification"] * 2


@pytest.mark.parametrize("act", ["revoked", "paused", "parent revoked"])
async def test_a_credential_that_ended_is_sent_nothing_more(gateway: Gateway, act: str) -> None:
    account_id = await gateway.account()
    root = await gateway.key(account_id)
    scopes = ["topup:send", "webhooks:read"]
    wide = {"name": "parent", "scopes": [*scopes, "keys:write"]}
    parent = (await gateway.call("POST", "/keys", key=root, json=wide)).json()["data"]
    narrow = {"name": "agent", "scopes": scopes}
    child = (await gateway.call("POST", "/keys", key=parent["key"], json=narrow)).json()["data"]
    sender = await gateway.key(account_id)
    client = EventsClient(gateway, child["key"])
    async with agreeing() as receiver, delivering(gateway):
        await client.subscribe(receiver.url)
        if act == "revoked":
            ended = await gateway.call("DELETE", f"/keys/{child['id']}", key=root)
        elif act == "paused":
            ended = await gateway.call("POST", f"/keys/{child['id']}/pause", key=root)
        else:
            ended = await gateway.call("DELETE", f"/keys/{parent['id']}", key=root)
        assert ended.status_code == 200
        await send(gateway, sender)
        await asyncio.sleep(0.2)

    assert events_in(receiver) == []
    left = await count(
        gateway,
        "SELECT COUNT(*) AS n FROM endpoints WHERE account_id = :id AND deleted_at IS NULL",
        id=account_id,
    )
    assert left == 0


async def test_expiry_ends_it_and_its_row_goes(gateway: Gateway) -> None:
    account_id = await gateway.account()
    client = EventsClient(gateway, await gateway.key(account_id))
    async with agreeing() as receiver:
        await client.subscribe(receiver.url, ttlMs=60_000)
    context = gateway.context
    later = FixedClock(context.clock.now_us() + 61_000_000)
    ended = Subscriptions(context.database, context.vault, later)
    for chore in ended.chores():
        await chore.run()
    of_account = "SELECT COUNT(*) AS n FROM endpoints WHERE account_id = :id"
    open_ = await count(gateway, f"{of_account} AND deleted_at IS NULL", id=account_id)

    assert open_ == 0


async def test_the_number_of_subscriptions_is_bounded(gateway: Gateway) -> None:
    client, _ = await client_of(gateway)
    sandbox_key = await gateway.key(await gateway.account(is_sandbox=True))
    sandbox = EventsClient(gateway, sandbox_key)
    async with agreeing() as receiver:
        for who, most in ((client, CREDENTIAL_MAX), (sandbox, SANDBOX_MAX)):
            for number in range(most):
                await who.subscribe(receiver.url, arguments={"transaction_id": f"txn_{number}"})
            told = await who.error("events/subscribe", subscription(receiver.url))
            assert told == (-32025, {"limit": "subscriptions", "max": most})
            # A renewal still passes.
            await who.subscribe(receiver.url, arguments={"transaction_id": "txn_0"})


async def test_webhooks_show_it_and_only_its_client_changes_it(gateway: Gateway) -> None:
    client, key = await client_of(gateway)
    async with agreeing() as receiver:
        granted = await client.subscribe(receiver.url)
        [shown] = (await gateway.call("GET", "/webhooks", key=key)).json()["data"]["items"]
        place = f"/webhooks/{shown['id']}"
        moved = await gateway.call(
            "PATCH", place, key=key, json={"url": "https://elsewhere.example/x"}
        )
        codes = await gateway.call("PATCH", place, key=key, json={"include_codes": True})
        rotated = await gateway.call("POST", f"{place}/rotate-secret", key=key, json={})
        off = await gateway.call("PATCH", place, key=key, json={"status": "disabled"})
        renewed = await client.subscribe(receiver.url)
        gone = await gateway.call("DELETE", place, key=key)

    assert shown["mcp_subscription"]["id"] == granted["id"]
    assert [one.status_code for one in (moved, codes, rotated)] == [422, 422, 422]
    assert off.status_code == 200
    # A person's decision outlasts the client's renewal.
    assert renewed["deliveryStatus"]["active"] is False
    assert gone.status_code == 200


async def test_two_calls_at_once_make_one_subscription(gateway: Gateway) -> None:
    client, key = await client_of(gateway)
    async with agreeing() as receiver:
        made = await asyncio.gather(*(client.subscribe(receiver.url) for _ in range(4)))
    listed = (await gateway.call("GET", "/webhooks", key=key)).json()["data"]["items"]

    assert len({one["id"] for one in made}) == 1
    assert len(listed) == 1


async def test_payers_without_an_account_have_no_events(gateway: Gateway) -> None:
    answer = await gateway.client.post(
        "/x402/mcp",
        json={"jsonrpc": "2.0", "id": 1, "method": "events/list", "params": {}},
        headers={"Accept": "application/json"},
    )
    assert answer.json()["error"]["code"] == -32601


async def test_who_may_change_nothing_subscribes_to_nothing(gateway: Gateway) -> None:
    suspended = await gateway.account()
    stopped = EventsClient(gateway, await gateway.key(suspended))
    full = await gateway.account()
    stuffed = EventsClient(gateway, await gateway.key(full))
    database, now_us = gateway.context.database, gateway.context.clock.now_us()
    await database.transaction(
        lambda tx: account_access.suspend(tx, suspended, "spam", now_us=now_us)
    )
    await database.transaction(
        lambda tx: tx.execute(
            "UPDATE accounts SET staging_full_until = :until WHERE id = :id",
            until=now_us + 60_000_000,
            id=full,
        )
    )
    async with agreeing() as receiver:
        forbidden = await stopped.error("events/subscribe", subscription(receiver.url))
        exhausted = await stuffed.error("events/subscribe", subscription(receiver.url))

    assert forbidden == (-32024, {"reason": "account_suspended"})
    assert exhausted[0] == -32025
    assert exhausted[1]["limit"] == "storage"
    assert receiver.received == []


async def test_a_receiver_that_is_gone_is_asked_again(gateway: Gateway) -> None:
    answers: list[int] = []

    async def answer(received: Received) -> Any:
        agreed = await agree(received)
        return answers[-1] if answers else agreed

    client, key = await client_of(gateway)
    async with Receiver(answer) as receiver, delivering(gateway):
        await client.subscribe(receiver.url)
        answers.append(410)
        await send(gateway, key)
        await until_disabled(gateway, key)
        refused = await client.error("events/subscribe", subscription(receiver.url))
        answers.clear()
        resumed = await client.subscribe(receiver.url)

    assert refused == (-32027, {"reason": "http_4xx"})
    assert resumed["deliveryStatus"]["active"] is True
    kinds = [one.event.get("type") for one in receiver.received]
    assert kinds.count("verification") == 3


async def until_disabled(gateway: Gateway, key: str) -> None:
    for _ in range(200):
        listed = (await gateway.call("GET", "/webhooks", key=key)).json()["data"]["items"]
        if [one["status"] for one in listed] == ["disabled"]:
            return
        await asyncio.sleep(0.02)
    raise AssertionError("the webhook was not disabled")


async def test_a_revoked_key_holds_no_room(gateway: Gateway) -> None:
    account_id = await gateway.account(is_sandbox=True)
    old_key, new_key = await gateway.key(account_id), await gateway.key(account_id)
    old, new = EventsClient(gateway, old_key), EventsClient(gateway, new_key)
    own = (await gateway.call("GET", "/keys/self", key=old_key)).json()["data"]
    async with agreeing() as receiver:
        for number in range(SANDBOX_MAX):
            await old.subscribe(receiver.url, arguments={"transaction_id": f"txn_{number}"})
        full = await new.error("events/subscribe", subscription(receiver.url))
        await gateway.context.database.transaction(
            lambda tx: revoke(tx, Tenant(account_id, "staging"), own["id"], asker=None, now_us=1)
        )
        await new.subscribe(receiver.url)
    listed = (await gateway.call("GET", "/webhooks", key=new_key)).json()["data"]["items"]

    assert full == (-32025, {"limit": "subscriptions", "max": SANDBOX_MAX})
    assert len(listed) == 1


async def test_an_unexpected_error_shows_older_clients_no_words(gateway: Gateway) -> None:
    _, key = await client_of(gateway)
    database = gateway.context.database
    await database.transaction(
        lambda tx: tx.execute("ALTER TABLE account_environments RENAME COLUMN event_no TO away")
    )
    try:
        answer = await gateway.client.post(
            "/mcp",
            json={
                "jsonrpc": "2.0",
                "id": 1,
                "method": "events/poll",
                "params": {"name": "topup.delivered", "cursor": "0"},
            },
            headers={
                "Accept": "application/json, text/event-stream",
                "MCP-Protocol-Version": "2025-06-18",
                "Authorization": f"Bearer {key}",
            },
        )
    finally:
        await database.transaction(
            lambda tx: tx.execute("ALTER TABLE account_environments RENAME COLUMN away TO event_no")
        )
    told = answer.json()["error"]

    assert told["code"] == -32603
    assert "event_no" not in str(told)
    assert "account_environments" not in str(told)
