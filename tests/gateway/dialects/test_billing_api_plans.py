"""Plans over real HTTP: renewals by the sandbox's clock, the portal, failed payments and refunds."""

import pytest
import pytest_asyncio

from billing.catalog.coupon import create as create_coupon, new_coupon
from kernel.clock import FixedClock
from tests.support.billing_api_calls import Caller, customer, findings, sold
from tests.support.dialect_calls import get
from tests.support.gateway import Gateway

pytestmark = pytest.mark.fixed_clock

TEAM = {
    "id": "team",
    "name": "Team",
    "price_monthly": 2997,
    "credits_included": 40_000,
    "creem_product_id": "prod_team",
}


@pytest_asyncio.fixture
async def me(gateway: Gateway) -> Caller:
    """An account of a gateway that sells the seed's plan, and a dearer one."""
    boss = await sold(gateway, creem_product_id="prod_pro")
    await boss.call("POST", "/admin/billing/plans", status=201, json=TEAM)
    return await customer(gateway)


async def credits_bought(me: Caller) -> int:
    return await me.balance() - 10_000_000


@pytest.mark.parametrize("channel", ["stripe", "creem"])
async def test_a_plan_renews_as_the_sandboxs_clock_goes_on(
    gateway: Gateway, me: Caller, channel: str
) -> None:
    await me.subscribe(channel=channel)
    first = await credits_bought(me), (await me.plan())["expires_at"]

    await me.advance(31)
    second = await credits_bought(me), (await me.plan())["expires_at"]
    await me.advance(365)

    assert first == (10_000, "2026-07-13T12:00:00Z")
    assert second == (20_000, "2026-08-13T12:00:00Z")
    # Thirteen months later, to the day: 14 periods in all.
    assert await credits_bought(me) == 140_000
    assert (await me.plan())["expires_at"] == "2027-08-13T12:00:00Z"
    lines = await me.call("GET", "/credits/transactions?limit=2")
    assert [(one["type"], one["amount"], one["description"]) for one in lines] == [
        ("subscription", 10_000, "Pro")
    ] * 2
    assert await findings(gateway) == []


async def test_a_year_grants_twelve_months_at_once(me: Caller) -> None:
    await me.subscribe(interval="year")

    assert await credits_bought(me) == 120_000
    assert (await me.plan())["expires_at"] == "2027-06-13T12:00:00Z"


async def test_the_other_dialects_show_the_plan(gateway: Gateway, me: Caller) -> None:
    before = await me.plan()
    await me.subscribe()

    assert (before["tier"], before["status"], before["expires_at"]) == ("free", "active", None)
    plan = await me.plan()
    assert (plan["tier"], plan["status"]) == ("pro", "active")
    info = await get(gateway, me.key, "/api/user/topup/info")
    assert info["data"]["creem_products"] == (
        '[{"name":"Pro","productId":"prod_pro","price":9.99,"currency":"USD","quota":5000000},'
        '{"name":"Team","productId":"prod_team","price":29.97,"currency":"USD","quota":20000000}]'
    )
    # A plan's order is no top-up.
    assert (await get(gateway, me.key, "/api/billing/topup-history"))["data"] == []


async def test_a_cancelled_plan_ends_with_its_period_and_may_be_resumed(me: Caller) -> None:
    await me.subscribe()

    ending = await me.press("cancel")
    resumed = await me.press("resume")
    await me.press("cancel")
    await me.advance(40)

    assert "ends with the period" in ending
    assert "ends with the period" not in resumed
    plan = await me.plan()
    assert (plan["tier"], plan["status"]) == ("pro", "cancelled")
    assert await credits_bought(me) == 10_000
    await me.subscribe("team")
    assert await credits_bought(me) == 50_000


async def test_an_upgrade_is_prorated_and_a_downgrade_waits_for_the_period(
    gateway: Gateway, me: Caller
) -> None:
    await me.subscribe()
    await me.advance(15)

    await me.press("choose", plan="team month")
    upgraded = await credits_bought(me), (await me.plan())["tier"]
    page = await me.press("choose", plan="plan-id month")
    downgraded = await credits_bought(me), (await me.plan())["tier"]
    await me.advance(16)

    # Half a month of (29.97 - 9.99) is 9.99, which is a third of Team's price: 13,333 credits.
    assert upgraded == (23_333, "team")
    assert downgraded == upgraded
    assert "Next plan" in page
    assert (await credits_bought(me), (await me.plan())["tier"]) == (33_333, "pro")
    assert await findings(gateway) == []


async def test_a_declined_renewal_is_past_due_tried_again_and_paid(me: Caller) -> None:
    await me.subscribe()
    await me.press("decline")
    await me.advance(30.5)
    late = (await me.plan())["status"], await credits_bought(me)

    page = await me.press("accept")
    await me.advance(1)

    assert late == ("past_due", 10_000)
    assert "go through" in page
    assert (await me.plan())["status"] == "active"
    assert await credits_bought(me) == 20_000


async def test_a_plan_unpaid_for_a_week_ends(me: Caller) -> None:
    await me.subscribe()
    await me.press("decline")
    await me.advance(33)
    late = (await me.plan())["status"]

    await me.advance(5)

    assert late == "past_due"
    assert (await me.plan())["status"] in {"cancelled", "expired"}
    assert await credits_bought(me) == 10_000


async def test_a_coupon_makes_the_first_month_cheaper(
    gateway: Gateway, me: Caller, clock: FixedClock
) -> None:
    made = new_coupon("staging", "HALF", percent=50, now_us=clock.now_us())
    await gateway.context.database.transaction(lambda tx: create_coupon(tx, made))

    await me.subscribe(coupon="half")
    await me.advance(31)

    [order] = await me.call("GET", "/orders")
    assert (order["amount"], order["pay_amount"], order["status"]) == (999, 500, "paid")
    assert await credits_bought(me) == 20_000
    assert await findings(gateway) == []


@pytest.mark.one_database
async def test_a_portal_cannot_be_guessed_and_refuses_nonsense(
    gateway: Gateway, me: Caller
) -> None:
    await me.subscribe()
    path = await me.portal()

    guessed = await gateway.client.get("/sandbox/portal/AAAA")
    answers = [
        await gateway.client.post(path, data=data)
        for data in ({}, {"action": "steal"}, {"action": "choose", "plan": "none month"})
    ]

    assert guessed.status_code == 404
    assert [answer.status_code for answer in answers] == [422, 422, 422]
