"""Each code that is an error, made by a real call: whoever follows the first link of its answer gets past it, reads
what it came to, or reaches a page where a person can help.
"""

from typing import Any, Final

import httpx
import pytest

from gateway.answers import response_codes as codes
from gateway.answers.response_codes import CODES
from keys import session
from tests.gateway.repair import test_each_code as provoked
from tests.gateway.repair.test_each_code import SEND, Wrong
from tests.support.browser import Browser
from tests.support.gateway import API, Gateway
from tests.support.paying import PAY_TO

pytestmark = pytest.mark.one_database

# What the first link is for, and what following it shows.
PASSES: Final = "the same call passes afterwards"
SHOWS: Final = "it answers what the call came to, or what was meant"
PERSON: Final = "a page that a person opens, signed in"
READS: Final = "a page of the documentation"

CASES: Final[dict[tuple[int, str], tuple[provoked.Provoke, str, str]]] = {
    (codes.INVALID_KEY, "mistyped"): (provoked._mistyped_key, "sandbox_key", PASSES),
    (codes.INSUFFICIENT_BALANCE, "empty"): (provoked._empty_wallet, "fund", PASSES),
    (codes.INVALID_PLATFORM, "unknown"): (
        provoked._wrong_field("platform", "cluade"),
        "platforms",
        SHOWS,
    ),
    (codes.AMOUNT_OUT_OF_RANGE, "small"): (
        provoked._wrong_field("amount_cents", 10),
        "platforms",
        SHOWS,
    ),
    (codes.DUPLICATE, "reference"): (provoked._repeated_reference, "earlier", SHOWS),
    (codes.CAP_EXCEEDED, "per_call"): (provoked._above_the_cap, "smaller_send", SHOWS),
    (codes.CAP_EXCEEDED, "lifetime"): (provoked._used_up, "page", PERSON),
    (codes.MISSING_SCOPE, "scope"): (provoked._without_scope, "page", PERSON),
    (codes.KEY_ENDED, "revoked"): (provoked._revoked_key, "page", PERSON),
    (codes.NOT_REDEEMABLE, "redeemed"): (provoked._redeemed_code, "page", PERSON),
    (codes.LIMIT_REACHED, "sandbox"): (provoked._one_endpoint_too_many, "guide", READS),
    (codes.ALREADY_DELIVERED, "delivered"): (provoked._cancel_of_delivered, "earlier", SHOWS),
    (codes.NOT_FOUND, "path"): (provoked._unknown_path, "nearest", SHOWS),
    (codes.NOT_FOUND, "id"): (provoked._unknown_top_up, "history", SHOWS),
    (codes.ALREADY_SETTLED, "cancelled"): (provoked._cancelled_before, "earlier", SHOWS),
    (codes.FAILED_REFUNDED, "failed"): (
        provoked._wrong_field("recipient_email", "failed@sandbox.test"),
        "earlier",
        SHOWS,
    ),
    (codes.ALREADY_USED, "redeemed"): (provoked._used_voucher, "earlier", SHOWS),
    (codes.REQUESTER_BLOCKED, "ended"): (provoked._approve_of_an_ended_key, "page", PERSON),
    (codes.NONE_ACCEPTED, "amounts"): (provoked._bulk_of_wrong_items, "platforms", SHOWS),
    (codes.ADDRESS_NOT_ALLOWED, "address"): (provoked._foreign_address, "page", PERSON),
    (codes.METHOD_NOT_ALLOWED, "method"): (provoked._wrong_method, "allowed", SHOWS),
    (codes.DELIVERY_FAILED, "receiver"): (provoked._dead_receiver, "page", PERSON),
}


async def _bad_url(gateway: Gateway, account: str) -> Wrong:
    body = {"url": "ftp://example.com/hook"}
    return Wrong("POST", "/webhooks/register", await gateway.key(account), body)


# No link can know what was meant: errors[] mends these (test_each_code), and the guide says how.
MENDED_BY_ERRORS: Final = {
    codes.INVALID_RECIPIENT: provoked._wrong_field("recipient_email", "user@"),
    codes.MALFORMED: provoked._wrong_field("amount_cents", "ten"),
    codes.URL_INVALID: _bad_url,
}
# Waiting is all that they ask for, and Retry-After says how long: test_each_code waits for the first two. 5000 is
# a fault of ours, which no call provokes.
WAITED_FOR: Final = {codes.RATE_LIMITED, codes.KEY_IN_PROGRESS, codes.INTERNAL}
# At /x402/topup, below: it takes a gateway that is paid so.
AT_X402: Final = {codes.PAYMENT_REQUIRED, codes.PROVIDER_UNAVAILABLE}


def test_no_error_of_the_table_is_left_out() -> None:
    errors = {code for code, row in CODES.items() if not row.is_success}

    assert {code for code, _ in CASES} | MENDED_BY_ERRORS.keys() | WAITED_FOR | AT_X402 == errors


