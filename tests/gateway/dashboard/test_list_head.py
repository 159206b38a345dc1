"""The head of a list: its total, the columns to choose, saved views, and an act on all that match."""

import re
from html import unescape
from typing import Any

import pytest

from billing.topups.queries import TopUpFilter, total as topup_total
from gateway.dashboard.listing import COUNTED_MAX, Summed, total_of
from gateway.dashboard.match_all import MATCHED_MAX
from kernel.tenant import Tenant
from store.keyset import ListStretch
from tests.support.browser import Browser, signed_in, text_of
from tests.support.gateway import Gateway
from tests.support.operator_pages import ADMIN, account_of, fill, operator

pytestmark = pytest.mark.fixed_clock
TOPUPS = "/dashboard/topups"
LATER = "2026-07-13T12:00:00Z"
PACK = {"id": "big", "name": "Big", "price": "5.00", "currency": "usd", "credits": "5000"}


async def sent(gateway: Gateway, browser: Browser, *amounts: int, **more: Any) -> str:
    """The account's key, after a top-up of each amount."""
    key = await gateway.key(await account_of(browser))
    for cents in amounts:
        body = {"platform": "claude", "amount_cents": cents, "recipient_email": "ana@mail.com"}
        answer = await gateway.call("POST", "/topup/send", key=key, json={**body, **more})
        assert answer.status_code < 300, answer.text
    return key


async def total(browser: Browser, path: str) -> str:
    html = (await browser.get(path)).text
    found = re.search(r'<p class="total">(.*?)</p>', html, re.DOTALL)
    return "" if found is None else text_of(found[1]).strip()


NOTHING_THERE = {
    "topups": ("txn_0000000000000000", "No top-ups"),
    "deliveries": ("1.dlv_0000000000000000", "Nothing was delivered"),
    "approvals": ("apr_0000000000000000", "No approvals"),
    "requests": ("req_0000000000000000", "Nothing was refused"),
    "outbox": ("mal_0000000000000000", "No mail"),
}


@pytest.mark.one_database
@pytest.mark.parametrize("name", NOTHING_THERE)
async def test_after_the_last_row_no_list_is_called_empty(gateway: Gateway, name: str) -> None:
    path, (cursor, empty) = f"/dashboard/{name}", NOTHING_THERE[name]
    html = (await (await signed_in(gateway)).get(f"{path}?cursor={cursor}")).text

    assert "There are no more entries" in text_of(html)
    assert f'href="{path}">Go to the first page' in html
    assert empty not in text_of(html)


@pytest.mark.one_database
@pytest.mark.parametrize("name", ["topups", "deliveries", "approvals"])
async def test_where_nothing_was_searched_nothing_is_said_of_what_is_there(
    gateway: Gateway, name: str
) -> None:
    browser = await signed_in(gateway)
    for asked in ("cursor=hld_2Qk9", "status=nonsense&cursor=hld_2Qk9"):
        html = (await browser.get(f"/dashboard/{name}?{asked}")).text

        assert f'href="/dashboard/{name}">Show everything' in html
        assert "There are no more entries" not in text_of(html)
        assert NOTHING_THERE[name][1] not in text_of(html)


async def test_a_total_is_of_what_the_filters_match(gateway: Gateway) -> None:
    ann, bob = await signed_in(gateway), await signed_in(gateway, "bob@example.com")
    await sent(gateway, ann, *[100] * 52)
    await sent(gateway, ann, 250, 500, send_at=LATER)
    await sent(gateway, bob, 700)

    assert await total(ann, TOPUPS) == "54 results · $59.50"
    assert await total(ann, f"{TOPUPS}?status=scheduled") == "2 results · $7.50"
    assert await total(ann, f"{TOPUPS}?status=failed") == "0 results"
    assert await total(bob, TOPUPS) == "1 result · $7.00"
    # No more rows are counted than a page says.
    tenant = Tenant(await account_of(ann), "staging")
    found = await gateway.context.database.read(
        lambda tx: topup_total(tx, tenant, TopUpFilter(status="delivered"), most=10)
    )
    assert (found[0], found[2]) == (10, True)
    assert await total(bob, "/dashboard/deliveries") == ""
    further = re.search(r'href="([^"]*cursor=[^"]*)"', (await ann.get(TOPUPS)).text)
    assert further is not None
    assert await total(ann, unescape(further[1])) == ""


