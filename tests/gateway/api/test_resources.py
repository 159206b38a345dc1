"""Keys, tokens, webhooks, events and deliveries as their callers see them, on both databases."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from gateway.app import API_PREFIX
from kernel.clock import FixedClock
from keys.signatures.signing import signature_headers
from tests.support.gateway import Gateway

pytestmark = pytest.mark.fixed_clock

GOOD = {"platform": "claude", "amount_cents": 1000, "recipient_email": "user@example.com"}
KEY_FIELDS = {
    "id",
    "parent_id",
    "environment",
    "name",
    "prefix",
    "last4",
    "scopes",
    "caps",
    "client_id",
    "ip_allow_list",
    "approval_threshold_cents",
    "approval_above_cents",
    "approval_above_per_day_cents",
    "purpose",
    "lifetime_cents",
    "platforms",
    "recipients",
    "windows",
    "per_recipient_per_day_cents",
    "max_sends_per_hour",
    "max_recipients_per_week",
    "repeat_guard_s",
    "expires_at",
    "created_at",
    "last_used_at",
    "last_used_by",
    "paused_at",
    "revoked_at",
}
ENDPOINT_FIELDS = {
    "id",
    "url",
    "events",
    "description",
    "status",
    "disabled_reason",
    "retry_schedule_s",
    "rate_limit_per_s",
    "ordered",
    "include_codes",
    "include_approval_links",
    "filter",
    "failing_since",
    "headers",
    "created_at",
    "ed25519",
    "public_key",
    "mcp_subscription",
}


@pytest_asyncio.fixture
async def key(gateway: Gateway) -> str:
    return await gateway.key(await gateway.account(email="me@example.com"))


@pytest_asyncio.fixture
async def hook() -> AsyncIterator[str]:
    """A receiver that takes everything with 204."""

    async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(take, "127.0.0.1", 0)
    yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/hook"
    server.close()
    await server.wait_closed()


async def data_of(
    gateway: Gateway, key: str, method: str, path: str, status: int = 200, **arguments: Any
) -> dict[str, Any]:
    answer = await gateway.call(method, path, key=key, **arguments)
    assert answer.status_code == status, answer.text
    return dict(answer.json()["data"])


async def test_a_minted_key_shows_its_secret_once(gateway: Gateway, key: str) -> None:
    body = {
        "name": "agent",
        "scopes": ["topup:send", "topup:read"],
        "per_call_cents": 500,
        "caps": {"per_day_cents": 1000},
        "ip_allow_list": ["127.0.0.1"],
        "approval_threshold_cents": 400,
        "expires_at": "2099-01-01T00:00:00Z",
    }

    made = await data_of(gateway, key, "POST", "/keys", 201, json=body)
    shown = await data_of(gateway, key, "GET", f"/keys/{made['id']}")

    assert set(made) == KEY_FIELDS | {"key"}
    assert set(shown) == KEY_FIELDS
    assert made["key"].startswith("ak_staging_")
    assert (shown["prefix"], shown["last4"]) == (made["key"][:16], made["key"][-4:])
    assert shown["caps"] == {"per_call_cents": 500, "per_day_cents": 1000, "per_month_cents": None}
    assert shown["scopes"] == ["topup:send", "topup:read"]
    assert shown["ip_allow_list"] == ["127.0.0.1/32"]
    assert shown["expires_at"] == "2099-01-01T00:00:00Z"
    assert shown["parent_id"] is not None


@pytest.mark.one_database
async def test_a_cap_with_two_values_is_2007(gateway: Gateway, key: str) -> None:
    answer = await gateway.call(
        "POST", "/keys", key=key, json={"per_day_cents": 1, "caps": {"per_day_cents": 2}}
    )

    assert answer.json()["code"] == 2007
    assert answer.json()["data"]["error"]["param"] == "per_day_cents"


async def test_a_child_is_changed_rotated_and_revoked_by_its_parent(
    gateway: Gateway, key: str, clock: FixedClock
) -> None:
    made = await data_of(gateway, key, "POST", "/keys", 201, json={"name": "child"})
    path = f"/keys/{made['id']}"

    changed = await data_of(
        gateway, key, "PATCH", path, json={"name": "new", "caps": {"per_month_cents": 9}}
    )
    rotated = await data_of(gateway, key, "POST", f"{path}/rotate")
    old = await gateway.call("GET", "/topup/balance", key=made["key"])
    new = await gateway.call("GET", "/topup/balance", key=rotated["key"])
    revoked = await data_of(gateway, key, "DELETE", path)
    clock.advance_s(1)
    ended = await gateway.call("GET", "/topup/balance", key=rotated["key"])

    assert (changed["name"], changed["caps"]["per_month_cents"]) == ("new", 9)
    assert (old.status_code, new.status_code, ended.status_code) == (401, 200, 401)
    assert revoked["revoked_at"] is not None


async def test_a_key_cannot_change_itself_or_see_a_sibling(gateway: Gateway, key: str) -> None:
    first = await data_of(gateway, key, "POST", "/keys", 201, json={"scopes": ["keys:write"]})
    other = await data_of(gateway, key, "POST", "/keys", 201, json={"scopes": ["keys:write"]})

    itself = await gateway.call(
        "PATCH", f"/keys/{first['id']}", key=first["key"], json={"per_day_cents": None}
    )
    sibling = await gateway.call("DELETE", f"/keys/{other['id']}", key=first["key"])
    parent = await gateway.call("GET", f"/keys/{first['parent_id']}", key=first["key"])

    assert itself.json()["code"] == 2009
    assert (sibling.status_code, sibling.json()["message"]) == (404, "Key not found")
    assert parent.status_code == 404


async def test_keys_are_listed_by_pages_newest_first(gateway: Gateway, key: str) -> None:
    ids = [
        (await data_of(gateway, key, "POST", "/keys", 201, json={"name": str(n)}))["id"]
        for n in range(3)
    ]

    first = await data_of(gateway, key, "GET", "/keys?limit=2")
    second = await data_of(gateway, key, "GET", f"/keys?limit=2&cursor={first['next_cursor']}")

    assert [item["id"] for item in first["items"]] == [ids[2], ids[1]]
    assert first["has_more"] is True
    assert second["items"][0]["id"] == ids[0]
    assert (second["has_more"], second["next_cursor"]) == (False, None)


@pytest.mark.one_database
async def test_a_wrong_page_is_2007(gateway: Gateway, key: str) -> None:
    for path in ("/keys", "/tokens", "/webhooks", "/deliveries", "/events"):
        for query in ("limit=201", "limit=0", "cursor=nonsense", "x=1"):
            answer = await gateway.call("GET", f"{path}?{query}", key=key)

            assert (answer.status_code, answer.json()["code"]) == (422, 2007)
            errors = answer.json()["data"]["error"]["errors"]
            assert [error["param"] for error in errors] == [query.partition("=")[0]]


async def test_tokens_are_made_listed_and_revoked(
    gateway: Gateway, key: str, clock: FixedClock
) -> None:
    made = await data_of(gateway, key, "POST", "/tokens", 201, json={"name": "cli"})
    other = await data_of(gateway, key, "POST", "/tokens", 201, json={"name": "ci"})
    works = await gateway.call("GET", "/topup/balance", key=made["token"])

    listed = await data_of(gateway, key, "GET", "/tokens")
    await data_of(gateway, key, "DELETE", f"/tokens/{made['id']}")
    await data_of(gateway, key, "DELETE", "/tokens", json={"id": other["id"]})
    clock.advance_s(1)
    ended = await gateway.call("GET", "/topup/balance", key=other["token"])

    assert made["token"].startswith("sat_staging_")
    assert works.status_code == 200
    assert [item["name"] for item in listed["items"]] == ["ci", "cli"]
    assert "token" not in listed["items"][0]
    assert ended.json()["code"] == 2010


async def test_an_endpoint_shows_its_secret_at_creation_and_rotation_only(
    gateway: Gateway, key: str, hook: str
) -> None:
    body = {"url": hook, "events": ["topup.delivered"], "headers": {"X-Tenant": "hunter2"}}

    made = await data_of(gateway, key, "POST", "/webhooks/register", 201, json=body)
    shown = await data_of(gateway, key, "GET", f"/webhooks/{made['id']}")
    rotated = await data_of(gateway, key, "POST", f"/webhooks/{made['id']}/rotate-secret")

    assert set(made) == ENDPOINT_FIELDS | {"secret"}
    assert set(shown) == ENDPOINT_FIELDS
    assert made["secret"].startswith("whsec_")
    assert rotated["secret"] != made["secret"]
    assert shown["events"] == ["topup.delivered"]
    assert "hunter2" not in str(shown)


@pytest.mark.one_database
async def test_a_url_that_may_not_be_called_is_5002(gateway: Gateway, key: str) -> None:
    for url, reason in (
        ("ftp://example.com/", "scheme"),
        ("http://user:pw@127.0.0.1/", "credentials"),
        ("http://127.0.0.1:22/", "port"),
        ("nonsense", "form"),
        ("", "form"),
        ("https://example.com/" + "a" * 2029, "form"),
    ):
        answer = await gateway.call("POST", "/webhooks/register", key=key, json={"url": url})

        assert (answer.status_code, answer.json()["code"]) == (422, 5002)
        assert answer.json()["data"]["error"]["reason"] == reason


async def test_an_endpoint_is_changed_and_deleted(gateway: Gateway, key: str, hook: str) -> None:
    made = await data_of(gateway, key, "POST", "/webhooks/register", 201, json={"url": hook})
    path = f"/webhooks/{made['id']}"

    changed = await data_of(
        gateway, key, "PATCH", path, json={"description": "x", "status": "disabled"}
    )
    deleted = await gateway.call("DELETE", path, key=key)
    gone = await gateway.call("GET", path, key=key)

    assert (changed["description"], changed["status"]) == ("x", "disabled")
    assert changed["url"] == hook
    assert deleted.status_code == 200
    assert (gone.status_code, gone.json()["message"]) == (404, "Webhook not found")


async def test_a_test_ping_answers_with_its_attempt(gateway: Gateway, key: str, hook: str) -> None:
    made = await data_of(gateway, key, "POST", "/webhooks/register", 201, json={"url": hook})

    attempt = await data_of(
        gateway, key, "POST", f"/webhooks/{made['id']}/test", json={"event": "topup.delivered"}
    )

    assert (attempt["number"], attempt["http_status"], attempt["error"]) == (1, 204, None)


async def test_a_test_ping_that_fails_is_5001_with_its_attempt(gateway: Gateway, key: str) -> None:
    # Port 9 (discard) is refused by name, so a port that nobody listens on.
    server = await asyncio.start_server(lambda _reader, _writer: None, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    server.close()
    await server.wait_closed()
    url = f"http://127.0.0.1:{port}/"
    made = await data_of(gateway, key, "POST", "/webhooks/register", 201, json={"url": url})

    answer = await gateway.call("POST", f"/webhooks/{made['id']}/test", key=key)

    assert (answer.status_code, answer.json()["code"]) == (422, 5001)
    data = answer.json()["data"]
    assert data["error"]["detail"] == "The endpoint did not accept the sample event: connect."
    assert (data["attempt"]["error"], data["attempt"]["http_status"]) == ("connect", None)


@pytest.mark.one_database
async def test_verify_says_what_is_wrong(gateway: Gateway, key: str) -> None:
    secret = "whsec_" + "QUJD" * 8
    body = '{"id":"evt_1"}'
    now_s = gateway.context.clock.now_us() // 1_000_000
    headers = signature_headers(
        secrets=[secret], message_id="evt_1", timestamp_s=now_s, body=body.encode()
    )
    good = {"headers": headers, "body": body, "secret": secret}

    right = await data_of(gateway, key, "POST", "/webhooks/verify", json=good)
    wrong = await data_of(
        gateway, key, "POST", "/webhooks/verify", json={**good, "body": body + " "}
    )

    assert right == {"valid": True, "findings": []}
    assert wrong["valid"] is False
    assert {finding["part"] for finding in wrong["findings"]} == {"bytes"}


async def test_events_are_paged_and_polled_without_a_gap(gateway: Gateway, key: str) -> None:
    for _ in range(3):
        await data_of(gateway, key, "POST", "/topup/send", json=GOOD)

    newest = await data_of(gateway, key, "GET", "/events?limit=2")
    older = await data_of(gateway, key, "GET", f"/events?cursor={newest['next_cursor']}")
    first = await data_of(gateway, key, "GET", "/events?after=0&limit=2")
    second = await data_of(gateway, key, "GET", f"/events?after={first['next_cursor']}&limit=2")
    nothing = await data_of(gateway, key, "GET", f"/events?after={second['next_cursor']}")

    down = [item["id"] for item in newest["items"] + older["items"]]
    up = [item["id"] for item in first["items"] + second["items"]]
    assert len(up) == 3
    assert up == down[::-1]
    assert nothing == {"items": [], "next_cursor": second["next_cursor"], "has_more": False}
    shown = await data_of(gateway, key, "GET", f"/events/{up[0]}")
    assert shown == first["items"][0]


async def test_a_delivery_is_listed_shown_and_replayed(
    gateway: Gateway, key: str, hook: str
) -> None:
    endpoint = await data_of(gateway, key, "POST", "/webhooks/register", 201, json={"url": hook})
    sent = await gateway.call("POST", "/topup/send", key=key, json=GOOD)
    transaction_id = sent.json()["transaction_id"]

    listed = await data_of(gateway, key, "GET", f"/deliveries?transaction_id={transaction_id}")
    (item,) = listed["items"]
    shown = await data_of(gateway, key, "GET", f"/deliveries/{item['id']}")
    replay = await gateway.call("POST", f"/deliveries/{item['id']}/replay", key=key)

    assert (item["endpoint_id"], item["status"]) == (endpoint["id"], "pending")
    assert shown == {**item, "attempts": []}
    assert replay.status_code == 202
    assert replay.json()["transaction_id"] == transaction_id
    assert replay.json()["data"]["replay_of"] == item["id"]
    assert replay.json()["data"]["event_id"] == item["event_id"]


async def test_deliveries_are_filtered(gateway: Gateway, key: str, hook: str) -> None:
    await data_of(gateway, key, "POST", "/webhooks/register", 201, json={"url": hook})
    await data_of(gateway, key, "POST", "/topup/send", json=GOOD)

    async def count(query: str) -> int:
        return len((await data_of(gateway, key, "GET", f"/deliveries?{query}"))["items"])

    assert await count("status=pending&event_type=topup.delivered") == 1
    assert await count("status=failed") == 0
    assert await count("created_after=2020-01-01T00:00:00Z") == 1
    assert await count("created_before=2020-01-01T00:00:00Z") == 0
    wrong = await gateway.call("GET", "/deliveries?created_after=yesterday", key=key)
    assert wrong.json()["code"] == 2007


@pytest.mark.one_database
async def test_the_code_table_is_public(gateway: Gateway) -> None:
    answer = await gateway.client.get(f"{API_PREFIX}/codes")

    items = {item["code"]: item for item in answer.json()["data"]["items"]}
    assert items[2002]["http_status"] == 402
    assert items[2002]["success"] is False
    assert items[1001] | {"message": "Top-up delivered", "success": True} == items[1001]
    assert min(items) == 1000
    assert max(items) == 5002
