"""The dashboard as a person uses it, in a real browser in front of real processes."""

import asyncio
import re

import pytest
from playwright.async_api import Browser, Page, expect

from tests.e2e.conftest import WorkingSet
from tests.support.browser import member_at
from tests.support.chromium import Window, grave_faults, grave_faults_in_both, new_window
from tests.support.installation import API, Installation
from tests.support.plain_http import http_client
from tests.support.programs import needed
from tests.support.receiver import Received, Receiver
from tests.support.sampled import Within

SAMPLED = Within(3, "pages of the dashboard by axe")
PASSWORD = "correct horse battery"
PLACES = (
    "",
    "/send",
    "/topups",
    "/approvals",
    "/vouchers",
    "/wallets",
    "/outbox",
    "/statement",
    "/keys",
    "/keys/all",
    "/usage",
    "/keys/new",
    "/webhooks",
    "/webhooks/new",
    "/deliveries",
    "/replays",
    "/account",
    "/account/security",
    "/search",
)


# What a finger cannot hit: less than 24 px wide or high.
SMALL_TARGETS = """[...document.querySelectorAll(
    'main :is(a, button, input:not([type=hidden]), select, textarea, summary)'
)].filter(one => one.checkVisibility()).map(one => [one, one.getBoundingClientRect()])
    .filter(([, box]) => box.width > 0 && (box.width < 24 || box.height < 24))
    .map(([one]) => one.outerHTML)"""
ROW_HEIGHT = (
    """document.querySelector('main tbody tr:not(.sum)')?.getBoundingClientRect().height ?? 0"""
)


@pytest.fixture
def installation(working_set: WorkingSet) -> Installation:
    """One for the module: each test has an account of its own in it."""
    if "dashboard" not in working_set.shared:
        working_set.shared["dashboard"] = working_set.make("sqlite")
        working_set.shared["dashboard"].start()
    return working_set.shared["dashboard"]


async def sign_up(page: Page, email: str) -> None:
    """Makes the account, which signs in."""
    await page.goto("/sign-up")
    await page.get_by_label("Name").fill("Ann's shop")
    await page.get_by_label("Email address").fill(email)
    await page.get_by_label("Password").fill(PASSWORD)
    await page.get_by_role("button", name="Create the account").click()
    await expect(page.get_by_role("heading", name="Overview")).to_be_visible()


async def signed_in(
    browser: Browser, installation: Installation, email: str, *, width: int = 1280
) -> Window:
    """A tab on the overview of a new account; signing up and in is a promise of other tests."""
    window = await new_window(browser, installation.url, width=width)
    token = await member_at(installation, email)
    await window.page.context.add_cookies(
        [{"name": "topup_session", "value": token, "url": installation.url}]
    )
    await window.page.goto("/dashboard")
    return window


async def mint(page: Page, name: str = "Support agent") -> tuple[str, str]:
    """A key's secret and the curl line shown with it."""
    await page.goto("/dashboard/keys/new")
    await page.get_by_label("Name").fill(name)
    await page.get_by_role("button", name="Create the key").click()
    secret = await page.locator("#secret-value").inner_text()
    return secret, await page.locator("#curl-line").inner_text()


async def register(page: Page, url: str, waits: str = "0 5 30") -> None:
    await page.goto("/dashboard/webhooks/new")
    await page.get_by_label("URL").fill(url)
    await page.get_by_label("Retry schedule").fill(waits)
    await page.get_by_role("button", name="Register").click()
    await expect(page.locator("#secret-value")).to_contain_text("whsec_")
    await page.get_by_role("link", name="Open the webhook's page").click()
    await page.wait_for_url(lambda found: not found.endswith("/new"))


async def send(page: Page, recipient: str) -> None:
    """A top-up of $12.50 by the form, checked first."""
    await page.goto("/dashboard/send")
    await page.get_by_label("Amount").fill("12.50")
    await page.get_by_label("Recipient's email address").fill(recipient)
    await page.get_by_role("button", name="Check").click()
    await page.get_by_role("button", name="Send $12.50").click()
    await page.wait_for_url(re.compile("/dashboard/(topups|approvals)/"))
    await until_told(page)


async def until_told(page: Page) -> None:
    """The page loads itself again once all is told, which would end what the test loads next."""
    await page.wait_for_load_state()
    await expect(page.locator("script[src*='progress.js']")).to_have_count(0)


async def run_in_shell(line: str) -> str:
    needed("curl")
    process = await asyncio.create_subprocess_shell(
        line, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL
    )
    written, _ = await process.communicate()
    return written.decode()


