"""A key's mandate as its owner and its holder meet it: pause at two gateways, the page, replays, the day."""

import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from kernel.clock import FixedClock
from tests.support.browser import signed_in
from tests.support.gateway import Gateway, running, settings_of

SEND: dict[str, Any] = {
    "platform": "claude",
    "amount_cents": 1000,
    "recipient_email": "ana@example.com",
}


@pytest_asyncio.fixture
async def gateways(
    database_url: str, tmp_path: Path, clock: FixedClock
) -> AsyncIterator[tuple[Gateway, Gateway]]:
    settings = settings_of(database_url, tmp_path)
    async with running(settings, clock) as first, running(settings, clock) as second:
        yield first, second


async def made(gateway: Gateway, owner: str, **fields: Any) -> dict[str, Any]:
    answer = await gateway.call("POST", "/keys", key=owner, json=fields)
    data: dict[str, Any] = answer.json()["data"]
    return data


async def code(gateway: Gateway, key: str, path: str = "/topup/send", **body: Any) -> int:
    answer = await gateway.call("POST", path, key=key, json=body or SEND)
    return int(answer.json()["code"])


async def test_a_pause_at_one_gateway_stops_every_spend_at_the_other_at_once(
    gateways: tuple[Gateway, Gateway], clock: FixedClock
) -> None:
    here, there = gateways
    account_id = await here.account()
    owner = await here.key(account_id)
    agent = await made(here, owner, scopes=["topup:send", "topup:read", "keys:write"])
    child = (await made(here, agent["key"], name="child"))["key"]
    # The other gateway knows the child, and the clock stands still: nothing it knows grows old.
    sent = await there.call("POST", "/topup/send", key=child, json=SEND)
    pending = {**SEND, "recipient_email": "pending@sandbox.test"}
    held = await there.call("POST", "/topup/send", key=child, json=pending)
    assert (sent.json()["code"], held.json()["code"]) == (1001, 1002)

    paused = await here.call("POST", f"/keys/{agent['id']}/pause", key=owner)

    assert paused.json()["data"]["paused_at"] == "2026-06-13T12:00:00Z"
    refused = await there.call("POST", "/topup/send", key=child, json=SEND)
    assert (refused.status_code, refused.json()["code"]) == (403, 2009)
    assert refused.json()["data"]["error"]["reason"] == "paused"
    clock.advance_s(0.5)
    # From now on the other gateway knows it, too: nothing but what gives back or reads.
    assert await code(there, child, "/vouchers/redeem", code="ATU-0000-0000-0000-0000-0000") == 2009
    assert await code(there, agent["key"], "/keys", name="more") == 2009
    cancel = {"transaction_id": held.json()["transaction_id"]}
    assert await code(there, child, "/topup/cancel", **cancel) == 3001
    own = (await there.call("GET", "/keys/self", key=child)).json()["data"]
    assert (own["paused"], own["parents"][0]["paused_at"]) == (True, "2026-06-13T12:00:00Z")
    for key in (child, agent["key"], owner):
        refused = await here.call("POST", f"/keys/{agent['id']}/resume", key=key)
        assert refused.json()["code"] == 2009

    approver = await here.key(account_id, scopes=["approvals:write"])
    resumed = await here.call("POST", f"/keys/{agent['id']}/resume", key=approver)
    assert resumed.json()["data"]["paused_at"] is None
    clock.advance_s(0.5)
    assert await code(there, child) == 1001


async def test_a_replayed_answer_counts_once_and_a_dry_run_not_at_all(
    gateways: tuple[Gateway, Gateway],
) -> None:
    here, there = gateways
    owner = await here.key(await here.account())
    agent = (await made(here, owner, lifetime_cents=1000, repeat_guard_s=600))["key"]
    once = {"Idempotency-Key": "one"}

    checked = await here.call("POST", "/topup/validate", key=agent, json=SEND)
    sent = await asyncio.gather(
        *(one.call("POST", "/topup/send", key=agent, json=SEND, headers=once) for one in gateways)
    )
    again = await there.call("POST", "/topup/send", key=agent, json=SEND, headers=once)

    assert checked.json()["data"]["cap_remaining_cents"] == 1000
    assert {one.json()["transaction_id"] for one in (*sent, again)} == {
        again.json()["transaction_id"]
    }
    own = (await here.call("GET", "/keys/self", key=agent)).json()["data"]
    assert [(one["cap"], one["spent"]) for one in own["limits"]] == [("lifetime", 1000)]
    assert own["max_now_cents"] == 0
    # The guard is asked after the keys, and before the caps.
    refused = (await here.call("POST", "/topup/send", key=agent, json=SEND)).json()
    assert (refused["code"], refused["transaction_id"]) == (2006, again.json()["transaction_id"])
    assert await code(here, agent, **SEND, distinct=True) == 2008


