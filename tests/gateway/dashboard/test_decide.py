"""The page of a signed link: a look decides nothing, a press decides once, for whoever has the link."""

import asyncio
from typing import Any

import pytest

from kernel.clock import FixedClock
from kernel.tenant import Tenant
from keys import account_access
from keys.api_keys import api_key
from keys.mandate import SpendWindow
from tests.support.browser import signed_in
from tests.support.gateway import API, Gateway

ASKS = {
    "platform": "claude",
    "amount_cents": 600,
    "recipient_email": "approval@sandbox.test",
    "note": "<script>alert(1)</script> \u202e for the team",
}
FORM = {"content-type": "application/x-www-form-urlencoded"}


async def asked(gateway: Gateway, key: str) -> tuple[str, str]:
    """The approval's id, and the path of its link."""
    answer = await gateway.call("POST", "/topup/send", key=key, json=ASKS)
    approval_id = str(answer.json()["data"]["approval"]["id"])
    url = gateway.context.topup_rules.decide_url(approval_id)
    return approval_id, "/" + url.partition("/decide/")[1].strip("/") + "/" + url.rpartition("/")[2]


async def press(gateway: Gateway, path: str, decision: str) -> Any:
    content = f"decision={decision}"
    return await gateway.client.post(path, content=content, headers=FORM)


async def test_an_ended_requester_is_told_and_the_funds_go_back(gateway: Gateway) -> None:
    account_id = await gateway.account()
    key = await gateway.key(account_id, name="Agent 7")
    _, path = await asked(gateway, key)
    own = (await gateway.call("GET", "/keys/self", key=key)).json()["data"]["id"]
    tenant, now_us = Tenant(account_id, "staging"), gateway.context.clock.now_us()
    await gateway.context.database.transaction(
        lambda tx: api_key.revoke(tx, tenant, own, asker=None, now_us=now_us)
    )

    pressed = await press(gateway, path, "approve")
    later = await gateway.client.get(path)

    assert pressed.status_code == 409
    assert "The API key &#34;Agent 7&#34; that made this send was revoked." in pressed.text
    for page in (pressed, later):
        assert "The send was cancelled, and its funds were returned." in page.text
        assert "<form" not in page.text


async def test_a_look_shows_what_is_asked_and_a_press_decides_it_once(gateway: Gateway) -> None:
    account_id = await gateway.account()
    key = await gateway.key(account_id, name="Agent 7", per_day_cents=5_000)
    approval_id, path = await asked(gateway, key)

    looks = [await gateway.client.request(method, path) for method in ("HEAD", "GET", "GET")]
    still = await gateway.call("GET", f"/approvals/{approval_id}", key=key)
    pressed = [await press(gateway, path, word) for word in ("approve", "deny", "approve")]
    after = (await gateway.call("GET", f"/approvals/{approval_id}", key=key)).json()["data"]

    page = looks[1].text
    assert [one.status_code for one in looks] == [200, 200, 200]
    for words in ("$6.00", "approval@sandbox.test", "claude", "Agent 7", "$44.00 of $50.00"):
        assert words in page
    assert "<script>" not in page
    assert looks[1].headers["referrer-policy"] == "no-referrer"
    assert looks[1].headers["x-robots-tag"] == "noindex, nofollow"
    assert looks[1].headers["cache-control"] == "no-store"
    assert still.json()["data"]["status"] == "pending"
    assert [one.status_code for one in pressed] == [200, 409, 409]
    assert all("approved at" in one.text and "with this link" in one.text for one in pressed)
    assert "<form" not in pressed[0].text
    assert (after["status"], after["decided_by"]) == ("approved", "link")


async def test_a_link_of_another_purpose_an_edited_one_and_a_wrong_press_decide_nothing(
    gateway: Gateway,
) -> None:
    key = await gateway.key(await gateway.account())
    approval_id, path = await asked(gateway, key)
    shown = (await gateway.call("GET", f"/approvals/{approval_id}", key=key)).json()["data"]
    claim = gateway.context.topup_rules.claim_token_of(shown["transaction_id"])
    changed = path[:-1] + ("A" if path[-1] != "A" else "B")

    wrong = [
        await press(gateway, f"/decide/{token}", "approve")
        for token in (claim, changed.rpartition("/")[2], "x" * 22, approval_id, "%00", "a" * 5_000)
    ]
    unclear = [await press(gateway, path, word) for word in ("", "APPROVE", "x" * 60_000)]
    after = (await gateway.call("GET", f"/approvals/{approval_id}", key=key)).json()["data"]

    assert {one.status_code for one in wrong} == {404}
    assert {one.status_code for one in unclear} == {422}
    assert after["status"] == "pending"
    # The API tells where a person signs in, never the link.
    assert path.rpartition("/")[2] not in str(after)
    assert after["url"].endswith(f"/dashboard/approvals/{approval_id}")
    assert (after["amount_cents"], after["platform"]) == (600, "claude")
    assert after["requester"]["key_name"] == "Test"


