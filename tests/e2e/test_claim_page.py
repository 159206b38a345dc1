"""The claim page in a browser: on a phone, in Arabic, without a script, and for whoever uses one."""

from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from playwright.async_api import Browser, expect

from tests.e2e.conftest import WorkingSet
from tests.support.chromium import grave_faults, grave_faults_in_both, new_window
from tests.support.installation import API, Installation
from tests.support.senders import client, order

LOGO = """<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9"><style>.a { fill: #c2410c }</style>
<circle class="a" cx="4.5" cy="4.5" r="4.5"/></svg>"""


@pytest.fixture
def installation(working_set: WorkingSet) -> Installation:
    """That of the dashboard's tests: here everybody has an account of his own."""
    if "dashboard" not in working_set.shared:
        working_set.shared["dashboard"] = working_set.make("sqlite")
        working_set.shared["dashboard"].start()
    return working_set.shared["dashboard"]


async def sent(installation: Installation, locale: str) -> tuple[str, str]:
    """The path of a top-up's claim page, and its code."""
    key = await installation.key(await installation.account(email=f"{locale}@shop.example"))
    async with client(key) as http:
        http.base_url = httpx.URL(installation.url + API)
        body = {
            **order(1000, email="somebody.with.a.rather.long.address@department.example.com"),
            "delivery": {"locale": locale, "message": "Happy birthday, " + "dear " * 60},
        }
        answer = (await http.post("/topup/send", json=body)).json()
        path = f"/topup/status/{answer['transaction_id']}"
        data = (await http.get(path)).json()["data"]
    return urlsplit(data["claim_url"]).path, data["voucher_code"]


async def test_it_works_on_a_phone_in_arabic_without_a_script(
    installation: Installation, browser: Browser
) -> None:
    path, code = await sent(installation, "ar")
    window = await new_window(browser, installation.url, has_scripts=False, width=390)
    page = window.page

    await page.goto(path)
    before = await page.content()
    await page.get_by_role("button").click()

    assert code not in before
    await expect(page.get_by_text(code)).to_be_visible()
    assert await page.locator("html").get_attribute("dir") == "rtl"
    box = await page.locator("main").bounding_box()
    assert box is not None
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= 390
    assert window.complaints == []


async def test_it_keeps_nobody_out_in_either_theme(
    installation: Installation, browser: Browser
) -> None:
    path, code = await sent(installation, "es")
    page = (await new_window(browser, installation.url, width=390)).page
    await page.goto(path)
    found = [await grave_faults(page)]
    await page.get_by_role("button").click()
    await expect(page.get_by_text(code)).to_be_visible()
    found.append(await grave_faults(page))
    await page.emulate_media(color_scheme="dark")
    found.append(await grave_faults(page, about="colours"))
    over = await page.evaluate("document.documentElement.scrollWidth - innerWidth")

    assert [fault for faults in found for fault in faults] == []
    assert over <= 0


@pytest.mark.parametrize("color", ["#f59e0b", "#ffffff", "#000000", "#5b21b6"])
async def test_an_operators_colour_keeps_nobody_out(
    working_set: WorkingSet, browser: Browser, tmp_path: Path, color: str
) -> None:
    logo = tmp_path / "logo.svg"
    logo.write_text(LOGO, encoding="utf-8")
    given = {"brand_name": "Acme", "brand_logo": str(logo), "brand_color": color}
    branded = working_set.make("sqlite", **given)
    branded.start()
    path, _ = await sent(branded, "en")
    window = await new_window(browser, branded.url, width=390)
    page = window.page
    await page.goto(path)

    assert await page.locator(".operator img").evaluate("image => image.naturalWidth > 0")
    assert await grave_faults_in_both(page) == []
    assert await page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    assert window.complaints == []
