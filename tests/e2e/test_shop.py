"""Buying and selling by the pages in a real browser: a buyer's way, and every operator's page."""

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect

from gateway.dashboard.surface import OPERATOR
from gateway.http.routing import Router
from kernel.clock import FixedClock
from tests.e2e.conftest import WorkingSet
from tests.e2e.test_dashboard import sign_up
from tests.support.browser import Browser as Plain, signed_in
from tests.support.chromium import Window, grave_faults, grave_faults_in_both, new_window
from tests.support.gateway import API
from tests.support.installation import Installation
from tests.support.operator_pages import ADMIN, fill, operator
from tests.support.sampled import Within
from tests.support.selling_gateway import Store, open_store

SAMPLED = Within(4, "looks of the shop's pages")
OPERATORS = tuple(
    one.template for one in Router((OPERATOR,)) if "GET" in one.routes and "{" not in one.template
)
BUYERS = (
    "/buy",
    "/plan",
    "/orders",
    "/documents",
    "/statement",
    "/recharge",
    "/codes",
    "/usage",
    "/usage/holds",
)


@pytest_asyncio.fixture(loop_scope="session")
async def store(sqlite_template: Path, tmp_path: Path, clock: FixedClock) -> AsyncIterator[Store]:
    path = tmp_path / "topup.db"
    path.write_bytes(sqlite_template.read_bytes())
    async with open_store(f"sqlite:///{path}", tmp_path, clock) as opened:
        yield opened


@pytest.fixture
def installation(working_set: WorkingSet) -> Installation:
    """One for the module, at whose public address the sandbox's page stands."""
    if "shop" not in working_set.shared:
        made = working_set.shared["shop"] = working_set.make("sqlite")
        made.start()
        # Nobody knows the address before there is a port.
        (gateway,) = made.gateways
        gateway.stop()
        gateway.env["TOPUP_PUBLIC_URL"] = gateway.url
        gateway.restart()
    return working_set.shared["shop"]


async def window_of(
    browser: Browser, person: Plain, *, has_scripts: bool = True, width: int = 1280
) -> Window:
    """A tab in which that person is signed in."""
    url = person.gateway.url
    window = await new_window(browser, url, has_scripts=has_scripts, width=width)
    await window.page.context.add_cookies(
        [{"name": "topup_session", "value": person.session or "", "url": url}]
    )
    return window


async def stocked(store: Store) -> tuple[Plain, list[str]]:
    """An operator who also buys, and the paths of the pages of single things."""
    boss = await operator(store.gateway)
    await fill(boss, f"{ADMIN}/coupons", {"code": "SUMMER-20", "percent": "20"})
    await fill(boss, f"{ADMIN}/code-batches", {"credits": "1500", "count": "3", "name": "Fair"})
    await fill(
        boss,
        f"{ADMIN}/plans",
        {
            "id": "pro",
            "name": "Pro",
            "price_monthly": "20.00",
            "currency": "USD",
            "credits_included": "25000",
        },
    )
    await fill(boss, "/dashboard/plan", {"plan": "pro/month", "provider": "stripe"})
    batches = (await boss.get(f"{ADMIN}/code-batches")).text
    made = await store.order()
    await store.notify("paid", made["id"], amount=made["pay_amount"] - 1)
    # One that was paid and went back in part, with its receipt and its note.
    sold = await store.order()
    await store.notify("paid", sold["id"])
    await store.notify("refunded", sold["id"], amount=500)
    await store.gateway.call("GET", f"/orders/{sold['id']}/receipt.pdf", key=store.key)
    bought = await boss.send("/dashboard/buy", {"pack": "pack_pro", "provider": "stripe"})
    await boss.send("/dashboard/codes/checkin", {})
    for path, body in (
        ("/usage", {"credits": 5, "description": "A call"}),
        ("/holds", {"credits": 500, "description": "A long answer"}),
    ):
        await boss.request("POST", API + path, {"Origin": store.gateway.url}, json=body)
    batch = re.search(r"/admin/codes\?batch=rdb_\w+", batches)
    assert batch is not None
    return boss, [
        f"/dashboard{batch[0]}",
        f"{ADMIN}/orders/{made['id']}",
        f"{ADMIN}/orders/{sold['id']}",
        f"{ADMIN}/accounts/{store.account_id}",
        f"{ADMIN}/plans/pro",
        bought.headers["location"].removesuffix("/pay"),
    ]


async def pay(page: Page) -> None:
    """From the form to the order, by way of the sandbox's page."""
    await page.goto("/dashboard/buy")
    await page.get_by_label("Business Pack").check()
    await page.get_by_label("Pay with").select_option("stripe")
    await page.get_by_role("button", name="Continue to payment").click()
    await page.get_by_role("button", name="Pay 50.00 USD").click()
    await page.get_by_role("link", name="Continue to").click()


