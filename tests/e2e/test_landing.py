"""The landing page's demonstration, for real: a browser, a gateway, a wallet that counts up."""

import re
import subprocess

import pytest
from playwright.async_api import Browser, Page, expect

from tests.e2e.conftest import WorkingSet
from tests.support.chromium import grave_faults_in_both, new_window
from tests.support.installation import API, Installation
from tests.support.plain_http import http_client
from tests.support.programs import needed

PHONE = 390


@pytest.fixture
def installation(working_set: WorkingSet) -> Installation:
    """Its own for a test: an address makes five sandbox accounts an hour."""
    made = working_set.make("sqlite")
    made.start(workers=0)
    return made


@pytest.fixture
def shared(working_set: WorkingSet) -> Installation:
    """One for the tests that make few accounts and count none."""
    if "landing" not in working_set.shared:
        working_set.shared["landing"] = working_set.make("sqlite")
        working_set.shared["landing"].start(workers=0)
    return working_set.shared["landing"]


async def run_demo(page: Page, name: str = "Run it for real") -> None:
    await page.get_by_role("button", name=name).click()
    await expect(page.locator("#says")).to_contain_text("Done, for real", timeout=30_000)


async def test_the_demo_runs_for_real_and_its_line_can_be_pasted(
    installation: Installation, browser: Browser
) -> None:
    window = await new_window(browser, installation.url)
    page = window.page
    await page.goto("/")
    await expect(page.locator("#wallet")).to_have_text("$54.00")
    await run_demo(page)

    await expect(page.locator("#wallet")).to_have_text("$10.00")
    await expect(page.locator("#hook-status")).to_have_text("arrived · signature verified")
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
    # The key is the tab's: neither running again nor coming back makes another account.
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
    for width in (1280, PHONE):
        window = await new_window(browser, shared.url, width=width)
        page = window.page
        await page.emulate_media(reduced_motion="reduce")
        await page.goto("/")
        assert await grave_faults_in_both(page) == []
        await page.get_by_role("button", name="Run it for real").focus()
        await page.keyboard.press("Enter")
        await expect(page.locator("#says")).to_contain_text("Done, for real", timeout=30_000)

        assert await grave_faults_in_both(page) == []
        assert await page.evaluate("document.documentElement.scrollWidth") == width
        assert window.complaints == []
        await page.context.close()


async def test_where_no_more_accounts_are_made_the_page_says_so_and_keeps_the_recording(
    installation: Installation, browser: Browser
) -> None:
    async with http_client(base_url=installation.url) as http:
        made = [await http.post(f"{API}/keys/sandbox") for _ in range(5)]
    assert {answer.status_code for answer in made} == {201}
    page = (await new_window(browser, installation.url)).page
    await page.goto("/")
    await page.get_by_role("button", name="Run it for real").click()

    await expect(page.locator("#says")).to_contain_text("No new sandbox key now")
    await expect(page.locator("#says")).to_contain_text(re.compile(r"in \d+ min"))
    await expect(page.locator("#wallet")).to_have_text("$54.00")
    await expect(page.locator("#mode")).to_have_text("Recorded")


async def test_an_ended_key_is_replaced_by_a_new_one(
    shared: Installation, browser: Browser
) -> None:
    page = (await new_window(browser, shared.url)).page
    await page.goto("/")
    await page.evaluate("sessionStorage.setItem('topup_demo_key', 'ak_staging_' + '0'.repeat(32))")
    await page.reload()
    await run_demo(page)

    await expect(page.locator("#wallet")).to_have_text("$10.00")


async def test_without_scripts_the_recording_stands_there(
    shared: Installation, browser: Browser
) -> None:
    page = (await new_window(browser, shared.url, has_scripts=False)).page
    await page.goto("/")

    await expect(page.locator("#run")).to_be_hidden()
    await expect(page.locator("#says")).to_contain_text("Recorded below")
    await expect(page.locator("#response")).to_contain_text('"code": 1001')
