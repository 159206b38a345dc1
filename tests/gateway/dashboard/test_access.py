"""Who gets in, who is asked for the password again, and who has live."""

from pathlib import Path
from typing import Any

import httpx
import pytest

from kernel.clock import FixedClock
from kernel.tenant import Tenant
from keys import audit_log
from keys.account import set_operator
from keys.account_access import close_live, open_live, verify_email
from tests.support.browser import (
    PASSWORD,
    Browser,
    browser_account,
    in_live,
    member,
    new_browser,
    signed_in,
    text_of,
)
from tests.support.gateway import API, Gateway, running, settings_of

pytestmark = [pytest.mark.fixed_clock, pytest.mark.gateway_settings(trusted_proxies="127.0.0.1/32")]

ANN = "ann@example.com"


async def sign_in_from(browser: Browser, address: str, password: str = PASSWORD) -> httpx.Response:
    headers = {"Origin": browser.gateway.url, "X-Forwarded-For": address}
    return await browser.send("/sign-in", {"email": ANN, "password": password}, headers=headers)


async def ask(browser: Browser, method: str, path: str, body: Any = None) -> httpx.Response:
    headers = {"Origin": browser.gateway.url}
    return await browser.request(method, API + path, headers, json=body)


# Signing in


@pytest.mark.one_database
async def test_a_strangers_guesses_keep_no_owner_out(gateway: Gateway) -> None:
    await member(gateway, ANN)
    ann = new_browser(gateway)
    assert (await sign_in_from(ann, "198.51.100.9")).status_code == 303
    device = {"topup_device": ann.cookies["topup_device"]}

    guesses = [
        await sign_in_from(new_browser(gateway), "203.0.113.7", f"guess number {n}")
        for n in range(11)
    ]
    elsewhere = await sign_in_from(new_browser(gateway), "198.51.100.9")
    beside = await sign_in_from(Browser(gateway, device), "203.0.113.7")
    stranger = await sign_in_from(new_browser(gateway), "203.0.113.7")

    assert [answer.status_code for answer in guesses] == [401] * 10 + [429]
    assert 1 <= int(guesses[10].headers.get("retry-after", "90")) <= 90
    assert elsewhere.status_code == 303
    assert beside.status_code == 303
    assert stranger.status_code == 429


@pytest.mark.one_database
async def test_a_known_device_has_ten_tries_of_its_own(gateway: Gateway) -> None:
    await member(gateway, ANN)
    await member(gateway, "bob@example.com")
    ann = new_browser(gateway)
    await sign_in_from(ann, "198.51.100.9")
    device = ann.cookies["topup_device"]

    statuses = []
    for n in range(11):
        browser = Browser(gateway, {"topup_device": device})
        statuses.append((await sign_in_from(browser, "203.0.113.7", f"guess {n}")).status_code)
    # For another name the cookie is worth nothing, nor is a made-up one for this name.
    made_up = "0" * 32 + "." + "0" * 64
    others = Browser(gateway, {"topup_device": made_up})

    assert statuses == [401] * 10 + [429]
    assert (await sign_in_from(others, "203.0.113.7")).status_code == 303


# The password, asked again


async def test_a_session_makes_nothing_live_without_the_password(
    gateway: Gateway, clock: FixedClock
) -> None:
    browser = await in_live(await signed_in(gateway))
    hook = await ask(browser, "POST", "/webhooks/register", {"url": "https://127.0.0.1:9009/hook"})
    endpoint_id = hook.json()["data"]["id"]
    key = await gateway.key((await browser_account(browser)), "live")
    keys = (await ask(browser, "GET", "/keys")).json()["data"]["items"]
    calls: tuple[tuple[str, dict[str, str]], ...] = (
        ("/keys", {"name": "new"}),
        (f"/keys/{keys[0]['id']}/rotate", {}),
        ("/tokens", {"name": "new"}),
        (f"/webhooks/{endpoint_id}/rotate-secret", {}),
    )

    for path, body in calls:
        answer = await ask(browser, "POST", path, body)
        error = answer.json()["data"]["error"]
        assert (answer.status_code, answer.json()["code"]) == (403, 2009), path
        assert error["reason"] == "password_required"
        assert error["confirm_url"] == "/dashboard/confirm"
    wrong = await browser.send("/dashboard/confirm", {"password": "not my password"})
    assert wrong.status_code == 401
    assert (await ask(browser, "POST", "/keys", {})).status_code == 403

    given = await browser.send(
        "/dashboard/confirm", {"password": PASSWORD, "next": "/dashboard/keys"}
    )
    assert given.headers["location"] == "/dashboard/keys?said=password-confirmed"
    for path, body in calls:
        assert (await ask(browser, "POST", path, body)).status_code in {200, 201}, path
    # A key needs no person beside it.
    assert (await gateway.call("POST", "/keys", key=key, json={})).status_code == 401

    clock.advance_s(599)
    assert (await ask(browser, "POST", "/keys", {})).status_code == 201
    clock.advance_s(1)
    assert (await ask(browser, "POST", "/keys", {})).status_code == 403


