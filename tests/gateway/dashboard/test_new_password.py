"""A forgotten password: who asks learns nothing, a link counts once, and nobody inherits a stranger's account."""

import asyncio
import re
from collections.abc import Sequence

import pytest

from gateway.dashboard.account.new_password import ANSWER_S, NETWORK_MAILS_PER_DAY
from kernel.clock import FixedClock
from keys import second_factor
from keys.account import find_by_email, get_account
from keys.account_access import close_live, suspend
from store.database import Transaction
from tests.support.browser import PASSWORD, Browser, member, new_browser, signed_in
from tests.support.gateway import API, Gateway
from tests.support.operator_pages import press

NEW = "a wholly other password"
pytestmark = [
    pytest.mark.fixed_clock,
    pytest.mark.gateway_settings(smtp_url="smtp://127.0.0.1:9", mail_from="credit@acme.com"),
]


async def mails(gateway: Gateway, kind: str) -> Sequence[str]:
    """What the rows of that kind say, oldest first."""
    rows = await gateway.context.database.read(
        lambda tx: tx.fetch(
            "SELECT about FROM owner_mails WHERE kind = :kind ORDER BY id", kind=kind
        )
    )
    return [row["about"] for row in rows]


async def links(gateway: Gateway) -> Sequence[str]:
    """The paths that the mails written so far lead to, oldest first."""
    token_of = gateway.context.topup_rules.links.token_of
    ids = [re.search(r"pwr_\w+", said) for said in await mails(gateway, "password")]
    return [f"/new-password/{token_of('password', found[0])}" for found in ids if found is not None]


async def ask(browser: Browser, email: str) -> str:
    """The answer without the address that was typed."""
    answer = await browser.send("/forgot-password", {"email": email})
    assert answer.status_code == 200, answer.text
    return answer.text.replace(email, "")


async def test_the_new_password_signs_in_and_ends_every_session_and_link(gateway: Gateway) -> None:
    before = await signed_in(gateway, "ann@mail.com")
    key = await gateway.key((await account_of(gateway, "ann@mail.com")), "live")
    stranger = new_browser(gateway)
    for _ in range(2):
        await ask(stranger, " Ann@Mail.com ")
    first, second = await links(gateway)

    page = await stranger.get(first)
    set_by = await stranger.send(first, {"password": NEW})
    again = await stranger.send(first, {"password": NEW})
    other = await stranger.send(second, {"password": NEW})

    # An operator made this account with live: nobody is asked whose it is.
    assert (page.status_code, 'name="account"' in page.text) == (200, False)
    assert (set_by.status_code, set_by.headers["location"]) == (303, "/sign-in?said=password-set")
    assert (again.status_code, other.status_code) == (404, 404)
    assert (await stranger.sign_in("ann@mail.com")).status_code == 401
    assert (await stranger.sign_in("ann@mail.com", NEW)).headers["location"] == "/dashboard"
    assert (await before.request("GET", "/dashboard")).status_code == 303
    assert (
        await gateway.client.get(f"{API}/wallets", headers={"Authorization": f"Bearer {key}"})
    ).status_code == 200
    assert len(await mails(gateway, "password_changed")) == 1
    account_id = await account_of(gateway, "ann@mail.com")
    noted = await gateway.context.database.read(
        lambda tx: tx.fetch(
            "SELECT action FROM audit_log WHERE account_id = :id AND action LIKE 'password%'"
            " ORDER BY id",
            id=account_id,
        )
    )
    assert [row["action"] for row in noted] == [
        "password.asked",
        "password.asked",
        "password.changed",
    ]


async def account_of(gateway: Gateway, email: str) -> str:
    found = await gateway.context.database.read(lambda tx: find_by_email(tx, email))
    assert found is not None
    return found.id


@pytest.mark.one_database
async def test_nobody_learns_who_has_an_account(gateway: Gateway) -> None:
    """Nor by time: no answer comes before what any of them takes."""
    await member(gateway, "ann@mail.com")
    loop, stranger = asyncio.get_running_loop(), new_browser(gateway)
    begun = loop.time()

    shown = {await ask(stranger, email) for email in ("ann@mail.com", "nobody@mail.com")}

    assert loop.time() - begun >= 2 * ANSWER_S
    assert len(shown) == 1
    assert len(await mails(gateway, "password")) == 1


@pytest.mark.one_database
async def test_a_mailbox_is_not_filled_and_bad_input_is_told(gateway: Gateway) -> None:
    await member(gateway, "ann@mail.com")
    stranger = new_browser(gateway)

    shown = {await ask(stranger, "ann@mail.com") for _ in range(NETWORK_MAILS_PER_DAY + 1)}
    refused = [
        await stranger.send("/forgot-password", {"email": bad}) for bad in ("", "ann", "a" * 64_000)
    ]
    foreign = await stranger.send(
        "/forgot-password", {"email": "ann@mail.com"}, headers={"Origin": "https://evil.example"}
    )

    assert len(shown) == 1
    assert len(await links(gateway)) == NETWORK_MAILS_PER_DAY
    assert [answer.status_code for answer in refused] == [422, 422, 422]
    assert foreign.status_code == 403
    made_up = f"/new-password/{'A' * 22}"
    statuses = [
        (await stranger.send(path, {"password": NEW})).status_code
        for path in (made_up, "/new-password/short", "/new-password/%00")
    ]
    assert statuses == [404, 404, 404]


