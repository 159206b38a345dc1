"""The pages that end, resume and change a plan: the account's own, and the operator's of any account."""

import re
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import pytest_asyncio

from kernel.clock import FixedClock
from tests.gateway.dashboard.test_plans import NEW, sold, subscribed
from tests.support.browser import Browser, signed_in, text_of
from tests.support.operator_pages import ADMIN, operator
from tests.support.selling_gateway import Store, open_store

pytestmark = pytest.mark.one_database
PLAN = "/dashboard/plan"


@pytest_asyncio.fixture
async def store(database_url: str, tmp_path: Path, clock: FixedClock) -> AsyncIterator[Store]:
    async with open_store(database_url, tmp_path, clock) as opened:
        yield opened


async def shown(browser: Browser) -> str:
    return text_of((await browser.get(PLAN)).text)


async def test_a_plan_is_ended_resumed_and_ended_at_once(store: Store) -> None:
    await sold(store)
    ann = await signed_in(store.gateway)
    await subscribed(store, ann)
    before = await shown(ann)

    ending = await ann.send(f"{PLAN}/steer", {"act": "cancel"})
    while_ending = await shown(ann)
    await ann.send(f"{PLAN}/steer", {"act": "resume"})
    resumed = await shown(ann)
    nonsense = await ann.send(f"{PLAN}/steer", {"act": "explode"})
    await ann.send(f"{PLAN}/steer", {"act": "cancel_now"})
    after = await shown(ann)

    assert "End the plan after this period" in before
    assert "Next charge" in before
    assert ending.status_code == 303
    assert "then the plan ends" in while_ending
    assert "Resume the plan" in while_ending
    assert "then the plan ends" not in resumed
    assert nonsense.status_code == 422
    assert "cancelled" in after
    assert "Continue to payment" in after


async def test_a_plan_is_paused_and_goes_on_by_its_owner_and_by_the_operator(store: Store) -> None:
    boss, ann = await sold(store), await signed_in(store.gateway)
    await subscribed(store, ann)

    before = await shown(ann)
    wrong = await ann.send(f"{PLAN}/steer", {"act": "pause", "resumes_at": "2020-01-01"})
    await ann.send(f"{PLAN}/steer", {"act": "pause", "resumes_at": "2026-08-01"})
    paused = await shown(ann)
    await ann.send(f"{PLAN}/steer", {"act": "resume"})
    resumed = await shown(ann)
    listed = (await boss.get(f"{ADMIN}/subscriptions")).text
    path = re.search(r"/dashboard/admin/subscriptions/sub_\w+", listed)
    assert path is not None
    await boss.send(f"{path[0]}/pause", {"reason": "away"})
    seen = text_of((await boss.get(path[0])).text)
    await boss.send(f"{path[0]}/resume", {"here": "yes", "reason": "it goes on there"})
    after = text_of((await boss.get(path[0])).text)

    assert "Pause the plan" in before
    assert wrong.status_code == 422
    assert "must be in the future" in text_of(wrong.text)
    assert "paused" in paused
    assert "2026-08-01 00:00:00 UTC" in paused
    assert "Next charge" not in paused
    assert "Pause the plan" not in paused
    assert "Next charge" in resumed
    assert "charges nothing while it is paused" in seen
    assert "when you resume the plan" in seen
    assert "charges nothing while it is paused" not in after


async def test_who_may_take_a_plan_reads_its_trial_and_when_its_credit_ends(store: Store) -> None:
    boss = await operator(store.gateway)
    terms = {"credit_expires": "period_end", "rollover_max_credits": "2,000", "grants": "monthly"}
    trial = {"trial_days": "14", "trial_credits": "500"}
    made = await boss.send(f"{ADMIN}/plans", {**NEW, **terms, **trial})
    ann = await signed_in(store.gateway)
    offered = " ".join((await shown(ann)).split())
    await subscribed(store, ann)
    page = (await ann.get(PLAN)).text
    taken = " ".join(text_of(page).split())

    assert made.status_code == 303
    month = "unused credit expires with the month; up to 2,000 credits roll over into the next"
    assert f"25,000 credits a month {month}" in offered
    assert (
        "300,000 credits a year a twelfth is granted each month unused credit expires with its month"
        in offered
    )
    assert f"25,000 a month {month}" in taken
    assert "Trial until" in taken
    assert '<span class="chip good">trialing</span>' in page


