"""Signing in, in Arabic; and which language a reader gets."""

import re

import pytest

from gateway.html.language import ROOMS
from tests.gateway.dashboard.test_new_password import ask, links
from tests.gateway.dashboard.test_sign_in_link import link_of
from tests.gateway.dashboard.test_verify_address import links as address_links
from tests.support.browser import Browser, member, new_browser, signed_in
from tests.support.gateway import Gateway
from tests.support.other_language import Visit, arabic, not_arabic

pytestmark = pytest.mark.one_database
GOOD = {"name": "Ann", "email": "nobody@example.com", "password": "ten letters"}
BAD_ADDRESSES = ("nobody", "a b@example.com", "a@b", "ا@example.com", "a@" + "b" * 1100)


@pytest.mark.gateway_settings(smtp_url="smtp://127.0.0.1:9", mail_from="credit@acme.com")
async def test_each_of_these_pages_and_each_of_its_refusals_is_whole_in_arabic(
    gateway: Gateway,
) -> None:
    browser = arabic(gateway)
    await member(gateway, "ann@mail.com")
    await ask(new_browser(gateway), "ann@mail.com")
    (link,) = await links(gateway)
    printed = await link_of(gateway, "ann@mail.com")
    ben = await signed_in(gateway, "ben@mail.com")
    await ben.send("/dashboard/account/address", {})
    (address,) = await address_links(gateway)
    visits = [
        Visit("sign_in.html", "/sign-in?said=signed-out"),
        Visit("sign_in.html", "/sign-in?said=password-set"),
        Visit("sign_in.html", "/sign-in?next=/dashboard/cli"),
        Visit("sign_in.html", "/sign-in", {"email": "nobody@example.com", "password": "wrong"}),
        Visit("sign_in.html", "/sign-in/code", {"ticket": "none", "password": "000000"}),
        Visit("sign_up.html", "/sign-up"),
        *(Visit("sign_up.html", "/sign-up", GOOD | {"email": one}) for one in BAD_ADDRESSES),
        Visit("sign_up.html", "/sign-up", GOOD | {"password": "short"}),
        Visit("sign_up.html", "/sign-up", GOOD | {"name": ""}),
        Visit("sign_up.html", "/sign-up", GOOD | {"name": "a" * 500}),
        Visit("sign_up.html", "/sign-up", GOOD | {"name": "a\u202eb"}),
        Visit("sign_up.html", "/sign-up", GOOD | {"email": "ann@mail.com"}),
        Visit("forgot_password.html", "/forgot-password"),
        Visit("forgot_password.html", "/forgot-password", {"email": "nobody@example.com"}),
        Visit("forgot_password.html", "/forgot-password", {"email": "@"}),
        Visit("sign_in_link.html", printed),
        Visit("new_password.html", link),
        Visit("new_password.html", link, {"password": "short"}),
        Visit("verify_address.html", address),
    ]
    press = f"/dashboard{address}"
    signed = [
        Visit("verify_address_press.html", press),
        Visit("verify_address_press.html", press, {"press": "yes"}),
    ]

    assert await not_arabic(browser, visits) == []
    assert await not_arabic(Browser(gateway, ben.cookies | browser.cookies), signed[:1]) == []
    cleo = await signed_in(gateway, "cleo@mail.com")
    assert await not_arabic(Browser(gateway, cleo.cookies | browser.cookies), signed) == []
    assert {one.template for one in [*visits, *signed]} == ROOMS["sign_in"]
    shown = await browser.get("/sign-up")
    assert shown.headers["vary"] == "Accept-Language, Cookie"
    assert "10,000.00" in shown.text
    assert "$10,000.00" not in shown.text
    # What was worked out for one reader is not kept for the next.
    assert "$10,000.00" in (await new_browser(gateway).get("/sign-up")).text


async def test_the_language_is_what_was_chosen_else_the_browsers(gateway: Gateway) -> None:
    browser = new_browser(gateway)
    wanted = {"Accept-Language": "ar-KW, en;q=0.5"}

    first = await browser.request("GET", "/sign-in?next=/dashboard", wanted)
    chosen = await browser.send("/language", {"language": "en", "next": "/sign-in?next=/dashboard"})
    then = await browser.request("GET", "/sign-in", wanted)
    nonsense = await browser.send("/language", {"language": "../etc/passwd", "next": "/sign-in"})
    away = await browser.send("/language", {"language": "ar", "next": "//evil.example"})

    assert '<html lang="ar"' in first.text
    assert 'name="next" value="/sign-in?next=/dashboard"' in first.text
    assert (chosen.status_code, chosen.headers["location"]) == (303, "/sign-in?next=/dashboard")
    assert '<html lang="en"' in then.text
    assert 'dir="rtl"' not in then.text.partition(">")[0]
    assert nonsense.status_code == 422
    assert away.headers["location"] == "/sign-in"


async def test_a_page_is_english_where_a_part_of_it_would_be(gateway: Gateway) -> None:
    browser = arabic(gateway)

    unknown = await browser.get("/sign-in?said=stock.add")
    elsewhere = await browser.get("/")

    assert "The codes are in stock" in unknown.text
    for answer in (unknown, elsewhere):
        assert '<html lang="en"' in answer.text
        assert re.search("[\u0600-\u06ff]", answer.text.replace("العربية", "")) is None
    assert "/language" not in elsewhere.text
