"""Nobody takes live for staging, and what ends a live key at once is typed, not clicked."""

import pytest

from tests.support.browser import Browser, browser_account, in_live, signed_in, text_of
from tests.support.gateway import API, Gateway

pytestmark = pytest.mark.one_database


async def test_the_two_worlds_differ_in_title_icon_and_mark(gateway: Gateway) -> None:
    browser = await signed_in(gateway)

    staging = (await browser.get("/dashboard")).text
    live = (await (await in_live(browser)).get("/dashboard")).text

    assert "<title>Staging: Overview · Topup Gateway</title>" in staging
    assert "<title>Live: Overview · Topup Gateway</title>" in live
    assert ('class="world-mark staging"' in staging, 'class="world-mark live"' in live) == (
        True,
        True,
    )
    assert ("mark-staging" in staging, "mark-live" in live) == (True, True)
    assert ("mark-live" in staging, "mark-staging" in live) == (False, False)


async def test_an_empty_live_wallet_offers_to_buy_credit(gateway: Gateway) -> None:
    browser = await signed_in(gateway)

    staging = (await browser.get("/dashboard")).text
    live = (await (await in_live(browser)).get("/dashboard")).text

    assert '<a class="button primary" href="/dashboard/send">' in staging
    assert '<a class="button primary" href="/dashboard/buy">Buy credit</a>' in live
    assert '<a class="button primary" href="/dashboard/send">' not in live


async def live_key(gateway: Gateway, browser: Browser) -> tuple[str, str]:
    """The page of a live key named "Shop 7", and its secret."""
    secret = await gateway.key(await browser_account(browser), "live", name="Shop 7")
    listed = await browser.request("GET", f"{API}/keys")
    return f"/dashboard/keys/{listed.json()['data']['items'][0]['id']}", secret


async def works(gateway: Gateway, secret: str) -> bool:
    answer = await gateway.call("GET", "/topup/balance", key=secret)
    return answer.status_code == 200


async def test_a_live_key_ends_at_once_for_who_types_its_name(gateway: Gateway) -> None:
    browser = await in_live(await signed_in(gateway))
    page, secret = await live_key(gateway, browser)

    for typed in ("", "shop 7", "Shop"):
        refused = await browser.send(f"{page}/revoke", {"revoke_name": typed})
        assert refused.status_code == 422
        assert "ype the key's name exactly as it stands above" in text_of(refused.text)
        at_once = await browser.send(f"{page}/rotate", {"overlap_s": "0", "rotate_name": typed})
        assert at_once.status_code == 422
    assert await works(gateway, secret)

    done = await browser.send(f"{page}/revoke", {"revoke_name": "Shop 7"})

    assert done.headers["location"] == "/dashboard/keys?said=key-revoked"


async def test_a_rotation_leaves_the_old_secret_a_day_unless_told(gateway: Gateway) -> None:
    browser = await signed_in(gateway)
    secret = await gateway.key(await browser_account(browser), name="Shop 7")
    listed = await browser.request("GET", f"{API}/keys")
    page = f"/dashboard/keys/{listed.json()['data']['items'][0]['id']}"

    form = (await browser.get(page)).text
    await browser.send(f"{page}/rotate", {"overlap_s": "86400"})

    assert '<option value="86400" selected>In a day</option>' in form
    assert "This key has never been used." in form
    assert await works(gateway, secret)
