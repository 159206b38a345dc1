"""A form that is sent again: as it was, it has its effect once; with other entries, it works at the next press."""

import re

import pytest

from kernel.clock import FixedClock
from tests.support.browser import PASSWORD, Browser, csrf_of, signed_in, text_of
from tests.support.gateway import Gateway

pytestmark = pytest.mark.one_database


def once_of(html: str) -> str:
    """The key of the form that makes something: the page's last."""
    found: list[str] = re.findall(r'name="once" value="([^"]+)"', html)
    return found[-1]


@pytest.mark.parametrize(
    ("page", "to", "fields", "changed"),
    [
        (
            "/dashboard/keys/new",
            "/dashboard/keys",
            {"name": "First", "scopes": "topup:read"},
            {"name": "Second"},
        ),
        (
            "/dashboard/webhooks/new",
            "/dashboard/webhooks",
            {"url": "http://127.0.0.1:9009/first", "retry_schedule_s": "0 5"},
            {"url": "http://127.0.0.1:9009/second"},
        ),
        (
            "/dashboard/portal-links",
            "/dashboard/portal-links",
            {"name": "First", "can": "read", "expires_in_s": "3600"},
            {"name": "Second"},
        ),
    ],
)
async def test_other_entries_are_sent_by_the_next_press(
    gateway: Gateway, page: str, to: str, fields: dict[str, str], changed: dict[str, str]
) -> None:
    browser = await signed_in(gateway)
    html = (await browser.get(page)).text
    given = {"csrf_token": csrf_of(html), "once": once_of(html), **fields}
    first, same = [await browser.send(to, given) for _ in range(2)]
    other = await browser.send(to, {**given, **changed})
    pressed = await browser.send(to, {**given, **changed, "once": once_of(other.text)})

    assert (first.status_code, same.status_code) == (200, 200)
    assert secret_of(first.text) == secret_of(same.text)
    assert other.status_code == 409
    assert "This was sent before, with other entries." in text_of(other.text)
    assert "Idempotency-Key" not in other.text
    assert f'value="{next(iter(changed.values()))}"' in other.text
    assert pressed.status_code == 200
    assert secret_of(pressed.text) != secret_of(first.text)


def secret_of(html: str) -> str:
    found = re.search(r'id="secret-value">([^<]+)<', html)
    assert found is not None, text_of(html)
    return found[1]


async def test_an_invitation_sent_twice_is_one(gateway: Gateway) -> None:
    browser: Browser = await signed_in(gateway, "owner@acme.example", has_live=False)
    html = (await browser.get("/dashboard/team")).text
    given = {
        "csrf_token": csrf_of(html),
        "once": once_of(html),
        "email": "ann@acme.example",
        "role": "reader",
    }
    links = [link_of((await browser.send("/dashboard/team", given)).text) for _ in range(2)]
    page = (await browser.get("/dashboard/team")).text
    again = re.search(r'action="(/dashboard/team/mbr_\w+/link)">(.*?)</form>', page, re.DOTALL)
    assert again is not None
    renewing = {"csrf_token": csrf_of(page), "once": once_of(again[2])}
    renewed = [link_of((await browser.send(again[1], renewing)).text) for _ in range(2)]
    opened = await gateway.client.get(renewed[0])
    log = (await browser.get("/dashboard/account/security")).text

    assert links[0] == links[1]
    assert renewed[0] == renewed[1] != links[0]
    assert opened.status_code == 200
    assert log.count("member.invited") == 2


def link_of(html: str) -> str:
    found = re.search(r"/invitation/[\w-]+", html)
    assert found is not None, text_of(html)
    return found[0]


@pytest.mark.fixed_clock
async def test_an_invitation_where_live_is_open_is_shown_again_for_the_password_only(
    gateway: Gateway, clock: FixedClock
) -> None:
    browser = await signed_in(gateway)
    html = (await browser.get("/dashboard/team")).text
    given = {"csrf_token": csrf_of(html), "once": once_of(html), "role": "reader"}
    given["email"] = "ann@acme.example"
    with_password = {**given, "password": PASSWORD}
    made = await browser.send("/dashboard/team", with_password)
    at_once = await browser.send("/dashboard/team", given)
    clock.advance_s(601)
    later = await browser.send("/dashboard/team", given)
    confirmed = await browser.send("/dashboard/team", with_password)

    assert link_of(at_once.text) == link_of(made.text) == link_of(confirmed.text)
    assert later.status_code == 403
    assert "/invitation/" not in later.text


async def test_all_wrong_entries_are_told_at_once(gateway: Gateway) -> None:
    browser = await signed_in(gateway)
    token = csrf_of((await browser.get("/dashboard/team")).text)
    invited = await browser.send(
        "/dashboard/team", {"csrf_token": token, "email": "nobody", "role": "owner"}
    )
    link = {"csrf_token": token, "name": "", "can": "read", "origins": "http://app.acme.example"}
    linked = await browser.send("/dashboard/portal-links", {**link, "expires_in_s": "3600"})
    odd = await browser.send("/dashboard/portal-links", {**link, "expires_in_s": "soon"})

    assert [one.status_code for one in (invited, linked, odd)] == [422, 422, 422]
    for page in (invited, linked):
        assert "please look at 2 fields below" in text_of(page.text)
    assert "Write a whole number" in text_of(odd.text)