@pytest.mark.one_database
async def test_a_link_is_for_an_hour_and_a_password_is_long_enough(
    gateway: Gateway, clock: FixedClock
) -> None:
    await member(gateway, "ann@mail.com")
    stranger = new_browser(gateway)
    await ask(stranger, "ann@mail.com")
    (path,) = await links(gateway)

    short = await stranger.send(path, {"password": "short"})
    clock.advance_s(3_599)
    in_time = await stranger.get(path)
    clock.advance_s(1)
    late = await stranger.send(path, {"password": NEW})

    assert (short.status_code, "10 to 200 characters" in short.text) == (422, True)
    assert (in_time.status_code, late.status_code) == (200, 404)
    assert (await stranger.sign_in("ann@mail.com")).headers["location"] == "/dashboard"


async def test_of_two_at_once_one_sets_the_password(gateway: Gateway) -> None:
    await member(gateway, "ann@mail.com")
    one, two = new_browser(gateway), new_browser(gateway)
    await ask(one, "ann@mail.com")
    (path,) = await links(gateway)

    answers = await asyncio.gather(
        one.send(path, {"password": NEW}), two.send(path, {"password": f"{NEW} too"})
    )

    assert sorted(answer.status_code for answer in answers) == [303, 404]
    signed = [
        (await new_browser(gateway).sign_in("ann@mail.com", password)).status_code
        for password in (NEW, f"{NEW} too")
    ]
    assert signed == [
        answer.status_code if answer.status_code == 303 else 401 for answer in answers
    ]


async def test_an_address_that_a_stranger_typed_comes_back_without_their_account(
    gateway: Gateway,
) -> None:
    """They keep what they made, and lose the address; the owner begins with nothing of theirs."""
    strangers = await signed_in(gateway, "ann@mail.com", has_live=False)
    old_id = await account_of(gateway, "ann@mail.com")
    key = await gateway.key(old_id, "staging")
    ann = new_browser(gateway)
    await ask(ann, "ann@mail.com")
    (path,) = await links(gateway)

    unsaid = await ann.send(path, {"password": NEW})
    left = await ann.send(path, {"password": NEW, "account": "leave"})

    assert (unsaid.status_code, "created the account yourself" in unsaid.text) == (422, True)
    assert left.status_code == 303
    new_id = await account_of(gateway, "ann@mail.com")
    assert new_id != old_id
    database = gateway.context.database
    old = await database.read(lambda tx: get_account(tx, old_id))
    new = await database.read(lambda tx: get_account(tx, new_id))
    assert (old.email, old.password_hash, new.email_verified_at is None) == (None, None, False)
    assert (await strangers.request("GET", "/dashboard")).status_code == 303
    assert (
        await gateway.client.get(f"{API}/wallets", headers={"Authorization": f"Bearer {key}"})
    ).status_code == 200
    assert (await ann.sign_in("ann@mail.com", NEW)).headers["location"] == "/dashboard"
    keys = await ann.get("/dashboard/keys")
    assert "No keys" in keys.text


@pytest.mark.one_database
async def test_who_made_the_account_keeps_it_and_is_asked_once(gateway: Gateway) -> None:
    await member(gateway, "ann@mail.com", has_live=False)
    account_id = await account_of(gateway, "ann@mail.com")
    ann = new_browser(gateway)
    await ask(ann, "ann@mail.com")
    await ask(ann, "ann@mail.com")
    first, _ = await links(gateway)

    kept = await ann.send(first, {"password": NEW, "account": "keep"})
    await ask(ann, "ann@mail.com")
    shown = await ann.get((await links(gateway))[-1])

    assert kept.status_code == 303
    assert await account_of(gateway, "ann@mail.com") == account_id
    # The mail reached them: the address is shown to be theirs.
    assert (shown.status_code, 'name="account"' in shown.text) == (200, False)


@pytest.mark.one_database
async def test_a_change_on_the_accounts_page_ends_links_and_is_mailed(gateway: Gateway) -> None:
    ann = await signed_in(gateway, "ann@mail.com")
    await ask(ann, "ann@mail.com")
    (path,) = await links(gateway)

    page = "/dashboard/account"
    changed = await press(ann, page, f"{page}/password", password=PASSWORD, new_password=NEW)

    assert changed.headers["location"] == "/dashboard/account?said=password-changed"
    assert (await ann.get(path)).status_code == 404
    assert len(await mails(gateway, "password_changed")) == 1


