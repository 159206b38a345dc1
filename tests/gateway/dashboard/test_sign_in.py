"""Signing in, up and out over real HTTP: what is set, what is told, and what stays unsaid."""

import asyncio
from pathlib import Path

import pytest

from kernel.clock import FixedClock
from tests.support.browser import PASSWORD, csrf_of, member, new_browser, signed_in, text_of
from tests.support.gateway import API, Gateway, running, settings_of


@pytest.mark.one_database
async def test_the_cookie_is_for_this_site_and_not_for_scripts(gateway: Gateway) -> None:
    await member(gateway, "ann@example.com")

    answer = await new_browser(gateway).sign_in("Ann@Example.com ")

    assert answer.status_code == 303
    assert answer.headers["location"] == "/dashboard"
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith("topup_session=sst_")
    assert "; Path=/; Max-Age=2592000; HttpOnly; SameSite=Lax" in cookie
    assert "Secure" not in cookie


@pytest.mark.one_database
async def test_over_https_it_is_bound_to_the_host(database_url: str, tmp_path: Path) -> None:
    settings = settings_of(database_url, tmp_path, public_url="https://pay.example")
    async with running(settings) as gateway:
        await member(gateway, "ann@example.com")
        browser = new_browser(gateway)

        answer = await browser.send(
            "/sign-in",
            {"email": "ann@example.com", "password": PASSWORD},
            headers={"Origin": "https://pay.example"},
        )

        cookie = answer.headers["set-cookie"]
        assert cookie.startswith("__Host-topup_session=sst_")
        assert cookie.endswith("; Secure")
        assert answer.headers["strict-transport-security"] == "max-age=31536000"
        token = cookie.partition("=")[2].partition(";")[0]
        for name, status in (("__Host-topup_session", 200), ("topup_session", 303)):
            shown = await gateway.client.get("/dashboard", headers={"Cookie": f"{name}={token}"})
            assert shown.status_code == status


@pytest.mark.one_database
async def test_a_wrong_password_and_an_unknown_address_look_the_same(gateway: Gateway) -> None:
    await member(gateway, "ann@example.com")
    await gateway.account(email="bob@example.com")
    browser = new_browser(gateway)

    answers = [
        await browser.sign_in(email, "wrong password")
        for email in ("ann@example.com", "bob@example.com", "nobody@example.com", "no address")
    ]

    shown = {
        answer.text.replace(email, "")
        for answer, email in zip(
            answers,
            ("ann@example.com", "bob@example.com", "nobody@example.com", "no address"),
            strict=True,
        )
    }
    assert [answer.status_code for answer in answers] == [401] * 4
    assert len(shown) == 1
    assert browser.session is None


@pytest.mark.one_database
async def test_an_unknown_address_costs_the_same_work(gateway: Gateway) -> None:
    await member(gateway, "ann@example.com")
    worked = []

    for email in ("ann@example.com", "nobody@example.com", "no address"):
        before = gateway.context.passwords.worked_out
        await new_browser(gateway).sign_in(email, "wrong password")
        worked.append(gateway.context.passwords.worked_out - before)

    assert worked == [1, 1, 1]


@pytest.mark.one_database
async def test_guessing_at_an_account_is_throttled_known_or_not(gateway: Gateway) -> None:
    await member(gateway, "ann@example.com")
    for email in ("ann@example.com", "nobody@example.com"):
        browser = new_browser(gateway)
        answers = [await browser.sign_in(email, f"guess number {n}") for n in range(11)]

        assert [answer.status_code for answer in answers] == [401] * 10 + [429]
    # The right password is no way around it.
    assert (await new_browser(gateway).sign_in("ann@example.com")).status_code == 429


@pytest.mark.one_database
async def test_guessing_from_one_address_is_throttled(gateway: Gateway) -> None:
    browser = new_browser(gateway)
    # A guess at an account costs what its hash says, and one at nobody a quarter of a second.
    for n in range(28):
        await member(gateway, f"member{n}@example.com")
    emails = [f"member{n}@example.com" for n in range(28)]
    emails += [f"nobody{n}@example.com" for n in range(3)]

    answers = [await browser.sign_in(email, "some guess") for email in emails]

    assert [answer.status_code for answer in answers] == [401] * 30 + [429]