async def test_two_gateways_together_reach_no_more_people(
    gateways: tuple[Gateway, Gateway], clock: FixedClock
) -> None:
    here, there = gateways
    owner = await here.key(await here.account())
    agent = await made(here, owner, scopes=["topup:send"], max_recipients_per_week=3)
    child = await made(there, owner, scopes=["topup:send"], max_recipients_per_week=1001)
    sends = [
        one.call("POST", "/topup/send", key=agent["key"], json=SEND | {"recipient_email": to})
        for number in range(12)
        for one, to in ((here, f"a{number}@example.com"), (there, f"b{number}@example.com"))
    ]

    answers = await asyncio.gather(*sends)

    assert sorted(one.json()["code"] for one in answers) == [1001] * 3 + [2008] * 21
    assert child["error"]["param"] == "max_recipients_per_week"
    error = next(one for one in answers if one.json()["code"] == 2008).json()["data"]["error"]
    assert (error["cap"], error["limit"], error["remaining"]) == ("recipients_per_week", 3, 0)
    # Seven days, and the rest of a bucket.
    assert error["resets_at"].startswith("2026-06-20T1")
    path = f"/keys/{agent['id']}"
    wide = (await there.call("PATCH", path, key=owner, json={"max_recipients_per_week": 4})).json()
    own = (await here.call("GET", "/keys/self", key=agent["key"])).json()["data"]
    tree = (await here.call("GET", f"{path}/tree", key=owner)).json()["data"]
    assert wide["data"]["max_recipients_per_week"] == 4
    assert own["limits"] == tree["keys"][0]["limits"]
    (limit,) = own["limits"]
    assert (limit["unit"], limit["limit"], limit["spent"]) == ("recipients", 4, 3)


async def test_no_key_changes_what_binds_it(gateways: tuple[Gateway, Gateway]) -> None:
    gateway = gateways[0]
    owner = await gateway.key(await gateway.account())
    agent = await made(gateway, owner, lifetime_cents=500, scopes=["topup:send", "keys:write"])
    path = f"/keys/{agent['id']}"

    widened = await gateway.call("PATCH", path, key=agent["key"], json={"lifetime_cents": None})
    child = await gateway.call("POST", "/keys", key=agent["key"], json={"lifetime_cents": 501})
    day = await gateway.call("PUT", "/account/limits", key=owner, json={"per_day_cents": None})

    assert [one.json()["code"] for one in (widened, child, day)] == [2009, 2007, 2001]
    assert child.json()["data"]["error"]["maximum"] == 500


@pytest.mark.one_database
async def test_a_person_makes_pauses_and_limits_on_the_pages(
    gateways: tuple[Gateway, Gateway],
) -> None:
    gateway = gateways[0]
    browser = await signed_in(gateway)
    fields = {
        "name": "Agent",
        "purpose": "for colleagues",
        "scopes": "topup:send",
        "platforms": "claude",
        "recipients": "*@example.com\nbo@acme.example",
        "lifetime_cents": "500",
        "windows.seconds": ["1h", "", "7d"],
        "windows.cents": ["50.00", "", "200"],
        "per_recipient_per_day_cents": "20",
        "max_sends_per_hour": "20",
        "max_recipients_per_week": "5",
        "repeat_guard_s": "10m",
        "once": "frm_1",
    }
    await browser.send("/dashboard/keys", fields)
    (key,) = (await browser.request("GET", "/api/public/v1/keys")).json()["data"]["items"]
    assert key["windows"] == [
        {"seconds": 3600, "cents": 5000},
        {"seconds": 604_800, "cents": 20_000},
    ]
    assert key["recipients"] == ["*@example.com", "bo@acme.example"]
    assert key["max_recipients_per_week"] == 5
    page = f"/dashboard/keys/{key['id']}"
    shown = (await browser.request("GET", page)).text
    assert re.findall(r'name="windows.seconds" type="text" value="(.*?)"', shown) == [
        "1h",
        "7d",
        "",
    ]
    assert re.findall(r'name="windows.cents" type="text" value="(.*?)"', shown)[1] == "200.00"
    assert 'name="repeat_guard_s" type="text" value="10m"' in shown
    assert "Any 7 d" in shown
    assert "Recipients in any seven-day period" in shown

    wrong = await browser.send(page, {**fields, "windows.seconds": "soon"})
    assert "such as 10m, 1h or 7d" in wrong.text
    await browser.send(
        page, {**fields, "windows.seconds": "", "windows.cents": "", "lifetime_cents": ""}
    )
    await browser.send(f"{page}/pause", {})
    changed = (await browser.request("GET", f"/api/public/v1/keys/{key['id']}")).json()["data"]
    assert (changed["windows"], changed["lifetime_cents"]) == ([], None)
    assert changed["paused_at"] == "2026-06-13T12:00:00Z"
    assert "Resume the key" in (await browser.request("GET", page)).text
    await browser.send(f"{page}/resume", {})
    await browser.send("/dashboard/account/limits", {"per_day": "12.50"})
    limits = (await browser.request("GET", "/api/public/v1/account/limits")).json()["data"]
    assert limits == {
        "per_day_cents": 1250,
        "spent_cents": 0,
        "remaining_cents": 1250,
        "resets_at": "2026-06-14T00:00:00Z",
    }
    assert "$12.50 is left today" in (await browser.request("GET", "/dashboard/account")).text