async def test_from_sign_up_to_a_replay(
    installation: Installation, browser: Browser, receiver: Receiver
) -> None:
    window = await new_window(browser, installation.url)
    page = window.page
    await sign_up(page, "journey@shop.example")
    await expect(page.locator(".lead-figure").first).to_contain_text("$10,000.00")

    secret, line = await mint(page)
    answer = await run_in_shell(line)
    await page.goto("/dashboard/topups")

    assert re.fullmatch(r"ak_staging_[0-9A-Za-z]{32}", secret)
    assert '"code":1001' in answer
    await expect(page.get_by_role("row").filter(has_text="user@example.com")).to_contain_text(
        "$10.00"
    )

    await register(page, receiver.url)
    await send(page, "bob@example.com")
    await expect(page.locator("h1")).to_have_text("$12.50 to bob@example.com")
    await expect(page.locator(".note.good")).to_contain_text("Sent")
    await receiver.at_least(1)
    await page.goto("/dashboard/deliveries")
    await page.get_by_role("link", name="topup.delivered").click()
    await expect(page.get_by_role("heading", name="Attempt 1")).to_be_visible()
    first = page.url
    await page.get_by_role("button", name="Replay").click()
    await expect(page).not_to_have_url(first)
    await receiver.at_least(2)
    await until_told(page)

    await expect(page.get_by_text("replay", exact=True)).to_be_visible()
    ids = {one.headers["webhook-id"] for one in receiver.received}
    bodies = {one.body for one in receiver.received}
    assert (len(ids), len(bodies)) == (1, 1)
    assert window.complaints == []


async def test_everything_works_without_scripts(
    installation: Installation, browser: Browser, receiver: Receiver
) -> None:
    page = (await new_window(browser, installation.url, has_scripts=False, width=390)).page
    await sign_up(page, "plain@shop.example")

    secret, _ = await mint(page)
    await register(page, receiver.url)
    await page.get_by_role("button", name="Send the sample").click()
    await expect(page.get_by_text("succeeded", exact=True)).to_be_visible()
    await send(page, "approval@sandbox.test")
    await page.get_by_role("button", name="Approve").click()

    await expect(page.locator(".note.good")).to_contain_text("Approved")
    assert secret.startswith("ak_staging_")
    await expect(page.locator("time").first).to_contain_text("UTC")


async def test_the_live_tail_shows_what_happens(
    installation: Installation, browser: Browser, receiver: Receiver
) -> None:
    window = await signed_in(browser, installation, "live@shop.example")
    page = window.page
    secret, _ = await mint(page)
    await register(page, receiver.url)
    await page.goto("/dashboard/deliveries")
    rows = page.locator("#live tbody tr")
    await page.get_by_role("button", name="Live tail").click()
    await expect(rows).to_have_count(0)

    async with http_client() as client:
        for number in range(2):
            await client.post(
                f"{installation.url}{API}/topup/send",
                headers={"Authorization": f"Bearer {secret}"},
                json={
                    "platform": "claude",
                    "amount_cents": 1000 + number,
                    "recipient_email": "user@example.com",
                },
            )

    await expect(rows).to_have_count(2)
    await expect(rows.first).to_contain_text("delivered")
    assert window.complaints == []


async def test_what_failed_is_replayed_with_progress(
    installation: Installation, browser: Browser, receiver: Receiver
) -> None:
    async def refuse(_received: Received) -> int | None:
        return 500

    receiver.answer = refuse
    window = await signed_in(browser, installation, "replay@shop.example")
    page = window.page
    await register(page, receiver.url, waits="0")
    here = page.url
    for name in ("ada", "bob", "cid"):
        await send(page, f"{name}@example.com")
    await receiver.at_least(3)

    async def take(_received: Received) -> int | None:
        return 200

    receiver.answer = take
    await page.goto(here)
    await page.get_by_role("button", name="It's fixed: send these deliveries again").click()
    counted = "3 failed deliveries match that got the same response"
    await expect(page.get_by_text(counted)).to_be_visible()
    await page.get_by_role("button", name="Send one, then the others").click()

    await expect(page.get_by_text("3 of 3 settled")).to_be_visible()
    await expect(page.get_by_text("done", exact=True)).to_be_visible()
    await expect(page.get_by_text("one first and then more")).to_be_visible()
    await receiver.at_least(6)
    assert window.complaints == []


async def test_keys_alone_find_a_top_up_by_half_an_address_and_what_to_do(
    installation: Installation, browser: Browser
) -> None:
    window = await signed_in(browser, installation, "finder@shop.example")
    page = window.page
    await send(page, "half.an.address@customers.example")
    topup = page.url.partition("?")[0]
    await page.goto("/dashboard/topups")

    # In a field it is a letter like any other.
    await page.get_by_label("Reference").press("/")
    await expect(page.locator("dialog")).to_have_count(0)
    await page.locator("h1").click()
    await page.keyboard.press("/")
    await page.keyboard.type("half.an")
    await expect(page.locator("dialog li a").first).to_contain_text("half.an.address@customers")
    faults = await grave_faults(page)
    await page.keyboard.press("Enter")
    await page.wait_for_url(topup)
    await page.keyboard.press("Control+k")
    await page.keyboard.type("new key")
    await page.keyboard.press("Enter")
    await page.wait_for_url("**/keys/new")

    assert faults == []
    assert window.complaints == []


