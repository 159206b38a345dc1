"""The link of `topup dev`: it signs in once, by a press, on this machine alone."""

import asyncio
from pathlib import Path

import pytest

from kernel.clock import SECOND_US, FixedClock
from keys import second_factor
from keys.account import find_by_email
from keys.sign_in import password_reset, sign_in_link
from keys.sign_in.password import hash_password
from store.database import Transaction
from tests.support.browser import Browser, member, new_browser, text_of
from tests.support.gateway import Gateway, running, settings_of

ANN = "ann@example.com"
pytestmark = pytest.mark.fixed_clock


async def link_of(gateway: Gateway, email: str = ANN) -> str:
    """The path of a new link of the account with this address."""

    async def work(tx: Transaction) -> str:
        account = await find_by_email(tx, email)
        assert account is not None
        made = await sign_in_link.begin(tx, account, now_us=gateway.context.clock.now_us())
        assert made is not None
        return made.id

    link_id = await gateway.context.database.transaction(work)
    return f"/sign-in-link/{gateway.context.topup_rules.links.token_of('sign_in', link_id)}"


async def statuses(browser: Browser, path: str) -> tuple[int, int]:
    """Of the page, and of the press."""
    page = await browser.request("GET", path)
    return page.status_code, (await browser.send(path, {})).status_code


async def test_a_look_changes_nothing_and_one_press_signs_in(gateway: Gateway) -> None:
    await member(gateway, ANN)
    path, ann = await link_of(gateway), new_browser(gateway)

    pages = [await ann.request("GET", path) for _ in range(2)]
    assert [page.status_code for page in pages] == [200, 200]
    assert ANN in text_of(pages[0].text)
    assert ann.session is None
    pressed = await ann.send(path, {})

    assert (pressed.status_code, pressed.headers["location"]) == (303, "/dashboard")
    assert (await ann.request("GET", "/dashboard")).status_code == 200
    assert await statuses(new_browser(gateway), path) == (404, 404)


async def test_two_presses_at_once_begin_one_session(gateway: Gateway) -> None:
    await member(gateway, ANN)
    path = await link_of(gateway)

    answers = await asyncio.gather(*(new_browser(gateway).send(path, {}) for _ in range(4)))

    assert sorted(one.status_code for one in answers) == [303, 404, 404, 404]


async def test_it_ends_after_ten_minutes_and_with_the_next_one(
    gateway: Gateway, clock: FixedClock
) -> None:
    await member(gateway, ANN)
    first, second = await link_of(gateway), await link_of(gateway)
    clock.advance_s(sign_in_link.LIFE_US / SECOND_US - 1)
    ann = new_browser(gateway)

    assert (await ann.request("GET", second)).status_code == 200
    assert await statuses(ann, first) == (404, 404)
    clock.advance_s(1)
    assert await statuses(ann, second) == (404, 404)


@pytest.mark.one_database
async def test_a_forged_one_and_one_of_another_purpose_are_none(gateway: Gateway) -> None:
    account_id = await member(gateway, ANN)
    path = await link_of(gateway)
    links = gateway.context.topup_rules.links
    link_id = links.id_of("sign_in", path.rpartition("/")[2])
    assert link_id is not None
    bare = link_id.removeprefix("sgl_")
    database, now_us = gateway.context.database, gateway.context.clock.now_us()
    account = await database.read(lambda tx: find_by_email(tx, ANN))
    assert account is not None
    reset = await database.transaction(lambda tx: password_reset.begin(tx, account, now_us=now_us))
    assert reset is not None
    made_up = (
        "A" * 22,
        "short",
        "%00",
        links.token_of("password", f"pwr_{bare}"),
        links.token_of("sign_in", f"sgl_{reset.id.removeprefix('pwr_')}"),
        links.token_of("sign_in", f"sgl_{account_id.removeprefix('acc_')}"),
    )

    for token in made_up:
        assert await statuses(new_browser(gateway), f"/sign-in-link/{token}") == (404, 404), token
    as_password = f"/new-password/{links.token_of('password', f'pwr_{bare}')}"
    assert (await gateway.client.get(as_password)).status_code == 404
    foreign = {"Origin": "https://evil.example"}
    assert (await new_browser(gateway).send(path, {}, headers=foreign)).status_code == 403
    assert await statuses(new_browser(gateway), path) == (200, 303)


@pytest.mark.one_database
@pytest.mark.gateway_settings(trusted_proxies="127.0.0.1/32")
@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"X-Forwarded-For": "192.0.2.7"}, 404),
        ({"X-Real-IP": "127.0.0.1"}, 404),
        # Refused on every path.
        ({"Host": "pay.example"}, 422),
    ],
)
async def test_another_machine_gets_no_link(
    gateway: Gateway, headers: dict[str, str], status: int
) -> None:
    await member(gateway, ANN)
    path, browser = await link_of(gateway), new_browser(gateway)

    shown = await browser.request("GET", path, headers)
    pressed = await browser.request("POST", path, headers, data={})

    assert (shown.status_code, pressed.status_code) == (status, status)
    assert browser.session is None
    assert await statuses(browser, path) == (200, 303)


@pytest.mark.one_database
@pytest.mark.parametrize(
    "headers", [{"X-Forwarded-For": "127.0.0.1"}, {"Forwarded": "for=127.0.0.1"}]
)
async def test_a_proxy_that_nobody_trusts_gets_no_link(
    gateway: Gateway, headers: dict[str, str]
) -> None:
    await member(gateway, ANN)
    path, browser = await link_of(gateway), new_browser(gateway)

    shown = await browser.request("GET", path, headers)
    pressed = await browser.request("POST", path, headers, data={})

    assert (shown.status_code, pressed.status_code) == (404, 404)
    assert await statuses(browser, path) == (200, 303)


@pytest.mark.one_database
async def test_a_gateway_that_listens_to_others_has_no_links(
    database_url: str, tmp_path: Path
) -> None:
    settings = settings_of(database_url, tmp_path, host="0.0.0.0")
    async with running(settings) as gateway:
        await member(gateway, ANN)
        assert await statuses(new_browser(gateway), await link_of(gateway)) == (404, 404)


@pytest.mark.one_database
async def test_a_new_password_or_a_second_factor_ends_it(gateway: Gateway) -> None:
    account_id = await member(gateway, ANN)
    database, now_us = gateway.context.database, gateway.context.clock.now_us()
    path = await link_of(gateway)
    other = hash_password("a wholly other password")
    await database.transaction(
        lambda tx: password_reset.change_password(tx, account_id, other, now_us=now_us)
    )
    assert await statuses(new_browser(gateway), path) == (404, 404)

    path = await link_of(gateway)

    async def ask_codes(tx: Transaction) -> sign_in_link.SignInLink | None:
        await second_factor.begin(tx, account_id, "ses_1", now_us=now_us)
        await tx.execute("UPDATE second_factors SET confirmed_at = :now_us", now_us=now_us)
        account = await find_by_email(tx, ANN)
        assert account is not None
        return await sign_in_link.begin(tx, account, now_us=now_us)

    assert await database.transaction(ask_codes) is None
    assert await statuses(new_browser(gateway), path) == (404, 404)