def test_a_long_list_is_counted_up_to_a_bound_and_not_added_up() -> None:
    rows = [{"amount": 5, "currency": "EUR"}] * COUNTED_MAX
    summed = Summed("amount", "currency")

    whole = total_of(rows, summed)
    assert (whole.number, whole.is_more, [one() for one in whole.sums]) == (
        COUNTED_MAX,
        False,
        ["50.00 EUR"],
    )
    assert total_of([*rows, rows[0]], summed) == (COUNTED_MAX, True, ())
    # The look ended before the list did.
    assert total_of(rows[:3], summed, is_more=True) == (3, True, ())
    assert total_of(ListStretch(rows[:3], None), summed).is_more is False
    mixed = total_of([{"amount": 1, "currency": "KWD"}, {"amount": 5, "currency": "EUR"}], summed)
    assert [one() for one in mixed.sums] == ["0.05 EUR", "0.001 KWD"]


async def test_chosen_columns_stay_in_each_link_and_form(gateway: Gateway) -> None:
    ann = await signed_in(gateway)
    await sent(gateway, ann, *[100] * 51)

    page = (await ann.get(f"{TOPUPS}?columns=created&columns=amount&status=delivered")).text
    odd = (await ann.get(f"{TOPUPS}?columns=%3Cb%3E")).text

    assert 'class="lines without-2 without-3 without-5 without-6"' in page
    assert '<input type="hidden" name="columns" value="created,amount">' in page
    links = re.findall(rf'href="({TOPUPS}\?[^"]*(?:cursor|created_after|sort)=[^"]*)"', page)
    assert len(links) > 4
    assert all("columns=created" in one for one in links)
    assert "<b>" not in odd


async def test_each_list_made_from_an_act_hides_the_columns_left_out(gateway: Gateway) -> None:
    ann = await signed_in(gateway)
    await sent(gateway, ann, 100)

    topups = (await ann.get(f"{TOPUPS}?columns=recipient_email,status")).text
    wallets = (await ann.get("/dashboard/wallets?columns=platform")).text

    assert 'class="lines without-1 without-3 without-4 without-6"' in topups
    assert 'class="lines without-1 without-3 without-4"' in wallets


async def test_an_operators_list_shows_any_field_as_a_column(gateway: Gateway) -> None:
    boss = await operator(gateway)
    assert (await fill(boss, f"{ADMIN}/packs", PACK)).status_code == 303

    usual = (await boss.get(f"{ADMIN}/packs")).text
    chosen = (await boss.get(f"{ADMIN}/packs?columns=id,currency,none")).text

    heads = [text_of(one) for one in re.findall(r"<th scope=.col.*?>(.*?)</th>", chosen)]
    assert [one.strip() for one in heads] == ["Id", "Currency", "Change"]
    assert 'name="columns" value="currency"' in usual
    # The sandbox has three.
    assert await total(boss, f"{ADMIN}/packs") == "4 results"


async def test_a_saved_view_is_a_tab_for_its_person_alone(gateway: Gateway) -> None:
    ann = await signed_in(gateway)
    failed = f"{TOPUPS}?status=failed"

    saved = await ann.send("/dashboard/views", {"address": failed, "name": "<i>Failed</i>"})
    assert saved.headers["location"] == f"{failed}&said=view-saved"
    tabs = (await ann.get(failed)).text.partition('aria-label="Saved views"')[2]
    assert f'<a href="{failed}" aria-current="true"><bdi>&lt;i&gt;Failed&lt;/i&gt;</bdi>' in tabs
    assert "Saved views" in (await ann.get(TOPUPS)).text
    assert "Saved views" not in (await ann.get("/dashboard/orders")).text
    # Another person at the same browser.
    bob = await signed_in(gateway, "bob@example.com")
    bob.cookies["topup_views"] = ann.cookies["topup_views"]
    assert "Failed&lt;" not in (await bob.get(TOPUPS)).text
    for odd in ("x", "W10=", "eyJ4Ijox", "=="):
        bob.cookies["topup_views"] = odd
        assert (await bob.get(TOPUPS)).status_code == 200, odd

    await ann.send("/dashboard/views/delete", {"address": failed, "name": "<i>Failed</i>"})
    assert "Saved views" not in (await ann.get(TOPUPS)).text


