"""Plans by the pages: sold by an operator, taken and managed by accounts; credit by hand; the log."""

import re
from collections.abc import AsyncIterator
from html import unescape
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import pytest_asyncio

from kernel.clock import FixedClock
from tests.support.browser import Browser, signed_in, text_of
from tests.support.gateway import API, Gateway
from tests.support.operator_pages import ADMIN, account_of, fill, operator, press, switch
from tests.support.selling_gateway import Store, open_store

PLAN = "/dashboard/plan"
PLANS = f"{ADMIN}/plans"
NEW = {
    "id": "pro",
    "name": "Pro",
    "price_monthly": "20.00",
    "price_yearly": "200.00",
    "currency": "USD",
    "credits_included": "25,000",
    "description": "For teams",
    "features": "Priority\n\n  Support  \n",
}
NASTY = "<script>alert(1)</script>\"'><img src=x>"


@pytest_asyncio.fixture
async def store(database_url: str, tmp_path: Path, clock: FixedClock) -> AsyncIterator[Store]:
    async with open_store(database_url, tmp_path, clock) as opened:
        yield opened


async def sold(store: Store) -> Browser:
    """An operator who sells a plan."""
    boss = await operator(store.gateway)
    made = await fill(boss, PLANS, NEW)
    assert made.headers["location"] == f"{PLANS}?said=plans.create", text_of(made.text)
    return boss


async def away(browser: Browser, page: str) -> str:
    """The path of the provider's page that this page of ours leads to."""
    html = (await browser.get(page)).text
    return led_to(html)


def led_to(html: str) -> str:
    found = re.search(r'http-equiv="refresh" content="0;url=([^"]+)"', html)
    assert found is not None, "the page leads nowhere"
    split = urlsplit(unescape(found[1]))
    return f"{split.path}?{split.query}" if split.query else split.path


async def subscribed(store: Store, browser: Browser, plan: str = "pro/month") -> str:
    """Takes the plan at Stripe's stand-in and pays; the order's page."""
    taken = await fill(browser, PLAN, {"plan": plan, "provider": "stripe"})
    assert taken.status_code == 303, text_of(taken.text)
    checkout = await away(browser, taken.headers["location"])
    await store.gateway.client.post(checkout, data={"outcome": "paid"})
    return taken.headers["location"].removesuffix("/pay")


# Taken


async def test_a_plan_is_taken_paid_and_credited(store: Store) -> None:
    await sold(store)
    ann = await signed_in(store.gateway)
    offered = text_of((await ann.get(PLAN)).text)

    order = await subscribed(store, ann)

    plan, order_page = text_of((await ann.get(PLAN)).text), text_of((await ann.get(order)).text)
    assert (
        "Pro, by the month 20.00 USD 25,000 credits a month For teams Priority · Support" in offered
    )
    assert "Pro, by the year 200.00 USD 300,000 credits a year" in offered
    assert "Pro active" in plan
    assert "20.00 USD a month" in plan
    assert "Paid until 2026-07-13" in plan
    assert "Which plan" not in plan
    assert "each paid month" in order_page
    assert "25,000 credits , worth $25.00, came with its first paid period so far" in order_page
    assert "Paid periods From Until" in order_page
    assert "Nothing moved" not in order_page
    balance = (await ann.request("GET", f"{API}/topup/balance")).json()["data"]
    assert balance["balance_cents"] == 1_000_000 + 2_500
    assert await store.findings() == []


@pytest.mark.one_database
async def test_only_what_can_be_bought_is_offered(store: Store) -> None:
    boss, ann = await sold(store), await signed_in(store.gateway)
    before = (await ann.get(PLAN)).text
    # Creem sells no plan without a product of its own, and gets one for the month alone.
    products = {"products": "creem_product_id=prod_1"}
    made = {**NEW, "id": "team", "name": "Team", "price_yearly": "", **products}
    await fill(boss, PLANS, made)

    after = (await ann.get(PLAN)).text
    taken = await fill(ann, PLAN, {"plan": "team/month/creem"})
    order = text_of((await ann.get(taken.headers["location"].removesuffix("/pay"))).text)

    ways = re.findall(r'<option value="(\w+)"', before)
    assert ("stripe" in ways, "creem" in ways) == (True, False)
    # Now offers differ in who sells them, so each names its own.
    values = re.findall(r'name="plan" value="([^"]+)"', after)
    assert "team/month/creem" in values
    assert {"team/month/stripe", "pro/month/stripe", "pro/year/stripe"} <= set(values)
    assert not {"pro/month/creem", "pro/year/creem", "team/year/stripe"} & set(values)
    assert 'name="provider"' not in after
    assert "Team, by the month 20.00 USD" in text_of(after)
    assert "paid with Creem" in text_of(after)
    assert "Provider Creem" in order


