"""Colleagues: invited by the owner alone, joined once, bound by their role in every call, out at once."""

import asyncio
import re
from dataclasses import dataclass
from html import unescape

import httpx
import pytest

from billing.topups.rules import LinkTokens
from gateway.dashboard.account.team import ROLE_WORDS
from kernel.clock import FixedClock
from keys.account_access import suspend
from keys.member import MEMBERS_MAX
from keys.principal import ACCOUNT_SCOPES, ROLE_SCOPES, ROLES
from tests.support.browser import (
    PASSWORD,
    Browser,
    csrf_of,
    in_live,
    new_browser,
    signed_in,
    text_of,
)
from tests.support.gateway import Gateway
from tests.support.operator_pages import account_of, fill, operator, press

pytestmark = pytest.mark.fixed_clock
TEAM = "/dashboard/team"
OWNER = "owner@acme.example"


@dataclass
class Team:
    """An account with its owner's browser."""

    gateway: Gateway
    owner: Browser
    clock: FixedClock

    async def invited(self, email: str, role: str = "reader") -> str:
        """The path of the invitation's page."""
        return link_in(await fill(self.owner, TEAM, {"email": email, "role": role}))

    async def joined(self, email: str, role: str) -> Browser:
        """The browser of a colleague with an account of their own, who acts for the team's."""
        path = await self.invited(email, role)
        theirs = await signed_in(self.gateway, email, has_live=False)
        answer = await fill(theirs, f"/dashboard{path}", {})
        assert answer.headers["location"] == "/dashboard?said=member-joined"
        return theirs

    async def press(self, email: str, act: str, **fields: str) -> httpx.Response:
        """The button of that colleague's row."""
        html = (await self.owner.get(TEAM)).text
        row = html[html.index(f'class="break"><bdi>{email}<') :]
        member_id = row.split("/dashboard/team/")[1].split("/")[0]
        given = {"csrf_token": csrf_of(html), **fields}
        return await self.owner.send(f"{TEAM}/{member_id}/{act}", given)

    def pass_time(self) -> None:
        """What a process knew of a credential is asked for again."""
        self.clock.advance_s(1)


def link_in(shown: httpx.Response) -> str:
    assert shown.status_code == 200, shown.text
    return "/invitation/" + shown.text.split("/invitation/")[1].split("<")[0]


@pytest.fixture
async def team(gateway: Gateway, clock: FixedClock) -> Team:
    return await opened(gateway, await signed_in(gateway, OWNER), clock)


async def opened(gateway: Gateway, owner: Browser, clock: FixedClock) -> Team:
    """Whose owner gave the password again just now: the account has live."""
    answer = await fill(owner, "/dashboard/confirm", {"password": PASSWORD})
    assert answer.status_code == 303
    return Team(gateway, owner, clock)


async def test_who_has_no_account_makes_one_with_the_link_and_acts_for_the_team(
    team: Team,
) -> None:
    path = await team.invited("new@acme.example", "developer")
    theirs = new_browser(team.gateway)
    seen = await theirs.get(path)

    short = await theirs.send(path, {"name": "Nia", "password": "short"})
    joined = await theirs.send(path, {"name": "Nia", "password": PASSWORD})
    again = await new_browser(team.gateway).send(path, {"name": "Nia", "password": PASSWORD})
    elsewhere = new_browser(team.gateway)
    await elsewhere.sign_in("new@acme.example")

    assert "may join as <strong>Developer</strong>" in seen.text
    assert (short.status_code, joined.status_code, again.status_code) == (422, 303, 404)
    # The next sign-in begins where they acted last.
    own = await account_of(team.owner)
    assert [await account_of(one) for one in (theirs, elsewhere)] == [own, own]
    log = (await team.owner.get("/dashboard/account/security")).text
    assert "member.invited" in log
    assert "new@acme.example" in log