async def test_a_view_saved_for_another_account_stays_while_there_is_room(
    gateway: Gateway,
) -> None:
    ann, bob = await signed_in(gateway), await signed_in(gateway, "bob@example.com")
    failed = {"address": f"{TOPUPS}?status=failed", "name": "Failed"}
    await ann.send("/dashboard/views", failed)

    bob.cookies["topup_views"] = ann.cookies["topup_views"]
    assert (await bob.send("/dashboard/views", {**failed, "name": "Bobs"})).status_code == 303
    ann.cookies["topup_views"] = bob.cookies["topup_views"]

    assert "<bdi>Failed</bdi>" in (await ann.get(TOPUPS)).text
    assert "<bdi>Bobs</bdi>" not in (await ann.get(TOPUPS)).text
    for number in range(12):
        view = {"address": f"{TOPUPS}?reference={'x' * 200}", "name": f"View {number}"}
        assert (await bob.send("/dashboard/views", view)).status_code in {303, 422}
    assert len(bob.cookies["topup_views"]) <= 3_600
    ann.cookies["topup_views"] = bob.cookies["topup_views"]
    assert "Saved views" not in (await ann.get(TOPUPS)).text


async def test_saved_views_are_bounded_and_lead_to_lists_alone(gateway: Gateway) -> None:
    ann = await signed_in(gateway)

    async def save(address: str, name: str) -> int:
        return (await ann.send("/dashboard/views", {"address": address, "name": name})).status_code

    for number in range(12):
        assert await save(f"{TOPUPS}?reference={number}", f"View {number}") == 303
    assert await save(f"{TOPUPS}?reference=x", "One too many") == 422
    assert await save(f"{TOPUPS}?reference=7b", "View 7") == 303
    assert await save(f"{TOPUPS}?reference={'x' * 4000}", "View 7") == 422
    assert await save(TOPUPS, "") == 422
    assert await save(TOPUPS, "n" * 41) == 422
    for address in ("https://evil.example/dashboard/", "//evil.example/dashboard/x", "/sign-out"):
        assert await save(address, "View 1") == 422, address
    assert (await ann.get(TOPUPS)).text.count("<bdi>View ") == 12


async def test_what_matches_is_cancelled_as_it_was_confirmed(gateway: Gateway) -> None:
    ann = await signed_in(gateway)
    key = await sent(gateway, ann, 100, send_at=LATER)
    await sent(gateway, ann, 250, 500, send_at=LATER)
    await sent(gateway, ann, 900)
    listed = (await ann.get(f"{TOPUPS}?status=scheduled")).text
    place = "/dashboard/all?on=topups&do=cancel"
    assert f'href="{place}&status=scheduled"' in unescape(listed)

    asked = await ann.get(place)
    of = re.search(r'name="of" value="([0-9a-f]+)"', asked.text)
    assert of is not None
    assert "3 $8.50" in text_of(asked.text)
    # Another one is scheduled meanwhile.
    await sent(gateway, ann, 100, send_at=LATER)
    stale = await ann.send(place, {"of": of[1]})
    assert stale.status_code == 409
    assert "nothing was done" in stale.text
    history = await gateway.call("GET", "/topup/history?status=scheduled", key=key)
    assert len(history.json()["data"]["items"]) == 4
    of = re.search(r'name="of" value="([0-9a-f]+)"', stale.text)
    assert of is not None
    done = await ann.send(place, {"of": of[1], "once": "frm_1"})
    again = await ann.send(place, {"of": of[1], "once": "frm_1"})

    assert done.headers["location"] == f"{TOPUPS}?said=all-done"
    assert again.status_code == 409
    assert await total(ann, f"{TOPUPS}?status=cancelled") == "4 results · $9.50"
    assert await total(ann, f"{TOPUPS}?status=delivered") == "1 result · $9.00"
    assert "Nothing matches any more." in (await ann.get(place)).text
    for odd in ("on=topups&do=approve", "on=keys&do=cancel", ""):
        assert "Nothing matches any more." in (await ann.get(f"/dashboard/all?{odd}")).text, odd


