"""A person lets an app in with a real browser; the app charges; the person throws it out."""

import asyncio
import json
import re
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx
import pytest
from playwright.async_api import Browser, Page

from tests.e2e.conftest import Install
from tests.support.browser import PASSWORD, member_at
from tests.support.chromium import grave_faults_in_both, new_window
from tests.support.installation import Installation
from tests.support.plain_http import http_client
from tests.support.refusals import are_all_refused

APP_HOST = "app.example.com"
REDIRECT = f"https://{APP_HOST}/callback?from=gateway"
VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
CHALLENGE = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"


@dataclass
class Journey:
    """An installation with an app, a person's tab, and every secret that came up."""

    installation: Installation
    page: Page
    app: dict[str, Any]
    complaints: list[str]
    secrets: list[str] = field(default_factory=list)
    # The query of the app's own address, where the browser was sent last.
    told: dict[str, list[str]] = field(default_factory=dict)

    def asks(self, **fields: str) -> str:
        """The address that the app sends people to."""
        given = {
            "response_type": "code",
            "client_id": self.app["client_id"],
            "redirect_uri": REDIRECT,
            "scope": self.app["scope"],
            "state": "a&b/é",
            **fields,
        }
        return f"{self.installation.url}/next/v1/oauth?{urlencode(given)}"

    async def post(
        self, path: str, gateway: int = 0, token: str = "", **fields: str
    ) -> httpx.Response:
        url = f"{self.installation.gateways[gateway].url}/api/v1{path}"
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        async with http_client() as client:
            return await client.post(url, data=fields, headers=headers)

    async def sign_up(self) -> None:
        await self.page.goto(f"{self.installation.url}/sign-up")
        await self.page.get_by_label("Name").fill("Ann")
        await self.page.get_by_label("Email").fill("ann@example.com")
        await self.page.get_by_label("Password").fill(PASSWORD)
        await self.page.locator("main button").click()
        await self.page.get_by_role("heading", name="Overview").wait_for()

    async def sign_in(self) -> None:
        await self.page.get_by_label("Email").fill("ann@example.com")
        await self.page.get_by_label("Password").fill(PASSWORD)
        await self.page.get_by_role("button", name="Sign in").click()
        await self.page.get_by_role("button", name="Allow").wait_for()

    async def decide(self, button: str) -> None:
        """Presses Allow or Deny, which sends the browser to the app; nobody answers there."""
        async with self.page.expect_request(f"https://{APP_HOST}/**") as request:
            await self.page.get_by_role("button", name=button).click()
        self.told = parse_qs(urlsplit((await request.value).url).query)
        # The headless shell shows its error page by that page's own name.
        await self.page.wait_for_url(re.compile(rf"https://{APP_HOST}/|chrome-error:"))

    async def exchange(self, gateway: int = 0) -> str:
        """The token for the code that the app was told."""
        (code,) = self.told["code"]
        answer = await self.post(
            "/user/oauth/issue-token",
            gateway,
            client_id=self.app["client_id"],
            client_secret=self.app["client_secret"],
            code=code,
            code_verifier=VERIFIER,
        )
        assert answer.status_code == 200, answer.text
        self.secrets += [code, str(answer.json()["data"]["token"])]
        return self.secrets[-1]


async def begin(installation: Installation, browser: Browser) -> Journey:
    """The operator registers the app by the command line; a person opens a browser."""
    installation.start(gateways=2, workers=0)
    await installation.account(email="owner@example.com")
    words = ("apps", "create", "--account", "owner@example.com", "--name", "Wiki bot")
    scope = ("--redirect-host", APP_HOST, "--scope", "trusted_advanced_access", "--json")
    done = await asyncio.to_thread(installation.run, *words, *scope)
    app = json.loads(done.stdout)
    window = await new_window(browser, installation.url)

    return Journey(
        installation, window.page, app, window.complaints, [app["client_secret"], PASSWORD]
    )


async def statuses_with(journey: Journey, token: str) -> list[int]:
    """What each gateway says to the token."""
    answers = [await journey.post("/user/oauth/balance", each, token) for each in (0, 1)]
    return [answer.status_code for answer in answers]


