"""Redemption codes by the pages: made once, redeemed once; the daily check-in; what was used."""

import base64
import re

import pytest

from kernel.clock import FixedClock
from tests.support.browser import Browser, signed_in, text_of
from tests.support.gateway import API, Gateway
from tests.support.operator_pages import ADMIN, fill, operator, press, switch

pytestmark = pytest.mark.fixed_clock

BATCHES = f"{ADMIN}/code-batches"
LISTED = f"{ADMIN}/codes"
CODES = "/dashboard/codes"
USAGE = "/dashboard/usage"
NEW = {"credits": "1,500", "count": "3", "uses": "1", "name": "Fair"}


async def made(boss: Browser, **fields: str) -> tuple[str, list[str]]:
    """A new batch's id and its codes, as the page shows them."""
    page = await fill(boss, BATCHES, {**NEW, **fields})
    assert page.status_code == 200, text_of(page.text)
    assert page.headers["cache-control"] == "no-store"
    shown = re.search(r'<pre id="codes"[^>]*>([^<]+)</pre>', page.text)
    found = re.search(rf'href="{LISTED}\?batch=(rdb_[0-9A-Za-z]+)"', page.text)
    assert shown is not None
    assert found is not None
    return found[1], shown[1].split()


async def balance_cents(browser: Browser) -> int:
    answer = await browser.request("GET", f"{API}/topup/balance")
    return int(answer.json()["data"]["balance_cents"])


# Made


async def test_codes_are_shown_once_with_their_file(gateway: Gateway) -> None:
    boss = await operator(gateway)

    page = await fill(boss, BATCHES, NEW)
    batch_id, codes = await made(boss)

    link = re.search(r'href="data:text/csv;base64,([^"]+)" download="rdb_\w+.csv"', page.text)
    assert link is not None
    lines = base64.b64decode(link[1]).decode().split("\r\n")
    assert lines[0] == "code"
    assert [bool(re.fullmatch(r"TOPUP(-[0-9A-Z]{4}){3}", line)) for line in lines[1:4]] == [
        True
    ] * 3
    listed = (await boss.get(BATCHES)).text + (await boss.get(f"{LISTED}?batch={batch_id}")).text
    assert "Fair" in listed
    for code in codes:
        assert code not in listed
        assert f"TOPUP-…-{code[-4:]}" in listed


async def test_a_form_that_is_sent_twice_makes_one_batch(gateway: Gateway) -> None:
    boss = await operator(gateway)
    fields = {**NEW, "once": "frm_1"}

    first = await boss.send(BATCHES, fields)
    again = await boss.send(BATCHES, fields)
    other = await boss.send(BATCHES, {**fields, "count": "4"})

    assert (first.status_code, again.status_code, other.status_code) == (200, 303, 409)
    assert "cannot be shown again" in text_of((await boss.get(again.headers["location"])).text)
    assert "was sent before" in text_of(other.text)
    listed = (await boss.get(BATCHES)).text
    assert len(set(re.findall(r"rdb_[0-9A-Za-z]{16}", listed))) == 1


@pytest.mark.one_database
@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"credits": ""}, "Fill this in"),
        ({"credits": "0"}, "At least 1"),
        ({"credits": "a lot"}, "Write a whole number"),
        ({"count": "10001"}, "At most 10,000"),
        ({"count": "-1"}, "At least 1"),
        ({"days": "7"}, "Only promotional credit"),
        ({"expires_at": "2026-06-13"}, "must be in the future"),
        ({"expires_at": "soon"}, "Expected a time"),
        ({"uses": "99999999999999999999"}, "Write a whole number"),
    ],
)
async def test_a_bad_batch_is_told_and_kept_in_the_form(
    gateway: Gateway, fields: dict[str, str], told: str
) -> None:
    boss = await operator(gateway)

    answer = await fill(boss, BATCHES, {**NEW, **fields})

    assert answer.status_code == 422
    assert told.lower() in text_of(answer.text).lower()
    assert 'name="name" type="text" value="Fair"' in answer.text
    assert "No code batches in staging" in text_of((await boss.get(BATCHES)).text)


