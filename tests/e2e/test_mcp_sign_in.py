"""An MCP client that was given an address, a person with a real browser, and what each of them then has."""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import parse_qs, urlsplit

import pytest
from mcp.client.auth import OAuthFlowError
from mcp.shared.auth import AuthorizationCodeResult
from playwright.async_api import Browser, Page

from tests.e2e.conftest import Install
from tests.support.authority import Authority
from tests.support.chromium import grave_faults, new_window
from tests.support.installation import Installation
from tests.support.mcp_agent import code_of, data_of
from tests.support.mcp_person import Kept, connected, provider
from tests.support.plain_http import http_client
from tests.support.refusals import are_all_refused
from tests.support.scripted_receiver import ScriptedReceiver, Talk

# What differs between databases is tested below HTTP.
pytestmark = pytest.mark.one_database

PASSWORD: Final = "correct horse battery staple"
PHONE_WIDTH: Final = 390


@dataclass
class Desk:
    """A person's device: a browser, and a client's little server that the browser comes back to.

    answer: what the person does on the consent page.
    """

    page: Page
    redirect_uri: str
    complaints: list[str]
    answer: Callable[[Page], Awaitable[None]]
    texts: list[str] = field(default_factory=list)
    heard: asyncio.Queue[dict[str, str]] = field(default_factory=asyncio.Queue)

    async def open(self, url: str) -> None:
        """What a client does with its question."""
        await self.page.goto(url)
        if await self.page.get_by_role("heading", name="Sign in").count():
            await sign_up(self.page)
        self.texts.append(await self.page.locator("main").inner_text())
        await self.answer(self.page)

    async def come_back(self) -> AuthorizationCodeResult:
        """What its server hears."""
        told = await asyncio.wait_for(self.heard.get(), 20)
        return AuthorizationCodeResult(
            code=told.get("code", ""), state=told.get("state"), iss=told.get("iss")
        )


