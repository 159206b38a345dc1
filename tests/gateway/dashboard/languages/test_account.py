"""The account, its team, two-factor sign-in and connected apps in Arabic, with what each form refuses."""

import re

import pytest

from gateway.html.language import ROOMS
from kernel.clock import FixedClock
from tests.gateway.dashboard.test_granted_apps import GRANTS, grant_paths
from tests.gateway.dashboard.test_passkeys import ticket_in, with_app
from tests.gateway.dashboard.test_team import TEAM, link_in
from tests.support.browser import PASSWORD, signed_in
from tests.support.gateway import Gateway
from tests.support.oauth_agreement import agree
from tests.support.operator_pages import account_of, fill
from tests.support.other_language import Visit, arabic, not_arabic, opened_in

pytestmark = [
    pytest.mark.one_database,
    pytest.mark.fixed_clock,
    pytest.mark.gateway_settings(
        public_url="http://localhost:8080",
        smtp_url="smtp://127.0.0.1:9",
        mail_from="credit@acme.com",
        self_serve_live=True,
    ),
]
ACCOUNT, FACTOR = "/dashboard/account", "/dashboard/account/two-factor"
CONFIRM, LOG, JOIN = "/dashboard/confirm", "/dashboard/account/security", "/sign-in/code"
# What is said on a page of this room after a change.
NOTES = (
    "billing-set",
    "notifications-chosen",
    *("password-changed", "session-ended", "sessions-ended", "zone-chosen", "account-limited"),
    *("mail-language", "environment-staging", "environment-live", "password-confirmed"),
    *("member-changed", "member-removed", "member-left", "member-joined", "account-switched"),
    *("factor-off", "passkey-added", "passkey-renamed", "passkey-removed"),
    *("app-removed", "token-revoked", "signed-in", "account-made"),
)


async def test_the_account_is_whole_in_arabic_with_what_it_refuses(gateway: Gateway) -> None:
    ann = arabic(await signed_in(gateway))
    change = {"password": "wrong", "new_password": "quite another one"}
    forms = (
        ("password", change),
        ("password", {"password": PASSWORD, "new_password": "short"}),
        ("billing", {"name": "a" * 300}),
        ("billing", {"address": "a\n" * 9}),
        ("billing", {"tax_id": "a" * 300}),
        ("limits", {"per_day": "much"}),
        ("zone", {"zone": "Mars"}),
    )

    assert (
        await not_arabic(
            ann,
            [
                Visit("account.html", ACCOUNT),
                *(Visit("account.html", f"{ACCOUNT}?said={note}") for note in NOTES),
                *(Visit("account.html", f"{ACCOUNT}/{way}", fields) for way, fields in forms),
                Visit("confirm.html", CONFIRM),
                Visit("confirm.html", CONFIRM, {"password": "wrong"}),
                Visit("security_log.html", LOG),
                Visit("grants.html", GRANTS),
                Visit("team.html", TEAM),
            ],
        )
        == []
    )
    cat = arabic(await signed_in(gateway, "cat@mail.com", has_live=False))
    await cat.send(f"{ACCOUNT}/address", {})
    assert (
        await not_arabic(
            cat,
            [
                Visit("account.html", f"{ACCOUNT}?said=address-asked"),
                Visit("account.html", f"{ACCOUNT}?said=address-not-asked"),
            ],
        )
        == []
    )
    await ann.send(f"{ACCOUNT}/limits", {"per_day": "10"})
    assert "المتبقي اليوم \u206610.00\xa0US$\u2069." in (await ann.get(ACCOUNT)).text


async def test_a_team_and_its_invitations_are_whole_in_arabic(gateway: Gateway) -> None:
    ann = arabic(await signed_in(gateway, "ann@acme.example", has_live=False))
    bob = arabic(await signed_in(gateway, "bob@acme.example", has_live=False))
    first = link_in(await fill(ann, TEAM, {"email": "bob@acme.example", "role": "reader"}))
    second = link_in(await fill(ann, TEAM, {"email": "cat@acme.example", "role": "finance"}))
    good = {"email": "dan@acme.example", "role": "support"}
    wrong = ({"email": "dan"}, {"role": "boss"}, {"email": "ann@acme.example"})

    assert (
        await not_arabic(
            arabic(gateway),
            [
                Visit("invitation.html", first),
                Visit("invitation.html", second),
                Visit("invitation.html", second, {"name": "", "password": "long enough"}),
                Visit("invitation.html", second, {"name": "Cat", "password": "short"}),
                Visit("error.html", "/invitation/none"),
            ],
        )
        == []
    )
    assert await not_arabic(bob, [Visit("invitation_accept.html", f"/dashboard{first}")]) == []
    assert await not_arabic(ann, [Visit("invitation_accept.html", f"/dashboard{first}")]) == []
    await fill(bob, f"/dashboard{first}", {})
    made = re.search(rf"{TEAM}/mbr_\w+/made", (await ann.get(TEAM)).text)
    assert made is not None
    assert (
        await not_arabic(
            ann,
            [
                Visit("departure.html", made[0]),
                Visit("team.html", TEAM, good),
                *(
                    Visit("team.html", TEAM, good | one)
                    for one in (*wrong, {"email": "bob@acme.example"})
                ),
                Visit("team.html", TEAM),
            ],
        )
        + await not_arabic(bob, [Visit("team.html", TEAM), Visit("error.html", FACTOR)])
        == []
    )