async def test_from_consent_to_charge_to_the_end_of_it(install: Install, browser: Browser) -> None:
    journey = await begin(install(log_level="debug"), browser)
    page, installation = journey.page, journey.installation
    await journey.sign_up()
    await page.goto(journey.asks(code_challenge=CHALLENGE, code_challenge_method="S256"))
    await page.get_by_role("button", name="Allow").wait_for()
    asked = await page.locator("main").inner_text()
    await journey.decide("Allow")
    query = journey.told
    token = await journey.exchange(gateway=1)
    charged = await journey.post(
        "/user/oauth/charge", token=token, amount="1.25", order_no="o-1", remark="Two pages"
    )
    balance = await journey.post("/user/oauth/balance", 1, token)
    await page.goto(f"{installation.url}/dashboard/grants")
    await page.get_by_role("link", name="Wiki bot").click()
    await page.wait_for_url("**/dashboard/grants/*")
    told = await page.locator("main").inner_text()
    page.on("dialog", lambda dialog: dialog.accept())
    await page.get_by_role("button", name="Remove the app's access").click()
    await page.get_by_text("The app's access is gone").wait_for()

    assert await are_all_refused(lambda: statuses_with(journey, token), within_s=1.0)
    assert "Wiki bot wants to act for you" in asked
    assert "$10.00 in each calendar month" in asked
    assert (query["from"], query["state"]) == (["gateway"], ["a&b/é"])
    assert charged.json()["data"]["amount"] == "1.25"
    assert balance.json()["data"] == {"balance": "9998.75", "free_balance": "0.00"}
    assert "Two pages" in told
    assert "$1.25" in told
    assert journey.complaints == []
    assert await installation.findings() == []
    for gateway in installation.gateways:
        await asyncio.to_thread(gateway.stop)
    logs = installation.logs
    assert "/api/v1/user/oauth/charge" in logs
    assert [secret for secret in journey.secrets if secret in logs] == []


async def test_a_denial_and_a_code_to_type_in(install: Install, browser: Browser) -> None:
    journey = await begin(install(), browser)
    page, own = journey.page, f"{journey.installation.url}/next/v1/oauth/succeed"
    await member_at(journey.installation, "ann@example.com")
    await page.goto(journey.asks())
    await journey.sign_in()

    await journey.decide("Deny")
    denied = journey.told
    await page.goto(journey.asks(redirect_uri=own))
    await page.get_by_role("button", name="Allow").click()
    shown = await page.locator("#code").inner_text()

    assert denied == {
        "from": ["gateway"],
        "error": ["access_denied"],
        "state": ["a&b/é"],
        "iss": [journey.installation.url],
    }
    assert page.url.startswith(f"{own}?code={shown}&")
    issued = await journey.post(
        "/user/oauth/issue-token",
        client_id=journey.app["client_id"],
        client_secret=journey.app["client_secret"],
        code=shown,
    )
    assert issued.status_code == 200
    assert journey.complaints == []


@pytest.mark.parametrize("kind", ["sqlite"], indirect=True)
async def test_everybody_can_read_the_pages(install: Install, browser: Browser) -> None:
    journey = await begin(install(), browser)
    page = journey.page
    await member_at(journey.installation, "ann@example.com")
    await page.goto(journey.asks(code_challenge=CHALLENGE))
    await journey.sign_in()
    faults = await grave_faults_in_both(page)
    await journey.decide("Allow")
    token = await journey.exchange()
    await journey.post("/user/oauth/charge", token=token, amount="1", order_no="o-1")

    url = journey.installation.url
    for path in ("/next/v1/oauth/succeed?code=0123456789abcdef", "/dashboard/grants"):
        await page.goto(url + path)
        faults += await grave_faults_in_both(page)
    await page.get_by_role("link", name="Wiki bot").click()
    await page.wait_for_url("**/dashboard/grants/*")
    faults += await grave_faults_in_both(page)
    await page.goto(f"{url}/dashboard/apps")
    await page.get_by_label("Name").fill("Mine")
    await page.get_by_label("Redirect host").fill("localhost:3000")
    await page.get_by_role("button", name="Register").click()
    await page.locator("#client-secret").wait_for()
    faults += await grave_faults_in_both(page)
    await page.goto(f"{url}/dashboard/apps")
    faults += await grave_faults_in_both(page)

    assert faults == []
