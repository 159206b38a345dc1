"""A purchase by a person in a browser: order, page, Pay, the webhook, the balance."""

from typing import Literal
from urllib.parse import urlsplit

import pytest
from axe_playwright_python.async_playwright import Axe  # type: ignore[import-untyped]
from playwright.async_api import Browser, Page, ViewportSize

from tests.e2e.conftest import Install
from tests.support.installation import API
from tests.support.receiver import Receiver
from tests.support.senders import client

PHONE: ViewportSize = {"width": 390, "height": 800}
THEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")


async def test_a_person_buys_credit_on_a_phone_without_scripts(
    install: Install, receiver: Receiver, browser: Browser
) -> None:
    installation = install()
    installation.start()
    key = await installation.key(await installation.account(email="me@example.com"))
    async with client(key) as http:
        api = installation.url + API
        await http.post(f"{api}/webhooks/register", json={"url": receiver.url})
        made = await http.post(
            f"{api}/orders",
            json={
                "provider": "stripe",
                "pack_id": "pack_pro",
                "success_url": f"{installation.url}/docs/codes?shop=1",
            },
        )
        order = made.json()["data"]

        context = await browser.new_context(viewport=PHONE, java_script_enabled=False)
        page = await context.new_page()
        await page.goto(installation.url + urlsplit(order["url"]).path)
        await page.get_by_role("button", name="Pay 20.00 USD").click()
        outcome = await page.locator(".outcome").inner_text()
        await page.get_by_role("link", name="Continue to 127.0.0.1").click()
        await page.wait_for_url("**/docs/codes?*")
        landed = page.url
        await context.close()

        await receiver.until(lambda: len(receiver.received) == 1, timeout_s=30)
        shown = await http.get(f"{api}/orders/{order['id']}")
        balance = await http.get(f"{api}/topup/balance")
        statement = await http.get(f"{api}/topup/statement?format=csv")

    assert outcome == "Paid"
    assert landed == f"{installation.url}/docs/codes?shop=1"
    assert shown.json()["data"]["status"] == "paid"
    # $10,000.00 of test credit, and 25,000 credits of $0.001.
    assert balance.json()["data"]["balance_cents"] == 1_000_000 + 2500
    assert "purchase" in statement.text
    (event,) = receiver.received
    assert event.event["type"] == "order.paid"
    assert event.event["data"].items() <= shown.json()["data"].items()
    assert await installation.findings() == []


@pytest.mark.one_database
async def test_the_page_is_readable_by_everybody_in_both_themes(
    install: Install, browser: Browser
) -> None:
    installation = install()
    installation.start(workers=0)
    key = await installation.key(await installation.account())
    complaints: list[str] = []
    async with client(key) as http:
        made = await http.post(
            f"{installation.url}{API}/orders",
            json={"provider": "myfatoorah", "amount_cents": 12_345},
        )
    context = await browser.new_context(viewport=PHONE)
    page = await context.new_page()
    page.on("console", lambda line: complaints.append(line.text))
    await page.goto(installation.url + urlsplit(made.json()["data"]["url"]).path)
    await check(page)
    await page.get_by_role("button", name="Decline").click()
    await page.get_by_text("Declined").wait_for()
    await check(page)
    await context.close()

    assert [line for line in complaints if "Content Security Policy" in line] == []


async def check(page: Page) -> None:
    for theme in THEMES:
        await page.emulate_media(color_scheme=theme)
        found = await Axe().run(page)

        assert found.violations_count == 0, found.generate_report()
    assert await page.evaluate("document.documentElement.scrollWidth") == PHONE["width"]