async def test_setting_two_factor_sign_in_up_is_whole_in_arabic(gateway: Gateway) -> None:
    ann = arabic(await signed_in(gateway))
    assert (
        await not_arabic(
            ann,
            [
                Visit("two_factor.html", FACTOR),
                Visit("two_factor.html", FACTOR, {"password": "wrong"}),
            ],
        )
        == []
    )
    await fill(ann, FACTOR, {"password": PASSWORD})
    assert (
        await not_arabic(
            ann,
            [
                Visit("two_factor.html", FACTOR),
                Visit("two_factor.html", f"{FACTOR}/on", {"code": "1"}),
            ],
        )
        == []
    )


async def test_a_second_factor_is_given_and_changed_in_arabic(
    gateway: Gateway, clock: FixedClock
) -> None:
    bob = await with_app(gateway, clock, "bob@example.com")
    arabic(bob.browser)
    await bob.add(bob.device)
    step = await arabic(gateway).sign_in(bob.email)

    assert (
        await not_arabic(
            bob.browser,
            [
                Visit("two_factor.html", FACTOR),
                Visit(
                    "passkey_new.html",
                    f"{FACTOR}/passkeys",
                    {"name": "desk", "password": bob.code()},
                ),
                Visit("two_factor.html", f"{FACTOR}/passkeys", {"name": "desk", "password": "0"}),
                Visit("two_factor.html", f"{FACTOR}/passkeys", {"name": "", "password": "0"}),
                Visit(
                    "two_factor.html", f"{FACTOR}/passkeys/add", {"name": "desk", "passkey": "{{}}"}
                ),
                Visit("two_factor.html", f"{FACTOR}/passkeys/remove", {"password": "0"}),
                Visit("recovery_codes.html", f"{FACTOR}/codes", {"password": bob.code()}),
                Visit("confirm.html", CONFIRM),
                Visit("confirm.html", CONFIRM, {"password": "0"}),
                Visit("confirm.html", CONFIRM, {"passkey": "{{}}"}),
                Visit("security_log.html", LOG),
            ],
        )
        == []
    )
    assert (
        await not_arabic(
            arabic(gateway),
            [
                Visit("sign_in_code.html", "/sign-in", {"email": bob.email, "password": PASSWORD}),
                Visit("sign_in_code.html", JOIN, {"ticket": ticket_in(step), "password": "0"}),
                Visit("sign_in_code.html", JOIN, {"ticket": ticket_in(step), "passkey": "{{}}"}),
            ],
        )
        == []
    )


async def test_connected_apps_are_whole_in_arabic(gateway: Gateway) -> None:
    ann = arabic(await signed_in(gateway))
    account_id = await account_of(ann)
    for period in ("day", "month"):
        agreed = await agree(gateway, user_id=account_id, cap_period=period)
        fields = {"amount": "1.25", "order_no": f"o-{period}", "remark": "Page 1"}
        await agreed.post("/user/oauth/charge", fields, token=await agreed.token())
    paths = grant_paths((await ann.get(GRANTS)).text)
    visits = [Visit("grants.html", GRANTS), *(Visit("grant.html", path) for path in paths)]
    assert await not_arabic(ann, visits) == []
    assert (
        "\u20661.25\xa0US$\u2069 من \u206610.00\xa0US$\u2069 في اليوم"
        in (await ann.get(GRANTS)).text
    )
    await ann.send(f"{paths[0]}/end", {})
    assert await not_arabic(ann, visits) == []


def test_each_page_of_the_room_is_opened() -> None:
    assert opened_in(__file__) == ROOMS["account"]