async def test_codes_of_live_are_told_to_no_address_without_the_password(gateway: Gateway) -> None:
    browser = await in_live(await signed_in(gateway))
    target = {"url": "https://127.0.0.1:9009/hook"}
    coded = {**target, "include_codes": True}
    plain = (await ask(browser, "POST", "/webhooks/register", target)).json()["data"]["id"]
    page = f"/dashboard/webhooks/{plain}"
    form = {**target, "retry_schedule_s": "0 5 30", "include_codes": "yes"}
    here = {"Origin": gateway.url, "Referer": gateway.url + page}

    refused = [
        await ask(browser, "POST", "/webhooks/register", coded),
        await ask(browser, "PATCH", f"/webhooks/{plain}", {"include_codes": True}),
    ]
    pressed = await browser.send(page, form, headers=here)
    renamed = await ask(browser, "PATCH", f"/webhooks/{plain}", {"description": "till"})
    await browser.send("/dashboard/confirm", {"password": PASSWORD})
    made = await ask(browser, "POST", "/webhooks/register", coded)
    endpoint_id = made.json()["data"]["id"]
    other = new_browser(gateway)
    await other.sign_in(ANN)
    await in_live(other)
    elsewhere = {"url": "https://127.0.0.1:9009/other"}
    moved = await ask(other, "PATCH", f"/webhooks/{endpoint_id}", elsewhere)
    same = await ask(other, "PATCH", f"/webhooks/{endpoint_id}", {**coded, "description": "x"})
    switched = await ask(browser, "PATCH", f"/webhooks/{plain}", {"include_codes": True})
    log = (await ask(browser, "GET", "/audit")).json()["data"]["items"]

    for answer in (*refused, moved):
        assert answer.status_code == 403, answer.text
        assert answer.json()["data"]["error"]["reason"] == "password_required"
    assert pressed.headers["location"].startswith("/dashboard/confirm?next=%2Fdashboard%2Fwebhooks")
    assert [a.status_code for a in (renamed, made, same, switched)] == [200, 201, 200, 200]
    before = {"url": target["url"], "ed25519": True}
    assert (log[0]["action"], log[0]["before"], log[0]["after"]) == (
        "endpoint.changed",
        before,
        {**before, "include_codes": True},
    )


async def test_a_key_of_live_is_widened_with_the_password_alone(gateway: Gateway) -> None:
    """Whoever holds a key that can do little, and a cookie, would have one that can do all."""
    browser = await in_live(await signed_in(gateway))
    key = await gateway.key(await browser_account(browser), "live")
    key_id = (await ask(browser, "GET", "/keys")).json()["data"]["items"][0]["id"]
    page = f"/dashboard/keys/{key_id}"
    here = {"Origin": gateway.url, "Referer": gateway.url + page}
    form = {"name": "wide", "scopes": "topup:send"}

    refused = await ask(browser, "PATCH", f"/keys/{key_id}", {"ip_allow_list": []})
    pressed = await browser.send(page, form, headers=here)
    ended = await ask(browser, "DELETE", f"/keys/{key_id}")
    await browser.send("/dashboard/confirm", {"password": PASSWORD})
    again = await gateway.key(await browser_account(browser), "live")
    other_id = (await ask(browser, "GET", "/keys")).json()["data"]["items"][0]["id"]
    changed = await ask(browser, "PATCH", f"/keys/{other_id}", {"ip_allow_list": []})

    assert key != again
    assert refused.status_code == 403
    assert refused.json()["data"]["error"]["reason"] == "password_required"
    assert pressed.headers["location"].startswith("/dashboard/confirm?next=%2Fdashboard%2Fkeys")
    # What takes rights away is never kept waiting.
    assert ended.status_code == 200
    assert changed.status_code == 200, changed.text


async def test_what_is_confirmed_is_one_session_and_staging_asks_nothing(gateway: Gateway) -> None:
    browser = await in_live(await signed_in(gateway))
    await browser.send("/dashboard/confirm", {"password": PASSWORD})
    other = new_browser(gateway)
    await other.sign_in(ANN)

    assert (await ask(other, "POST", "/keys", {})).status_code == 201
    assert (await ask(await in_live(other), "POST", "/keys", {})).status_code == 403
    assert (await ask(browser, "POST", "/keys", {})).status_code == 201


