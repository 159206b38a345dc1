"""A merchant's webhooks in a frame of another site, in a browser: where it may be shown, and what works there."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from urllib.parse import urlsplit

import httpx
import pytest
from playwright.async_api import Browser, Page, expect

from tests.e2e.conftest import WorkingSet
from tests.support.chromium import grave_faults_in_both, new_window
from tests.support.installation import API, Installation
from tests.support.receiver import Receiver
from tests.support.senders import client, order


@pytest.fixture
def installation(working_set: WorkingSet) -> Installation:
    """Share the dashboard tests' installation; each test makes its own account."""
    if "dashboard" not in working_set.shared:
        working_set.shared["dashboard"] = working_set.make("sqlite")
        working_set.shared["dashboard"].start()
    return working_set.shared["dashboard"]


class Site:
    """Another site on loopback: one page, with a frame."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.shows = ""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        frame = f'<iframe src="{self.shows}" title="Webhooks" width="600" height="700"></iframe>'
        body = f'<!doctype html><html lang="en"><title>Shop</title>{frame}</html>'.encode()
        head = f"HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: {len(body)}\r\n"
        writer.write(head.encode() + b"connection: close\r\n\r\n" + body)
        await writer.drain()
        writer.close()


@contextlib.asynccontextmanager
async def site() -> AsyncIterator[Site]:
    made = Site(0)
    server = await asyncio.start_server(made.serve, "127.0.0.1", 0)
    made.port = server.sockets[0].getsockname()[1]
    async with server:
        yield made


async def linked(
    installation: Installation, email: str, hook: Receiver, site: Site, can: str
) -> str:
    """The address of a new link to an account with one delivered event, for that site."""
    key = await installation.key(await installation.account(email=email))
    async with client(key) as http:
        http.base_url = httpx.URL(installation.url + API)
        await http.post("/webhooks/register", json={"url": hook.url})
        await http.post("/topup/send", json=order(1000, email="bob@example.com"))
        await hook.at_least(1)
        async with asyncio.timeout(30):
            while True:
                found = await http.get("/deliveries?status=delivered")
                if found.json()["data"]["items"]:
                    break
                await asyncio.sleep(0.05)
        body = {"can": can, "origins": [f"http://localhost:{site.port}"]}
        made = (await http.post("/portal-links", json=body)).json()
    return f"{installation.url}{urlsplit(made['data']['url']).path}"


async def test_an_allowed_site_shows_it_and_a_press_sends_again_without_script_or_cookie(
    installation: Installation, browser: Browser, receiver: Receiver
) -> None:
    async with site() as shop:
        shop.shows = await linked(installation, "portal@shop.example", receiver, shop, "replay")
        window = await new_window(browser, installation.url, has_scripts=False)
        page = window.page
        await page.goto(f"http://localhost:{shop.port}/")
        frame = page.frame_locator("iframe")

        await expect(frame.get_by_role("heading", name="Webhooks")).to_be_visible()
        await frame.get_by_role("link", name=receiver.url).click()
        await expect(frame.get_by_role("heading", name="Health")).to_be_visible()
        await frame.get_by_role("link", name="topup.delivered").first.click()
        await expect(frame.get_by_role("heading", name="Attempt 1")).to_be_visible()
        await frame.get_by_role("button", name="Replay").click()
        await expect(frame.get_by_text("on its way again")).to_be_visible()
        await receiver.at_least(2)

        assert await page.context.cookies() == []
        assert window.complaints == []


async def refused(page: Page, *, headings: int = 0) -> bool:
    """Whether the browser put its own error page into the frame."""
    (frame,) = page.main_frame.child_frames
    await expect(page.frame_locator("iframe").get_by_role("heading")).to_have_count(headings)
    return frame.url.startswith("chrome-error://")


async def test_a_site_that_the_link_does_not_name_shows_nothing(
    installation: Installation, browser: Browser, receiver: Receiver
) -> None:
    async with site() as shop, site() as other:
        shop.shows = await linked(installation, "framed@shop.example", receiver, shop, "read")
        other.shows = shop.shows
        page = (await new_window(browser, installation.url)).page
        await page.goto(f"http://localhost:{shop.port}/")
        assert not await refused(page, headings=1)
        # The same machine and port by another name is another site, too.
        for address in (f"http://localhost:{other.port}/", f"http://127.0.0.1:{shop.port}/"):
            await page.goto(address)
            assert await refused(page), address
        other.shows = f"{installation.url}/sign-in"
        await page.goto(f"http://localhost:{other.port}/")
        assert await refused(page)


async def test_it_keeps_nobody_out_in_either_theme_and_fits(
    installation: Installation, browser: Browser, receiver: Receiver
) -> None:
    async with site() as shop:
        url = await linked(installation, "axe@shop.example", receiver, shop, "manage")
        found: list[str] = []
        for width in (1440, 600, 390):
            page = (await new_window(browser, installation.url, width=width)).page
            await page.goto(url)
            places = [page.url]
            await page.get_by_role("link", name=receiver.url).click()
            places.append(page.url)
            await page.get_by_role("link", name="topup.delivered").first.click()
            places.append(page.url)
            for place in places:
                await page.goto(place)
                found += await grave_faults_in_both(page)
                over = await page.evaluate("document.documentElement.scrollWidth - innerWidth")
                assert over <= 0, (place, width)

    assert found == []