async def test_who_signs_up_is_inside_and_a_taken_address_changes_nothing(
    gateway: Gateway,
) -> None:
    await member(gateway, "ann@example.com")
    taken, eve = new_browser(gateway), new_browser(gateway)
    fields = {"name": "Eve", "email": "ann@example.com", "password": "another password"}

    refused = await taken.send("/sign-up", fields)
    made = await eve.send("/sign-up", fields | {"email": "Eve@example.com"})
    led = await new_browser(gateway).send(
        "/sign-up", fields | {"email": "bob@example.com", "next": "/dashboard/keys?x=1"}
    )

    assert (refused.status_code, taken.session) == (200, None)
    assert "already has an account" in refused.text
    assert (await new_browser(gateway).sign_in("ann@example.com")).status_code == 303
    assert made.headers["location"] == "/dashboard?said=account-made"
    balance = (await eve.request("GET", f"{API}/topup/balance")).json()["data"]
    assert balance["balance_cents"] == 1_000_000
    assert led.headers["location"] == "/dashboard/keys?x=1"


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"name": "Eve", "email": "eve@example.com", "password": "short"}, "10 to 200"),
        ({"name": "", "email": "eve@example.com", "password": PASSWORD}, "1 to 100"),
        ({"name": "Eve", "email": "no address", "password": PASSWORD}, "exactly one @"),
        ({"name": "Eve<b>", "email": "<script>", "password": PASSWORD}, "exactly one @"),
    ],
)
@pytest.mark.one_database
async def test_a_bad_sign_up_says_what_is_wrong(
    gateway: Gateway, fields: dict[str, str], said: str
) -> None:
    answer = await new_browser(gateway).send("/sign-up", fields)

    assert answer.status_code == 422
    assert said in text_of(answer.text)
    assert "<script>" not in answer.text.replace('<script src="', "")
    assert PASSWORD not in answer.text


@pytest.mark.one_database
async def test_without_self_service_nobody_signs_up(database_url: str, tmp_path: Path) -> None:
    async with running(settings_of(database_url, tmp_path, self_serve_staging=False)) as gateway:
        browser = new_browser(gateway)
        fields = {"name": "Eve", "email": "eve@example.com", "password": PASSWORD}

        assert (await browser.get("/sign-up")).status_code == 404
        assert (await browser.send("/sign-up", fields)).status_code == 404
        assert "/sign-up" not in (await browser.get("/sign-in")).text


@pytest.mark.one_database
async def test_the_dashboard_asks_to_sign_in_and_leads_back(gateway: Gateway) -> None:
    await member(gateway, "ann@example.com")
    browser = new_browser(gateway)

    asked = await browser.request("GET", "/dashboard/account?x=1")
    signed = await browser.send(
        asked.headers["location"].partition("?")[0],
        {"email": "ann@example.com", "password": PASSWORD, "next": "/dashboard/account?x=1"},
    )

    assert asked.status_code == 303
    assert asked.headers["location"] == "/sign-in?next=%2Fdashboard%2Faccount%3Fx%3D1"
    assert signed.headers["location"] == "/dashboard/account?x=1"


@pytest.mark.one_database
async def test_a_form_of_a_session_that_ended_says_so_and_leads_back_to_its_page(
    gateway: Gateway,
) -> None:
    page = f"{gateway.url}/dashboard/send?platform=claude"
    sent = await new_browser(gateway).send(
        "/dashboard/send", {"amount": "12"}, headers={"Origin": gateway.url, "Referer": page}
    )

    way = "/sign-in?next=%2Fdashboard%2Fsend%3Fplatform%3Dclaude&said=not-signed-in"
    assert (sent.status_code, sent.headers["location"]) == (303, way)
    shown = (await new_browser(gateway).get(way)).text
    assert "You are signed out, so nothing was done." in shown
    assert 'name="next" value="/dashboard/send?platform=claude"' in shown


@pytest.mark.one_database
async def test_a_form_that_is_too_long_says_how_long_it_may_be_and_leads_back(
    gateway: Gateway,
) -> None:
    ann = await signed_in(gateway, "ann@example.com")
    page = {"Origin": gateway.url, "Referer": f"{gateway.url}/dashboard/send?platform=claude"}

    sent = await ann.send("/dashboard/send", {"note": "x" * 70_000}, headers=page)

    assert sent.status_code == 413
    assert "More was sent than the 64 kB that are read of it, so nothing was done" in sent.text
    assert '<a class="button primary" href="/dashboard/send?platform=claude">Back' in sent.text


@pytest.mark.one_database
async def test_a_slash_too_many_leads_to_the_page_and_nowhere_else(gateway: Gateway) -> None:
    asked = {"Accept": "text/html"}
    browser = new_browser(gateway)

    led = await browser.request("GET", "/dashboard/topups/", asked)
    away = await browser.request("GET", f"{gateway.url}//evil.example/", asked)
    first = await browser.request("GET", "/dashboard/", asked)

    assert (led.status_code, led.headers["location"]) == (303, "/dashboard/topups")
    assert first.headers["location"] == "/dashboard"
    assert away.status_code == 404


@pytest.mark.parametrize(
    "way",
    ["//evil.example", "https://evil.example", "/\\evil.example", "/a\nb", "javascript:x", ""],
)
@pytest.mark.one_database
async def test_nobody_is_led_off_the_site(gateway: Gateway, way: str) -> None:
    await member(gateway, "ann@example.com")

    answer = await new_browser(gateway).send(
        "/sign-in", {"email": "ann@example.com", "password": PASSWORD, "next": way}
    )

    assert answer.headers["location"] == "/dashboard"