async def test_an_invitation_counts_once_for_its_address_and_for_seven_days(team: Team) -> None:
    path = await team.invited("ann@acme.example")
    other = await signed_in(team.gateway, "eve@example.com")
    page = await other.get(f"/dashboard{path}")
    forced = await other.send(f"/dashboard{path}", {"csrf_token": csrf_of(page.text)})
    newer = link_in(await team.press("ann@acme.example", "link"))
    old = await new_browser(team.gateway).request("GET", path)
    team.clock.advance_s(7 * 86_400 - 1)
    last = await new_browser(team.gateway).request("GET", newer)
    team.clock.advance_s(1)
    over = await new_browser(team.gateway).request("GET", newer)

    assert "the invitation is for" not in page.text
    assert "Sign out, and open the link again" in page.text
    assert forced.status_code == 422
    assert (old.status_code, last.status_code, over.status_code) == (404, 200, 404)


async def test_a_made_up_link_and_one_of_another_purpose_open_nothing(team: Team) -> None:
    path = await team.invited("ann@acme.example")
    links: LinkTokens = team.gateway.context.topup_rules.links
    number = links.id_of("invitation", path.removeprefix("/invitation/"))
    assert number is not None
    other = links.token_of("approval", number.replace("inv_", "apr_"))

    for token in (other, "A" * 22, "x", "%00", "é" * 22):
        answer = await new_browser(team.gateway).request("GET", f"/invitation/{token}")
        assert answer.status_code == 404, token


async def test_two_at_once_join_once(team: Team) -> None:
    path = await team.invited("ann@acme.example")
    browsers = [await signed_in(team.gateway, "ann@acme.example", has_live=False)]
    browsers.append(Browser(team.gateway, dict(browsers[0].cookies)))
    token = csrf_of((await browsers[0].get(f"/dashboard{path}")).text)

    answers = await asyncio.gather(
        *(one.send(f"/dashboard{path}", {"csrf_token": token}) for one in browsers)
    )

    # The slower one's session has another token by then, or its link is used up.
    assert 303 in {one.status_code for one in answers}
    html = (await team.owner.get(TEAM)).text
    assert html.count(">ann@acme.example<") == 1


@pytest.mark.one_database
async def test_a_role_is_what_it_says_in_every_call(team: Team) -> None:
    """Each scope is asked for by a call that needs it alone; a reader changes nothing."""
    asked = {
        "topup:send": ("POST", "/topup/send"),
        "topup:read": ("GET", "/topups"),
        "webhooks:write": ("POST", "/webhooks/register"),
        "keys:write": ("POST", "/keys"),
        "billing:write": ("PUT", "/billing/details"),
        "usage:write": ("POST", "/usage"),
    }
    for role in ROLES:
        theirs = await team.joined(f"{role}@acme.example", role)
        shown = await theirs.get(TEAM)
        assert ROLE_WORDS[role][1] in unescape(shown.text)
        assert "Invite a colleague" not in shown.text
        menu = re.findall(r'<li><a href="(/dashboard[^"]*)"', shown.text)
        assert "/dashboard/team" in menu
        assert ("/dashboard/account/security" in menu) is ("keys:write" in ROLE_SCOPES[role])
        assert {
            way: (await theirs.request("GET", way)).status_code for way in menu
        } == dict.fromkeys(menu, 200), role
        token = csrf_of(shown.text)
        for scope, (method, path) in asked.items():
            answer = await theirs.request(
                method,
                f"/api/public/v1{path}",
                {"Origin": team.gateway.url, "X-CSRF-Token": token},
                **({} if method == "GET" else {"json": {}}),
            )
            is_refused = answer.status_code == 403 and answer.json()["code"] == 2009
            assert is_refused is (scope not in ROLE_SCOPES[role]), (role, scope, answer.text)


async def test_only_the_owner_invites_changes_and_opens_what_is_the_accounts(team: Team) -> None:
    theirs = await team.joined("dev@acme.example", "developer")
    token = csrf_of((await theirs.get(TEAM)).text)
    tried = {
        "/dashboard/team": {"email": "friend@example.com", "role": "developer"},
        "/dashboard/account/password": {"password": PASSWORD, "new_password": "another long one"},
        "/dashboard/account/mail": {"language": "zh"},
        "/dashboard/account/limits": {"per_day": "5"},
        "/dashboard/account/billing": {"name": "Eve"},
    }

    answers = {
        path: await theirs.send(path, {"csrf_token": token, **fields})
        for path, fields in tried.items()
    }
    pages = [await theirs.request("GET", path) for path in ("/dashboard/admin", "/dashboard/buy")]

    assert {path: one.status_code for path, one in answers.items()} == dict.fromkeys(tried, 403)
    assert "Your role in this account doesn't allow this" in unescape(
        answers["/dashboard/team"].text
    )
    assert [one.status_code for one in pages] == [403, 200]
    assert "friend@example.com" not in (await team.owner.get(TEAM)).text


