"""A person manages what agents may spend: keys as a tree with what is used, approvals decided in the list."""

import re
from typing import Any

import pytest

from tests.support.browser import Browser, signed_in, text_of
from tests.support.gateway import API, Gateway

pytestmark = pytest.mark.asyncio(loop_scope="module")

SEND = {"platform": "claude", "recipient_email": "bob@example.com"}


async def new_key(browser: Browser, *, maker: str | None = None, **fields: Any) -> dict[str, Any]:
    """A key that the person makes, or the key of that secret."""
    headers = {"Authorization": f"Bearer {maker}"} if maker else {"Origin": browser.gateway.url}
    body = {"scopes": ["topup:send"], **fields}
    asker = browser.gateway.client if maker else browser
    made = await asker.request("POST", f"{API}/keys", headers=headers, json=body)
    assert made.status_code == 201, made.text
    return dict(made.json()["data"])


async def spend(gateway: Gateway, key: dict[str, Any], cents: int) -> dict[str, Any]:
    body = {**SEND, "amount_cents": cents}
    return dict((await gateway.call("POST", "/topup/send", key=key["key"], json=body)).json())


def rows_of(html: str) -> list[str]:
    """The rows of the page's table as their reader sees them."""
    body = re.search(r"<tbody>(.*?)</tbody>", html, re.DOTALL)
    assert body is not None, "the page has a table"
    return [text_of(row) for row in body[1].split("</tr>")[:-1]]


async def test_keys_stand_below_those_that_made_them_with_what_is_used(
    shared_gateway: Gateway,
) -> None:
    browser = await signed_in(shared_gateway, "tree@example.com")
    caps: dict[str, Any] = {"caps": {"per_day_cents": 10_000}, "lifetime_cents": 40_000}
    scopes = ["topup:send", "keys:write"]
    parent = await new_key(browser, name="Support", scopes=scopes, **caps)
    child = await new_key(
        browser, name="Night shift", maker=parent["key"], caps={"per_day_cents": 5_000}
    )
    await new_key(browser, name="Reports")
    await spend(shared_gateway, child, 5_000)
    gone = await new_key(browser, name="Gone")
    await browser.send(f"/dashboard/keys/{gone['id']}/revoke", {})

    page = (await browser.get("/dashboard/keys")).text
    every = text_of((await browser.get("/dashboard/keys/all")).text)
    own = text_of((await browser.get(f"/dashboard/keys/{parent['id']}")).text)

    reports, support, night = rows_of(page)
    assert "Reports" in reports
    assert "none" in reports
    # The nearest to its end stands first.
    assert "$50.00 of $100.00 a day" in support
    assert support.index("of $100.00") < support.index("$50.00 of $400.00 in its lifetime")
    assert "created by Support" in night
    assert "$50.00 of $50.00 a day; used up until" in night
    assert 'class="bad" max="100" value="100"' in page
    assert 'class="" max="100" value="12"' in page
    assert "Gone" in every
    assert "revoked" in every
    # Fifty dollars of its first hour: the other 350 take seven.
    assert re.search(r"Lifetime limit 12 % \$350\.00 \$400\.00 used up 20", own), own


async def test_a_key_is_paused_and_resumed_in_the_list(shared_gateway: Gateway) -> None:
    browser = await signed_in(shared_gateway, "pause@example.com")
    parent = await new_key(browser, name="Parent", scopes=["topup:send", "keys:write"])
    child = await new_key(browser, name="Child", maker=parent["key"])
    back = {"back": "/dashboard/keys?from=0"}

    paused = await browser.send(f"/dashboard/keys/{parent['id']}/pause", back)
    stopped = await spend(shared_gateway, child, 1_000)
    rows = rows_of((await browser.get("/dashboard/keys")).text)
    await browser.send(f"/dashboard/keys/{parent['id']}/resume", back)
    after = rows_of((await browser.get("/dashboard/keys")).text)
    elsewhere = await browser.send(
        f"/dashboard/keys/{child['id']}/pause", {"back": "https://evil.example/"}
    )

    assert paused.headers["location"].startswith("/dashboard/keys?from=0&undo=")
    assert paused.headers["location"].endswith("&said=key-paused")
    assert stopped["code"] == 2009
    assert "paused Resume Parent" in rows[0]
    assert "active paused with Parent Pause Child" in rows[1]
    assert "active Pause Parent" in after[0]
    assert "active Pause Child" in after[1]
    assert elsewhere.headers["location"].startswith(f"/dashboard/keys/{child['id']}?")