async def test_a_batch_and_a_code_are_disabled(gateway: Gateway) -> None:
    boss, ann = await operator(gateway), await signed_in(gateway)
    batch_id, codes = await made(boss, count="2")
    page = f"{LISTED}?batch={batch_id}"

    one = await press(boss, page, f"{LISTED}/rdc_")
    states = re.findall(
        r'data-label="Status"[^>]*>\s*<span class="chip \w+">(\w+)<', (await boss.get(page)).text
    )
    await press(boss, BATCHES, f"{BATCHES}/{batch_id}/disable")
    refused = [(await fill(ann, CODES, {"code": code})).status_code for code in codes]

    assert one.headers["location"] == f"{LISTED}?said=codes.disable"
    assert sorted(states) == ["active", "disabled"]
    assert refused == [409, 409]


async def test_the_other_environments_codes_are_not_there(gateway: Gateway) -> None:
    boss, ann = await operator(gateway), await signed_in(gateway)
    batch_id, codes = await made(boss)
    code_id = re.findall(
        r"rdc_[0-9A-Za-z]{16}", (await boss.get(f"{LISTED}?batch={batch_id}")).text
    )[0]
    await switch(boss, "live")
    await switch(ann, "live")

    assert batch_id not in (await boss.get(BATCHES)).text
    assert code_id not in (await boss.get(f"{LISTED}?batch={batch_id}")).text
    for change in (f"{BATCHES}/{batch_id}/disable", f"{LISTED}/{code_id}/disable"):
        assert (await boss.send(change, {})).status_code == 404
    assert (await fill(ann, CODES, {"code": codes[0]})).status_code == 404
    await switch(ann, "staging")
    assert (await fill(ann, CODES, {"code": codes[0]})).status_code == 200


# Redeemed


async def test_a_code_is_redeemed_once(gateway: Gateway) -> None:
    boss, ann = await operator(gateway), await signed_in(gateway)
    _, codes = await made(boss)

    done = await fill(ann, CODES, {"code": f" {codes[0].lower().replace('-', ' ')} "})
    again = await fill(ann, CODES, {"code": codes[0]})

    assert "$1.50 of credit is in the wallet; the balance is $10,001.50" in text_of(done.text)
    assert again.status_code == 409
    assert "This code has already been redeemed." in text_of(again.text)
    assert f'value="{codes[0]}"' in again.text
    assert await balance_cents(ann) == 1_000_150
    assert "Code" in text_of((await ann.get(CODES)).text).partition("Recent purchases")[2]


@pytest.mark.one_database
@pytest.mark.parametrize("code", ["", "TOPUP-0000-0000-0000", "nonsense", "'; DROP TABLE codes"])
async def test_what_is_no_code_is_told_and_kept(gateway: Gateway, code: str) -> None:
    ann = await signed_in(gateway)

    answer = await fill(ann, CODES, {"code": code})

    assert answer.status_code == 404
    assert "There is no such voucher or code." in text_of(answer.text)


# Checked in


async def test_one_check_in_a_day_is_credited(gateway: Gateway, clock: FixedClock) -> None:
    ann = await signed_in(gateway)

    first = await fill_check_in(ann)
    page = text_of((await ann.get(CODES)).text)
    again = await ann.send(f"{CODES}/checkin", {})
    clock.advance_s(86_400)
    second = await fill_check_in(ann)

    assert (first, second) == (303, 303)
    assert "Last: $0.10 on 2026-06-13, day 1 in a row." in page
    # At least twenty hours after the last one, and not before the next day.
    assert "You can check in again from 2026-06-14 08:00:00 UTC" in page
    assert "Check in today" not in page
    assert again.status_code == 409
    assert "You have already checked in" in text_of(again.text)
    # 100 credits, then 110 of the second day in a row.
    assert await balance_cents(ann) == 1_000_021