async def test_keys_walk_a_list_and_a_row_is_shown_beside_it(
    installation: Installation, browser: Browser
) -> None:
    window = await signed_in(browser, installation, "walker@shop.example")
    page = window.page
    for name in ("ada", "bob"):
        await send(page, f"{name}@example.com")
    await page.goto("/dashboard/topups")
    links = page.locator("tbody .lead a")

    await page.keyboard.press("j")
    await expect(links.nth(0)).to_be_focused()
    await page.keyboard.press("j")
    await page.keyboard.press("j")
    await expect(links.nth(1)).to_be_focused()
    await page.keyboard.press("p")
    beside = page.locator("dialog.beside")
    await expect(beside.locator("h1")).to_have_text("$12.50 to ada@example.com")
    faults = await grave_faults(page)
    await page.keyboard.press("k")
    await expect(beside.locator("h1")).to_have_text("$12.50 to bob@example.com")
    await page.keyboard.press("Escape")
    await expect(links.nth(0)).to_be_focused()
    await page.keyboard.press("?")
    await expect(page.get_by_role("dialog")).to_contain_text("Show the row beside the list")
    faults += await grave_faults(page)
    await page.keyboard.press("Escape")
    # In a field they are letters like any other.
    await page.get_by_label("Reference").press("j")
    await expect(page.get_by_label("Reference")).to_have_value("j")
    await page.get_by_role("cell", name="claude").nth(1).click()
    await expect(beside.locator("h1")).to_have_text("$12.50 to ada@example.com")
    await beside.get_by_role("link", name="Open the page").click()
    await expect(page.locator("main h1")).to_have_text("$12.50 to ada@example.com")
    # A row whose links are files is no page to show.
    await page.goto("/dashboard/documents")
    month = page.locator("table.lines tbody tr", has=page.locator("a[href*='statement']")).first
    asked: list[str] = []
    page.on("request", lambda one: asked.append(one.url))
    await month.locator("th").click()
    await page.locator("h1").click()
    await expect(page.locator("dialog.beside")).to_have_count(0)
    assert asked == []

    assert faults == []
    assert window.complaints == []


async def test_a_view_is_saved_and_columns_are_chosen_without_scripts(
    installation: Installation, browser: Browser
) -> None:
    window = await new_window(browser, installation.url, has_scripts=False, width=390)
    token = await member_at(installation, "views@shop.example")
    await window.page.context.add_cookies(
        [{"name": "topup_session", "value": token, "url": installation.url}]
    )
    page = window.page
    await send(page, "ada@example.com")
    await page.goto("/dashboard/topups")
    await page.locator("summary", has_text="Columns").click()
    await page.get_by_role("checkbox", name="Status").uncheck()
    await page.get_by_role("button", name="Show", exact=True).click()
    await expect(page.locator("tbody .chip")).to_be_hidden()
    await page.locator("summary", has_text="Save view").click()
    await page.get_by_label("Name of the view").fill("Short")
    await page.get_by_role("button", name="Save", exact=True).click()
    await page.get_by_role("link", name="All", exact=True).click()
    await expect(page.locator("tbody .chip")).to_be_visible()
    await page.get_by_role("link", name="Short").click()
    await expect(page.locator("tbody .chip")).to_be_hidden()
    await page.get_by_role("button", name="Delete this view").click()
    await expect(page.get_by_text("The view is deleted.")).to_be_visible()
    assert await page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0


@SAMPLED.mark
async def test_no_page_keeps_anybody_out(
    installation: Installation, browser: Browser, receiver: Receiver
) -> None:
    window = await signed_in(browser, installation, "axe@shop.example")
    page = window.page
    found = [await grave_faults(page)]
    await mint(page)
    found.append(await grave_faults(page))
    await register(page, receiver.url)
    found.append(await grave_faults(page))
    await send(page, "bob@example.com")
    found.append(await grave_faults(page))

    dashboard = SAMPLED.part(PLACES)
    places = (*("/dashboard" + place for place in dashboard), "/sign-in", "/sign-up", "/no")
    for number, place in enumerate(places):
        await page.goto(place)
        is_known = number > 0 and place.startswith("/dashboard")
        found.append(await grave_faults_in_both(page, has_known_frame=is_known))

    assert [fault for faults in found for fault in faults] == []