async def test_the_order_of_a_trial_says_that_nothing_was_paid_and_a_second_one_is_none(
    store: Store,
) -> None:
    """Also of another plan, and through another provider; that one is paid at once."""
    boss = await operator(store.gateway)
    await boss.send(f"{ADMIN}/plans", {**NEW, "trial_days": "14"})
    creem = {"products": "creem_product_id=prod_max"}
    await boss.send(
        f"{ADMIN}/plans", {**NEW, "id": "max", "name": "Max", "trial_days": "7", **creem}
    )
    ann = await signed_in(store.gateway)
    offered = await shown(ann)
    made = await ann.send(PLAN, {"plan": "pro/month", "provider": "stripe"})
    before = " ".join(text_of((await ann.get(made.headers["location"])).text).split())
    order = await subscribed(store, ann)
    page = " ".join(text_of((await ann.get(order)).text).split())
    api = f"/api/public/v1/orders/{order.rpartition('/')[2]}"
    told = (await ann.get(api)).json()["data"]
    receipt = await ann.get(f"{api}/receipt.pdf")
    payer = text_of((await ann.get(urlsplit(told["status_url"]).path)).text)
    await ann.send(f"{PLAN}/steer", {"act": "cancel_now"})
    offered_again = await shown(ann)
    second = await ann.send(PLAN, {"plan": "max/month", "provider": "creem"})
    paid_at_once = text_of((await ann.get(second.headers["location"])).text)

    assert "the first 14 days cost nothing" in offered
    assert "the first 14 days cost nothing, then 20.00 USD is taken" in before
    # The 13th of June and 14 days.
    assert "Total 0.00 USD for 14 days, then 20.00 USD Trial until 2026-06-27" in page
    assert (told["status"], told["paid_amount"], told["trial_days"]) == ("paid", 0, 14)
    assert (told["pay_amount"], receipt.status_code) == (2000, 404)
    assert "Your plan has started with a free trial." in payer
    assert (
        "Your free trial has started. The first payment will be taken when the trial ends." in payer
    )
    assert "cost nothing" not in offered_again
    assert "without free days, because this account has already had its trial" in offered_again
    assert "There you pay 20.00 USD" in paid_at_once


async def test_another_plan_is_taken_after_a_look_at_what_it_costs(store: Store) -> None:
    boss = await sold(store)
    dearer = {"id": "max", "name": "Max", "price_monthly": "100.00", "currency": "USD"}
    await boss.send(f"{ADMIN}/plans", {**dearer, "credits_included": "100000"})
    ann = await signed_in(store.gateway)
    await subscribed(store, ann)

    cost = text_of((await ann.get(f"{PLAN}/change?plan=max/month")).text)
    changed = await ann.send(f"{PLAN}/change", {"plan": "max/month"})
    unknown = await ann.send(f"{PLAN}/change", {"plan": "x/month"})

    assert "Change to Max" in cost
    assert "If the charge fails, the plan won't change" in cost
    assert changed.status_code == 303
    assert "Max" in await shown(ann)
    assert unknown.status_code == 404


async def test_a_chosen_change_is_seen_and_called_off_with_one_press(store: Store) -> None:
    boss = await sold(store)
    ann = await signed_in(store.gateway)
    await subscribed(store, ann, "pro/year")
    await ann.send(f"{PLAN}/change", {"plan": "pro/month"})

    chosen = await shown(ann)
    listed = text_of((await boss.get(f"{ADMIN}/subscriptions")).text)
    stayed = await ann.send(f"{PLAN}/change", {"plan": "pro/year"})
    after = await shown(ann)

    assert "Pro" in listed
    assert "from then on Pro, by the month" in chosen
    assert "Stay with Pro, by the year" in chosen
    assert stayed.status_code == 303
    assert "from then on" not in after


async def test_an_operator_ends_anybodys_plan_and_it_is_written_down(store: Store) -> None:
    boss = await sold(store)
    ann = await signed_in(store.gateway)
    await subscribed(store, ann)
    listed = (await boss.get(f"{ADMIN}/subscriptions")).text
    path = re.search(rf'href="({ADMIN}/subscriptions/sub_\w+)"', listed)
    assert path is not None

    done = await boss.send(f"{path[1]}/cancel", {"at": "period_end", "reason": "Asked by mail"})
    page = text_of((await boss.get(path[1])).text)
    audit = text_of((await boss.get(f"{ADMIN}/audit")).text)

    assert done.status_code == 303
    assert "then the plan ends" in page
    assert "Requested changes" in page
    assert "subscription.cancel" in audit
    assert "then the plan ends" in await shown(ann)


async def test_an_operator_gives_a_period_free_once_and_takes_it_back(store: Store) -> None:
    boss = await sold(store)
    ann = await signed_in(store.gateway)
    await subscribed(store, ann)
    listed = (await boss.get(f"{ADMIN}/subscriptions")).text
    page = re.search(r'href="(/dashboard/admin/subscriptions/sub_\w+)"', listed)
    assert page is not None
    form = (await boss.get(page[1])).text
    start = re.search(r'name="period_start" value="([^"]+)"', form)
    assert start is not None
    fields = {"period_start": start[1], "reason": "Our provider was away"}

    mute = await boss.send(f"{page[1]}/free-periods", {**fields, "reason": ""})
    given = await boss.send(f"{page[1]}/free-periods", fields)
    again = await boss.send(f"{page[1]}/free-periods", fields)
    after = (await boss.get(page[1])).text
    period = re.search(r'<option value="(per_\w+)"', after)
    assert period is not None
    own = await shown(ann)
    back = {"period_id": period[1], "reason": "A mistake"}
    taken = await boss.send(f"{page[1]}/revoke-period", back)

    assert (mute.status_code, again.status_code) == (422, 409)
    assert given.headers["location"].endswith("?said=subscriptions.grant-period")
    assert "Our provider was away, boss@example.com" in text_of(after)
    # The account sees that it was free, and not the operator's words.
    assert " free " in own
    assert "Our provider was away" not in own
    assert taken.headers["location"].endswith("?said=subscriptions.revoke-period")
    assert "free, credit removed" in text_of((await boss.get(page[1])).text)
    assert await store.findings() == []