async def fill_check_in(browser: Browser) -> int:
    return (await press(browser, CODES, f"{CODES}/checkin")).status_code


@pytest.mark.one_database
async def test_check_ins_are_off_in_live(gateway: Gateway) -> None:
    ann = await signed_in(gateway)
    await switch(ann, "live")

    page = (await ann.get(CODES)).text
    pressed = await ann.send(f"{CODES}/checkin", {})

    assert f"{CODES}/checkin" not in page
    assert pressed.status_code == 409
    assert "Check-ins are off" in text_of(pressed.text)


async def test_the_day_is_that_of_the_chosen_zone(gateway: Gateway) -> None:
    ann = await signed_in(gateway)

    wrong = await press(ann, CODES, f"{CODES}/zone", time_zone="Mars/Olympus")
    right = await press(ann, CODES, f"{CODES}/zone", time_zone="Asia/Kuwait")

    assert wrong.status_code == 422
    assert "isn't a time zone" in text_of(wrong.text)
    assert 'value="Mars/Olympus"' in wrong.text
    assert right.status_code == 303
    assert "Your day follows the time zone Asia/Kuwait" in text_of((await ann.get(CODES)).text)


# Used


async def test_what_was_used_and_what_is_held(gateway: Gateway) -> None:
    ann = await signed_in(gateway)
    own = {"Origin": gateway.url}
    empty = text_of((await ann.get(USAGE)).text)
    await ann.request(
        "POST",
        f"{API}/usage",
        own,
        json={"amount_micros": 1_234_500, "description": "<b>Chat</b>", "model": "opus"},
    )
    held = await ann.request(
        "POST", f"{API}/holds", own, json={"credits": 2_000, "description": "A long answer"}
    )

    text = text_of((await ann.get(USAGE)).text)
    released = await press(ann, USAGE, f"{USAGE}/holds/{held.json()['data']['id']}/release")
    after = text_of((await ann.get(USAGE)).text)
    ended = text_of((await ann.get(f"{USAGE}/holds")).text)

    assert "No usage in staging yet" in empty
    assert "<b>Chat</b> opus" in text
    assert "$1.2345" in text
    assert "A long answer" in text.partition("Held now")[2]
    assert released.headers["location"] == f"{USAGE}?said=hold-released"
    assert "Held now" not in after
    assert "A long answer — $2.00" in ended
    assert "released" in ended


async def test_usage_is_nobody_elses(gateway: Gateway) -> None:
    ann = await signed_in(gateway)
    held = await ann.request(
        "POST",
        f"{API}/holds",
        {"Origin": gateway.url},
        json={"credits": 2_000, "description": "Mine"},
    )
    hold_id = held.json()["data"]["id"]
    eve = await signed_in(gateway, "eve@example.com")

    for page in (USAGE, f"{USAGE}/holds"):
        assert "Mine" not in (await eve.get(page)).text
    assert (await eve.send(f"{USAGE}/holds/{hold_id}/release", {})).status_code == 404
    await switch(ann, "live")
    assert "Mine" not in (await ann.get(USAGE)).text
    assert (await ann.send(f"{USAGE}/holds/{hold_id}/release", {})).status_code == 404


async def test_long_lists_have_pages(gateway: Gateway) -> None:
    ann = await signed_in(gateway)
    for number in range(51):
        await ann.request(
            "POST",
            f"{API}/usage",
            {"Origin": gateway.url},
            json={"credits": 1, "description": f"call {number:02d}."},
        )

    first = (await ann.get(USAGE)).text
    following = first.partition('rel="next"')[0].rpartition('href="')[2].partition('"')[0]
    second = (await ann.get(following)).text
    wrong = await ann.request("GET", f"{USAGE}?cursor=nonsense")

    assert "call 50." in first
    assert "call 00." not in first
    assert "call 00." in second
    assert "call 01." not in second
    assert "cursor" in text_of(wrong.text).lower()
    assert "call 50." not in wrong.text
