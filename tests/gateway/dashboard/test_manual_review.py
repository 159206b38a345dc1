"""The pages of manual review: what waits is counted and listed, and each form runs the command line's own act."""

import re
from typing import Any

import pytest

from gateway.dashboard.admin.topup import PATH
from kernel.clock import FixedClock
from tests.support.browser import Browser, csrf_of, text_of
from tests.support.gateway import Gateway
from tests.support.operator_pages import ADMIN as HERE, account_of, operator
from worker.topups import Fulfiller

pytestmark = [pytest.mark.one_database, pytest.mark.fixed_clock]


async def post(browser: Browser, page: str, path: str, fields: dict[str, Any]) -> Any:
    """A form of that page, with the names that it was shown with."""
    html = (await browser.get(page)).text
    form = re.search(rf'<form[^>]*action="{re.escape(path)}">.*?</form>', html, re.DOTALL)
    assert form is not None, f"no form of {path} on {page}"
    hidden = dict(re.findall(r'<input type="hidden" name="([^"]*)" value="([^"]*)">', form[0]))
    return await browser.send(path, {**hidden, **fields}, headers={})


async def open_shop(gateway: Gateway, boss: Browser) -> None:
    """A platform `gpt`: first by hand, then from the stock; all by the pages."""
    made = await boss.send(
        f"{HERE}/suppliers",
        {"id": "by-hand", "kind": "manual", "due_minutes": "60", **await token(boss)},
    )
    assert made.headers["location"] == f"{HERE}/suppliers/by-hand?said=suppliers.create"
    await boss.send(f"{HERE}/suppliers", {"id": "cards", "kind": "code_stock", **await token(boss)})
    await boss.send(f"{HERE}/platforms", {"id": "gpt", "name": "GPT", **await token(boss)})
    saved = await boss.send(
        f"{HERE}/platforms/gpt",
        {"name": "GPT", "suppliers": "by-hand, cards", **await token(boss)},
    )
    assert saved.headers["location"] == f"{HERE}/platforms/gpt?said=platforms.set"
    await gateway.context.suppliers.refresh()


async def token(browser: Browser) -> dict[str, str]:
    return {
        "csrf_token": csrf_of((await browser.get(f"{HERE}/platforms")).text),
        "environment": "staging",
    }


async def work(gateway: Gateway) -> None:
    context = gateway.context
    await Fulfiller(context.database, context.clock, context.engine, context.suppliers).step()


async def send(gateway: Gateway, account_id: str, to: str = "user@example.com") -> str:
    key = await gateway.key(account_id)
    body = {"platform": "gpt", "amount_cents": 600, "recipient_email": to}
    sent = await gateway.call("POST", "/topup/send", key=key, json=body)
    return str(sent.json()["transaction_id"])


async def test_a_task_is_counted_listed_taken_and_settled_once(
    gateway: Gateway, clock: FixedClock
) -> None:
    boss = await operator(gateway)
    await open_shop(gateway, boss)
    topup_id = await send(gateway, await account_of(boss))
    await work(gateway)
    page = f"{PATH}/{topup_id}"

    listed = (await boss.get(PATH)).text
    assert topup_id in listed
    assert 'class="tally chip bad">1<' in listed
    assert "1 top-up in staging needs manual review" in text_of((await boss.get("/dashboard")).text)
    taken = await post(boss, page, f"{page}/take", {})
    assert taken.headers["location"] == f"{page}?said=manual-review.take"
    mine = (await boss.get(page)).text
    assert "You have taken it." in text_of(mine)
    acts = re.findall(rf'action="{page}/([a-z-]+)"', mine)
    assert acts == ["settle", "refuse", "switch", "fail", "give-back"]

    hidden = {
        "csrf_token": csrf_of(mine),
        "environment": "staging",
        "once": "frm_1settle",
        "kind": "code",
        "value": "GIFT-7Q3X-9KVM",
    }
    empty = await boss.send(f"{page}/settle", {**hidden, "value": "", "once": "frm_0"}, headers={})
    assert empty.status_code == 422
    pressed = [await boss.send(f"{page}/settle", hidden, headers={}) for _ in range(2)]
    late = await boss.send(f"{page}/fail", {**hidden, "reason": "x", "once": "frm_2"}, headers={})

    assert [one.headers["location"] for one in pressed] == [f"{page}?said=manual-review.settle"] * 2
    assert late.status_code == 409
    assert "The top-up is already delivered." in text_of(late.text)
    after = (await boss.get(page)).text
    assert "GIFT-7Q3X" not in after
    assert "9KVM" in after
    assert not re.findall(rf'action="{page}/([a-z-]+)"', after)
    assert "tally" not in after
    audit = text_of((await boss.get(f"{HERE}/audit")).text)
    assert "topup.settle" in audit
    assert "GIFT-7Q3X" not in audit


