"""The pages of connected apps and of the account's own apps."""

import asyncio
import re
from collections.abc import AsyncIterator
from html import unescape

import pytest
import pytest_asyncio

from keys.account_access import suspend
from keys.oauth import app as oauth_app
from keys.principal import Principal
from tests.support.browser import Browser, csrf_of, in_live, signed_in, text_of
from tests.support.gateway import API, Gateway
from tests.support.oauth_agreement import Agreement, agree

GRANTS = "/dashboard/grants"
APPS = "/dashboard/apps"
NEW = {
    "name": "Wiki bot",
    "redirect_host": "App.Example.com",
    "scope": "advanced_access",
    "cap_cents": "2.50",
    "cap_period": "day",
}


@pytest_asyncio.fixture
async def browser(gateway: Gateway) -> AsyncIterator[Browser]:
    yield await signed_in(gateway)


async def person(browser: Browser) -> Principal:
    assert browser.session is not None
    return await browser.gateway.context.authenticator.authenticate(browser.session)


@pytest_asyncio.fixture
async def agreed(browser: Browser) -> Agreement:
    """An app of somebody else's that whoever is at the browser let in."""
    return await agree(browser.gateway, user_id=(await person(browser)).account_id)


def grant_paths(html: str) -> list[str]:
    return re.findall(rf'href="({GRANTS}/ogr_[0-9A-Za-z]+)"', html)


async def press(browser: Browser, page: str, action: str) -> int:
    """Presses the page's button whose form goes to that path; the status of the answer."""
    html = (await browser.get(page)).text
    path = re.search(rf'action="({re.escape(action)}[^"]*)"', html)
    assert path is not None, f"no form of {action} on {page}"
    answer = await browser.send(unescape(path[1]), {"csrf_token": csrf_of(html)}, headers={})
    return answer.status_code


# Connected apps


@pytest.mark.one_database
async def test_nobody_is_let_in_at_first(browser: Browser) -> None:
    assert "No apps have access." in text_of((await browser.get(GRANTS)).text)


async def test_a_connected_app_shows_what_it_charged(browser: Browser, agreed: Agreement) -> None:
    token = await agreed.token()
    for number, amount in enumerate(("1.25", "0.000001"), start=1):
        fields = {"amount": amount, "order_no": f"o-{number}", "remark": f"Page {number}"}
        await agreed.post("/user/oauth/charge", fields, token=token)

    listed = await browser.get(GRANTS)
    [path] = grant_paths(listed.text)
    shown = await browser.get(path)

    text = text_of(listed.text)
    assert "Wiki bot app.example.com active" in text
    assert "$1.250001 of $10.00 a month" in text
    text = text_of(shown.text)
    assert "$0.000001 Page 2 o-2" in text
    assert "$1.25 Page 1 o-1" in text
    assert f"{token[:8]}…{token[-4:]} access" in text
    assert token[8:-4] not in shown.text


async def test_removing_an_app_ends_its_tokens(browser: Browser, agreed: Agreement) -> None:
    token = await agreed.token()

    status = await press(browser, GRANTS, GRANTS)

    assert status == 303
    assert "revoked" in text_of((await browser.get(GRANTS)).text)
    found = await browser.get(grant_paths((await browser.get(GRANTS)).text)[0])
    assert "There are no active tokens." in text_of(found.text)
    answer = await agreed.post("/user/oauth/balance", token=token)
    assert answer.status_code == 401


async def test_a_suspended_account_registers_no_app_and_still_removes_one(
    browser: Browser, agreed: Agreement
) -> None:
    assert await agreed.token()
    database, account_id = browser.gateway.context.database, (await person(browser)).account_id
    await database.transaction(lambda tx: suspend(tx, account_id, "fraud", now_us=1))
    await asyncio.sleep(0.6)

    refused = await browser.send(
        APPS, {**NEW, "csrf_token": csrf_of((await browser.get(APPS)).text)}
    )
    removed = await press(browser, GRANTS, GRANTS)

    assert (refused.status_code, removed) == (403, 303)
    assert "revoked" in text_of((await browser.get(GRANTS)).text)


async def test_one_token_is_ended_alone(browser: Browser, agreed: Agreement) -> None:
    first, second = await agreed.token(), await agreed.token()
    [path] = grant_paths((await browser.get(GRANTS)).text)

    status = await press(browser, path, f"{GRANTS}/tokens/")

    assert status == 303
    # The newest stands first.
    assert (await agreed.post("/user/oauth/balance", token=second)).status_code == 401
    assert (await agreed.post("/user/oauth/balance", token=first)).status_code == 200


async def test_another_environment_and_another_account_see_nothing_of_it(
    browser: Browser, agreed: Agreement
) -> None:
    await agreed.token()
    [path] = grant_paths((await browser.get(GRANTS)).text)
    stranger = await signed_in(browser.gateway, "bob@example.com")

    assert grant_paths((await stranger.get(GRANTS)).text) == []
    assert (await stranger.request("GET", path)).status_code == 404
    assert (await stranger.send(f"{path}/end", {})).status_code == 404
    await browser.send("/dashboard/environment", {"to": "live"})
    assert (await browser.request("GET", path)).status_code == 404
    assert (await browser.send(f"{path}/end", {})).status_code == 404