async def test_arabic_pages_run_from_the_right_and_fit_a_phone(
    installation: Installation, browser: Browser
) -> None:
    page = (await new_window(browser, installation.url, width=390)).page
    await page.goto("/sign-in")

    await page.get_by_role("button", name="العربية").click()

    await expect(page.get_by_role("heading", name="تسجيل الدخول")).to_be_visible()
    for place in ("/sign-in", "/sign-up", "/forgot-password"):
        await page.goto(place)
        assert await page.evaluate("getComputedStyle(document.body).direction") == "rtl"
        assert await page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
        assert await grave_faults(page) == []


async def test_no_page_scrolls_sideways_on_a_phone(
    installation: Installation, browser: Browser, receiver: Receiver
) -> None:
    page = (await signed_in(browser, installation, "phone@shop.example", width=390)).page
    await register(page, receiver.url)
    await send(page, "somebody.with.a.rather.long.address@department.example.com")
    await send(page, "approval@sandbox.test")
    await mint(page)

    too_wide, too_small, heights = [], {}, {}
    for place in PLACES:
        await page.goto(f"/dashboard{place}")
        over = await page.evaluate("document.documentElement.scrollWidth - innerWidth")
        too_wide += [place] if over > 0 else []
        too_small[place] = await page.evaluate(SMALL_TARGETS)
        heights[place] = await page.evaluate(ROW_HEIGHT)

    assert too_wide == []
    assert {place: found for place, found in too_small.items() if found} == {}
    # Two lines of 24 px and what is around them.
    lists = ("/topups", "/wallets", "/statement", "/webhooks", "/deliveries", "/account/security")
    assert {place: heights[place] for place in lists if not 40 <= heights[place] <= 72} == {}
    # Here the second line has a button.
    pressed = ("/approvals", "/keys")
    assert {place: heights[place] for place in pressed if not 40 <= heights[place] <= 76} == {}

    # From right to left, too, where words are longer and each row has what was typed the other way around.
    language = {"name": "topup_language", "url": installation.url}
    await page.context.add_cookies([{**language, "value": "ar"}])  # type: ignore[typeddict-item]
    for place in ("/send", "/topups", "/statement", "/webhooks/new", ""):
        await page.goto(f"/dashboard{place}")
        await expect(page.locator("html[lang=ar][dir=rtl]")).to_be_attached()
        over = await page.evaluate("document.documentElement.scrollWidth - innerWidth")
        assert over <= 0, place
        assert await page.evaluate(SMALL_TARGETS) == [], place
    assert await grave_faults(page) == []
    await page.context.add_cookies([{**language, "value": "en"}])  # type: ignore[typeddict-item]

    await page.goto("/dashboard/topups")
    recipient = page.locator("form.filters").get_by_label("Recipient")
    await expect(recipient).to_be_hidden()
    await page.get_by_text("Filters").click()
    await recipient.fill("nobody@example.com")
    await page.get_by_role("button", name="Filter").click()
    await expect(page.get_by_text("Nothing matches these filters")).to_be_visible()
    await expect(page.locator("summary", has_text="Filters")).to_contain_text("in use")
    await page.set_viewport_size({"width": 1280, "height": 800})
    await expect(recipient).to_be_visible()
    await expect(page.get_by_text("Filters", exact=True)).to_be_hidden()


async def test_the_keyboard_reaches_the_content_and_times_are_the_readers(
    installation: Installation, browser: Browser
) -> None:
    page = (await signed_in(browser, installation, "keys@shop.example")).page
    await page.goto("/dashboard/account")

    await page.keyboard.press("Tab")
    await page.keyboard.press("Enter")

    await expect(page.locator("main")).to_be_focused()
    time = page.locator("time").first
    shown, title = await time.inner_text(), await time.get_attribute("title")
    # The account is of this moment; the exact time is in the title, in the reader's zone and in UTC.
    assert shown == "now" or shown.endswith("ago")
    own, _, utc = (title or "").rpartition(" · ")
    assert re.fullmatch(r"\d\d:\d\d:\d\d UTC", utc)
    # Kuwait is three hours ahead all year.
    hour = (int(utc[:2]) + 3) % 24
    assert f"{hour % 12 or 12:02d}:{utc[3:8]}" in own
    # The day of a filter is one of that zone, too.
    await page.goto("/dashboard/topups")
    await expect(page.get_by_label("From, Asia/Kuwait")).to_be_visible()


async def test_the_colours_are_chosen_and_kept(
    installation: Installation, browser: Browser
) -> None:
    page = (await new_window(browser, installation.url, has_scripts=False)).page
    await page.goto("/sign-in")

    await page.get_by_role("button", name="Colours").click()
    await expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    await page.goto("/sign-up")
    await page.get_by_role("button", name="Colours").click()

    await expect(page.locator("html")).to_have_attribute("data-theme", "light")
    await page.get_by_role("button", name="Colours").click()
    await expect(page.locator("html")).not_to_have_attribute("data-theme", re.compile(".*"))
