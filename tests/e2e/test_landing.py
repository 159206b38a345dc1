"""The landing page's demonstration: it plays by itself, and for real at a press, in a browser and a gateway."""

import asyncio
import re
import subprocess

import pytest
from playwright.async_api import Browser, Page, expect

from gateway.dashboard.landing import KEYS_PER_ADDRESS
from tests.e2e.conftest import WorkingSet
from tests.support.chromium import grave_faults_in_both, new_window
from tests.support.installation import API, Installation
from tests.support.plain_http import http_client
from tests.support.programs import needed

PHONE = (390, 844)
DESK = (1440, 900)
DEMO_PX_MAX = 700
REQUESTS_MAX = 8
BYTES_MAX = 150_000
# Nothing is left to be told to observers of what is in view.
VIEW_IS_TOLD = """() => new Promise((done) => {
    new IntersectionObserver((_, own) => { own.disconnect(); done(); }).observe(document.body);
})"""
LOADED = """() => ['navigation', 'resource'].flatMap(
    (kind) => performance.getEntriesByType(kind)).map((one) => one.transferSize)"""
NOTE_WHAT_IS_SAID = """() => {
    window.said = [];
    const says = document.getElementById('says');
    new MutationObserver(() => window.said.push(says.textContent)).observe(says, {childList: true});
}"""


@pytest.fixture
def installation(working_set: WorkingSet) -> Installation:
    """Its own for a test that counts what an address is given: by the one process, since what is counted
    while a busy machine delays Redis is not counted there.
    """
    made = working_set.make("sqlite")
    made.start(workers=0, with_redis=False)
    return made


@pytest.fixture
def shared(working_set: WorkingSet) -> Installation:
    """One for the tests that count nothing."""
    if "landing" not in working_set.shared:
        working_set.shared["landing"] = working_set.make("sqlite")
        working_set.shared["landing"].start(workers=0)
    return working_set.shared["landing"]


async def run_demo(page: Page, name: str = "Run it for real") -> None:
    await page.get_by_role("button", name=name).click()
    await expect(page.locator("#says")).to_contain_text("Done, for real")


async def assert_whole(page: Page, *, is_above_fold: bool) -> None:
    """The demonstration fits into 700 px; on a desk its end is seen without scrolling."""
    demo = await page.locator("#demo").bounding_box()
    assert demo is not None
    assert demo["height"] <= DEMO_PX_MAX
    for part in ("#wallet", "#hook"):
        box = await page.locator(part).bounding_box()
        assert box is not None
        assert demo["y"] <= box["y"]
        assert box["y"] + box["height"] <= demo["y"] + demo["height"]
        assert not is_above_fold or box["y"] + box["height"] <= DESK[1]


async def test_it_plays_by_itself_waits_while_unseen_and_is_told_once(
    shared: Installation, browser: Browser
) -> None:
    window = await new_window(browser, shared.url)
    page = window.page
    await page.clock.install(time=0)
    await page.clock.pause_at(1000)
    await page.goto("/")
    await page.evaluate(NOTE_WHAT_IS_SAID)
    await page.evaluate(VIEW_IS_TOLD)
    request, wallet = page.locator("#request"), page.locator("#wallet")
    play = page.locator("#play")
    assert await wallet.inner_text() == "$44.00"
    await page.clock.run_for(1000)
    typed = await request.inner_text()
    assert typed.startswith("curl -X POST http://")
    assert '"amount_cents"' not in typed
    assert await page.locator("#response").inner_text() == ""

    await play.click()
    await page.clock.run_for(5000)
    assert await play.inner_text() == "Go on"
    assert await request.inner_text() == typed

    await play.click()
    await page.evaluate("window.scrollTo(0, document.body.scrollHeight)")
    await page.evaluate(VIEW_IS_TOLD)
    await page.clock.run_for(5000)
    assert await request.inner_text() == typed

    await page.evaluate("window.scrollTo(0, 0)")
    await page.evaluate(VIEW_IS_TOLD)
    await page.clock.run_for(5000)
    assert await wallet.inner_text() == "$54.00"
    assert '"code": 1001' in await page.locator("#response").inner_text()
    assert "X-AiTopUp-Signature: t=" in await page.locator("#hook").inner_text()
    await expect(page.locator("#steps > li.good")).to_have_count(4)
    said = await page.evaluate("window.said")
    assert [one.partition(".")[0] for one in said] == ["A recorded call, answered 1001: $44"]

    await play.click()
    assert await wallet.inner_text() == "$44.00"
    assert window.complaints == []


