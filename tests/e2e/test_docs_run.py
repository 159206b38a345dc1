"""A reader who is signed in runs samples on the page, with a staging key that the documentation made; nobody else does."""

import asyncio
import json
import re
from importlib.resources import files

import pytest
import standardwebhooks
from playwright.async_api import Browser, Page, expect

from gateway.docs.runnable import RUN_SCOPES
from kernel.clock import SystemClock
from keys import member, session
from keys.account import find_by_email
from store.database import Transaction
from store.open import open_database
from tests.e2e.conftest import WorkingSet
from tests.support.browser import member_at
from tests.support.chromium import grave_faults_in_both, new_window
from tests.support.installation import Installation

pytestmark = pytest.mark.one_database
PAGE = "/docs/api/top-ups"
SEND = "#post-topup-send"


@pytest.fixture
def installation(working_set: WorkingSet) -> Installation:
    started = working_set.make("sqlite")
    started.start()
    return started


async def signed_in(installation: Installation, browser: Browser, email: str) -> Page:
    token = await member_at(installation, email)
    window = await new_window(browser, installation.url, width=390)
    await window.page.context.add_cookies(
        [{"name": "topup_session", "value": token, "url": installation.url}]
    )
    return window.page


async def test_a_reader_runs_samples_and_sees_the_webhook(
    installation: Installation, browser: Browser
) -> None:
    page = await signed_in(installation, browser, "ann@example.com")
    await page.goto(PAGE)
    sample = page.locator(f"{SEND} pre").first
    assert "$KEY" in await sample.inner_text()

    await page.locator(f"{SEND} button.run").click()
    await expect(page.locator(f"{SEND} .ran p").first).to_contain_text(
        "HTTP 200 · 1001 Top-up delivered"
    )
    webhook = page.get_by_role("region", name="Webhook topup.delivered")
    await expect(webhook).to_be_visible()
    said = await webhook.inner_text()

    # As an endpoint with that secret would find it genuine.
    head, _, body = said.partition("\n\n")
    headers = dict(line.split(": ", 1) for line in head.splitlines() if ": " in line)
    sent = json.dumps(json.loads(body), separators=(",", ":"), ensure_ascii=False)
    event = standardwebhooks.Webhook(headers["# secret"]).verify(sent, headers)
    assert event["data"]["recipient_email"] == "user@example.com"
    key = re.search(r"ak_staging_\w+", await sample.inner_text())
    assert key is not None
    assert "$KEY" not in await page.locator("article").inner_text()

    # What an answer named stands for the printed id from then on.
    await page.locator("#get-topup-status-transaction-id button.run").click()
    ran = page.locator("#get-topup-status-transaction-id .ran")
    await expect(ran.locator("p").first).to_contain_text("HTTP 200")
    assert await page.evaluate("document.documentElement.scrollWidth") == 390
    assert await grave_faults_in_both(page) == []

    await page.goto("/dashboard/keys")
    await expect(page.get_by_role("rowheader", name="Documentation")).to_be_visible()
    # It ends from the page, at once; the HTML itself never held it.
    await page.goto(PAGE)
    assert key[0] not in await (await page.request.get(PAGE)).text()
    await page.get_by_role("button", name="End it").click()
    await expect(page.get_by_role("button", name="Put my staging key in")).to_be_visible()
    # What a process knows of a key lives half a second.
    balance, bearer = "/api/public/v1/topup/balance", {"Authorization": f"Bearer {key[0]}"}
    async with asyncio.timeout(20):
        while True:
            answer = await page.request.get(balance, headers=bearer)
            if answer.status == 401:
                break
            await asyncio.sleep(0.1)


async def test_a_key_is_not_left_to_who_comes_after(
    installation: Installation, browser: Browser
) -> None:
    page = await signed_in(installation, browser, "cy@example.com")
    await page.goto(PAGE)
    await page.get_by_role("button", name="Put my staging key in").click()
    await expect(page.locator(".docs-key")).to_contain_text("These samples carry your staging key")

    await page.context.clear_cookies()
    await page.goto(PAGE)
    await expect(page.get_by_role("button", name="Put my staging key in")).to_be_visible()
    assert "ak_staging_" not in await page.locator(f"{SEND} pre").first.inner_text()
    assert await page.evaluate("sessionStorage.length") == 0


async def test_a_colleague_gets_a_key_with_what_their_role_may(
    installation: Installation, browser: Browser
) -> None:
    await member_at(installation, "owner@example.com")
    page = await signed_in(installation, browser, "dev@example.com")
    await page.context.add_cookies(
        [
            {
                "name": "topup_session",
                "value": await acting_as_developer(installation),
                "url": installation.url,
            }
        ]
    )
    await page.goto(PAGE)

    await page.get_by_role("button", name="Put my staging key in").click()

    await expect(page.locator(".docs-key")).to_contain_text("These samples carry your staging key")
    (key,) = (await (await page.request.get("/api/public/v1/keys")).json())["data"]["items"]
    assert set(key["scopes"]) == RUN_SCOPES - {"billing:write"}


async def acting_as_developer(installation: Installation) -> str:
    """The session of dev@example.com, now for the account of owner@example.com."""
    now_us = SystemClock().now_us()

    async def work(tx: Transaction) -> str:
        owner, person = [
            await find_by_email(tx, f"{name}@example.com") for name in ("owner", "dev")
        ]
        assert owner is not None
        assert person is not None
        invited = await member.invite(
            tx,
            account_id=owner.id,
            email="dev@example.com",
            role="developer",
            invited_by=owner.id,
            now_us=now_us,
        )
        await member.accept(tx, invited, person.id, now_us=now_us)
        begun, _ = await session.begin(tx, account_id=person.id, user_agent="test", now_us=now_us)
        return await session.act_for(tx, person.id, begun.id, owner.id)

    database = open_database(installation.database_url)
    try:
        return await database.transaction(work)
    finally:
        await database.close()


async def test_nothing_is_run_for_a_stranger_or_in_live(
    installation: Installation, browser: Browser
) -> None:
    stranger = (await new_window(browser, installation.url)).page
    await stranger.goto(PAGE)
    await stranger.locator(f"{SEND} button.run").click()
    said = stranger.locator(f"{SEND} .ran p").first
    await expect(said).to_contain_text("Only for who is signed in")
    await expect(said.get_by_role("link", name="sign in")).to_have_attribute(
        "href", "/sign-in?next=%2Fdocs%2Fapi%2Ftop-ups"
    )

    page = await signed_in(installation, browser, "bo@example.com")
    assert installation.run("accounts", "open-live", "bo@example.com").returncode == 0
    await page.goto("/dashboard")
    await page.evaluate(
        "fetch('/dashboard/environment', {method: 'POST', body: new URLSearchParams({to: 'live'})})"
    )
    await page.goto(PAGE)
    await page.get_by_role("button", name="Put my staging key in").click()
    await expect(page.locator(".docs-key")).to_contain_text("Your dashboard shows live")
    keys = await page.request.get("/api/public/v1/keys")
    assert (await keys.json())["data"]["items"] == []


def test_the_page_and_its_script_agree_on_what_such_a_key_may() -> None:
    script = (files("gateway") / "static/docs_run.js").read_text("utf-8")
    listed = re.search(r"const SCOPES = \[(.*?)\]", script)
    assert listed is not None
    assert set(json.loads(f"[{listed[1]}]")) == RUN_SCOPES