async def test_a_rotation_says_until_when_the_old_secret_works(shared_gateway: Gateway) -> None:
    browser = await signed_in(shared_gateway, "rotate@example.com")
    path = f"/dashboard/keys/{(await new_key(browser, name='Shop'))['id']}"
    fresh = text_of((await browser.get(path)).text)

    rotated = text_of((await browser.send(f"{path}/rotate", {"overlap_s": "3600"})).text)
    after = text_of((await browser.get(path)).text)
    at_once = text_of((await browser.send(f"{path}/rotate", {"overlap_s": "0"})).text)
    ended = text_of((await browser.get(path)).text)

    assert re.search(r"before the old one ends, 20\d\d-", rotated), rotated
    assert "Old secret expires" in after
    assert "If you rotate again, it stops working at once." in after
    assert "The old secret no longer works." in at_once
    assert "Old secret expires" not in fresh + ended


async def test_a_long_tree_is_shown_in_parts(shared_gateway: Gateway) -> None:
    browser = await signed_in(shared_gateway, "many@example.com")
    keys = [await new_key(browser, name=f"Key {number}") for number in range(51)]

    first = (await browser.get("/dashboard/keys")).text
    second = (await browser.get("/dashboard/keys?from=50")).text
    beyond = (await browser.get("/dashboard/keys?from=1000")).text
    nonsense = (await browser.get("/dashboard/keys?from=-1%27x")).text

    assert len(rows_of(first)) == 50
    assert 'href="/dashboard/keys?from=50" rel="next"' in first
    assert len(rows_of(second)) == 1
    assert keys[0]["name"] in rows_of(second)[0]
    assert "There are no more keys" in text_of(beyond)
    assert rows_of(nonsense) == rows_of(first)


async def test_the_menu_says_how_many_sends_wait_and_each_takes_one_press(
    shared_gateway: Gateway,
) -> None:
    browser = await signed_in(shared_gateway, "approver@example.com")
    fields: dict[str, Any] = {"approval_above_cents": 1_000, "caps": {"per_day_cents": 30_000}}
    key = await new_key(browser, name="Buyer", **fields)
    asked = [await spend(shared_gateway, key, cents) for cents in (2_000, 3_000, 4_000, 5_000)]
    ids = [one["data"]["approval"]["id"] for one in asked]

    listed = (await browser.get("/dashboard/approvals?status=pending")).text
    answers = [
        await browser.send(
            f"/dashboard/approvals/{one}",
            {"decision": "approve", "back": "/dashboard/approvals?status=pending"},
        )
        for one in ids[:3]
    ]
    left = (await browser.get(answers[0].headers["location"])).text
    home = (await browser.get("/dashboard")).text
    await browser.send(f"/dashboard/approvals/{ids[3]}", {"decision": "deny"})
    other_tab = await browser.send(f"/dashboard/approvals/{ids[3]}", {"decision": "approve"})
    none = (await browser.get("/dashboard")).text

    row = rows_of(listed)[0]
    for shown in ("$50.00", "bob@example.com", "Buyer", "left $160.00 of $300.00", "Approve"):
        assert shown in row
    assert "Approvals 4 wait" in text_of(listed)
    assert {one.headers["location"] for one in answers} == {
        "/dashboard/approvals?status=pending&said=approved"
    }
    assert len(rows_of(left)) == 1
    assert "Approvals 1 wait" in text_of(home)
    assert 'href="/dashboard/approvals?status=pending"' in home
    assert other_tab.status_code == 409
    assert "This changed meanwhile The approval was already denied." in text_of(other_tab.text)
    assert "Approvals 0" not in text_of(none)
    assert 'href="/dashboard/approvals?status=pending"' not in none


async def test_a_send_past_its_time_is_counted_no_more(shared_gateway: Gateway) -> None:
    browser = await signed_in(shared_gateway, "late@example.com")
    await spend(
        shared_gateway, await new_key(browser, name="Buyer", approval_above_cents=100), 2_000
    )
    before = text_of((await browser.get("/dashboard")).text)

    await browser.send("/dashboard/clock", {"advance_s": "86400"})

    assert "Approvals 1 wait" in before
    assert "Approvals 1" not in text_of((await browser.get("/dashboard")).text)


async def test_usage_names_the_keys_and_leads_to_other_periods(shared_gateway: Gateway) -> None:
    browser = await signed_in(shared_gateway, "usage@example.com")
    key = await new_key(browser, name="Nightly summary", scopes=["usage:write"])
    charge = {"amount_micros": 1_250_000, "description": "summary", "model": "claude-sonnet"}
    await shared_gateway.call("POST", "/usage", key=key["key"], json=charge)

    page = (await browser.get("/dashboard/usage?model=claude-sonnet")).text
    week = re.search(r'href="([^"]+)">7 days<', page)
    assert week is not None
    narrowed = text_of((await browser.get(week[1].replace("&amp;", "&"))).text)

    assert text_of(page).count("Nightly summary") == 2
    assert key["id"] not in text_of(page)
    assert "Spent $1.25 in 1 charge" in text_of(page)
    assert week[1].startswith("/dashboard/usage?model=claude-sonnet&amp;from=20")
    assert "Nightly summary" in narrowed