@pytest.mark.one_database
async def test_another_site_signs_nobody_in(gateway: Gateway) -> None:
    await member(gateway, "ann@example.com")
    browser = new_browser(gateway)
    fields = {"email": "ann@example.com", "password": PASSWORD}

    for headers in (
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site", "Origin": "https://other.example"},
    ):
        answer = await browser.send("/sign-in", fields, headers=headers)

        assert answer.status_code == 403
    assert browser.session is None


async def test_signing_out_ends_the_session_everywhere(gateway: Gateway) -> None:
    browser = await signed_in(gateway)
    token = browser.session
    page = await browser.get("/dashboard")

    answer = await browser.send("/dashboard/sign-out", {"csrf_token": csrf_of(page.text)})

    assert answer.headers["location"] == "/sign-in?said=signed-out"
    assert "Max-Age=0" in answer.headers["set-cookie"]
    sessions = await gateway.context.database.read(lambda tx: tx.fetch("SELECT id FROM sessions"))
    assert sessions == []
    assert token is not None


async def test_a_new_sign_in_is_a_new_session(gateway: Gateway) -> None:
    browser = await signed_in(gateway)
    first = browser.session

    await browser.sign_in("ann@example.com")

    assert browser.session != first
    listed = await gateway.context.database.read(lambda tx: tx.fetch("SELECT id FROM sessions"))
    assert len(listed) == 1


async def test_one_press_signs_out_every_other_browser_and_nobody_elses(gateway: Gateway) -> None:
    browser, other = await signed_in(gateway), new_browser(gateway)
    await other.sign_in("ann@example.com")
    await signed_in(gateway, "bo@example.com")

    page = await browser.get("/dashboard/account")
    answer = await browser.send(
        "/dashboard/account/sessions/end", {"csrf_token": csrf_of(page.text)}
    )

    assert "Sign out everywhere else" in page.text
    assert answer.headers["location"] == "/dashboard/account?said=sessions-ended"
    kept = await gateway.context.database.read(
        lambda tx: tx.fetch(
            "SELECT a.email FROM sessions s JOIN accounts a ON a.id = s.account_id ORDER BY 1"
        )
    )
    assert [row["email"] for row in kept] == ["ann@example.com", "bo@example.com"]
    assert "Sign out everywhere else" not in (await browser.get("/dashboard/account")).text


async def test_a_password_change_signs_out_the_others(
    database_url: str, tmp_path: Path, clock: FixedClock
) -> None:
    async with running(settings_of(database_url, tmp_path), clock) as gateway:
        browser = await signed_in(gateway)
        other = new_browser(gateway)
        await other.sign_in("ann@example.com")
        fields = {"password": "wrong password", "new_password": "quite another one"}

        wrong = await browser.send("/dashboard/account/password", fields)
        right = await browser.send("/dashboard/account/password", {**fields, "password": PASSWORD})

        clock.advance_s(1)
        assert wrong.status_code == 401
        assert "The password is wrong" in wrong.text
        assert right.headers["location"] == "/dashboard/account?said=password-changed"
        assert (await browser.request("GET", "/dashboard")).status_code == 200
        assert (await other.request("GET", "/dashboard")).status_code == 303
        assert (await new_browser(gateway).sign_in("ann@example.com")).status_code == 401


async def test_of_two_password_changes_at_once_one_counts(gateway: Gateway) -> None:
    owner, thief = await signed_in(gateway), new_browser(gateway)
    await thief.sign_in("ann@example.com")

    # Both give the right password before either has changed it.
    answers = await asyncio.gather(
        *(
            one.send(
                "/dashboard/account/password", {"password": PASSWORD, "new_password": new_password}
            )
            for one, new_password in ((owner, "the owner's choice"), (thief, "the thief's choice"))
        )
    )

    changed = [one.headers.get("location", "").endswith("password-changed") for one in answers]
    signs_in = [
        (await new_browser(gateway).sign_in("ann@example.com", one)).status_code == 303
        for one in ("the owner's choice", "the thief's choice")
    ]
    assert sorted(changed) == [False, True]
    assert signs_in == changed


async def test_a_session_just_ended_ends_no_other(
    database_url: str, tmp_path: Path, clock: FixedClock
) -> None:
    async with running(settings_of(database_url, tmp_path), clock) as gateway:
        owner, thief = await signed_in(gateway), new_browser(gateway)
        await thief.sign_in("ann@example.com")
        await thief.get("/dashboard/account")

        await owner.send("/dashboard/account/sessions/end", {})
        # The gateway still has the ended session in its cache.
        answer = await thief.send("/dashboard/account/sessions/end", {})

        clock.advance_s(1)
        assert answer.headers["location"].startswith("/sign-in")
        assert (await owner.request("GET", "/dashboard")).status_code == 200
        assert (await thief.request("GET", "/dashboard")).status_code == 303