async def test_the_demo_runs_for_real_and_its_line_can_be_pasted(
    installation: Installation, browser: Browser
) -> None:
    window = await new_window(browser, installation.url)
    page = window.page
    await page.goto("/")
    await run_demo(page)

    await expect(page.locator("#wallet")).to_have_text("$10.00")
    await expect(page.locator("#wallet-change")).to_have_text("+$10.00 on $0.00")
    await expect(page.locator("#hook-status")).to_have_text("arrived · verified")
    await expect(page.locator("#steps > li.good")).to_have_count(4)
    response = await page.locator("#response").inner_text()
    transaction_id = re.search(r"txn_\w+", response)
    assert transaction_id is not None
    hook = await page.locator("#hook").inner_text()
    assert transaction_id[0] in hook
    assert re.search(r"X-AiTopUp-Signature: t=\d{10},v1=[0-9a-f]{64}\n", hook)

    line = await page.locator("#paste").inner_text()
    assert line == await page.locator("#request").inner_text()
    key = re.search(r"ak_staging_\w+", line)
    assert key is not None
    needed("curl")
    pasted = subprocess.run(  # noqa: ASYNC221 - a line for a shell
        ["sh", "-c", line], capture_output=True, text=True, timeout=30, check=True
    )
    assert '"code":1001' in pasted.stdout
    await run_demo(page, "Run it again")
    await expect(page.locator("#wallet")).to_have_text("$30.00")
    # The key is the browser's: neither running again nor coming back makes another account.
    await page.reload()
    await run_demo(page)
    assert await installation.fetch("SELECT COUNT(*) FROM accounts") == [(1,)]
    assert key[0] in await page.locator("#paste").inner_text()
    async with http_client(base_url=installation.url) as http:
        shown = await http.get(
            f"{API}/topup/status/{transaction_id[0]}",
            headers={"Authorization": f"Bearer {key[0]}"},
        )
    assert shown.json()["code"] == 1001
    assert window.complaints == []
    assert await installation.findings() == []


async def test_the_page_is_for_everybody_in_both_themes_and_on_a_phone(
    shared: Installation, browser: Browser
) -> None:
    for width, height in (DESK, PHONE):
        window = await new_window(browser, shared.url, width=width)
        page = window.page
        await page.set_viewport_size({"width": width, "height": height})
        await page.emulate_media(reduced_motion="reduce")
        await page.goto("/", wait_until="networkidle")
        sizes = await page.evaluate(LOADED)
        assert 5 <= len(sizes) <= REQUESTS_MAX
        assert sum(sizes) <= BYTES_MAX
        # Who wants no motion has the end at once, and nothing to play.
        assert await page.locator("#wallet").inner_text() == "$54.00"
        await expect(page.locator("#play")).to_be_hidden()
        await assert_whole(page, is_above_fold=width == DESK[0])
        assert await grave_faults_in_both(page) == []
        await page.get_by_role("button", name="Run it for real").focus()
        await page.keyboard.press("Enter")
        await expect(page.locator("#says")).to_contain_text("Done, for real")

        await assert_whole(page, is_above_fold=width == DESK[0])
        assert await grave_faults_in_both(page) == []
        assert await page.evaluate("document.documentElement.scrollWidth") == width
        assert window.complaints == []
        await page.context.close()


async def test_where_no_more_keys_are_made_the_page_says_so_and_goes_on_playing(
    installation: Installation, browser: Browser
) -> None:
    async with http_client(base_url=installation.url) as http:
        asked = (http.post("/demonstration/key") for _ in range(KEYS_PER_ADDRESS))
        made = await asyncio.gather(*asked)
        # A bucket of its own: the address has all its sandbox accounts still.
        sandboxes = [await http.post(f"{API}/keys/sandbox") for _ in range(5)]
    assert {answer.status_code for answer in (*made, *sandboxes)} == {201}
    page = (await new_window(browser, installation.url)).page
    await page.goto("/")
    await page.get_by_role("button", name="Run it for real").click()

    await expect(page.locator("#says")).to_contain_text("No key to run it with now")
    await expect(page.locator("#says")).to_contain_text(re.compile(r"in \d+ min"))
    await expect(page.locator("#wallet")).to_have_text("$54.00")
    await expect(page.locator("#mode")).to_have_text("Recorded")


async def test_an_ended_key_is_replaced_by_a_new_one(
    shared: Installation, browser: Browser
) -> None:
    page = (await new_window(browser, shared.url)).page
    await page.goto("/")
    await page.evaluate(
        "localStorage.setItem('topup_demonstration', 'ak_staging_' + '0'.repeat(32))"
    )
    await page.reload()
    await run_demo(page)

    await expect(page.locator("#wallet")).to_have_text("$10.00")


async def test_creating_a_key_leads_through_one_form_to_the_key(
    shared: Installation, browser: Browser
) -> None:
    page = (await new_window(browser, shared.url)).page
    await page.goto("/")
    await page.get_by_role("link", name="Create a staging key").first.click()
    await page.get_by_label("Name").fill("Acme")
    await page.get_by_label("Email address").fill("first-key@example.com")
    await page.get_by_label("Password").fill("a long pass phrase")
    await page.get_by_role("button", name="Create the account").click()
    await page.get_by_role("button", name="Create the key").click()

    await expect(page.locator("#secret-value")).to_contain_text("ak_staging_")
    assert await grave_faults_in_both(page) == []


async def test_without_scripts_the_recording_stands_there(
    shared: Installation, browser: Browser
) -> None:
    page = (await new_window(browser, shared.url, has_scripts=False)).page
    await page.goto("/")

    await expect(page.locator("#run")).to_be_hidden()
    await expect(page.locator("#play")).to_be_hidden()
    await expect(page.locator("#says")).to_contain_text("A recorded example")
    await expect(page.locator("#wallet")).to_have_text("$54.00")
    await expect(page.locator("#response")).to_contain_text('"code": 1001')