@pytest.mark.one_database
@pytest.mark.gateway_settings(smtp_url="", mail_from="")
async def test_a_gateway_without_mail_says_who_helps(gateway: Gateway) -> None:
    shown = await new_browser(gateway).get("/forgot-password")

    assert "Its operator can give you a link" in shown.text
    assert "<form" not in shown.text.split("<main", 1)[1].split("</main", 1)[0]


async def test_a_sign_in_that_was_under_way_does_not_outlive_the_new_password(
    gateway: Gateway,
) -> None:
    """Whoever was checking the old password when the new one was set gets no session, or one that has ended."""
    await member(gateway, "ann@mail.com")
    ann, thief = new_browser(gateway), new_browser(gateway)
    await ask(ann, "ann@mail.com")
    (path,) = await links(gateway)
    account_id = await account_of(gateway, "ann@mail.com")

    await asyncio.gather(
        ann.send(path, {"password": NEW}), *(thief.sign_in("ann@mail.com") for _ in range(4))
    )

    sessions = await gateway.context.database.read(
        lambda tx: tx.fetch("SELECT id FROM sessions WHERE account_id = :id", id=account_id)
    )
    assert list(sessions) == []


async def two_factor_on(gateway: Gateway, account_id: str, now_us: int) -> None:
    """As after the first code of an app that nobody here has."""

    async def work(tx: Transaction) -> None:
        await second_factor.begin(tx, account_id, "ses_1", now_us=now_us)
        await tx.execute(
            "UPDATE second_factors SET confirmed_at = :now_us WHERE account_id = :id",
            now_us=now_us,
            id=account_id,
        )

    await gateway.context.database.transaction(work)


@pytest.mark.one_database
async def test_who_kept_an_account_with_a_strangers_second_factor_may_still_leave_it(
    gateway: Gateway, clock: FixedClock
) -> None:
    await member(gateway, "ann@mail.com", has_live=False)
    account_id = await account_of(gateway, "ann@mail.com")
    await two_factor_on(gateway, account_id, clock.now_us())
    ann = new_browser(gateway)
    await ask(ann, "ann@mail.com")
    await ask(ann, "ann@mail.com")
    first, second = await links(gateway)

    shown = await ann.get(first)
    kept = await ann.send(first, {"password": NEW, "account": "keep"})
    stopped = await ann.sign_in("ann@mail.com", NEW)
    await ask(ann, "ann@mail.com")
    left = await ann.send((await links(gateway))[-1], {"password": NEW, "account": "leave"})

    assert "also requires a second factor" in shown.text
    assert (kept.status_code, stopped.status_code) == (303, 200)
    assert left.status_code == 303
    assert (await ann.send(second, {"password": NEW})).status_code == 404
    assert (await ann.sign_in("ann@mail.com", NEW)).headers["location"] == "/dashboard"
    assert await account_of(gateway, "ann@mail.com") != account_id


@pytest.mark.one_database
async def test_leaving_is_no_way_round_what_an_operator_decided(gateway: Gateway) -> None:
    await member(gateway, "ann@mail.com", has_live=False)
    old_id = await account_of(gateway, "ann@mail.com")
    database, now_us = gateway.context.database, gateway.context.clock.now_us()
    await database.transaction(lambda tx: suspend(tx, old_id, "Card fraud", now_us=now_us))
    await database.transaction(lambda tx: close_live(tx, old_id, now_us=now_us))
    ann = new_browser(gateway)
    await ask(ann, "ann@mail.com")
    (path,) = await links(gateway)

    left = await ann.send(path, {"password": NEW, "account": "leave"})

    assert left.status_code == 303
    new_id = await account_of(gateway, "ann@mail.com")
    new = await database.read(lambda tx: get_account(tx, new_id))
    assert (new_id != old_id, new.suspended_for) == (True, "Card fraud")
    assert (new.suspended_at is None, new.live_closed_at is None) == (False, False)
    noted = await database.read(
        lambda tx: tx.fetch(
            "SELECT before FROM audit_log WHERE account_id = :id AND action = 'address.taken'",
            id=new_id,
        )
    )
    assert [old_id in row["before"] for row in noted] == [True]


@pytest.mark.one_database
@pytest.mark.gateway_settings(
    smtp_url="smtp://127.0.0.1:9", mail_from="credit@acme.com", self_serve_staging=False
)
async def test_where_operators_make_accounts_nobody_is_asked_whose_it_is(gateway: Gateway) -> None:
    await member(gateway, "ann@mail.com", has_live=False)
    account_id = await account_of(gateway, "ann@mail.com")
    ann = new_browser(gateway)
    await ask(ann, "ann@mail.com")
    (path,) = await links(gateway)

    shown = await ann.get(path)
    done = await ann.send(path, {"password": NEW, "account": "leave"})

    assert 'name="account"' not in shown.text
    assert done.status_code == 303
    assert await account_of(gateway, "ann@mail.com") == account_id