@pytest.mark.parametrize("has_scripts", [True, False])
async def test_a_pack_is_bought_and_the_browser_comes_back(
    installation: Installation, browser: Browser, has_scripts: bool
) -> None:
    window = await new_window(browser, installation.url, has_scripts=has_scripts, width=390)
    page = window.page
    await sign_up(page, f"buyer-{has_scripts}@shop.example".lower())

    await pay(page)

    await expect(page.locator("h1")).to_have_text("Business Pack")
    await expect(page.get_by_role("status")).to_contain_text("back from the payment page")
    await expect(page.locator(".head .chip")).to_have_text("paid")
    await page.goto("/dashboard")
    # $10,000.00 of test credit, and 70,000 credits of $0.001.
    await expect(page.locator(".lead-figure").first).to_contain_text("$10,070.00")
    assert window.complaints == []
    assert await installation.findings() == []


async def test_an_order_that_is_waited_for_follows_the_providers_word(
    store: Store, browser: Browser
) -> None:
    ann = await signed_in(store.gateway)
    bought = await ann.send("/dashboard/buy", {"pack": "pack_pro", "provider": "toypay"})
    order = bought.headers["location"].removesuffix("/pay")
    window = await window_of(browser, ann)
    page = window.page
    await page.goto(f"{order}?said=order-back")
    await expect(page.get_by_text("Waiting for toypay")).to_be_visible()

    await store.notify("paid", order.rpartition("/")[2])

    await expect(page.locator(".head .chip")).to_have_text("paid")
    assert window.complaints == []


async def test_codes_are_downloaded_as_they_are_made(store: Store, browser: Browser) -> None:
    window = await window_of(browser, await operator(store.gateway))
    page = window.page
    await page.goto(f"{ADMIN}/code-batches")
    await page.get_by_label("Credits per code").fill("1000")
    await page.get_by_label("Number of codes").fill("25")
    await page.get_by_role("button", name="Create redemption codes").click()

    async with page.expect_download() as coming:
        await page.get_by_role("link", name="Download CSV").click()
    download = await coming.value

    lines = Path(await download.path()).read_bytes().decode().split("\r\n")
    assert download.suggested_filename.startswith("rdb_")
    assert (lines[0], len(lines), lines[-1]) == ("code", 27, "")
    assert "\n".join(lines[1:-1]) == await page.locator("#codes").inner_text()
    assert window.complaints == []


@SAMPLED.mark
async def test_no_page_keeps_anybody_out_or_scrolls_sideways(
    store: Store, browser: Browser
) -> None:
    boss, single = await stocked(store)
    window = await window_of(browser, boss)
    page = window.page
    found: list[str] = []

    places = (*("/dashboard" + one for one in BUYERS), *OPERATORS, *single)
    looked_at = SAMPLED.part([(place, look) for place in places for look in ("wide", "phone")])
    for number, place in enumerate(places):
        await page.set_viewport_size({"width": 1440, "height": 860})
        await page.goto(place)
        is_known = number > 0
        if (place, "wide") in looked_at:
            found += await grave_faults_in_both(page, has_known_frame=is_known)
        found += await too_wide(page)
        # The same elements and colours on a phone; the first page shows the phone's own menu too.
        await page.set_viewport_size({"width": 390, "height": 860})
        if (place, "phone") in looked_at:
            found += await grave_faults(
                page, about="structure" if is_known else "all", has_known_frame=is_known
            )
        found += await too_wide(page)

    assert window.complaints == []
    assert found == []


async def too_wide(page: Page) -> list[str]:
    """A line where the page scrolls sideways."""
    if await page.evaluate("document.documentElement.scrollWidth > innerWidth"):
        return [f"{page.url} is too wide at {page.viewport_size}"]
    return []


async def test_an_order_is_decided_with_the_keyboard(store: Store, browser: Browser) -> None:
    boss = await operator(store.gateway)
    made = await store.order()
    await store.notify("paid", made["id"], amount=made["pay_amount"] - 1)
    window = await window_of(browser, boss, has_scripts=False)
    page = window.page
    await page.goto(f"{ADMIN}/orders/{made['id']}")

    await page.get_by_label("Counts as paid").focus()
    await page.keyboard.type("19.99")
    await page.get_by_label("Reason").first.focus()
    await page.keyboard.type("Bank fees")
    await page.keyboard.press("Tab")
    await page.keyboard.press("Enter")

    await expect(page.get_by_role("status")).to_contain_text("The order is credited")
    assert (await store.show(made["id"]))["status"] == "paid"
