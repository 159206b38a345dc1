"""Passkeys beside the codes: what a device signed counts once, here, for this person, and nothing else does."""

import asyncio
import base64
import json
import re
from collections.abc import Callable
from dataclasses import replace
from html import unescape
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP

from kernel.clock import FixedClock
from keys.sign_in import passkey, passkey_challenge
from keys.sign_in.passkey_challenge import Purpose, Site
from tests.support.browser import PASSWORD, Browser, csrf_of, new_browser, signed_in
from tests.support.gateway import Gateway
from tests.support.operator_pages import account_of, fill, press
from tests.support.soft_passkey import SoftPasskey

PAGE = "/dashboard/account/two-factor"
pytestmark = [
    pytest.mark.fixed_clock,
    pytest.mark.gateway_settings(public_url="http://localhost:8080"),
]


class Person:
    """Somebody with an app and a passkey."""

    def __init__(self, browser: Browser, clock: FixedClock, email: str, app: TOTP) -> None:
        self.browser, self.clock, self.email, self.app = browser, clock, email, app
        self.device = SoftPasskey()

    def code(self) -> str:
        """A fresh one: half a minute later than the last."""
        self.clock.advance_s(30)
        return self.app.generate(self.clock.now_us() // 1_000_000).decode()

    async def begin_to_add(self, name: str = "laptop") -> tuple[httpx.Response, dict[str, Any]]:
        shown = await press(self.browser, PAGE, f"{PAGE}/passkeys", name=name, password=self.code())
        return shown, options_in(shown)

    async def add(self, device: SoftPasskey, name: str = "laptop") -> httpx.Response:
        shown, options = await self.begin_to_add(name)
        return await keep(self.browser, shown, device.made(options), name)

    async def first_step(self, browser: Browser) -> tuple[str, dict[str, Any]]:
        """The ticket, and what the page asks passkeys."""
        self.clock.advance_s(1)
        shown = await browser.sign_in(self.email)
        return ticket_in(shown), options_in(shown)


async def keep(browser: Browser, shown: httpx.Response, answer: str, name: str) -> httpx.Response:
    hidden = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', shown.text))
    given = {**hidden, "name": name, "passkey": answer}
    return await browser.send(f"{PAGE}/passkeys/add", given)


def options_in(shown: httpx.Response) -> dict[str, Any]:
    found = re.search(r'data-options="([^"]+)"', shown.text)
    assert found is not None, shown.text
    read: dict[str, Any] = json.loads(unescape(found[1]))
    return read


def ticket_in(shown: httpx.Response) -> str:
    found = re.search(r'name="ticket" value="([^"]+)"', shown.text)
    assert found is not None, shown.text
    return found[1]


async def with_app(gateway: Gateway, clock: FixedClock, email: str) -> Person:
    browser = await signed_in(gateway, email)
    await fill(browser, PAGE, {"password": PASSWORD})
    typed = re.search(r'<code id="secret">([A-Z2-7 ]+)</code>', (await browser.get(PAGE)).text)
    assert typed is not None
    app = TOTP(base64.b32decode(typed[1].replace(" ", "")), 6, SHA1(), 30)
    person = Person(browser, clock, email, app)
    assert (await press(browser, PAGE, f"{PAGE}/on", code=person.code())).status_code == 200
    return person


@pytest.fixture
async def person(gateway: Gateway, clock: FixedClock) -> Person:
    made = await with_app(gateway, clock, "ann@example.com")
    added = await made.add(made.device)
    assert added.status_code == 303, added.text
    return made


async def show(browser: Browser, ticket: str, answer: str) -> httpx.Response:
    return await browser.send("/sign-in/code", {"ticket": ticket, "passkey": answer})


async def test_a_passkey_signs_in_after_the_password_and_its_answer_counts_once(
    person: Person, gateway: Gateway
) -> None:
    browsers = [new_browser(gateway) for _ in range(3)]
    ticket, options = await person.first_step(browsers[0])
    answer = person.device.shown(options)

    answers = await asyncio.gather(*(show(one, ticket, answer) for one in browsers))
    later = await show(new_browser(gateway), ticket, person.device.shown(options))

    assert sorted(one.status_code for one in answers) == [303, 401, 401]
    assert later.status_code == 401
    assert [one.session is not None for one in browsers].count(True) == 1
    assert options["rpId"] == "localhost"
    log = (await person.browser.get("/dashboard/account/security")).text
    assert "passkey.added" in log


async def test_a_session_just_ended_adds_no_passkey(person: Person, gateway: Gateway) -> None:
    thief = new_browser(gateway)
    ticket, options = await person.first_step(thief)
    await show(thief, ticket, person.device.shown(options))
    shown = await press(thief, PAGE, f"{PAGE}/passkeys", name="desk", password=person.code())

    await person.browser.send("/dashboard/account/sessions/end", {})
    # The gateway still has the ended session in its cache.
    answer = await keep(thief, shown, SoftPasskey().made(options_in(shown)), "desk")

    assert answer.headers["location"].startswith("/sign-in")
    assert "desk" not in (await person.browser.get(PAGE)).text


@pytest.mark.one_database
async def test_what_is_not_signed_here_now_by_this_person_is_refused(
    person: Person, gateway: Gateway, clock: FixedClock
) -> None:
    other = await with_app(gateway, clock, "bob@example.com")
    assert (await other.add(other.device)).status_code == 303
    device, stranger = person.device, SoftPasskey()
    ann, bob = await account_of(person.browser), await account_of(other.browser)
    purpose, site = Purpose("sign-in", ann, "ticket"), Site("http://localhost:8080", "localhost")
    vault, started = gateway.context.vault, clock.now_us()

    def asked(purpose: Purpose) -> dict[str, Any]:
        challenge = passkey_challenge.make(vault, purpose, now_us=started)
        read: dict[str, Any] = json.loads(passkey.options_to_show(site, (), challenge))
        return read

    async def is_taken(answer: str) -> bool:
        return await gateway.context.database.transaction(
            lambda tx: passkey.check(tx, vault, site, purpose, answer, now_us=clock.now_us())
        )

    others = asked(replace(purpose, account_id=bob))
    earlier = asked(replace(purpose, bound="another ticket"))
    to_confirm = asked(replace(purpose, kind="confirm"))
    cases: dict[str, Callable[[dict[str, Any]], str]] = {
        "another origin": lambda options: device.shown(options, origin="http://localhost:8081"),
        "another site": lambda options: device.shown(options, rp_id="evil.example"),
        "nobody there": lambda options: device.shown(options, flags=0),
        "not a sign-in": lambda options: device.shown(options, kind="webauthn.create"),
        "another key": lambda options: device.shown(options, signer=stranger),
        "no passkey of ours": stranger.shown,
        "another person's passkey": other.device.shown,
        "another person's challenge": lambda _: device.shown(others),
        "another sign-in's challenge": lambda _: device.shown(earlier),
        "another purpose's challenge": lambda _: device.shown(to_confirm),
        "a challenge of nobody": lambda _: device.shown({"challenge": "AAAA"}),
        "a challenge that is a number": lambda _: device.shown({"challenge": 7}),
        "a changed one": lambda options: device.shown(
            {"challenge": f"A{options['challenge'][1:]}"}
        ),
        "no JSON": lambda _: "{",
        "too deep": lambda _: "[" * 9000,
        "a list": lambda _: "[]",
        "no answer in it": lambda _: '{"id": "AA", "rawId": "AA", "type": "public-key"}',
        "an older count": lambda options: replace(device, count=0).shown(options),
    }
    answers = {name: await is_taken(answer(asked(purpose))) for name, answer in cases.items()}
    late, in_time = asked(purpose), asked(purpose)
    clock.advance_s(299)
    taken = [await is_taken(device.shown(in_time)) for _ in range(2)]
    clock.advance_s(1)

    assert answers == dict.fromkeys(cases, False)
    assert taken == [True, False]
    assert not await is_taken(device.shown(late))


@pytest.mark.one_database
async def test_what_is_added_is_of_this_site_and_session_and_goes_with_the_codes(
    person: Person, gateway: Gateway, clock: FixedClock
) -> None:
    other = await with_app(gateway, clock, "bob@example.com")
    device = SoftPasskey()
    shown, options = await person.begin_to_add("phone")
    refused = [
        await keep(person.browser, shown, answer, "phone")
        for answer in (
            device.made(options, origin="https://localhost:8080"),
            device.made(options, rp_id="evil.example"),
            device.made({"challenge": "AAAA"}),
            person.device.made(options),
            "{}",
        )
    ]
    theirs, _ = await other.begin_to_add()
    refused.append(await keep(other.browser, theirs, device.made(options), "phone"))
    clock.advance_s(300)
    refused.append(await keep(person.browser, shown, device.made(options), "phone"))
    without_code = await press(
        person.browser, PAGE, f"{PAGE}/passkeys", name="x", password="000000"
    )
    html = (await person.browser.get(PAGE)).text
    passkey_id = re.findall(r'value="(psk_\w+)">laptop</option>', html)[0]
    gone = {"passkey_id": passkey_id, "new_name": "mine"}
    csrf = csrf_of((await other.browser.get(PAGE)).text)
    not_theirs = await other.browser.send(f"{PAGE}/passkeys/rename", {"csrf_token": csrf, **gone})
    renamed = await press(person.browser, PAGE, f"{PAGE}/passkeys/rename", **gone)
    csrf = csrf_of((await person.browser.get(PAGE)).text)
    given = {"csrf_token": csrf, "password": "000000", **gone}
    kept = await person.browser.send(f"{PAGE}/passkeys/remove", given)
    stays = (await person.browser.get(PAGE)).text
    off = await press(person.browser, PAGE, f"{PAGE}/off", password=person.code())
    after = (await new_browser(gateway).sign_in(person.email)).status_code

    assert {one.status_code for one in refused} == {422}
    assert (without_code.status_code, not_theirs.status_code, kept.status_code) == (401, 404, 401)
    assert (renamed.status_code, off.status_code, after) == (303, 303, 303)
    assert stays.count("mine</option>") == 1


@pytest.mark.one_database
async def test_where_asked_again_a_passkey_will_do(person: Person) -> None:
    page = await person.browser.get("/dashboard/confirm")
    options, path = options_in(page), "/dashboard/confirm"
    given = {"passkey": person.device.shown(options)}

    done = await press(person.browser, path, path, **given)
    again = await press(person.browser, path, path, **given)

    assert (done.status_code, again.status_code) == (303, 401)


def test_the_site_is_what_browsers_take() -> None:
    found = {
        address: Site.of(address)
        for address in (
            "https://pay.acme.com",
            "https://Pay.Acme.com:443",
            "https://pay.acme.com:8443",
            "http://localhost:8080",
            "http://pay.acme.com",
            "https://127.0.0.1",
            "https://[::1]:8443",
            "https://bücher.example",
        )
    }

    assert found == {
        "https://pay.acme.com": Site("https://pay.acme.com", "pay.acme.com"),
        "https://Pay.Acme.com:443": Site("https://pay.acme.com", "pay.acme.com"),
        "https://pay.acme.com:8443": Site("https://pay.acme.com:8443", "pay.acme.com"),
        "http://localhost:8080": Site("http://localhost:8080", "localhost"),
        "http://pay.acme.com": None,
        "https://127.0.0.1": None,
        "https://[::1]:8443": None,
        "https://bücher.example": Site("https://xn--bcher-kva.example", "xn--bcher-kva.example"),
    }