async def test_what_its_owner_disabled_is_told(browser: Browser, agreed: Agreement) -> None:
    await agreed.token()
    await browser.gateway.context.database.transaction(
        lambda tx: oauth_app.disable(tx, agreed.app.owner, agreed.app.id, now_us=1)
    )

    assert "Wiki bot app.example.com disabled" in text_of((await browser.get(GRANTS)).text)


# The account's own apps


def secret_of(html: str) -> tuple[str, str]:
    shown = dict(re.findall(r'<code id="(client-\w+)">([^<]+)</code>', html))
    return shown["client-id"], shown["client-secret"]


async def test_an_app_is_registered_and_its_secret_shown_once(browser: Browser) -> None:
    made = await browser.send(APPS, NEW)

    client_id, secret = secret_of(made.text)
    found = await browser.gateway.context.database.read(
        lambda tx: oauth_app.authenticate(tx, client_id, secret)
    )
    assert (found.name, found.redirect_host, found.scope) == (
        "Wiki bot",
        "app.example.com",
        "advanced_access",
    )
    assert (found.cap_micros, found.cap_period) == (2_500_000, "day")
    assert made.headers["cache-control"] == "no-store"
    listed = await browser.get(APPS)
    assert client_id in listed.text
    assert secret[:-4] not in listed.text


async def test_a_new_secret_replaces_the_old_one(browser: Browser) -> None:
    client_id, old = secret_of((await browser.send(APPS, NEW)).text)

    rotated = await browser.send(f"{APPS}/{client_id}/rotate", {})

    _, fresh = secret_of(rotated.text)
    database = browser.gateway.context.database
    await database.read(lambda tx: oauth_app.authenticate(tx, client_id, fresh))
    with pytest.raises(oauth_app.ClientRefused):
        await database.read(lambda tx: oauth_app.authenticate(tx, client_id, old))


async def test_an_app_is_disabled(browser: Browser) -> None:
    client_id, _ = secret_of((await browser.send(APPS, NEW)).text)

    assert (await browser.send(f"{APPS}/{client_id}/disable", {})).status_code == 303

    text = text_of((await browser.get(APPS)).text)
    assert "Wiki bot disabled" in text
    assert (await browser.send(f"{APPS}/{client_id}/rotate", {})).status_code == 404


async def test_an_app_that_is_disabled_again_is_logged_once(browser: Browser) -> None:
    client_id, _ = secret_of((await browser.send(APPS, NEW)).text)

    for _ in range(2):
        assert (await browser.send(f"{APPS}/{client_id}/disable", {})).status_code == 303

    logged = (await browser.request("GET", f"{API}/audit")).json()["data"]["items"]
    assert [entry["action"] for entry in logged if entry["subject_id"] == client_id] == [
        "app.disabled",
        "app.created",
    ]


async def test_nobody_else_changes_an_app(browser: Browser) -> None:
    client_id, _ = secret_of((await browser.send(APPS, NEW)).text)
    stranger = await signed_in(browser.gateway, "bob@example.com")

    for change in ("rotate", "disable"):
        assert (await stranger.send(f"{APPS}/{client_id}/{change}", {})).status_code == 404
    await browser.send("/dashboard/environment", {"to": "live"})
    assert (await browser.send(f"{APPS}/{client_id}/disable", {})).status_code == 404
    assert client_id not in (await browser.get(APPS)).text


@pytest.mark.one_database
@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"name": ""}, "Write 1 to 100 characters"),
        ({"redirect_host": "https://app.example.com"}, "A redirect host is a name"),
        ({"scope": "admin"}, "Choose one of"),
        ({"cap_cents": "-1"}, "Write an amount in dollars"),
        ({"cap_cents": "9" * 15}, "Is an amount that somebody may have"),
        ({"cap_period": "year"}, "Choose one of day, month"),
    ],
)
async def test_a_mistake_is_said_beside_what_was_typed(
    browser: Browser, fields: dict[str, str], told: str
) -> None:
    answer = await browser.send(APPS, {**NEW, **fields})

    assert answer.status_code == 422
    assert told in text_of(answer.text)
    assert "client-secret" not in answer.text
    typed = {**NEW, **fields}["redirect_host"]
    assert f'value="{typed}"' in answer.text


@pytest.mark.one_database
async def test_a_form_of_live_asks_for_the_password_in_its_own_words(browser: Browser) -> None:
    await in_live(browser)
    answer = await browser.send(APPS, NEW)

    assert answer.status_code == 403
    assert "Confirm your password" in text_of(answer.text)
    assert "form field" not in answer.text
    assert "No apps yet." in text_of(answer.text)


@pytest.mark.one_database
async def test_after_the_last_row_nobody_reads_that_the_list_is_empty(browser: Browser) -> None:
    client_id, _ = secret_of((await browser.send(APPS, NEW)).text)
    html = (await browser.get(f"{APPS}?cursor={client_id}")).text

    assert "There are no more entries" in text_of(html)
    assert f'href="{APPS}">Go to the first page' in html
    assert "No apps yet." not in text_of(html)


@pytest.mark.one_database
async def test_a_forged_form_registers_nothing(browser: Browser) -> None:
    answer = await browser.send(APPS, NEW, headers={"Origin": "https://evil.example"})

    assert answer.status_code == 403
    assert "No apps yet." in text_of((await browser.get(APPS)).text)