@pytest.mark.parametrize(("code", "named"), CASES)
async def test_the_first_link_leads_on(gateway: Gateway, code: int, named: str) -> None:
    provoke, rel, shows = CASES[code, named]
    account = await gateway.account(email="me@example.com")
    wrong = await provoke(gateway, account)
    refused = await _call(gateway, wrong)
    link = refused.json()["data"]["error"]["links"][0]
    followed = await _follow(gateway, link, wrong, account)

    assert (refused.json()["code"], link["rel"]) == (code, rel)
    assert followed.status_code == 200 if shows in {PERSON, READS} else followed.json()["success"]
    if shows == PERSON:
        assert link["href"].startswith(f"{gateway.url}/dashboard/")
    if shows == PASSES:
        data = followed.json()["data"]
        passed = await _call(gateway, wrong._replace(key=data.get("key", wrong.key)))
        assert passed.json()["success"]


@pytest.mark.parametrize("code", MENDED_BY_ERRORS)
async def test_what_errors_mend_links_to_its_guide(gateway: Gateway, code: int) -> None:
    account = await gateway.account(email="me@example.com")
    refused = await _call(gateway, await MENDED_BY_ERRORS[code](gateway, account))
    error = refused.json()["data"]["error"]

    guide = await gateway.client.get(error["links"][0]["href"])

    assert refused.json()["code"] == code
    assert error["errors"]
    assert (error["links"][0]["rel"], guide.status_code) == ("guide", 200)


async def test_where_no_machine_can_pay_a_person_has_a_page(gateway: Gateway) -> None:
    account = await gateway.account(email="me@example.com")
    key = await gateway.key(account, "live")
    headers = {"Authorization": f"Bearer {key}"}
    refused = await gateway.client.post("/x402/topup", json=SEND, headers=headers)
    error = refused.json()["data"]["error"]

    page = await _follow(gateway, error["links"][0], Wrong("POST", "", key), account)

    assert (refused.json()["code"], error["next_action"]) == (4005, "ask_human")
    assert (error["links"][0]["rel"], page.status_code) == ("page", 200)


@pytest.mark.gateway_settings(
    x402_facilitator_url="http://127.0.0.1:9", x402_pay_to=PAY_TO, x402_network="eip155:8453"
)
async def test_whoever_has_not_paid_is_led_to_how_to(gateway: Gateway) -> None:
    refused = await gateway.client.post("/x402/topup", json=SEND)
    error = refused.json()["data"]["error"]

    assert (refused.json()["code"], error["next_action"]) == (2013, "pay")
    assert error["links"][0]["href"] == f"{gateway.url}/docs/x402"
    assert (await gateway.client.get(error["links"][0]["href"])).status_code == 200


async def test_a_person_always_has_something_to_open(gateway: Gateway) -> None:
    """Whatever asks for a person begins with a page of that account, of a sandbox account with the guide."""
    account = await gateway.account(email="me@example.com")
    key = await gateway.key(account, platforms=["claude"], lifetime_cents=100)
    sandbox = (await gateway.call("POST", "/keys/sandbox")).json()["data"]["approver_key"]
    own = (await gateway.call("GET", "/keys/self", key=key)).json()["data"]["id"]

    outside = await gateway.call(
        "POST", "/topup/send", key=key, json={**SEND, "platform": "gemini"}
    )
    anonymous = await gateway.call("POST", "/topup/send", key=sandbox, json=SEND)

    assert _first(outside) == ("page", f"{gateway.url}/dashboard/keys/{own}")
    assert _first(anonymous) == ("guide", f"{gateway.url}/docs/codes/2009")


def _first(answer: httpx.Response) -> tuple[str, str]:
    error = answer.json()["data"]["error"]
    assert error["next_action"] == "ask_human"
    return error["links"][0]["rel"], error["links"][0]["href"]


async def _call(gateway: Gateway, wrong: Wrong) -> httpx.Response:
    return await gateway.call(wrong.method, wrong.path, key=wrong.key, json=wrong.body)


async def _follow(
    gateway: Gateway, link: dict[str, Any], wrong: Wrong, account: str
) -> httpx.Response:
    """As the caller, or as the account's own person in a browser."""
    if link["rel"] == "page":
        now_us = gateway.context.clock.now_us()
        _, token = await gateway.context.database.transaction(
            lambda tx: session.begin(tx, account_id=account, user_agent="test", now_us=now_us)
        )
        path = link["href"].removeprefix(gateway.url)
        return await Browser(gateway, {"topup_session": token}).get(path)
    if link["rel"] == "guide":
        return await gateway.client.get(link["href"])
    path = link["href"].removeprefix(gateway.url + API)
    return await gateway.call(link["method"], path, key=wrong.key, json=link.get("body"))