async def test_a_refused_task_goes_to_the_stock_that_a_page_filled(gateway: Gateway) -> None:
    boss = await operator(gateway)
    await open_shop(gateway, boss)
    topup_id = await send(gateway, await account_of(boss))
    await work(gateway)
    page = f"{PATH}/{topup_id}"
    stock = f"{HERE}/stock"
    lines = "platform,amount_cents,code\r\ngpt,600,GIFT-0000-1111\r\ngpt,600,GIFT-0000-2222\r\n"

    bad = await post(
        boss, stock, stock, {"supplier": "cards", "codes": "platform,amount_cents,code\r\ngpt,x,G"}
    )
    added = await post(boss, stock, stock, {"supplier": "cards", "codes": lines})
    mute = await post(boss, page, f"{page}/refuse", {})
    refused = await post(boss, page, f"{page}/refuse", {"reason": "not today"})
    await work(gateway)

    assert bad.status_code == 422
    assert "Line 2: amount_cents must be a whole number above 0." in text_of(bad.text)
    assert added.headers["location"] == f"{stock}?said=stock.add"
    assert mute.status_code == 422
    assert refused.headers["location"] == f"{page}?said=manual-review.refuse"
    shown = text_of((await boss.get(page)).text)
    assert "by-hand manual refused not today" in shown
    assert "cards code_stock delivered" in shown
    left = (await boss.get(stock)).text
    assert "GIFT-0000" not in left
    assert "gpt $6.00 1 10 yes" in text_of(left)
    codes = text_of((await boss.get(f"{stock}/codes")).text)
    assert ("GIFT-0000" in codes, "…2222" in codes, topup_id in codes) == (False, True, True)
    failed = await send(gateway, await account_of(boss), "b@example.com")
    await work(gateway)
    await post(boss, f"{PATH}/{failed}", f"{PATH}/{failed}/fail", {"reason": "no such user"})
    assert "no such user" in text_of((await boss.get(f"{PATH}?view=failed")).text)


async def test_a_secret_is_set_by_a_page_and_never_shown(gateway: Gateway) -> None:
    boss = await operator(gateway)
    place = f"{HERE}/suppliers/own"
    secret = "whsec_" + "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="
    fields = {"id": "own", "kind": "http", "url": "http://127.0.0.1:9/topup", "timeout_s": "1"}

    mute = await boss.send(f"{HERE}/suppliers", {**fields, **await token(boss)})
    made = await boss.send(f"{HERE}/suppliers", {**fields, "secret": secret, **await token(boss)})
    saved = await post(boss, place, place, {"timeout_s": "2", "secret": ""})
    held = await post(boss, place, f"{place}/pause", {"reason": "they asked us to"})
    page = (await boss.get(place)).text
    asked = await post(boss, place, f"{place}/check", {})
    released = await post(boss, place, f"{place}/resume", {"reason": "they are back"})

    assert mute.status_code == 422
    assert made.headers["location"] == f"{place}?said=suppliers.create"
    assert saved.headers["location"] == f"{place}?said=suppliers.set"
    assert held.headers["location"] == f"{place}?said=suppliers.pause"
    assert released.headers["location"] == f"{place}?said=suppliers.resume"
    assert secret[6:] not in page
    assert "Set, ends in …MDE=" in text_of(page)
    assert 'value="2.0"' in page
    assert 'value="http://127.0.0.1:9/topup"' in page
    assert asked.status_code == 200
    assert secret[6:] not in (await boss.get(f"{HERE}/audit")).text


async def test_a_supplier_that_has_open_attempts_is_moved_by_a_tick_that_says_so(
    gateway: Gateway,
) -> None:
    boss = await operator(gateway)
    place = f"{HERE}/suppliers/own"
    secret = "whsec_" + "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="
    fields = {"id": "own", "kind": "http", "url": "http://127.0.0.1:9/topup", "secret": secret}
    await boss.send(f"{HERE}/suppliers", {**fields, **await token(boss)})
    opened = ("txn_1", 1, "acc_1", "staging", "a@example.com", "own", "http", "unknown", 1, 1, 1)
    names = (
        *("transaction_id", "number", "account_id", "environment", "recipient_email", "supplier"),
        *("kind", "outcome", "requests_made", "requested_at", "last_requested_at"),
    )
    database = gateway.context.database
    await database.transaction(lambda tx: tx.insert("fulfilment_attempts", names, [opened]))

    moved = {"url": "http://127.0.0.1:8/topup", "secret": ""}
    refused = await boss.send(place, {**moved, **await token(boss)})
    ticked = await post(boss, place, place, {**moved, "despite_open_attempts": "yes"})

    assert refused.status_code == 422
    assert "1 top-ups at own have no outcome yet" in text_of(refused.text)
    assert 'name="despite_open_attempts"' in refused.text
    assert ticked.headers["location"] == f"{place}?said=suppliers.set"
    assert "http://127.0.0.1:8/topup" in (await boss.get(place)).text


async def test_another_environments_top_up_is_not_there(gateway: Gateway) -> None:
    boss = await operator(gateway)
    await open_shop(gateway, boss)
    topup_id = await send(gateway, await account_of(boss))
    await boss.send("/dashboard/environment", {"to": "live"})

    assert (await boss.request("GET", f"{PATH}/{topup_id}")).status_code == 404
    assert topup_id not in (await boss.get(f"{PATH}?view=pending")).text