async def test_approvals_are_decided_together(gateway: Gateway) -> None:
    ann, bob = await signed_in(gateway), await signed_in(gateway, "bob@example.com")
    key = await gateway.key(await account_of(ann), approval_threshold_cents=1)
    for cents in (1000, 2500):
        body = {"platform": "claude", "amount_cents": cents, "recipient_email": "ana@mail.com"}
        await gateway.call("POST", "/topup/send", key=key, json=body)

    asked = (await ann.get("/dashboard/all?on=approvals&do=deny&status=pending")).text
    of = re.search(r'name="of" value="([0-9a-f]+)"', asked)
    assert of is not None
    assert "2 $35.00" in text_of(asked)
    theirs = await bob.send("/dashboard/all?on=approvals&do=deny", {"of": of[1]})
    assert theirs.status_code == 409
    done = await ann.send("/dashboard/all?on=approvals&do=deny&status=pending", {"of": of[1]})

    assert done.status_code == 303
    assert await total(ann, "/dashboard/approvals?status=denied") == "2 results · $35.00"
    assert await total(ann, f"{TOPUPS}?status=cancelled") == "2 results · $35.00"


@pytest.mark.one_database
async def test_an_operator_disables_all_that_match(gateway: Gateway) -> None:
    boss = await operator(gateway)
    for name in ("big", "small"):
        await fill(boss, f"{ADMIN}/packs", {**PACK, "id": name})
    place = f"{ADMIN}/all?on=/packs&do=disable"
    assert f'href="{place}"' in unescape((await boss.get(f"{ADMIN}/packs")).text).replace(
        "%2F", "/"
    )

    of = re.search(r'name="of" value="([0-9a-f]+)"', (await boss.get(place)).text)
    assert of is not None
    done = await boss.send(place, {"of": of[1]})
    stranger = await signed_in(gateway, "stranger@example.com")

    assert done.status_code == 303
    listed = (await boss.get(f"{ADMIN}/packs")).text
    assert listed.count(">disabled</span>") == 5
    assert ">active</span>" not in listed
    assert (await stranger.send(place, {"of": of[1]})).status_code == 403
    log = text_of((await boss.get(f"{ADMIN}/audit")).text)
    assert log.count("pack.disable") == 5


@pytest.mark.one_database
async def test_rows_in_another_state_hide_none_that_match(gateway: Gateway) -> None:
    ann = await signed_in(gateway)
    await sent(gateway, ann, 250, send_at=LATER)
    await sent(gateway, ann, *[100] * MATCHED_MAX)
    place = "/dashboard/all?on=topups&do=cancel"

    asked = text_of((await ann.get(place)).text)

    assert "1 $2.50" in asked
    assert "More may match" not in asked
    assert "Nothing matches" in (await ann.get(f"{place}&status=delivered")).text
    assert (await ann.request("HEAD", place)).status_code == 200


@pytest.mark.one_database
async def test_an_operators_next_press_reaches_the_rows_beyond_the_bound(gateway: Gateway) -> None:
    boss = await operator(gateway)
    made = {"credits": "10", "count": str(MATCHED_MAX + 5)}
    assert (await fill(boss, f"{ADMIN}/code-batches", made)).status_code == 200
    place = f"{ADMIN}/all?on=/codes&do=disable"

    for number in (MATCHED_MAX, 5):
        asked = (await boss.get(place)).text
        of = re.search(r'name="of" value="([0-9a-f]+)"', asked)
        assert of is not None
        assert f"Disable all: {number}" in text_of(asked)
        assert ("More may match" in asked) is (number == MATCHED_MAX)
        assert "The code can't be redeemed any more" in unescape(asked)
        assert (await boss.send(place, {"of": of[1]})).status_code == 303

    assert "Nothing matches any more." in (await boss.get(place)).text


@pytest.mark.one_database
async def test_deliveries_that_match_are_counted_for_a_replay(gateway: Gateway) -> None:
    ann = await signed_in(gateway)
    key = await gateway.key(await account_of(ann))
    hook = {"url": "http://93.184.216.34/in"}
    endpoint = (await gateway.call("POST", "/webhooks/register", key=key, json=hook)).json()
    await sent(gateway, ann, 100)
    log = "/dashboard/deliveries"

    assert "Replay all matching deliveries" not in (await ann.get(log)).text
    # The only webhook need not be chosen; nothing of it has ended yet.
    counted = await ann.send(
        f"/dashboard/webhooks/{endpoint['data']['id']}/replay",
        {"step": "count", "delivery_status": "failed", "event_type": "topup.delivered"},
    )
    assert "0 failed deliveries match" in text_of(counted.text)
    assert '<input type="hidden" name="event_type" value="topup.delivered">' in counted.text