@asynccontextmanager
async def desk(installation: Installation, browser: Browser) -> AsyncIterator[Desk]:
    window = await new_window(browser, installation.url)
    opened = Desk(window.page, "", window.complaints, allow)

    async def heard(talk: Talk) -> None:
        while True:
            target = (await talk.request()).split(b" ")[1].decode()
            if target.startswith("/callback?"):
                query = parse_qs(urlsplit(target).query)
                opened.heard.put_nowait({name: values[0] for name, values in query.items()})
            talk.say(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nDone")

    server = ScriptedReceiver(heard)
    await server.start("127.0.0.1", 0, None)
    opened.redirect_uri = f"http://127.0.0.1:{server.port}/callback"
    try:
        yield opened
    finally:
        await server.stop()


async def sign_up(page: Page) -> None:
    """From the form of who has an account, by its link, to where the person wanted to go."""
    await (
        page.locator("main").get_by_role("link", name=re.compile("account", re.IGNORECASE)).click()
    )
    await page.get_by_label("Name").fill("Ann")
    await page.get_by_label("Email").fill("ann@example.com")
    await page.get_by_label("Password").fill(PASSWORD)
    await page.locator("main button").click()
    await page.get_by_role("button", name="Allow").wait_for()


async def allow(page: Page) -> None:
    await page.get_by_role("button", name="Allow").click()
    await page.wait_for_url("**/callback?*")


async def deny(page: Page) -> None:
    await page.get_by_role("button", name="Deny").click()
    await page.wait_for_url("**/callback?*")


async def allow_five_dollars_for_claude(page: Page) -> None:
    await page.get_by_label("One send").fill("5")
    await page.get_by_label("Platforms").fill("claude")
    await allow(page)


async def statuses_with(installation: Installation, token: str) -> list[int]:
    """What each gateway says to the token."""
    headers = {"Authorization": f"Bearer {token}", "Accept": "application/json, text/event-stream"}
    body = {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {}}
    async with http_client() as client:
        return [
            (await client.post(f"{one.url}/mcp", json=body, headers=headers)).status_code
            for one in installation.gateways
        ]


def token_of(kept: Kept) -> str:
    assert kept.tokens is not None
    return kept.tokens.access_token


async def disconnect(page: Page) -> str:
    """What the list of keys said before."""
    await page.goto("/dashboard/keys")
    listed = await page.locator("main").inner_text()
    await page.get_by_role("link", name="Probe Desk").click()
    page.on("dialog", lambda dialog: dialog.accept())
    await page.locator("#revoke summary").click()
    await page.get_by_role("button", name="Disconnect the client").click()
    await page.get_by_text("The key is revoked;").wait_for()
    return listed


async def is_denied(installation: Installation, person: Desk, kept: Kept) -> None:
    """The client asks once more, and the person denies it."""
    person.answer = deny
    auth = provider(installation.url, person, kept, redirect_uri=person.redirect_uri)
    with pytest.RaisesGroup(OAuthFlowError, flatten_subgroups=True, allow_unwrapped=True):
        async with connected(installation.url, auth):
            pass


async def test_a_client_signs_in_sends_asks_for_more_refreshes_and_is_thrown_out(
    install: Install, browser: Browser
) -> None:
    installation = install(log_level="debug")
    installation.start(gateways=2, workers=0)
    kept = Kept()
    async with desk(installation, browser) as person:
        person.answer = allow_five_dollars_for_claude
        auth = provider(installation.url, person, kept, redirect_uri=person.redirect_uri)
        async with connected(installation.url, auth) as agent:
            names = {tool.name for tool in (await agent.client.list_tools()).tools}
            sent = await agent.send(amount_cents=500)
            too_much = await agent.send(amount_cents=501)
            first = token_of(kept)
            both = await statuses_with(installation, first)
            person.answer = allow
            events = await agent.use("list_events", {})
            own = data_of(await agent.use("get_key"))
            second = token_of(kept)
            auth.context.token_expiry_time = 1.0
            refreshed = await agent.use("get_balance")
            third = token_of(kept)

        listed = await disconnect(person.page)
        is_out = await are_all_refused(lambda: statuses_with(installation, third), within_s=1.0)
        await is_denied(installation, person, kept)

    assert {"send_topup", "get_status", "wait_for"} <= names
    assert "list_events" not in names
    assert (code_of(sent), code_of(too_much)) == (1001, 2008)
    assert both == [200, 200]
    assert code_of(events) == 1000
    # The second question found the key with its limits, and asked for more beside them.
    assert (own["per_call_cents"], own["platforms"]) == (500, ["claude"])
    assert own["scopes"] == ["topup:send", "topup:read", "webhooks:read"]
    assert code_of(refreshed) == 1000
    assert len({first, second, third}) == 3
    assert is_out
    assert "MCP client" in listed
    asked, again, last = person.texts
    assert "Probe Desk wants to use your account" in asked
    assert "127.0.0.1" in asked
    assert "nobody has checked its name" in asked
    assert "already connected" in again
    # What was revoked is not connected any more.
    assert "already connected" not in last
    assert person.complaints == []
    assert await installation.findings() == []
    for gateway in installation.gateways:
        await asyncio.to_thread(gateway.stop)
    secrets = [first, second, third, PASSWORD]
    assert [secret for secret in secrets if secret in installation.logs] == []


async def test_a_client_that_describes_itself_in_a_document(
    install: Install, browser: Browser, tmp_path: Path
) -> None:
    installation = install()
    authority = Authority(tmp_path)
    trusted = installation.data_dir / "authority.pem"
    trusted.write_text(authority.pem)
    installation.env["SSL_CERT_FILE"] = str(trusted)
    installation.start(workers=0)
    kept = Kept()
    async with desk(installation, browser) as person:
        async with document_of(authority, person.redirect_uri) as url:
            auth = provider(
                installation.url,
                person,
                kept,
                redirect_uri=person.redirect_uri,
                document_url=url,
            )
            async with connected(installation.url, auth) as agent:
                sent = await agent.send()
        page = person.page
        await page.goto(f"{installation.url}/dashboard/keys")
        listed = await page.locator("main").inner_text()

    assert code_of(sent) == 1001
    assert kept.client is not None
    assert kept.client.client_id == url
    host = urlsplit(url).netloc
    assert f"Described at\n{host}" in person.texts[0]
    assert "nobody has checked its name" not in person.texts[0]
    assert host in listed
    assert person.complaints == []


@asynccontextmanager
async def document_of(authority: Authority, redirect_uri: str) -> AsyncIterator[str]:
    """The address of a document of a client, over https."""
    url = ""

    async def tell(talk: Talk) -> None:
        while True:
            await talk.request()
            document = {
                "client_id": url,
                "client_name": "Described Desk",
                "redirect_uris": [redirect_uri],
            }
            body = json.dumps(document).encode()
            talk.say(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))

    server = ScriptedReceiver(tell)
    await server.start("127.0.0.1", 0, authority.server_context("127.0.0.1"))
    url = f"https://127.0.0.1:{server.port}/client.json"
    try:
        yield url
    finally:
        await server.stop()


async def test_everybody_can_read_the_page(install: Install, browser: Browser) -> None:
    installation = install()
    installation.start(workers=0)
    faults: list[str] = []
    widths: list[int] = []

    async def look(page: Page) -> None:
        faults.extend(await grave_faults(page))
        await page.emulate_media(color_scheme="dark")
        faults.extend(await grave_faults(page, about="colours"))
        await page.set_viewport_size({"width": PHONE_WIDTH, "height": 844})
        widths.append(await page.evaluate("document.documentElement.scrollWidth"))
        await page.get_by_label("Per UTC day").fill("lots")
        await page.get_by_role("button", name="Allow").click()
        await page.get_by_text("Not done").or_(page.locator(".wrong")).first.wait_for()
        faults.extend(await grave_faults(page))
        await page.get_by_label("Per UTC day").fill("50")
        await allow(page)

    async with desk(installation, browser) as person:
        person.answer = look
        auth = provider(installation.url, person, Kept(), redirect_uri=person.redirect_uri)
        async with connected(installation.url, auth):
            pass
        page = person.page
        for path in ("/dashboard/keys", "/oauth/authorize?client_id=nobody"):
            await page.goto(installation.url + path)
            faults += await grave_faults(page)
        await page.goto(f"{installation.url}/dashboard/keys")
        await page.get_by_role("link", name="Probe Desk").click()
        await page.locator("#revoke summary").click()
        await page.get_by_role("button", name="Disconnect the client").wait_for()
        faults += await grave_faults(page)
        widths.append(await page.evaluate("document.documentElement.scrollWidth"))

    assert faults == []
    assert widths == [PHONE_WIDTH, PHONE_WIDTH]