async def test_a_colleague_gets_hold_of_no_key_that_may_do_more(team: Team) -> None:
    own = await account_of(team.owner)
    strong = await team.gateway.key(own)
    listed = await team.gateway.call("GET", "/keys/self", key=strong)
    key_id = listed.json()["data"]["id"]
    theirs = await team.joined("dev@acme.example", "developer")
    page = f"/dashboard/keys/{key_id}"
    token = csrf_of((await theirs.get(page)).text)

    rotated = await theirs.send(f"{page}/rotate", {"csrf_token": token, "overlap_s": "0"})
    minted = await theirs.request(
        "POST",
        "/api/public/v1/keys",
        {"Origin": team.gateway.url, "X-CSRF-Token": token},
        json={"name": "mine", "scopes": ["vouchers:read"]},
    )
    modest = await theirs.request(
        "POST",
        "/api/public/v1/keys",
        {"Origin": team.gateway.url, "X-CSRF-Token": token},
        json={"name": "mine", "scopes": ["topup:send"]},
    )
    paused = await theirs.send(f"{page}/pause", {"csrf_token": token})

    assert rotated.status_code == 403
    assert (minted.status_code, minted.json()["code"]) == (403, 2009)
    assert modest.status_code == 201
    # Whoever sees harm may stop it.
    assert paused.status_code == 303


async def test_who_is_removed_is_out_and_whose_role_changes_is_bound_by_it(team: Team) -> None:
    theirs = await team.joined("dev@acme.example", "developer")
    before = await theirs.request("GET", "/dashboard/keys")
    await team.press("dev@acme.example", "role", role="reader")
    team.pass_time()
    after = await theirs.request("GET", "/dashboard/keys")
    await team.press("dev@acme.example", "remove")
    team.pass_time()
    out = await theirs.request("GET", "/dashboard")
    back = new_browser(team.gateway)
    await back.sign_in("dev@acme.example")

    assert (before.status_code, after.status_code) == (200, 403)
    assert (out.status_code, out.headers["location"]) == (303, "/sign-in")
    assert await account_of(back) != await account_of(team.owner)
    here, _, former = (await team.owner.get(TEAM)).text.partition("Former colleagues")
    assert "dev@acme.example" not in here
    assert "dev@acme.example" in former


async def test_a_suspended_account_invites_nobody_and_still_removes(team: Team) -> None:
    theirs = await team.joined("dev@acme.example", "developer")
    account_id = await account_of(team.owner)
    database, now_us = team.gateway.context.database, team.clock.now_us()
    await database.transaction(lambda tx: suspend(tx, account_id, "fraud", now_us=now_us))
    team.pass_time()

    invited = await fill(team.owner, TEAM, {"email": "new@acme.example", "role": "reader"})
    raised = await team.press("dev@acme.example", "role", role="finance")
    removed = await team.press("dev@acme.example", "remove")
    team.pass_time()
    out = await theirs.request("GET", "/dashboard")
    html = (await team.owner.get(TEAM)).text

    assert (invited.status_code, raised.status_code, removed.status_code) == (403, 403, 303)
    assert (out.status_code, out.headers["location"]) == (303, "/sign-in")
    assert "new@acme.example" not in html


