"""Who decides on a held send, and that looking vouchers up is no way to guess them."""

from typing import Any

from kernel.tenant import Tenant
from keys.api_keys import api_key
from tests.support.gateway import Gateway

SEND = {"platform": "claude", "amount_cents": 600, "recipient_email": "user@example.com"}
ASKS = {**SEND, "recipient_email": "approval@sandbox.test"}


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


async def test_a_sandbox_account_gets_a_key_that_decides_on_what_its_own_key_asks(
    gateway: Gateway,
) -> None:
    made = (await gateway.call("POST", "/keys/sandbox", json={})).json()["data"]
    asker, approver = made["key"], made["approver_key"]
    asked = await gateway.call("POST", "/topup/send", key=asker, json=ASKS)
    transaction_id = asked.json()["transaction_id"]
    approve = f"/approvals/{asked.json()['data']['approval']['id']}/approve"

    settled = [
        await gateway.call(
            "POST", f"/sandbox/topups/{transaction_id}", key=asker, json={"outcome": outcome}
        )
        for outcome in ("delivered", "failed")
    ]
    by_asker = await gateway.call("POST", approve, key=asker, json={})
    cannot_send = await gateway.call("POST", "/topup/send", key=approver, json=SEND)
    approved = await gateway.call("POST", approve, key=approver, json={})

    for refused in settled:
        assert (refused.status_code, refused.json()["code"]) == (403, 2009)
        error = refused.json()["data"]["error"]
        assert error["reason"] == "awaits_approval"
        assert error["approval"]["id"] == asked.json()["data"]["approval"]["id"]
        assert error["links"][0]["href"] == f"{gateway.url}/api/public/v1{approve}"
    assert (by_asker.status_code, by_asker.json()["data"]["error"]["reason"]) == (
        403,
        "same_lineage",
    )
    assert (cannot_send.status_code, cannot_send.json()["code"]) == (403, 2009)
    assert (approved.status_code, approved.json()["code"]) == (200, 1001)
    assert approved.json()["data"]["approval"]["decided_by"].startswith("key_")


async def test_whoever_cancels_what_waits_is_named_and_denies_nothing(gateway: Gateway) -> None:
    key = await gateway.key(await gateway.account())
    asked = await gateway.call("POST", "/topup/send", key=key, json=ASKS)
    body = {"transaction_id": asked.json()["transaction_id"]}

    cancelled = await gateway.call("POST", "/topup/cancel", key=key, json=body)

    path = f"/approvals/{asked.json()['data']['approval']['id']}"
    approval = (await gateway.call("GET", path, key=key)).json()["data"]
    assert (cancelled.status_code, cancelled.json()["code"]) == (200, 3001)
    assert approval["status"] == "cancelled"
    assert approval["decided_by"] == approval["requested_by"]


async def test_a_day_of_small_sends_asks_once_its_sum_is_reached(gateway: Gateway) -> None:
    account_id = await gateway.account()
    key = await gateway.key(account_id, approval_above_per_day_cents=1200)

    answers = [await gateway.call("POST", "/topup/send", key=key, json=SEND) for _ in range(3)]
    rehearsed = await gateway.call("POST", "/topup/validate", key=key, json=SEND)

    assert [one.json()["code"] for one in answers] == [1001, 1001, 3006]
    assert rehearsed.json()["data"]["would_be"] == "approval_required"


async def test_both_names_of_the_threshold_are_taken_and_shown(gateway: Gateway) -> None:
    key = await gateway.key(await gateway.account())

    async def made(**fields: int | None) -> dict[str, object]:
        answer = await gateway.call("POST", "/keys", key=key, json={"name": "child", **fields})
        assert answer.status_code == 201, answer.text
        return dict(answer.json()["data"])

    old, new = await made(approval_threshold_cents=500), await made(approval_above_cents=500)
    both = await made(approval_above_cents=5, approval_threshold_cents=5)
    path = f"/keys/{new['id']}"
    changed = await gateway.call("PATCH", path, key=key, json={"approval_above_per_day_cents": 900})
    cleared = await gateway.call("PATCH", path, key=key, json={"approval_above_cents": None})
    disagree = await gateway.call(
        "POST", "/keys", key=key, json={"approval_above_cents": 5, "approval_threshold_cents": 6}
    )

    for one, cents in ((old, 500), (new, 500), (both, 5)):
        assert one["approval_above_cents"] == one["approval_threshold_cents"] == cents
        assert one["approval_above_per_day_cents"] is None
    assert changed.json()["data"]["approval_above_cents"] == 500
    assert changed.json()["data"]["approval_above_per_day_cents"] == 900
    assert cleared.json()["data"]["approval_above_cents"] is None
    assert cleared.json()["data"]["approval_above_per_day_cents"] == 900
    assert (disagree.status_code, disagree.json()["code"]) == (422, 2007)
    assert disagree.json()["data"]["error"]["param"] == "approval_above_cents"


async def _change(gateway: Gateway, account_id: str, key_id: str, act: Any) -> None:
    """As the account's own person does it."""
    tenant = Tenant(account_id, "staging")
    now_us = gateway.context.clock.now_us()
    await gateway.context.database.transaction(
        lambda tx: act(tx, tenant, key_id, asker=None, now_us=now_us)
    )


async def test_an_ended_requester_is_never_told_as_the_approvers_own_key(gateway: Gateway) -> None:
    account_id = await gateway.account()
    sender = await gateway.key(account_id, name="Agent 7", approval_threshold_cents=500)
    approver = await gateway.key(account_id)
    own = (await gateway.call("GET", "/keys/self", key=sender)).json()["data"]["id"]
    ids = []
    for _ in range(2):
        asked = await gateway.call("POST", "/topup/send", key=sender, json=SEND)
        ids.append(asked.json()["data"]["approval"]["id"])
    await _change(gateway, account_id, own, api_key.pause)
    paused = await gateway.call("POST", f"/approvals/{ids[0]}/approve", key=approver, json={})
    await _change(gateway, account_id, own, api_key.revoke)
    headers = {"Idempotency-Key": "one"}

    ended = [
        await gateway.call(
            "POST", f"/approvals/{ids[0]}/approve", key=approver, json={}, headers=headers
        )
        for _ in range(2)
    ]

    assert (paused.status_code, paused.json()["code"], paused.json()["status"]) == (
        *(409, 3009),
        "pending",
    )
    assert paused.json()["data"]["error"]["reason"] == "requester_paused"
    assert ended[0].content == ended[1].content
    assert (ended[0].status_code, ended[0].json()["code"], ended[0].json()["status"]) == (
        *(409, 3009),
        "cancelled",
    )
    assert ended[0].json()["success"] is False
    error = ended[0].json()["data"]["error"]
    assert (error["reason"], error["requester_key_id"]) == ("requester_ended", own)
    assert error["detail"] == (
        'The API key "Agent 7" that made this send was revoked. The top-up was cancelled, and its funds'
        " are back in the wallet."
    )
    balance = (await gateway.call("GET", "/topup/balance", key=approver)).json()["data"]
    # The other one waits still: $6.00 of it are held.
    assert (balance["balance_cents"], balance["held_cents"]) == (999_400, 600)
