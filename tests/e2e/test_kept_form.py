"""A form that was sent in vain: its tab keeps what was typed, for its person alone."""

import pytest
from playwright.async_api import Browser, Page, expect

from tests.e2e.conftest import WorkingSet
from tests.support.browser import PASSWORD, member_at
from tests.support.chromium import new_window

pytestmark = pytest.mark.one_database
PASTED = "reference,platform,amount_cents,recipient_email\no-1,claude,1000,ana@example.com\n"


async def press_without_a_session(page: Page, text: str) -> None:
    """Sends the form of a bulk send, its session being over; then the page to sign in is shown."""
    await page.goto("/dashboard/bulk")
    await page.get_by_label("Or paste the lines").fill(text)
    await page.get_by_label("Send all lines or none").check()
    await page.context.clear_cookies()
    await page.get_by_role("button", name="Check").click()
    await expect(page.get_by_text("You are signed out, so nothing was done")).to_be_visible()


async def sign_in(page: Page, email: str) -> None:
    await page.get_by_label("Email address").fill(email)
    await page.get_by_label("Password").fill(PASSWORD)
    await page.get_by_role("button", name="Sign in").click()
    await page.wait_for_url("**/dashboard/bulk")


async def test_it_comes_back_to_whom_it_belongs_and_to_nobody_else(
    working_set: WorkingSet, browser: Browser
) -> None:
    installation = working_set.make("sqlite")
    installation.start()
    token = await member_at(installation, "ann@example.com")
    await member_at(installation, "ben@example.com", has_live=True)
    page = (await new_window(browser, installation.url)).page
    cookie = {"name": "topup_session", "value": token, "url": installation.url}
    await page.context.add_cookies([cookie])  # type: ignore[list-item]
    lines, again = page.get_by_label("Or paste the lines"), page.locator("#form-again")

    await press_without_a_session(page, PASTED)
    await sign_in(page, "ann@example.com")

    await expect(lines).to_have_value(PASTED)
    await expect(page.get_by_label("Send all lines or none")).to_be_checked()
    await expect(again).to_be_visible()
    # Nothing was sent, and it comes back once.
    await page.goto("/dashboard/bulk")
    await expect(lines).to_have_value("")
    await expect(again).to_be_hidden()

    await press_without_a_session(page, PASTED)
    await sign_in(page, "ben@example.com")

    await expect(lines).to_have_value("")
    assert await page.evaluate("sessionStorage.length") == 0
    # What is too long comes back, too, to be shortened.
    await page.goto("/dashboard/send")
    await page.get_by_label("Message to the recipient").fill("m" * 70_000)
    await page.get_by_label("Amount, dollars").fill("12.50")
    await page.get_by_label("Recipient's email address").fill("ana@example.com")
    await page.get_by_role("button", name="Check").click()
    await expect(page.get_by_text("More was sent than the 64 kB")).to_be_visible()
    await page.get_by_role("link", name="Back to the form").click()
    await expect(page.get_by_label("Amount, dollars")).to_have_value("12.50")
    await expect(page.get_by_label("Message to the recipient")).to_have_value("m" * 70_000)
    # What was meant for live is filled in there alone: a new session begins in staging.
    await page.get_by_role("button", name="Live", exact=True).click()
    await press_without_a_session(page, PASTED)
    await sign_in(page, "ben@example.com")
    await expect(lines).to_have_value("")
    await expect(page.get_by_text("Your entries were for the other environment")).to_be_visible()
    await page.get_by_role("button", name="Live", exact=True).click()
    await expect(lines).to_have_value(PASTED)
    await expect(again).to_be_visible()
    # Who signs out leaves nothing of it behind.
    await press_without_a_session(page, PASTED)
    await sign_in(page, "ben@example.com")
    await page.get_by_role("button", name="Sign out").click()
    await page.wait_for_url("**/sign-in**")
    assert await page.evaluate("sessionStorage.length") == 0