async def test_two_removals_at_once_are_one(team: Team) -> None:
    await team.joined("dev@acme.example", "developer")
    html = (await team.owner.get(TEAM)).text
    member_id = re.search(r"/dashboard/team/(mbr_\w+)/remove", html)
    assert member_id is not None
    path, given = f"{TEAM}/{member_id[1]}/remove", {"csrf_token": csrf_of(html)}

    answers = await asyncio.gather(*(team.owner.send(path, given) for _ in range(4)))

    assert sorted(one.status_code for one in answers) == [303, 404, 404, 404]
    log = (await team.owner.get("/dashboard/account/security")).text
    assert log.count("member.removed") == 1


async def test_a_colleague_goes_back_to_their_own_account_and_may_leave(team: Team) -> None:
    theirs = await team.joined("dev@acme.example", "developer")
    await press(theirs, "/dashboard/account", f"{TEAM}/switch", account_id="")
    own = await account_of(theirs)
    there = await press(theirs, TEAM, f"{TEAM}/switch", account_id=await account_of(team.owner))
    strange = await press(theirs, TEAM, f"{TEAM}/switch", account_id="acc_nobodys")
    left = await press(theirs, TEAM, f"{TEAM}/leave")
    after = (await team.owner.get(TEAM)).text

    # The owner still finds what they made.
    former = after[after.index("Former colleagues") :]
    made = former[: former.index("/made")].rpartition('href="')[2] + "/made"
    assert "What dev@acme.example created" in text_of((await team.owner.get(made)).text)
    assert own not in {await account_of(team.owner), ""}
    assert (there.status_code, strange.status_code) == (303, 404)
    assert left.headers["location"] == "/dashboard?said=member-left"
    assert await account_of(theirs) == own
    assert "Accounts you may act for" not in (await theirs.get(TEAM)).text


@pytest.mark.one_database
async def test_another_account_reaches_no_member_of_this_one(team: Team) -> None:
    await team.invited("ann@acme.example", "reader")
    html = (await team.owner.get(TEAM)).text
    row = html[html.index('class="break"><bdi>ann@acme.example<') :]
    member_id = row.split("/dashboard/team/")[1].split("/")[0]
    other = await opened(team.gateway, await signed_in(team.gateway, "eve@example.com"), team.clock)
    token = csrf_of((await other.owner.get(TEAM)).text)

    answers = [
        await other.owner.send(f"{TEAM}/{member_id}/{act}", {"csrf_token": token, **fields})
        for act, fields in (("role", {"role": "developer"}), ("link", {}), ("remove", {}))
    ]

    assert [one.status_code for one in answers] == [404, 404, 404]
    assert (await team.owner.get(TEAM)).text.count("ann@acme.example") == html.count(
        "ann@acme.example"
    )


@pytest.mark.one_database
async def test_an_operators_colleague_administers_nothing(
    gateway: Gateway, clock: FixedClock
) -> None:
    team = await opened(gateway, await operator(gateway), clock)

    theirs = await team.joined("dev@acme.example", "developer")

    assert "/dashboard/admin" not in (await theirs.get("/dashboard")).text
    assert (await theirs.request("GET", "/dashboard/admin/accounts")).status_code == 403


async def test_live_is_looked_at_where_it_is_open_and_inviting_asks_for_the_password_there(
    team: Team,
) -> None:
    theirs = await team.joined("dev@acme.example", "reader")

    await in_live(theirs)

    assert "Real credit" in (await theirs.get("/dashboard")).text
    # The colleague's own account has no live; theirs is the team's.
    own = await signed_in(team.gateway, "shop@example.com", has_live=False)
    refused = await own.send("/dashboard/environment", {"to": "live"})
    assert refused.status_code == 403


@pytest.mark.one_database
async def test_the_log_names_the_colleague_who_did_it(team: Team) -> None:
    theirs = await team.joined("dev@acme.example", "developer")
    token = csrf_of((await theirs.get(TEAM)).text)
    await theirs.request(
        "POST",
        "/api/public/v1/keys",
        {"Origin": team.gateway.url, "X-CSRF-Token": token},
        json={"name": "theirs", "scopes": ["topup:send"]},
    )
    await team.press("dev@acme.example", "remove")

    entries = (await team.owner.request("GET", "/api/public/v1/audit")).json()["data"]["items"]

    made = next(one for one in entries if one["action"] == "key.created")
    assert made["actor"]["name"] == "dev@acme.example"


