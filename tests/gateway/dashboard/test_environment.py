"""A session looks at one environment; a page of the other one changes nothing."""

import pytest

from tests.support.browser import csrf_of, signed_in, text_of
from tests.support.gateway import API, Gateway

pytestmark = pytest.mark.one_database


async def test_a_switch_holds_from_the_next_request_on(gateway: Gateway) -> None:
    browser = await signed_in(gateway)
    before = browser.session

    answer = await browser.send(
        "/dashboard/environment", {"to": "live", "next": "/dashboard/account"}
    )

    assert answer.headers["location"] == "/dashboard/account?said=environment-live"
    balance = (await browser.request("GET", f"{API}/topup/balance")).json()["data"]
    assert (balance["environment"], balance["balance_cents"]) == ("live", 0)
    assert browser.session != before
    assert "You are in live now" in text_of((await browser.get(answer.headers["location"])).text)


async def test_a_form_of_the_world_that_was_left_does_nothing(gateway: Gateway) -> None:
    browser = await signed_in(gateway)
    page = await browser.get("/dashboard/account")
    await browser.send("/dashboard/environment", {"to": "live"})

    stale = await browser.send(
        "/dashboard/environment",
        {"to": "staging", "environment": "staging", "csrf_token": csrf_of(page.text)},
    )

    assert stale.status_code == 403
    assert "nothing was done" in text_of(stale.text)


async def test_nonsense_is_no_environment(gateway: Gateway) -> None:
    browser = await signed_in(gateway)

    for wanted in ("", "production", "LIVE"):
        answer = await browser.send("/dashboard/environment", {"to": wanted})

        assert answer.status_code == 422