@pytest.mark.one_database
async def test_the_portal_is_a_page_away(store: Store) -> None:
    await sold(store)
    ann = await signed_in(store.gateway)
    none = await ann.send(f"{PLAN}/portal", {})
    await subscribed(store, ann)

    led = await press(ann, PLAN, f"{PLAN}/portal")
    portal = led_to(led.text)
    await store.gateway.client.post(portal, data={"action": "cancel"})

    assert none.status_code == 404
    assert led.status_code == 200
    assert "then the plan ends" in text_of((await ann.get(PLAN)).text)


async def test_a_form_that_is_sent_twice_makes_one_order(store: Store) -> None:
    await sold(store)
    ann = await signed_in(store.gateway)
    fields = {"plan": "pro/month", "provider": "stripe", "once": "frm_1"}

    made = [await ann.send(PLAN, fields) for _ in range(2)]
    other = await ann.send(PLAN, {**fields, "plan": "pro/year"})

    assert made[0].headers["location"] == made[1].headers["location"]
    assert other.status_code == 409
    listed = (await ann.request("GET", f"{API}/orders")).json()["data"]["items"]
    assert len(listed) == 1


@pytest.mark.one_database
@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"plan": ""}, "Choose a plan"),
        ({"plan": "pro"}, "Choose a plan"),
        ({"plan": "pro/week"}, "Choose a plan"),
        ({"plan": "none/month"}, "Plan"),
        ({"provider": "nobody"}, "The provider must be one of"),
        ({"provider": "creem"}, "which creem needs"),
        ({"coupon": "NOSUCH"}, "There is no coupon with this code."),
    ],
)
async def test_a_mistake_is_said_and_the_form_kept(
    store: Store, fields: dict[str, str], sentence: str
) -> None:
    await sold(store)
    ann = await signed_in(store.gateway)

    answer = await fill(
        ann, PLAN, {"plan": "pro/month", "provider": "stripe", "coupon": "", **fields}
    )

    assert 400 <= answer.status_code < 500
    assert sentence in text_of(answer.text)
    if fields.get("coupon"):
        assert 'value="NOSUCH"' in answer.text
        assert 'value="pro/month" required checked' in answer.text


async def test_a_plan_of_one_environment_is_not_sold_in_the_other(store: Store) -> None:
    await sold(store)
    ann = await signed_in(store.gateway)
    await switch(ann, "live")

    page = text_of((await ann.get(PLAN)).text)
    taken = await ann.send(PLAN, {"plan": "pro/month", "provider": "toypay"})

    assert "No plans in live yet" in page
    assert taken.status_code == 404


# Sold


async def test_a_plans_terms_change_for_those_who_come_later(store: Store) -> None:
    boss = await sold(store)
    ann = await signed_in(store.gateway)
    await subscribed(store, ann)
    page = f"{PLANS}/pro"
    shown = (await boss.get(page)).text

    saved = await fill(boss, page, {**NEW, "price_monthly": "25", "price_yearly": ""})

    assert 'name="price_monthly" type="text" value="20.00"' in shown
    assert "Priority\nSupport</textarea>" in shown
    assert saved.headers["location"] == f"{page}?said=plans.set"
    listed = text_of((await boss.get(PLANS)).text)
    assert "pro Pro 25.00 USD — 25,000 active" in listed
    assert "20.00 USD a month" in text_of((await ann.get(PLAN)).text)
    log = text_of((await boss.get(f"{ADMIN}/audit")).text)
    assert "plan.update" in log
    assert "price_monthly 2000 → 2500" in log


@pytest.mark.one_database
@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"id": "pro"}, "There is already a plan with this ID."),
        ({"id": NASTY}, "id"),
        ({"name": ""}, "Fill this in"),
        ({"price_monthly": ""}, "Fill this in"),
        ({"price_monthly": "0"}, "The price is 0, or too large"),
        ({"price_yearly": "ten"}, "decimal"),
        ({"currency": "$"}, "Use an ISO 4217 currency"),
        ({"credits_included": "0"}, "Write a whole number of at least 1"),
        ({"credits_included": "-5"}, "Write a whole number of at least 1"),
    ],
)
async def test_a_bad_plan_is_told_and_kept_in_the_form(
    store: Store, fields: dict[str, str], sentence: str
) -> None:
    boss = await sold(store)

    answer = await fill(boss, PLANS, {**NEW, "id": "other", **fields})
    changed = await fill(boss, f"{PLANS}/pro", {**NEW, **fields})

    assert answer.status_code == (409 if "There is already" in sentence else 422)
    assert sentence.lower() in text_of(answer.text).lower()
    assert 'value="For teams"' in answer.text
    assert "<script>alert" not in answer.text
    # An id is not changed, so what is wrong with one is nobody's business there.
    assert changed.status_code == (303 if "id" in fields else 422)


