"""A long form in a browser with scripts: its steps open at once, Back goes a step back, and the summary follows."""

import pytest
from playwright.async_api import Browser, expect

from tests.e2e.conftest import WorkingSet
from tests.support.browser import member_at
from tests.support.chromium import grave_faults_in_both, new_window

pytestmark = pytest.mark.one_database


async def test_steps_open_at_once_and_the_summary_follows_what_is_typed(
    working_set: WorkingSet, browser: Browser
) -> None:
    if "dashboard" not in working_set.shared:
        working_set.shared["dashboard"] = working_set.make("sqlite")
        working_set.shared["dashboard"].start()
    installation = working_set.shared["dashboard"]
    token = await member_at(installation, "steps@example.com")
    page = (await new_window(browser, installation.url)).page
    cookie = {"name": "topup_session", "value": token, "url": installation.url}
    await page.context.add_cookies([cookie])  # type: ignore[list-item]
    await page.goto("/dashboard/keys/new")
    limit, summary = page.get_by_label("Daily limit, USD"), page.locator(".sums")
    pages: list[str] = []
    page.on("framenavigated", lambda frame: pages.append(frame.url))

    # A field that is required and blank stays in sight.
    await page.get_by_role("button", name="Next").click()
    await expect(page.get_by_label("Purpose")).to_be_visible()
    await page.get_by_label("Name", exact=True).fill("Agent")
    await page.get_by_role("button", name="Next").click()
    await limit.fill("500")
    await expect(summary).to_contain_text("Sends at most $500.00 a day.")
    faults = await grave_faults_in_both(page)
    await limit.press("Enter")
    await expect(page.get_by_label("Recipients", exact=True)).to_be_visible()
    await page.go_back()

    await expect(limit).to_have_value("500")
    assert pages == [installation.url + "/dashboard/keys/new"] * len(pages)
    assert faults == []
    await page.get_by_role("button", name="Create the key").click()
    await expect(page.get_by_text("ak_staging_").first).to_be_visible()
