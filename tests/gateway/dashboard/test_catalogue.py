"""What an operator sells and gives by the pages: packs, coupons, codes, check-ins."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from kernel.clock import FixedClock
from tests.support.browser import signed_in, text_of
from tests.support.gateway import Gateway
from tests.support.operator_pages import ADMIN as HERE, fill, operator, press, switch
from tests.support.selling_gateway import Store, open_store

NASTY = "<script>alert(1)</script>\"'><img src=x>"
COUPON = {"code": "summer-20", "percent": "20", "currency": "USD", "minimum": "10.00"}
PACK = {
    "id": "pack_big",
    "name": "Big Pack",
    "price": "100.00",
    "currency": "usd",
    "credits": "150,000",
    "bonus_credits": "50000",
}
CHECKIN = {
    "enabled": "yes",
    "credits_min": "50",
    "credits_max": "80",
    "streak_bonus_credits": "5",
    "streak_days_max": "7",
    "daily_budget_credits": "",
}


@pytest_asyncio.fixture
async def store(database_url: str, tmp_path: Path, clock: FixedClock) -> AsyncIterator[Store]:
    async with open_store(database_url, tmp_path, clock) as opened:
        yield opened


@pytest.mark.one_database
@pytest.mark.parametrize(
    ("place", "fields"),
    [("/packs", PACK), ("/coupons", COUPON), ("/code-batches", {"credits": "10", "count": "1"})],
)
async def test_another_sites_form_changes_nothing(
    gateway: Gateway, place: str, fields: dict[str, str]
) -> None:
    browser = await operator(gateway)
    before = text_of((await browser.get(HERE + place)).text)

    answer = await browser.send(HERE + place, fields, headers={"Origin": "https://evil.example"})

    assert answer.status_code == 403
    assert text_of((await browser.get(HERE + place)).text) == before


async def test_a_pack_is_made_offered_and_withdrawn(gateway: Gateway) -> None:
    boss, buyer = await operator(gateway), await signed_in(gateway)

    made = await fill(boss, f"{HERE}/packs", PACK)
    offered = text_of((await buyer.get("/dashboard/buy")).text)
    ended = await press(boss, f"{HERE}/packs", f"{HERE}/packs/pack_big/disable")
    withdrawn = text_of((await buyer.get("/dashboard/buy")).text)
    await switch(boss, "live")

    assert made.status_code == 303, text_of(made.text)[:500]
    assert made.headers["location"] == f"{HERE}/packs?said=packs.create"
    assert "Big Pack 100.00 USD 150,000 credits, of them 50,000 as a bonus" in offered
    assert ended.headers["location"].endswith("&said=packs.disable")
    assert "Big Pack" not in withdrawn
    assert "Big Pack" not in text_of((await boss.get(f"{HERE}/packs")).text)
    there = await boss.send(f"{HERE}/packs/pack_big/enable", {})
    assert there.status_code == 404


@pytest.mark.one_database
@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"id": "pack_pro"}, "There is already a pack with this ID."),
        ({"id": "Pack Big"}, "An id can have up to 64"),
        ({"name": ""}, "Fill this in"),
        ({"price": ""}, "Fill this in"),
        ({"price": "-1"}, "decimal"),
        ({"price": "1.005"}, "decimal"),
        ({"currency": "dollars"}, "Use an ISO 4217 currency"),
        ({"credits": ""}, "Fill this in"),
        ({"credits": "many"}, "Write a whole number"),
        ({"credits": "10"}, "The bonus must not exceed the credits."),
    ],
)
async def test_a_bad_pack_is_told_and_kept_in_the_form(
    gateway: Gateway, fields: dict[str, str], told: str
) -> None:
    boss = await operator(gateway)

    answer = await fill(boss, f"{HERE}/packs", {**PACK, **fields})

    assert answer.status_code == (409 if "There is already" in told else 422)
    assert told.lower() in text_of(answer.text).lower()
    assert f'value="{ {**PACK, **fields}["bonus_credits"] }"' in answer.text


async def test_a_coupon_is_made_and_disabled(store: Store) -> None:
    boss = await operator(store.gateway)

    made = await fill(boss, f"{HERE}/coupons", {**COUPON, "uses_max": "5"})
    listed = text_of((await boss.get(f"{HERE}/coupons")).text)
    order = await store.order(coupon="SUMMER-20")
    await press(boss, f"{HERE}/coupons", f"{HERE}/coupons/SUMMER-20/disable")
    refused = await store.post(coupon="SUMMER-20")
    await switch(boss, "live")
    elsewhere = await boss.send(f"{HERE}/coupons/SUMMER-20/enable", {})

    assert made.headers["location"] == f"{HERE}/coupons?said=coupons.create"
    assert "SUMMER-20 20 — 10.00 USD 0 5 — active" in listed
    assert order["pay_amount"] == 1600
    assert refused.status_code == 409
    assert elsewhere.status_code == 404


@pytest.mark.one_database
@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"code": ""}, "Fill this in"),
        ({"code": NASTY}, "A coupon's code must have 2 to 40"),
        ({"percent": ""}, "Give a percentage or an amount."),
        ({"percent": "0"}, "Write a whole number of at least 1"),
        ({"percent": "101"}, "Write a whole number of at most 100"),
        ({"percent": "5", "amount_off": "5.00"}, "A percentage or an amount"),
        ({"minimum": "ten"}, "decimal"),
        ({"uses_max": "0"}, "Write a whole number of at least 1"),
        ({"expires_at": "2020-01-01"}, "Choose a day in the future"),
        ({"expires_at": "soon"}, "Expected a time"),
    ],
)
async def test_a_bad_coupon_is_told_and_kept_in_the_form(
    gateway: Gateway, fields: dict[str, str], told: str
) -> None:
    boss = await operator(gateway)

    answer = await fill(boss, f"{HERE}/coupons", {**COUPON, "uses_per_account": "7", **fields})

    assert answer.status_code == 422
    assert told.lower() in text_of(answer.text).lower()
    assert 'name="uses_per_account" type="text" value="7"' in answer.text
    assert "<script>alert" not in answer.text


async def test_a_coupon_that_is_there_is_not_made_again(gateway: Gateway) -> None:
    boss = await operator(gateway)

    made = [await fill(boss, f"{HERE}/coupons", COUPON) for _ in range(2)]

    assert [one.status_code for one in made] == [303, 409]


async def test_what_check_ins_award_is_set_for_one_environment(gateway: Gateway) -> None:
    boss, ann = await operator(gateway), await signed_in(gateway)

    saved = await fill(boss, f"{HERE}/checkin", CHECKIN)
    shown = text_of((await ann.get("/dashboard/codes")).text)
    await fill(boss, f"{HERE}/checkin", {**CHECKIN, "enabled": ""})
    off = text_of((await ann.get("/dashboard/codes")).text)
    await switch(boss, "live")

    assert saved.headers["location"] == f"{HERE}/checkin?said=checkin.set"
    assert "Once a day: 50 to 80 credits, and 5 more for each day in a row" in shown
    assert "Once a day" not in off
    live = (await boss.get(f"{HERE}/checkin")).text
    assert 'name="credits_min" type="text" value="100"' in live
    assert 'name="enabled" value="yes">' in live


@pytest.mark.one_database
@pytest.mark.parametrize(
    "fields",
    [
        {"credits_min": "0"},
        {"credits_min": "90"},
        {"credits_max": "much"},
        {"streak_days_max": "9999"},
        {"daily_budget_credits": "-1"},
    ],
)
async def test_a_bad_setting_is_told_and_kept(gateway: Gateway, fields: dict[str, Any]) -> None:
    boss = await operator(gateway)

    answer = await fill(boss, f"{HERE}/checkin", {**CHECKIN, **fields})

    assert answer.status_code == 422
    name, value = next(iter(fields.items()))
    assert f'name="{name}" type="text" value="{value}"' in answer.text
    assert 'class="wrong"' in answer.text
