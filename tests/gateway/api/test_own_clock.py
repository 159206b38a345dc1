"""One clock for a sandbox account: what its callers see of limits, keys and approvals after it was moved."""

from typing import Any

import httpx
import pytest

from kernel.tenant import Tenant
from keys.sandbox_clock import advance as advance_clock
from store.database import Transaction
from tests.gateway.api.test_usage import refusal_of
from tests.support.browser import signed_in, text_of
from tests.support.gateway import API, Gateway

pytestmark = pytest.mark.fixed_clock

HALF_A_DAY = 43_200
SEND: dict[str, Any] = {
    "platform": "claude",
    "amount_cents": 1000,
    "recipient_email": "ana@example.com",
}


async def advance(gateway: Gateway, key: str, seconds: int) -> httpx.Response:
    return await gateway.call("POST", "/sandbox/clock", key=key, json={"advance_s": seconds})


async def data_of(gateway: Gateway, key: str, path: str) -> Any:
    return (await gateway.call("GET", path, key=key)).json()["data"]


async def test_limits_and_ends_are_shown_and_held_by_the_moved_clock(gateway: Gateway) -> None:
    owner = await gateway.key(await gateway.account())
    body = {
        "name": "agent",
        "scopes": ["topup:send", "topup:read"],
        "per_day_cents": 1000,
        "expires_at": "2026-06-15T00:00:01Z",
    }
    made = (await gateway.call("POST", "/keys", key=owner, json=body)).json()["data"]
    agent = made["key"]
    first = await gateway.call("POST", "/topup/send", key=agent, json=SEND)
    full = await gateway.call("POST", "/topup/send", key=agent, json=SEND)

    assert (await advance(gateway, owner, HALF_A_DAY)).status_code == 200

    own = await data_of(gateway, agent, "/keys/self")
    tree = await data_of(gateway, owner, f"/keys/{made['id']}/tree")
    balance = await data_of(gateway, agent, "/topup/balance")
    again = await gateway.call("POST", "/topup/send", key=agent, json=SEND)
    full_again = await gateway.call("POST", "/topup/send", key=agent, json=SEND)
    assert [first.status_code, again.status_code] == [200, 200]
    assert full.headers["Retry-After"] == str(HALF_A_DAY)
    assert full_again.headers["Retry-After"] == "86400"
    error = full_again.json()["data"]["error"]
    assert (error["resets_at"], error["max_now_cents"]) == ("2026-06-15T00:00:00Z", 0)
    assert (own["max_now_cents"], own["expires_at"]) == (1000, "2026-06-15T00:00:01Z")
    for limit in (own["limits"][0], tree["keys"][0]["limits"][0], balance["key"]["windows"][0]):
        assert (limit["spent_cents"] if "spent_cents" in limit else limit["spent"]) == 0
        assert limit["resets_at"] == "2026-06-15T00:00:00Z"

    await advance(gateway, owner, 2 * HALF_A_DAY + 1)
    ended = await gateway.call("POST", "/topup/send", key=agent, json=SEND)
    past = {**body, "expires_at": "2026-06-14T23:59:59Z"}
    too_early = await gateway.call("POST", "/keys", key=owner, json=past)
    assert refusal_of(ended)[:2] == (401, 2010)
    assert refusal_of(too_early)[:2] == (422, 2007)


@pytest.mark.parametrize(
    "limit",
    [
        {"per_day_cents": 10**6},
        {"per_month_cents": 10**6},
        {"windows": [{"seconds": 60, "cents": 10**6}]},
        {"per_recipient_per_day_cents": 10**6},
        {"max_sends_per_hour": 9},
        {"max_recipients_per_week": 9},
        {"repeat_guard_s": 9},
        {"approval_above_per_day_cents": 10**6},
    ],
    ids=lambda limit: next(iter(limit)),
)
@pytest.mark.one_database
async def test_no_key_lifts_its_own_limits_by_the_clock(
    gateway: Gateway, limit: dict[str, Any]
) -> None:
    owner = await gateway.key(await gateway.account())
    scopes = ["topup:send", "topup:read", "keys:write", "usage:write", "billing:write"]
    body = {"name": "agent", "scopes": scopes, **limit}
    agent = (await gateway.call("POST", "/keys", key=owner, json=body)).json()["data"]
    # Above it there is the limit, though it has none itself.
    below = {"name": "child", "scopes": scopes}
    child = (await gateway.call("POST", "/keys", key=agent["key"], json=below)).json()["data"]

    refused = [await advance(gateway, one["key"], 1) for one in (agent, child)]

    assert [refusal_of(one) for one in refused] == [(403, 2009, "limited")] * 2
    assert [one.json()["data"]["error"]["key_id"] for one in refused] == [agent["id"]] * 2
    moved = await advance(gateway, owner, 1)
    assert moved.json()["data"]["ahead_s"] == 1


