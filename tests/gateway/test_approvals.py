"""Who decides on a held send, and that looking vouchers up is no way to guess them."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio

from tests.gateway.running import Gateway, running, settings_of

SEND = {"platform": "claude", "amount_cents": 600, "recipient_email": "user@example.com"}


@pytest_asyncio.fixture
async def gateway(database_url: str, tmp_path: Path) -> AsyncIterator[Gateway]:
    async with running(settings_of(database_url, tmp_path)) as opened:
        yield opened


async def mint(gateway: Gateway, parent: str, *scopes: str) -> str:
    answer = await gateway.call(
        "POST", "/keys", key=parent, json={"name": "child", "scopes": list(scopes)}
    )
    assert answer.status_code == 201, answer.text
    return str(answer.json()["data"]["key"])


async def test_a_key_does_not_approve_its_familys_sends_through_another_child(
    gateway: Gateway,
) -> None:
    account_id = await gateway.account()
    root = await gateway.key(account_id, approval_threshold_cents=500)
    sender = await mint(gateway, root, "topup:send")
    decider = await mint(gateway, root, "approvals:write")
    asked = await gateway.call("POST", "/topup/send", key=sender, json=SEND)
    assert asked.json()["code"] == 3006
    path = f"/approvals/{asked.json()['data']['approval']['id']}/approve"

    for key in (root, decider):
        refused = await gateway.call("POST", path, key=key, json={})
        assert (refused.status_code, refused.json()["code"]) == (403, 2009)

    outsider = await gateway.key(account_id)
    approved = await gateway.call("POST", path, key=outsider, json={})
    assert (approved.status_code, approved.json()["code"]) == (200, 1001)


async def test_a_decision_is_made_once_and_by_its_own_account(gateway: Gateway) -> None:
    account_id = await gateway.account()
    key = await gateway.key(account_id, approval_threshold_cents=500)
    decider = await gateway.key(account_id)
    stranger = await gateway.key(await gateway.account())
    asked = await gateway.call("POST", "/topup/send", key=key, json=SEND)
    approval_id = asked.json()["data"]["approval"]["id"]

    unknown = await gateway.call("POST", f"/approvals/{approval_id}/deny", key=stranger, json={})
    denied = await gateway.call("POST", f"/approvals/{approval_id}/deny", key=decider, json={})
    again = await gateway.call("POST", f"/approvals/{approval_id}/approve", key=decider, json={})

    assert (unknown.status_code, unknown.json()["code"]) == (404, 3003)
    assert (denied.status_code, denied.json()["status"]) == (200, "cancelled")
    assert denied.json()["data"]["wallet_balance_cents"] == 1_000_000
    assert (again.status_code, again.json()["code"]) == (409, 3004)
    # The envelope's status is the top-up's: "denied" is a word of approvals alone.
    assert again.json()["transaction_id"] == asked.json()["transaction_id"]
    assert again.json()["status"] == "cancelled"
    assert again.json()["data"]["error"]["approval_status"] == "denied"


async def test_wrong_voucher_codes_are_soon_refused_and_right_ones_are_not(
    gateway: Gateway,
) -> None:
    account_id = await gateway.account()
    key = await gateway.key(account_id)
    sent = await gateway.call("POST", "/topup/send", key=key, json=SEND)
    code = sent.json()["data"]["voucher_code"]

    hits = [await gateway.call("GET", f"/vouchers/{code}", key=key) for _ in range(70)]
    assert {hit.status_code for hit in hits} == {200}

    wrong = "ATU-0000-0000-0000-0000-0000"
    misses = [await gateway.call("GET", f"/vouchers/{wrong}", key=key) for _ in range(90)]
    assert [miss.json()["code"] for miss in misses[:40]] == [2011] * 40
    assert misses[-1].json()["code"] == 4001
    error = misses[-1].json()["data"]["error"]
    assert {"limit", "remaining", "resets_at"} <= error.keys()
    assert misses[-1].headers["Retry-After"] == str(error["retry_after_s"])