async def test_the_other_environments_plans_are_not_there(store: Store) -> None:
    boss = await sold(store)
    await switch(boss, "live")

    assert (await boss.request("GET", f"{PLANS}/pro")).status_code == 404
    assert (await boss.send(f"{PLANS}/pro", NEW)).status_code == 404
    assert "No plans in live" in text_of((await boss.get(PLANS)).text)


async def test_subscriptions_of_everybody_are_found(store: Store) -> None:
    boss = await sold(store)
    ann = await signed_in(store.gateway)
    order = await subscribed(store, ann)
    await ann.get(f"{API}/orders/{order.rpartition('/')[2]}/receipt.pdf")
    place = f"{ADMIN}/subscriptions"

    listed = (await boss.get(f"{place}?status=active&account_id={await account_of(ann)}")).text
    none = text_of((await boss.get(f"{place}?status=expired")).text)
    path = re.search(rf'href="({place}/sub_\w+)"', listed)
    assert path is not None
    one = text_of((await boss.get(path[1])).text)
    await switch(boss, "live")
    elsewhere = await boss.request("GET", path[1])

    assert "Nothing matches these filters" in none
    assert "Paid periods From Until Plan Paid Credits Invoice Receipt 2026-06-13" in one
    assert "PDF , receipt of 2026-06-13" in one
    assert f"{API}/documents/doc_" in (await ann.get(PLAN)).text
    assert "25,000" in one
    assert elsewhere.status_code == 404


# By hand


async def test_credit_is_given_once_and_taken_with_a_reason(gateway: Gateway) -> None:
    boss, ann = await operator(gateway), await signed_in(gateway)
    page = f"{ADMIN}/accounts/{await account_of(ann)}"
    fields = {"amount": "1,500", "reason": "Goodwill for the outage", "once": "frm_9"}

    given = [await boss.send(f"{page}/credit", fields) for _ in range(2)]
    taken = await boss.send(f"{page}/credit", {"amount": "-500", "reason": "Too much"})
    balance = (await ann.request("GET", f"{API}/topup/balance")).json()["data"]
    log = text_of((await boss.get(f"{ADMIN}/audit?account_id={await account_of(ann)}")).text)

    assert [one.status_code for one in (*given, taken)] == [303] * 3
    assert given[0].headers["location"] == f"{page}?said=accounts.adjust"
    assert balance["balance_cents"] == 1_000_000 + 100
    assert log.count("credit.adjust") == 2
    assert "Goodwill for the outage" in log
    assert "balance_micros 10001500000 → 10001000000" in log


@pytest.mark.one_database
@pytest.mark.parametrize(
    ("fields", "status", "sentence"),
    [
        ({"amount": "", "reason": "x"}, 422, "Fill this in"),
        ({"amount": "0", "reason": "x"}, 422, "The amount must be from 1 to"),
        ({"amount": "1.5", "reason": "x"}, 422, "Write a whole number"),
        ({"amount": "9" * 18, "reason": "x"}, 422, "Write a whole number of at most 1,000,000,000"),
        ({"amount": "5", "reason": " "}, 422, "Fill this in"),
        ({"amount": "-99999999", "reason": "x"}, 402, "much purchased credit"),
    ],
)
async def test_what_cannot_be_given_or_taken_is_told_and_kept(
    gateway: Gateway, fields: dict[str, str], status: int, sentence: str
) -> None:
    boss, ann = await operator(gateway), await signed_in(gateway)
    page = f"{ADMIN}/accounts/{await account_of(ann)}"

    answer = await boss.send(f"{page}/credit", fields)

    assert answer.status_code == status
    assert sentence.lower() in text_of(answer.text).lower()
    assert f'name="amount" type="text" value="{fields["amount"]}"' in answer.text
    assert (await boss.send(f"{ADMIN}/accounts/acc_none/credit", fields)).status_code == 404


# The log


async def test_each_act_is_written_down(store: Store) -> None:
    boss = await sold(store)
    await fill(boss, f"{ADMIN}/coupons", {"code": NASTY[1:7], "percent": "5", "currency": "USD"})
    await fill(
        boss, f"{ADMIN}/code-batches", {"credits": "10", "count": "2", "uses": "1", "name": NASTY}
    )
    made = await store.order()
    await store.notify("paid", made["id"], amount=1)
    await boss.send(f"{ADMIN}/orders/{made['id']}/reject", {"reason": "A cent"})

    page = await boss.get(f"{ADMIN}/audit")

    log = text_of(page.text)
    for act in ("plan.create", "coupon.create", "codes.create", "A cent", "boss@example.com"):
        assert act in log
    assert "<script>alert" not in page.text
    assert "TOPUP-" not in log
    await switch(boss, "live")
    assert "Nothing was done in live yet" in text_of((await boss.get(f"{ADMIN}/audit")).text)