async def test_pages_ask_with_a_form(gateway: Gateway) -> None:
    browser = await in_live(await signed_in(gateway))
    key = {"name": "new", "scopes": "topup:read"}

    without = await browser.send("/dashboard/keys", key)
    made = await browser.send("/dashboard/keys", {**key, "password": PASSWORD})
    keys = (await ask(browser, "GET", "/keys")).json()["data"]["items"]
    fresh = new_browser(gateway)
    await fresh.sign_in(ANN)
    await in_live(fresh)
    page = f"/dashboard/keys/{keys[0]['id']}"
    pressed = await fresh.send(
        f"{page}/rotate", {}, headers={"Origin": gateway.url, "Referer": gateway.url + page}
    )
    app = {
        "name": "App",
        "scope": "general_api_access",
        "redirect_uris": "https://a.example/cb",
        "cap_period": "month",
    }
    refused = await fresh.send("/dashboard/apps", app)
    registered = await fresh.send("/dashboard/apps", {**app, "password": PASSWORD})

    assert without.status_code == 403
    assert 'name="password"' in without.text
    assert "ak_live_" in made.text
    assert pressed.headers["location"].startswith("/dashboard/confirm?next=%2Fdashboard%2Fkeys%2Fk")
    assert refused.status_code == 403
    assert "oas_" in registered.text


# Live


async def test_who_signed_up_has_staging_only_until_a_person_opens_live(gateway: Gateway) -> None:
    eve = new_browser(gateway)
    await eve.send("/sign-up", {"name": "Eve", "email": ANN, "password": PASSWORD})
    account_id = await browser_account(eve)
    database, now_us = gateway.context.database, gateway.context.clock.now_us()

    refused = await eve.send("/dashboard/environment", {"to": "live"})
    assert refused.status_code == 403
    assert "The operator of this gateway opens it" in text_of(refused.text)
    assert "not open yet" in text_of((await eve.get("/dashboard/account")).text)

    await database.transaction(lambda tx: open_live(tx, account_id, now_us=now_us))
    await in_live(eve)
    key = await gateway.key(account_id, "live")
    assert (await gateway.call("GET", "/topup/balance", key=key)).status_code == 200


async def test_live_that_is_closed_takes_its_credentials_along(
    gateway: Gateway, clock: FixedClock
) -> None:
    browser = await in_live(await signed_in(gateway))
    account_id = await browser_account(browser)
    key, staging = await gateway.key(account_id, "live"), await gateway.key(account_id)
    assert (await gateway.call("GET", "/topup/balance", key=key)).status_code == 200
    database = gateway.context.database

    await database.transaction(lambda tx: close_live(tx, account_id, now_us=clock.now_us()))
    clock.advance_s(1)
    closed = await gateway.call("GET", "/topup/balance", key=key)

    assert closed.status_code == 401
    assert closed.json()["data"]["error"]["reason"] == "live_closed"
    assert (await browser.request("GET", "/dashboard")).headers["location"] == "/sign-in"
    assert (await gateway.call("GET", "/topup/balance", key=staging)).status_code == 200
    await database.transaction(lambda tx: open_live(tx, account_id, now_us=clock.now_us()))
    clock.advance_s(1)
    assert (await gateway.call("GET", "/topup/balance", key=key)).status_code == 200


@pytest.mark.parametrize(
    ("is_on", "is_verified", "is_closed", "status"),
    [
        (True, True, False, 303),
        (True, False, False, 403),
        (False, True, False, 403),
        (True, True, True, 403),
    ],
)
async def test_a_verified_address_opens_live_where_the_operator_lets_it(
    database_url: str,
    tmp_path: Path,
    is_on: bool,
    is_verified: bool,
    is_closed: bool,
    status: int,
) -> None:
    settings = settings_of(database_url, tmp_path, self_serve_live=is_on)
    async with running(settings) as gateway:
        eve = await signed_in(gateway, ANN, has_live=False)
        account_id = await browser_account(eve)
        database = gateway.context.database
        if is_verified:
            await database.transaction(lambda tx: verify_email(tx, account_id, now_us=1))
        if is_closed:
            await database.transaction(lambda tx: close_live(tx, account_id, now_us=1))

        answer = await eve.send("/dashboard/environment", {"to": "live"})

        assert answer.status_code == status


async def test_an_operator_opens_and_closes_live_with_a_button(gateway: Gateway) -> None:
    operator = await signed_in(gateway, "op@example.com")
    own = await browser_account(operator)
    await gateway.context.database.transaction(lambda tx: set_operator(tx, own, is_operator=True))
    theirs = await gateway.account(email=ANN)
    page = f"/dashboard/admin/accounts/{theirs}"

    closed = await operator.send(f"{page}/close-live", {})
    shown = text_of((await operator.get(page)).text)
    opened = await operator.send(f"{page}/open-live", {})
    verified = await operator.send(f"{page}/verify-email", {})

    assert closed.headers["location"] == f"{page}?said=accounts.close-live"
    assert "Open live" in shown
    assert opened.headers["location"] == f"{page}?said=accounts.open-live"
    assert verified.headers["location"] == f"{page}?said=accounts.verify-email"
    entries = await gateway.context.database.read(
        lambda tx: audit_log.page_of_account(tx, Tenant(theirs, "staging"), limit=9)
    )
    assert [one.entry.action for one in entries] == [
        "email.verified",
        "live.opened",
        "live.closed",
    ]
    assert {one.entry.actor_kind for one in entries} == {"operator"}
