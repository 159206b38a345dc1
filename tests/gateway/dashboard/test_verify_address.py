"""Who signs up is asked by mail whether the address is theirs; signed in, they verify it, and live may open."""

from collections.abc import Sequence
from urllib.parse import urlencode

import pytest

from tests.support.browser import PASSWORD, new_browser, signed_in, text_of
from tests.support.gateway import Gateway
from tests.support.operator_pages import account_of

ACCOUNT = "/dashboard/account"
pytestmark = [
    pytest.mark.one_database,
    pytest.mark.gateway_settings(
        smtp_url="smtp://127.0.0.1:9",
        mail_from="credit@acme.com",
        self_serve_staging=True,
        self_serve_live=True,
    ),
]


async def links(gateway: Gateway) -> Sequence[str]:
    """The paths that mail was written about, oldest first."""
    token_of = gateway.context.topup_rules.links.token_of
    rows = await gateway.context.database.read(
        lambda tx: tx.fetch("SELECT id FROM email_verifications ORDER BY id")
    )
    written = await gateway.context.database.read(
        lambda tx: tx.fetch("SELECT about FROM owner_mails WHERE kind = 'address' ORDER BY id")
    )
    assert [row["about"] for row in written] == [
        f'{{"verification_id":"{row["id"]}"}}' for row in rows
    ]
    return [f"/verify-address/{token_of('address', row['id'])}" for row in rows]


async def test_a_press_verifies_once_and_live_opens(gateway: Gateway) -> None:
    browser, mailbox = new_browser(gateway), new_browser(gateway)
    await browser.send(
        "/sign-up", {"name": "Ann", "email": "ann@mail.com", "password": PASSWORD, "next": ""}
    )
    (link,) = await links(gateway)
    press = f"/dashboard{link}"
    shut = await browser.send("/dashboard/environment", {"to": "live"})

    # A program that looks at mail opens the link, and what it leads to.
    page = await mailbox.get(link)
    led = await mailbox.request("GET", press)
    still = await browser.get(ACCOUNT)
    foreign = await browser.send(press, {}, headers={"Origin": "https://evil.example"})
    asked = await browser.get(press)
    done = await browser.send(press, {})
    again = await browser.send(press, {})

    assert shut.status_code == 403
    assert "An account was created with ann@mail.com" in text_of(page.text)
    assert f'href="{press}"' in page.text
    assert led.headers["location"] == f"/sign-in?{urlencode({'next': press})}"
    assert "not verified yet" in text_of(still.text)
    assert "Live will open once your address is verified." in text_of(still.text)
    assert "Your account has the address ann@mail.com" in text_of(asked.text)
    assert (foreign.status_code, done.status_code, again.status_code) == (403, 303, 404)
    assert done.headers["location"] == f"{ACCOUNT}?said=address-verified"
    after = text_of((await browser.get(ACCOUNT)).text)
    assert "ann@mail.com . verified" in after
    assert "Verify my address" not in after
    opened = await browser.send("/dashboard/environment", {"to": "live"})
    assert opened.headers["location"] == "/dashboard?said=environment-live"
    log = text_of((await browser.get(f"{ACCOUNT}/security")).text)
    assert "address.verified" in log


async def test_a_stranger_with_your_address_is_not_verified_by_your_press(
    gateway: Gateway,
) -> None:
    stranger, ann = await signed_in(gateway, "ann@mail.com", has_live=False), new_browser(gateway)
    colleague = await signed_in(gateway, "ben@mail.com", has_live=False)
    await stranger.send(f"{ACCOUNT}/address", {})
    (link,) = await links(gateway)

    pressed = [
        await ann.send(link, {}),
        await ann.send(f"/dashboard{link}", {}),
        await colleague.send(f"/dashboard{link}", {}),
    ]

    assert [one.status_code for one in pressed] == [405, 303, 403]
    assert pressed[1].headers["location"].startswith("/sign-in")
    assert "signed in as ben@mail.com . Sign out" in text_of(pressed[2].text)
    assert "not verified yet" in text_of((await stranger.get(ACCOUNT)).text)


async def test_forged_links_and_long_ones_verify_nothing(gateway: Gateway) -> None:
    ann = await signed_in(gateway, "ann@mail.com", has_live=False)
    asked = await ann.send(f"{ACCOUNT}/address", {})
    (link,) = await links(gateway)
    other_purpose = gateway.context.topup_rules.links.token_of(
        "password", "pwr_" + (await account_of(ann)).partition("_")[2]
    )
    forged = [
        (await ann.send(f"/dashboard{path}", {})).status_code
        for path in (
            "/verify-address/" + "A" * 22,
            f"/verify-address/{other_purpose}",
            link[:-1],
            f"{link}A",
            "/verify-address/%00",
            "/verify-address/" + "A" * 63_000,
        )
    ]

    assert asked.headers["location"] == f"{ACCOUNT}?said=address-asked"
    assert set(forged) <= {400, 404, 414, 431}
    assert "not verified yet" in text_of((await ann.get(ACCOUNT)).text)


async def test_five_links_an_hour_and_none_where_mail_does_not_leave(gateway: Gateway) -> None:
    ann = await signed_in(gateway, "ann@mail.com", has_live=False)
    nowhere = await signed_in(gateway, "ben@mail.test", has_live=False)

    answers = [await ann.send(f"{ACCOUNT}/address", {}) for _ in range(6)]
    unsent = await nowhere.send(f"{ACCOUNT}/address", {})

    assert [one.status_code for one in answers] == [303] * 5 + [429]
    assert unsent.headers["location"] == f"{ACCOUNT}?said=address-not-asked"
    assert "nobody can have an address" in text_of((await nowhere.get(ACCOUNT)).text)