async def test_a_colleagues_own_sessions_are_in_their_own_accounts_log(team: Team) -> None:
    theirs, elsewhere = (
        await team.joined("dev@acme.example", "developer"),
        new_browser(team.gateway),
    )
    await elsewhere.sign_in("dev@acme.example")
    token = csrf_of((await theirs.get("/dashboard/account")).text)
    ended = await theirs.send("/dashboard/account/sessions/end", {"csrf_token": token})
    team.pass_time()

    rows = await team.gateway.context.database.read(
        lambda tx: tx.fetch(
            """SELECT a.email, l.after FROM audit_log l JOIN accounts a ON a.id = l.account_id
               WHERE l.action = 'session.ended'"""
        )
    )
    assert ended.headers["location"] == "/dashboard/account?said=sessions-ended"
    assert [tuple(row) for row in rows] == [("dev@acme.example", '{"sessions_ended":1}')]
    seen = [await one.request("GET", "/dashboard") for one in (elsewhere, theirs, team.owner)]
    assert [one.status_code for one in seen] == [303, 200, 200]


@pytest.mark.one_database
async def test_bad_input_loses_nothing_and_the_table_has_an_end(team: Team) -> None:
    team.clock.advance_s(601)
    asked = await fill(team.owner, TEAM, {"email": "ann@acme.example", "role": "reader"})
    assert "Live needs it again." in asked.text
    assert 'value="ann@acme.example"' in asked.text
    given = {"email": "ann@acme.example", "role": "reader", "password": PASSWORD}
    assert "/invitation/" in (await fill(team.owner, TEAM, given)).text
    wrong = {
        "no address": {"email": "nobody", "role": "reader"},
        "own address": {"email": OWNER, "role": "reader"},
        "no such role": {"email": "ann@acme.example", "role": "owner"},
        "no role": {"email": "ann@acme.example"},
    }
    for name, fields in wrong.items():
        shown = await fill(team.owner, TEAM, fields)
        assert shown.status_code == 422, name
        assert f'value="{fields["email"]}"' in shown.text, name
    assert len(ROLES) == 4
    assert MEMBERS_MAX == 50
    assert set(ROLE_SCOPES["developer"]) < set(ACCOUNT_SCOPES)


@pytest.mark.one_database
@pytest.mark.gateway_settings(smtp_url="smtp://127.0.0.1:9", mail_from="credit@acme.com")
async def test_an_invitation_is_mailed_too_three_times_a_day_to_one_address(team: Team) -> None:
    """Counted over all accounts; the link is shown each time."""
    told, by_hand = "on its way by email", "Send this link to your colleague yourself"
    first = await fill(team.owner, TEAM, {"email": "ann@mail.com", "role": "reader"})
    renewed = [await team.press("ann@mail.com", "link") for _ in range(3)]
    reserved = await fill(team.owner, TEAM, {"email": "bob@acme.example", "role": "reader"})
    colleague = await opened(
        team.gateway, await signed_in(team.gateway, "other@example.com"), team.clock
    )
    of_other = await fill(colleague.owner, TEAM, {"email": "ANN@mail.com", "role": "reader"})
    written = await team.gateway.context.database.read(
        lambda tx: tx.fetch("SELECT kind, status, about FROM owner_mails ORDER BY id")
    )

    answers = [first, *renewed, reserved, of_other]
    assert [told in one.text for one in answers] == [True, True, True, False, False, False]
    assert [by_hand in one.text for one in answers] == [False, False, False, True, True, True]
    assert len({link_in(one) for one in answers}) == 6
    assert [(row["kind"], row["status"]) for row in written] == [("invitation", "queued")] * 3
    # What is stored opens nothing.
    assert not any(link_in(one).rsplit("/", 1)[1] in str(written) for one in answers)


async def test_new_links_are_counted_with_invitations(team: Team) -> None:
    await team.invited("ann@acme.example")
    answers = [await team.press("ann@acme.example", "link") for _ in range(30)]

    assert [one.status_code for one in answers] == [200] * 29 + [429]
    assert "Too many invitations were made within an hour" in answers[-1].text
