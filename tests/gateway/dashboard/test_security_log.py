"""The security log: who did what, from where, for the tenant to read."""

import pytest

from kernel.clock import FixedClock
from keys import audit_log
from tests.gateway.dashboard.test_access import ANN, ask, sign_in_from
from tests.support.browser import PASSWORD, member, new_browser, text_of
from tests.support.gateway import Gateway

pytestmark = [pytest.mark.fixed_clock, pytest.mark.gateway_settings(trusted_proxies="127.0.0.1/32")]

SEND = {"platform": "claude", "amount_cents": 500, "recipient_email": "you@example.com"}


async def test_the_tenant_reads_what_was_done_and_from_where(gateway: Gateway) -> None:
    await member(gateway, ANN)
    await sign_in_from(new_browser(gateway), "203.0.113.7", "some guess")
    ann = new_browser(gateway)
    await sign_in_from(ann, "198.51.100.9")
    made = (await ask(ann, "POST", "/keys", {"name": "agent"})).json()["data"]
    await ask(
        ann,
        "PATCH",
        f"/keys/{made['id']}",
        {"per_call_cents": 500, "approval_above_per_day_cents": 900},
    )
    await ask(ann, "POST", f"/keys/{made['id']}/rotate", {})
    hook = await ask(ann, "POST", "/webhooks/register", {"url": "http://127.0.0.1:9009/h?token=x"})
    endpoint_id = hook.json()["data"]["id"]
    await ask(ann, "PATCH", f"/webhooks/{endpoint_id}", {"url": "http://127.0.0.1:9009/other"})
    await ask(ann, "PATCH", f"/webhooks/{endpoint_id}", {"status": "disabled"})
    await ask(ann, "PATCH", f"/webhooks/{endpoint_id}", {"status": "enabled"})
    await ask(ann, "POST", f"/webhooks/{endpoint_id}/rotate-secret", {})
    await ask(ann, "DELETE", f"/webhooks/{endpoint_id}")
    token = (await ask(ann, "POST", "/tokens", {"name": "desk"})).json()["data"]
    await ask(ann, "DELETE", f"/tokens/{token['id']}")
    await ask(ann, "DELETE", f"/keys/{made['id']}")
    change = {"password": PASSWORD, "new_password": "quite another one"}
    await ann.send("/dashboard/account/password", change)

    answer = await ask(ann, "GET", "/audit")
    items = answer.json()["data"]["items"]

    assert [(one["action"], one["outcome"]) for one in items] == [
        ("password.changed", "done"),
        ("key.revoked", "done"),
        ("token.revoked", "done"),
        ("token.created", "done"),
        ("endpoint.deleted", "done"),
        ("endpoint.secret_rotated", "done"),
        ("endpoint.enabled", "done"),
        ("endpoint.disabled", "done"),
        ("endpoint.moved", "done"),
        ("endpoint.created", "done"),
        ("key.rotated", "done"),
        ("key.changed", "done"),
        ("key.created", "done"),
        ("session.begun", "done"),
        ("session.begun", "refused"),
    ]
    assert [one["address"] for one in items[-2:]] == ["198.51.100.9", "203.0.113.7"]
    assert items[-1]["actor"]["kind"] == "visitor"
    assert items[0]["environment"] is None
    off, on = {"status": "disabled", "disabled_reason": "request"}, {"status": "enabled"}
    assert (items[6]["before"], items[6]["after"]) == (off, on)
    assert items[11]["before"] == {"per_call_cents": None, "approval_above_per_day_cents": None}
    assert items[11]["after"] == {"per_call_cents": 500, "approval_above_per_day_cents": 900}
    assert items[8]["before"] == {"url": "http://127.0.0.1:9009/h", "ed25519": True}
    assert "python-httpx" in items[0]["user_agent"]
    assert "token=x" not in answer.text
    for secret in (PASSWORD, "quite another one", made["key"], token["token"]):
        assert secret not in answer.text
    shown = text_of((await ann.get("/dashboard/account/security")).text)
    assert all(one in shown for one in ("endpoint.moved", "203.0.113.7"))


async def test_the_page_hides_the_columns_left_out(gateway: Gateway) -> None:
    await member(gateway, ANN)
    ann = new_browser(gateway)
    await sign_in_from(ann, "198.51.100.9")

    page = (await ann.get("/dashboard/account/security?columns=action")).text

    assert 'class="lines without-1 without-3 without-4 without-5"' in page


async def test_a_key_reads_its_own_environment_and_a_child_nothing(gateway: Gateway) -> None:
    account_id = await gateway.account(email=ANN)
    live, staging = await gateway.key(account_id, "live"), await gateway.key(account_id)
    stranger = await gateway.key(await gateway.account())
    minted = await gateway.call(
        "POST", "/keys", key=staging, json={"name": "child", "scopes": ["keys:write"]}
    )
    child = minted.json()["data"]["key"]

    seen = (await gateway.call("GET", "/audit", key=staging)).json()["data"]["items"]
    refused = await gateway.call("GET", "/audit", key=child)

    assert [(one["action"], one["actor"]["name"]) for one in seen] == [("key.created", "Test")]
    assert seen[0]["key_name"] == "Test"
    assert seen[0]["key_id"] == seen[0]["actor"]["id"]
    assert (refused.status_code, refused.json()["code"]) == (403, 2009)
    for other in (live, stranger):
        answer = await gateway.call("GET", "/audit", key=other)
        assert answer.json()["data"]["items"] == []


async def test_the_log_is_paged_and_its_old_end_goes(gateway: Gateway, clock: FixedClock) -> None:
    key = await gateway.key(await gateway.account())
    for name in ("one", "two", "three"):
        await gateway.call("POST", "/keys", key=key, json={"name": name})
        clock.advance_s(1)
    database = gateway.context.database

    first = (await gateway.call("GET", "/audit?limit=2", key=key)).json()["data"]
    rest = await gateway.call("GET", f"/audit?limit=2&cursor={first['next_cursor']}", key=key)
    before_us = clock.now_us() - 1_500_000
    gone = await database.transaction(lambda tx: audit_log.prune(tx, before_us=before_us))
    again = await database.transaction(lambda tx: audit_log.prune(tx, before_us=before_us))

    names = [one["after"]["name"] for one in first["items"]]
    assert (names, first["has_more"]) == (["three", "two"], True)
    assert [one["after"]["name"] for one in rest.json()["data"]["items"]] == ["one"]
    assert (gone, again) == (2, 0)
    left = (await gateway.call("GET", "/audit", key=key)).json()["data"]["items"]
    assert [one["after"]["name"] for one in left] == ["three"]


async def test_a_decided_approval_is_written_down(gateway: Gateway) -> None:
    account_id = await gateway.account(email=ANN)
    asker = await gateway.key(account_id, approval_threshold_cents=100)
    decider = await gateway.key(account_id, name="Boss")
    held = await gateway.call("POST", "/topup/send", key=asker, json=SEND)
    approval_id = held.json()["data"]["approval"]["id"]

    await gateway.call("POST", f"/approvals/{approval_id}/approve", key=decider)

    (entry,) = (await gateway.call("GET", "/audit", key=decider)).json()["data"]["items"]
    assert (entry["action"], entry["subject_id"]) == ("approval.approved", approval_id)
    assert entry["key_name"] == "Boss"
