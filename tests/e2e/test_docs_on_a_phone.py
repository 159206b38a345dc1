"""The documentation on a phone: no page is wider than it, so that nothing is read by moving it sideways."""

import pytest
from playwright.async_api import Browser

from gateway.docs.changelog import parts
from gateway.docs.pages import GUIDES
from tests.e2e.conftest import WorkingSet
from tests.support.chromium import grave_faults_in_both, new_window
from tests.support.installation import Installation

PHONE = 390


@pytest.fixture
def installation(working_set: WorkingSet) -> Installation:
    """That of the dashboard's tests: the documentation is the same for everybody."""
    if "dashboard" not in working_set.shared:
        working_set.shared["dashboard"] = working_set.make("sqlite")
        working_set.shared["dashboard"].start()
    return working_set.shared["dashboard"]


async def test_no_guide_is_wider_than_a_phone(installation: Installation, browser: Browser) -> None:
    window = await new_window(browser, installation.url, has_scripts=False, width=PHONE)

    wide = {}
    made = (
        "events",
        "events/topup.delivered",
        parts()[0].path.removeprefix("/docs/"),
        "search?q=signature",
    )
    for name in (*GUIDES, *made):
        await window.page.goto(f"/docs/{name}")
        inside = await window.page.evaluate("document.documentElement.scrollWidth")
        if inside > PHONE:
            wide[name] = inside

    assert wide == {}


async def test_pages_with_samples_and_the_search_have_no_grave_fault(
    installation: Installation, browser: Browser
) -> None:
    page = (await new_window(browser, installation.url)).page

    faults = []
    found, nothing = "/docs/search?q=signature", "/docs/search?q=zzz"
    coloured = ("/docs/subscriptions", "/docs/api/holds", parts()[0].path)
    for path in ("/docs/events", "/docs/events/topup.delivered", found, nothing, *coloured):
        await page.goto(path)
        faults += await grave_faults_in_both(page)

    assert faults == []


async def test_the_language_of_samples_stays_from_page_to_page(
    installation: Installation, browser: Browser
) -> None:
    page = (await new_window(browser, installation.url)).page
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    opened = "[...document.querySelectorAll('.samples > [open]')].map(one => one.dataset.language)"

    await page.goto("/docs/api/holds")
    assert set(await page.evaluate(opened)) == {"curl"}
    assert len(asked) <= 8, asked
    await page.locator("#post-holds summary", has_text="Python").click()
    assert await page.evaluate(opened) == ["python"] * 6
    await page.goto("/docs/api/usage")
    assert await page.evaluate(opened) == ["python"] * 2