@pytest.mark.one_database
async def test_what_refuses_it_is_said_in_the_readers_language(gateway: Gateway) -> None:
    account_id = await gateway.account()
    _, path = await asked(gateway, await gateway.key(account_id))
    await gateway.context.database.transaction(
        lambda tx: account_access.suspend(tx, account_id, "Unpaid bills", now_us=1)
    )

    arabic, spanish = [
        await gateway.client.post(f"{path}?lang={tag}", content="decision=approve", headers=FORM)
        for tag in ("ar", "es")
    ]

    assert (arabic.status_code, spanish.status_code) == (409, 409)
    assert '<bdi lang="ar">هذا الحساب موقوف' in arabic.text
    assert '<bdi lang="en">This account is suspended' in spanish.text


async def test_of_two_presses_and_a_key_at_once_one_decides(gateway: Gateway) -> None:
    account_id = await gateway.account()
    key, approver = await gateway.key(account_id), await gateway.key(account_id)
    approval_id, path = await asked(gateway, key)

    answers = await asyncio.gather(
        press(gateway, path, "approve"),
        press(gateway, path, "deny"),
        gateway.call("POST", f"/approvals/{approval_id}/deny", key=approver, json={}),
    )
    after = (await gateway.call("GET", f"/approvals/{approval_id}", key=key)).json()["data"]

    assert sorted(one.status_code for one in answers) == [200, 409, 409]
    assert after["status"] in {"approved", "denied"}


@pytest.mark.one_database
async def test_it_is_read_and_decided_in_the_readers_language(gateway: Gateway) -> None:
    account_id = await gateway.account()
    windows = [SpendWindow(93_600, 5_000)]
    key = await gateway.key(account_id, name="Agent 7", windows=windows, max_sends_per_hour=3)
    _, path = await asked(gateway, key)

    async def look(accepted: str, query: str = "") -> str:
        headers = {"accept-language": accepted}
        return str((await gateway.client.get(path + query, headers=headers)).text)

    arabic = await look("ar-EG, en;q=0.5")
    spanish = await look("ar", "?lang=es")
    english = [await look("fr"), await look("", "?lang=xx"), await look("ar", "?lang=en")]
    pressed = [
        await gateway.client.post(f"{path}?lang=zh", content=f"decision={one}", headers=FORM)
        for one in ("deny", "approve")
    ]

    assert '<html lang="ar" dir="rtl">' in arabic
    assert f'action="{path}?lang=ar"' in arabic
    for words in ("يريد \u2068Agent 7\u2069 إرسال", "44.00\xa0US$", "يوم وساعتان"):
        assert words in arabic
    assert '<html lang="es" dir="ltr">' in spanish
    assert "Agent 7 quiere enviar 6,00\xa0US$ a approval@sandbox.test." in spanish
    assert "2 de 3" in spanish
    assert "En cualquier período de 1 día y 2 horas" in spanish
    for page in english:
        assert "Agent 7 wants to send $6.00 to approval@sandbox.test." in page
        assert f'href="{path}?lang=ar"' in page
    assert [one.status_code for one in pressed] == [200, 409]
    assert all('lang="zh" dir="ltr"' in one.text for one in pressed)
    assert all("通过此链接拒绝" in one.text for one in pressed)


@pytest.mark.fixed_clock
async def test_an_ended_link_says_so_by_the_accounts_own_clock(
    gateway: Gateway, clock: FixedClock
) -> None:
    key = await gateway.key(await gateway.account())
    approval_id, path = await asked(gateway, key)
    _, later = await asked(gateway, key)
    taken = (await gateway.call("GET", f"/approvals/{approval_id}", key=key)).json()["data"]
    body = {"transaction_id": taken["transaction_id"]}
    await gateway.call("POST", "/topup/cancel", key=key, json=body)
    await gateway.call("POST", "/sandbox/clock", key=key, json={"advance_s": 86_401})

    cancelled = await gateway.client.get(path)
    expired = [await gateway.client.get(later), await press(gateway, later, "approve")]

    assert "The sender cancelled this send" in cancelled.text
    assert all("Nobody approved or denied this send by" in one.text for one in expired)
    assert [one.status_code for one in expired] == [200, 409]


@pytest.mark.one_database
async def test_who_decides_by_one_press_in_the_list_reads_the_whole_address(
    gateway: Gateway,
) -> None:
    browser = await signed_in(gateway)
    body = {"name": "Agent", "scopes": ["topup:send"], "approval_above_cents": 100}
    made = await browser.request("POST", f"{API}/keys", {"Origin": gateway.url}, json=body)
    key = made.json()["data"]["key"]
    address = "ana.of.the.design.team" + "x" * 40 + "@elsewhere.example"
    order = {**ASKS, "recipient_email": address}
    waiting = await gateway.call("POST", "/topup/send", key=key, json=order)

    listed = (await browser.get("/dashboard/approvals")).text

    assert waiting.json()["code"] == 3006
    assert address in listed
