"""A change by cookie counts only from our own page, on every kind of route; a key needs none of it."""

import pytest

from keys.session import forgery_token
from tests.support.browser import csrf_of, signed_in
from tests.support.gateway import API, Gateway

pytestmark = pytest.mark.one_database

SEND = {"platform": "claude", "amount_cents": 1000, "recipient_email": "user@example.com"}
OWN = "own"
TOKEN = "token"

# Headers of the request, and whether it counts.
MATRIX = [
    ({}, False),
    ({"Origin": OWN}, True),
    ({"Sec-Fetch-Site": "same-origin"}, True),
    ({"Sec-Fetch-Site": "same-origin", "Origin": OWN}, True),
    ({"X-CSRF-Token": TOKEN}, True),
    ({"X-CSRF-Token": TOKEN, "Origin": "https://evil.example"}, True),
    ({"Origin": "https://evil.example"}, False),
    ({"Origin": "null"}, False),
    ({"Sec-Fetch-Site": "cross-site"}, False),
    ({"Sec-Fetch-Site": "same-site"}, False),
    ({"Sec-Fetch-Site": "none"}, False),
    ({"X-CSRF-Token": "0" * 64}, False),
    ({"X-CSRF-Token": ""}, False),
    ({"Referer": OWN + "/dashboard"}, False),
]


def made(headers: dict[str, str], url: str, token: str | None) -> dict[str, str]:
    assert token is not None
    known = {OWN: url, TOKEN: forgery_token(token)}
    return {name: known.get(value, value) for name, value in headers.items()}


@pytest.mark.parametrize(("headers", "counts"), MATRIX)
async def test_an_api_call_by_cookie_counts_only_from_our_own_page(
    gateway: Gateway, headers: dict[str, str], counts: bool
) -> None:
    browser = await signed_in(gateway)

    answer = await browser.request(
        "POST", f"{API}/topup/send", json=SEND, headers=made(headers, gateway.url, browser.session)
    )

    assert answer.status_code == (200 if counts else 403)
    body = answer.json()
    assert body["code"] == (1001 if counts else 2009)
    if not counts:
        assert body["data"]["error"]["reason"] == "forgery"
        sent = await browser.request("GET", f"{API}/topup/history")
        assert sent.json()["data"]["items"] == []


@pytest.mark.parametrize(("headers", "counts"), MATRIX)
async def test_a_form_counts_only_where_our_own_page_sent_it(
    gateway: Gateway, headers: dict[str, str], counts: bool
) -> None:
    browser = await signed_in(gateway)

    answer = await browser.send(
        "/dashboard/environment",
        {"to": "live"},
        headers=made(headers, gateway.url, browser.session),
    )

    assert answer.status_code == (303 if counts else 403)


async def test_a_forms_own_token_is_enough(gateway: Gateway) -> None:
    browser = await signed_in(gateway)
    token = csrf_of((await browser.get("/dashboard")).text)
    other = await signed_in(gateway, "bob@example.com")
    others_token = csrf_of((await other.get("/dashboard")).text)

    wrong = await browser.send(
        "/dashboard/environment", {"to": "live", "csrf_token": others_token}, headers={}
    )
    right = await browser.send(
        "/dashboard/environment", {"to": "live", "csrf_token": token}, headers={}
    )

    assert (wrong.status_code, right.status_code) == (403, 303)


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
async def test_every_unsafe_method_is_checked(gateway: Gateway, method: str) -> None:
    browser = await signed_in(gateway)
    path = {
        "POST": "/webhooks/register",
        "PUT": "/topup/balance/threshold",
        "PATCH": "/keys/key_0000000000000000",
        "DELETE": "/keys/key_0000000000000000",
    }[method]

    answer = await browser.request(method, API + path, json={})

    assert answer.status_code == 403
    assert answer.json()["data"]["error"]["reason"] == "forgery"


async def test_reading_needs_no_token(gateway: Gateway) -> None:
    browser = await signed_in(gateway)

    answer = await browser.request(
        "GET", f"{API}/topup/balance", headers={"Sec-Fetch-Site": "cross-site"}
    )

    assert answer.status_code == 200
    assert answer.json()["data"]["key"] is None
    assert "access-control-allow-origin" not in answer.headers


async def test_a_bearer_credential_beats_the_cookie(gateway: Gateway) -> None:
    browser = await signed_in(gateway)
    other = await gateway.account()
    key = await gateway.key(other)

    sent = await browser.request(
        "POST", f"{API}/topup/send", json=SEND, headers={"Authorization": f"Bearer {key}"}
    )
    refused = await browser.request(
        "GET", f"{API}/topup/balance", headers={"Authorization": "Bearer ak_staging_nonsense"}
    )

    assert sent.status_code == 200
    assert refused.status_code == 401
    assert (await browser.request("GET", f"{API}/topup/history")).json()["data"]["items"] == []


async def test_a_session_is_no_bearer_token_and_a_key_no_cookie(gateway: Gateway) -> None:
    browser = await signed_in(gateway)
    key = await gateway.key(await gateway.account())

    as_bearer = await gateway.call("GET", "/topup/balance", key=browser.session)
    as_cookie = await gateway.call(
        "GET", "/topup/balance", headers={"Cookie": f"topup_session={key}"}
    )
    page_by_key = await gateway.client.get("/dashboard", headers={"Authorization": f"Bearer {key}"})

    assert as_bearer.status_code == 401
    assert as_cookie.status_code == 401
    assert page_by_key.status_code == 303


async def test_two_cookies_of_the_name_are_none(gateway: Gateway) -> None:
    browser = await signed_in(gateway)

    answer = await gateway.call(
        "GET",
        "/topup/balance",
        headers={"Cookie": f"topup_session={browser.session}; topup_session=sst_other"},
    )

    assert answer.status_code == 401
