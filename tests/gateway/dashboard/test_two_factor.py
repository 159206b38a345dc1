"""Two-factor sign-in: no session without a code, each code once, and a way in for who lost the phone."""

import asyncio
import base64
import re
from collections.abc import Sequence
from dataclasses import dataclass

import asyncpg
import httpx
import pytest
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP

from kernel.clock import FixedClock
from kernel.tenant import Tenant
from keys import second_factor
from keys.account import find_by_email, lock_tenants
from keys.sign_in import password_reset
from store.database import Transaction
from tests.support.browser import PASSWORD, Browser, csrf_of, new_browser, signed_in
from tests.support.gateway import Gateway
from tests.support.operator_pages import fill, press

pytestmark = pytest.mark.fixed_clock
PAGE = "/dashboard/account/two-factor"
EMAIL = "ann@example.com"
_WAIT = """
DO $$ BEGIN
    WHILE {} > (
        SELECT COUNT(*) FROM pg_stat_activity
        WHERE datname = current_database() AND wait_event_type = 'Lock' AND pid <> pg_backend_pid())
    LOOP
        PERFORM pg_stat_clear_snapshot(), pg_sleep(0.002);
    END LOOP;
END $$
"""


@dataclass
class Person:
    """Somebody with an app, whose account asks for its codes."""

    gateway: Gateway
    browser: Browser
    clock: FixedClock
    app: TOTP
    recovery: list[str]

    def code(self, off: int = 0) -> str:
        """What the app shows, so many steps from now."""
        return self.app.generate(self.clock.now_us() // 1_000_000 + 30 * off).decode()

    async def first_step(self, browser: Browser, password: str = PASSWORD) -> httpx.Response:
        return await browser.sign_in(EMAIL, password)

    async def sign_in(self, browser: Browser, code: str) -> httpx.Response:
        shown = await self.first_step(browser)
        return await browser.send("/sign-in/code", {"ticket": ticket_in(shown), "password": code})


def ticket_in(shown: httpx.Response) -> str:
    found = re.search(r'name="ticket" value="([^"]+)"', shown.text)
    assert found is not None, shown.text
    return found[1]


@pytest.fixture
async def person(gateway: Gateway, clock: FixedClock) -> Person:
    browser = await signed_in(gateway, EMAIL)
    app = await begun(browser)
    kept = await press(browser, PAGE, f"{PAGE}/on", code=app.generate(now_s(gateway)).decode())
    codes = recovery_in(kept)
    assert (kept.status_code, len(codes)) == (200, 10)
    clock.advance_s(60)
    return Person(gateway, browser, clock, app, codes)


async def begun(browser: Browser) -> TOTP:
    """The app of a person who is setting it up."""
    await fill(browser, PAGE, {"password": PASSWORD})
    typed = re.search(r'<code id="secret">([A-Z2-7 ]+)</code>', (await browser.get(PAGE)).text)
    assert typed is not None
    return TOTP(base64.b32decode(typed[1].replace(" ", "")), 6, SHA1(), 30)


def recovery_in(kept: httpx.Response) -> list[str]:
    return re.findall(r"[a-z2-7]{4}(?:-[a-z2-7]{4}){3}", kept.text)


async def waiting(database_url: str, number: int) -> None:
    """Until so many statements on the server wait for rows that another transaction has locked."""
    connection = await asyncpg.connect(database_url, server_settings={"statement_timeout": "30s"})
    try:
        await connection.execute(_WAIT.format(number))
    finally:
        await connection.close()


def now_s(gateway: Gateway) -> int:
    return gateway.context.clock.now_us() // 1_000_000


async def test_the_password_alone_begins_no_session_and_each_code_counts_once(
    person: Person,
) -> None:
    browser, thief = new_browser(person.gateway), new_browser(person.gateway)
    code = person.code()

    first = await person.first_step(browser)
    signed = await person.sign_in(browser, code)
    again = await person.sign_in(thief, code)
    older = await person.sign_in(thief, person.code(-1))
    person.clock.advance_s(30)
    newer = await person.sign_in(new_browser(person.gateway), person.code())

    assert first.status_code == 200
    assert "topup_session" not in first.headers.get("set-cookie", "")
    assert (signed.status_code, browser.session is not None) == (303, True)
    assert (again.status_code, older.status_code, thief.session) == (401, 401, None)
    assert newer.status_code == 303


async def test_a_phone_half_a_minute_off_is_right_and_a_minute_is_wrong(person: Person) -> None:
    wrong = [person.code(-2), person.code(2), "000000", "12345", "１２３４５６", "", "x" * 9000]
    answers = [await person.sign_in(new_browser(person.gateway), code) for code in wrong]
    ahead = await person.sign_in(new_browser(person.gateway), person.code(1))

    assert {one.status_code for one in answers} == {401}
    assert ahead.status_code == 303


async def test_two_at_once_with_one_code_are_one_session(person: Person) -> None:
    code = person.code()
    browsers = [new_browser(person.gateway) for _ in range(4)]
    tickets = [ticket_in(await person.first_step(one)) for one in browsers]
    answers = await asyncio.gather(
        *(
            one.send("/sign-in/code", {"ticket": ticket, "password": code})
            for one, ticket in zip(browsers, tickets, strict=True)
        )
    )

    assert sorted(one.status_code for one in answers) == [303, 401, 401, 401]


async def test_a_recovery_code_signs_in_once_however_it_is_written(person: Person) -> None:
    code = person.recovery[0]
    first = await person.sign_in(new_browser(person.gateway), code.upper().replace("-", " "))
    again = await person.sign_in(new_browser(person.gateway), code)
    other = await person.sign_in(new_browser(person.gateway), person.recovery[1])

    assert (first.status_code, again.status_code, other.status_code) == (303, 401, 303)
    assert "8 of 10" in (await person.browser.get(PAGE)).text


@pytest.mark.one_database
async def test_a_ticket_is_of_this_password_and_of_five_minutes(person: Person) -> None:
    browser = new_browser(person.gateway)
    ticket = ticket_in(await person.first_step(browser))
    account_id, at, of_password, proof = ticket.split(".")
    other = f"acc_other.{at}.{of_password}.{proof}"
    later = f"{account_id}.{int(at) + 1}.{of_password}.{proof}"
    forged = [
        await browser.send("/sign-in/code", {"ticket": one, "password": person.code()})
        for one in (other, later, "", "a.b", "a.b.c.d", ticket[:-1])
    ]
    person.clock.advance_s(300)
    old = await browser.send("/sign-in/code", {"ticket": ticket, "password": person.code()})

    assert {one.status_code for one in (*forged, old)} == {403}
    assert browser.session is None


@pytest.mark.one_database
async def test_guessing_has_an_end_and_a_stranger_uses_up_nobody_elses_tries(
    person: Person,
) -> None:
    known, thief = new_browser(person.gateway), new_browser(person.gateway)
    assert (await person.sign_in(known, person.code())).status_code == 303
    person.clock.advance_s(60)
    thief_ticket = ticket_in(await person.first_step(thief))
    tried = [
        (
            await thief.send("/sign-in/code", {"ticket": thief_ticket, "password": f"{n:06}"})
        ).status_code
        for n in range(12)
    ]
    own = await person.sign_in(known, person.code())

    # Ten in a quarter of an hour, of which the known device used one while it was a stranger.
    assert tried == [401] * 9 + [429] * 3
    assert own.status_code == 303


async def test_a_code_stands_where_others_give_the_password_again(person: Person) -> None:
    browser = person.browser
    shown = await browser.get("/dashboard/confirm")
    by_password = await fill(browser, "/dashboard/confirm", {"password": PASSWORD})
    by_code = await fill(browser, "/dashboard/confirm", {"password": person.code()})

    assert "A code from your authenticator app" in shown.text
    assert by_password.status_code == 401
    assert by_code.status_code == 303


async def test_a_code_is_asked_for_from_the_moment_it_is_on(gateway: Gateway) -> None:
    browser = await signed_in(gateway, EMAIL)
    app = await begun(browser)
    # The clock stands still, so whoever looks is still cached as one without a second factor.
    kept = await press(browser, PAGE, f"{PAGE}/on", code=app.generate(now_s(gateway)).decode())
    shown = await browser.get("/dashboard/confirm")
    by_password = await fill(browser, "/dashboard/confirm", {"password": PASSWORD})
    by_code = await fill(browser, "/dashboard/confirm", {"password": recovery_in(kept)[0]})

    assert "A code from your authenticator app" in shown.text
    assert (by_password.status_code, by_code.status_code) == (401, 303)


async def test_a_thiefs_setup_is_no_one_elses(gateway: Gateway) -> None:
    """Whoever began it knows its secret: the owner's second factor would be the thief's, too."""
    owner, thief = await signed_in(gateway, EMAIL), new_browser(gateway)
    await thief.sign_in(EMAIL)
    thiefs = await begun(thief)

    shown = (await owner.get(PAGE)).text
    code = thiefs.generate(now_s(gateway)).decode()
    finished = await owner.send(f"{PAGE}/on", {"code": code})
    owners = await begun(owner)
    late = await thief.send(f"{PAGE}/on", {"code": owners.generate(now_s(gateway)).decode()})
    on = await press(owner, PAGE, f"{PAGE}/on", code=owners.generate(now_s(gateway)).decode())

    assert 'id="secret"' not in shown
    assert "Two-factor sign-in is off" in shown
    assert (finished.status_code, late.status_code) == (422, 422)
    assert "Start the setup first" in finished.text
    assert recovery_in(on)


async def test_a_sign_in_under_way_as_it_is_switched_on_begins_no_session(
    gateway: Gateway, database_url: str
) -> None:
    if not database_url.startswith("postgresql"):
        pytest.skip("on SQLite nobody switches it on while another transaction is open")
    browser, thief = await signed_in(gateway, EMAIL), new_browser(gateway)
    app = await begun(browser)
    database = gateway.context.database

    async def hold_account(tx: Transaction) -> Sequence["asyncio.Task[httpx.Response]"]:
        account = await find_by_email(tx, EMAIL)
        assert account is not None
        await lock_tenants(tx, [Tenant(account.id, "staging")])
        code = app.generate(now_s(gateway)).decode()
        switching = asyncio.create_task(press(browser, PAGE, f"{PAGE}/on", code=code))
        await waiting(database_url, 1)
        # It has the password right, found no second factor, and waits for the account, too.
        signing_in = asyncio.create_task(thief.sign_in(EMAIL))
        await waiting(database_url, 2)
        return switching, signing_in

    on, refused = await asyncio.gather(*await database.transaction(hold_account))

    assert recovery_in(on)
    assert (refused.status_code, thief.session) == (401, None)
    assert "just switched on" in refused.text


async def test_it_is_switched_off_with_a_code_alone(person: Person) -> None:
    token = csrf_of((await person.browser.get(PAGE)).text)
    by_password = await person.browser.send(
        f"{PAGE}/off", {"csrf_token": token, "password": PASSWORD}
    )
    still = await person.first_step(new_browser(person.gateway))
    by_code = await person.browser.send(
        f"{PAGE}/off", {"csrf_token": token, "password": person.code()}
    )
    after = await person.first_step(new_browser(person.gateway))
    log = (await person.browser.get("/dashboard/account/security")).text

    assert (by_password.status_code, still.status_code) == (401, 200)
    assert (by_code.status_code, after.status_code) == (303, 303)
    assert "two_factor.on" in log
    assert "two_factor.off" in log


@pytest.mark.one_database
async def test_nothing_is_asked_for_before_the_app_showed_a_code(
    gateway: Gateway, clock: FixedClock
) -> None:
    browser = await signed_in(gateway, EMAIL)
    wrong = await fill(browser, PAGE, {"password": "not it"})
    await fill(browser, PAGE, {"password": PASSWORD})
    refused = await press(browser, PAGE, f"{PAGE}/on", code="000000")
    signed = await new_browser(gateway).sign_in(EMAIL)

    assert (wrong.status_code, refused.status_code) == (401, 422)
    assert signed.status_code == 303


@pytest.mark.one_database
async def test_neither_the_secret_nor_a_recovery_code_is_stored(person: Person) -> None:
    rows = await person.gateway.context.database.read(
        lambda tx: tx.fetch("SELECT * FROM second_factors")
    )
    text = repr([tuple(row) for row in rows]).lower()

    assert not any(code.replace("-", "") in text for code in person.recovery)
    shown = second_factor.shown(b"\0" * 20).lower()
    assert shown == "aaaa aaaa aaaa aaaa aaaa aaaa aaaa aaaa"
    # RFC 6238, appendix B: the eight-digit code of SHA-1 at 59 seconds ends in these six.
    assert TOTP(b"12345678901234567890", 6, SHA1(), 30).generate(59) == b"287082"


@pytest.mark.one_database
async def test_a_new_password_by_mail_leaves_it_on(person: Person) -> None:
    context = person.gateway.context

    async def forget(tx: Transaction) -> str:
        account = await find_by_email(tx, EMAIL)
        assert account is not None
        reset = await password_reset.begin(tx, account, now_us=person.clock.now_us())
        assert reset is not None
        return f"/new-password/{context.topup_rules.links.token_of('password', reset.id)}"

    path, browser = await context.database.transaction(forget), new_browser(person.gateway)
    changed = await browser.send(path, {"password": "a wholly other password"})
    entered = await person.first_step(browser, "a wholly other password")

    assert changed.status_code == 303
    assert ticket_in(entered) != ""
    assert browser.session is None


async def test_a_new_password_takes_a_code_where_sign_in_does(person: Person) -> None:
    account = "/dashboard/account"
    html = (await person.browser.get(account)).text
    fields = {
        "csrf_token": csrf_of(html),
        "password": PASSWORD,
        "new_password": "quite another one",
    }

    without = await person.browser.send(f"{account}/password", fields)
    wrong = await person.browser.send(f"{account}/password", {**fields, "code": "000000"})
    right = await person.browser.send(f"{account}/password", {**fields, "code": person.code()})

    assert (without.status_code, wrong.status_code, right.status_code) == (401, 401, 303)


async def test_strangers_who_know_the_password_keep_no_owner_out(person: Person) -> None:
    """All that strangers may try of the app's codes is spent; a recovery code on a new device counts still."""
    account = await person.gateway.context.database.read(lambda tx: find_by_email(tx, EMAIL))
    assert account is not None
    limiter = person.gateway.context.limiter
    for _ in range(1_000):
        await limiter.take(f"code:strangers:{account.id}", 1_000 / 86_400, 1_000)
    new = new_browser(person.gateway)

    by_app = await person.sign_in(new, person.code())
    by_recovery = await person.sign_in(new, person.recovery[0])

    assert (by_app.status_code, by_recovery.status_code) == (429, 303)
