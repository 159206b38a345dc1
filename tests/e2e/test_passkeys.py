"""A passkey of a real browser: added, used where the code is asked for, asked again, and removed."""

import base64
import time
from typing import Final

import pytest
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP
from playwright.async_api import Browser, Page, expect

from tests.e2e.conftest import Install
from tests.support.browser import PASSWORD, member_at
from tests.support.installation import Installation

# What differs between databases is tested below HTTP.
pytestmark = pytest.mark.one_database
EMAIL: Final = "ann@example.com"
PAGE: Final = "/dashboard/account/two-factor"
SITE: Final = "http://localhost:8080"
DEVICE: Final = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}


async def with_codes(page: Page) -> list[str]:
    """Two-factor sign-in is on; its recovery codes."""
    await page.goto(PAGE)
    await page.get_by_label("Your password").fill(PASSWORD)
    await page.get_by_role("button", name="Set up two-factor sign-in").click()
    secret = (await page.locator("#secret").inner_text()).replace(" ", "")
    app = TOTP(base64.b32decode(secret), 6, SHA1(), 30)
    await page.get_by_label("Code from the app").fill(app.generate(int(time.time())).decode())
    await page.get_by_role("button", name="Turn it on").click()
    return (await page.locator("#codes").inner_text()).split()


async def at_its_name(browser: Browser, installation: Installation) -> Page:
    """A tab with a passkey device, which reaches the gateway by the name that it has in PUBLIC_URL: the gateway's
    socket is the tab's proxy, since its port is known only now.
    """
    token = await member_at(installation, EMAIL)
    context = await browser.new_context(
        base_url=SITE,
        proxy={"server": installation.gateways[0].url, "bypass": "<-loopback>"},
    )
    await context.add_cookies([{"name": "topup_session", "value": token, "url": SITE}])
    page = await context.new_page()
    tools = await context.new_cdp_session(page)
    await tools.send("WebAuthn.enable")
    await tools.send("WebAuthn.addVirtualAuthenticator", {"options": DEVICE})
    return page


async def test_a_browser_adds_uses_and_removes_a_passkey(
    install: Install, browser: Browser
) -> None:
    installation = install(public_url=SITE)
    installation.start()
    page = await at_its_name(browser, installation)
    codes = await with_codes(page)
    use = page.get_by_role("button", name="Use a passkey")

    await page.goto(PAGE)
    await page.get_by_label("Name of the new passkey").fill("office laptop")
    await page.locator("#add-code").fill(codes[0])
    await page.get_by_role("button", name="Add a passkey").click()
    await page.get_by_role("button", name="Continue").click()
    await expect(page.get_by_role("cell", name="office laptop")).to_be_visible()
    await page.goto("/dashboard/confirm")
    await use.click()
    await expect(page.get_by_text("Confirmed for ten minutes")).to_be_visible()
    await page.context.clear_cookies()
    await page.goto("/sign-in")
    await page.get_by_label("Email address").fill(EMAIL)
    await page.get_by_label("Password").fill(PASSWORD)
    await page.get_by_role("button", name="Sign in").click()
    await use.click()
    await expect(page.get_by_role("heading", name="Overview")).to_be_visible()
    page.on("dialog", lambda asked: asked.accept())
    await page.goto(PAGE)
    await page.locator("#remove-code").fill(codes[1])
    await page.get_by_role("button", name="Remove it").click()
    await expect(page.get_by_text("The passkey is removed")).to_be_visible()
