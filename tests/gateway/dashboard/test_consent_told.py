"""What the consent page tells an app instead of the person, and what a public app shows."""

from urllib.parse import parse_qs, urlsplit

import pytest_asyncio

from tests.gateway.dashboard.test_consent import CHALLENGE, PATH, VERIFIER, asked, decide, open_page
from tests.support.browser import Browser, signed_in
from tests.support.gateway import Gateway
from tests.support.oauth_agreement import REDIRECT, Agreement, agree


@pytest_asyncio.fixture
async def agreed(gateway: Gateway) -> Agreement:
    return await agree(gateway, email="nobody@example.com")


@pytest_asyncio.fixture
async def browser(gateway: Gateway) -> Browser:
    return await signed_in(gateway)


TOLD: list[tuple[dict[str, str | None], str]] = [
    ({"response_type": "token"}, "unsupported_response_type"),
    ({"response_type": None}, "unsupported_response_type"),
    ({"scope": "general_api_access"}, "invalid_scope"),
    ({"scope": "advanced_access trusted_advanced_access"}, "invalid_scope"),
    ({"scope": None}, "invalid_scope"),
    ({"code_challenge": "short"}, "invalid_request"),
    ({"code_challenge": CHALLENGE, "code_challenge_method": "plain"}, "invalid_request"),
    ({"code_challenge_method": "plain"}, "invalid_request"),
]


async def test_the_app_is_told_what_is_wrong_where_its_address_is_good(
    browser: Browser, agreed: Agreement
) -> None:
    for fields, error in TOLD:
        shown = await open_page(browser, agreed, **fields)
        sent = await browser.send(PATH, {**asked(agreed, **fields), "decision": "allow"})

        for answer in (shown, sent):
            assert answer.status_code == 303, fields
            target = urlsplit(answer.headers["location"])
            assert f"{target.scheme}://{target.netloc}{target.path}" == REDIRECT
            assert parse_qs(target.query) == {
                "error": [error],
                "state": ["EXAMPLE_STATE"],
                "iss": [browser.gateway.url],
            }


async def test_a_public_app_needs_a_challenge_and_no_secret(
    gateway: Gateway, browser: Browser
) -> None:
    agreed = await agree(
        gateway,
        redirect_host="",
        redirect_uris=[REDIRECT],
        is_public=True,
        email="x@example.com",
    )

    without = await open_page(browser, agreed)
    elsewhere = await open_page(browser, agreed, redirect_uri=f"{REDIRECT}/other")
    answer = await decide(browser, agreed, code_challenge=CHALLENGE, code_challenge_method="S256")
    code = parse_qs(urlsplit(answer.headers["location"]).query)["code"][0]
    fields = {"client_id": agreed.app.id, "code": code}
    url = "/api/v1/user/oauth/issue-token"
    secret = {**fields, "client_secret": "oas_x", "code_verifier": VERIFIER}
    statuses = [
        (await gateway.client.post(url, data=data)).status_code
        for data in (fields, secret, {**fields, "code_verifier": VERIFIER})
    ]

    assert parse_qs(urlsplit(without.headers["location"]).query)["error"] == ["invalid_request"]
    assert elsewhere.status_code == 422
    assert statuses == [400, 401, 200]