@pytest.mark.one_database
async def test_a_limit_that_time_gives_nothing_back_of_hinders_nobody(gateway: Gateway) -> None:
    owner = await gateway.key(await gateway.account())
    body = {
        "name": "agent",
        "scopes": ["topup:send"],
        "per_call_cents": 500,
        "lifetime_cents": 500,
        "approval_above_cents": 100,
        "platforms": ["claude"],
        "expires_at": "2026-06-15T00:00:00Z",
    }
    agent = (await gateway.call("POST", "/keys", key=owner, json=body)).json()["data"]["key"]

    assert (await advance(gateway, agent, 1)).status_code == 200


@pytest.mark.one_database
async def test_a_person_moves_the_clock_of_an_account_with_a_limit_of_a_day(
    gateway: Gateway,
) -> None:
    browser = await signed_in(gateway)
    made = await browser.request(
        "POST",
        f"{API}/keys",
        {"Origin": gateway.url},
        json={
            "name": "first",
            "scopes": ["topup:send"],
            "expires_at": "2026-06-14T00:00:00Z",
        },
    )
    active = await browser.request("GET", "/dashboard/keys")
    key = made.json()["data"]["key"]
    own = await data_of(gateway, key, "/keys/self")
    await browser.send("/dashboard/account/limits", {"per_day": "12.50"})

    refused = await advance(gateway, key, HALF_A_DAY)
    moved = await browser.send("/dashboard/clock", {"advance_s": str(HALF_A_DAY)})
    wrong = await browser.send("/dashboard/clock", {"advance_s": "-1"})

    assert own["parents"] == []
    assert refusal_of(refused) == (403, 2009, "limited")
    assert refused.json()["data"]["error"]["key_id"] is None
    assert moved.headers["location"] == "/dashboard?said=clock-moved"
    assert wrong.status_code == 422
    told = "It is 2026-06-14 00:00:00 UTC for this account. The account's clock is ahead of the real time."
    assert told in text_of(wrong.text)
    clock = (await browser.request("GET", f"{API}/sandbox/clock")).json()["data"]
    assert clock == {"ahead_s": HALF_A_DAY, "now": "2026-06-14T00:00:00Z"}
    limits = (await browser.request("GET", f"{API}/account/limits")).json()["data"]
    assert limits["resets_at"] == "2026-06-15T00:00:00Z"
    page = f"/dashboard/keys/{made.json()['data']['id']}"
    shown = [text_of((await browser.request("GET", one)).text) for one in ("/dashboard/keys", page)]
    assert "active" in text_of(active.text)
    assert all("expired" in text and "active" not in text for text in shown)
    assert "$12.50 is left today" in (await browser.request("GET", "/dashboard/account")).text


async def test_an_approval_is_over_for_every_reader_at_once(gateway: Gateway) -> None:
    key = await gateway.key(await gateway.account())
    asks = {**SEND, "recipient_email": "approval@sandbox.test"}
    asked = (await gateway.call("POST", "/topup/send", key=key, json=asks)).json()
    approval_id, path = asked["data"]["approval"]["id"], f"/topup/status/{asked['transaction_id']}"
    before = await data_of(gateway, key, path)

    # No worker runs here: nothing has swept it.
    await advance(gateway, key, 86_400)

    shown = await data_of(gateway, key, f"/approvals/{approval_id}")
    lists = [
        [one["status"] for one in (await data_of(gateway, key, f"/approvals{query}"))["items"]]
        for query in ("", "?status=pending", "?status=expired")
    ]
    after = await data_of(gateway, key, path)
    assert (shown["status"], shown["decided_at"], lists) == (
        "expired",
        None,
        [["expired"], [], ["expired"]],
    )
    # Where it can be looked at is no link of one that nobody can decide any more.
    rels = [{one["rel"] for one in seen["links"]} for seen in (before, after)]
    assert rels == [{"poll", "cancel", "approval"}, {"poll", "cancel"}]


@pytest.mark.one_database
async def test_another_account_sees_its_own_time(gateway: Gateway) -> None:
    moved_id, still_id = [await gateway.account() for _ in range(2)]
    keys = [await gateway.key(one, per_day_cents=1000) for one in (moved_id, still_id)]

    async def work(tx: Transaction) -> None:
        await advance_clock(tx, Tenant(moved_id, "staging"), advance_s=HALF_A_DAY)

    await gateway.context.database.transaction(work)

    shown = [(await data_of(gateway, key, "/keys/self"))["limits"][0]["resets_at"] for key in keys]
    assert shown == ["2026-06-15T00:00:00Z", "2026-06-14T00:00:00Z"]
