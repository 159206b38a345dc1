"""Whose wallet a send tops up is said by the caller, never guessed."""

from typing import Any

import pytest

from tests.support.gateway import Gateway

pytestmark = pytest.mark.one_database

MISSING = "is required where recipient is not given"
BOTH = "cannot be given together with recipient_email"


@pytest.mark.parametrize("path", ["/topup/send", "/topup/validate"])
@pytest.mark.parametrize(
    ("given", "errors"),
    [
        ({}, [("recipient_email", MISSING)]),
        ({"recipient_email": None, "recipient": None}, [("recipient_email", MISSING)]),
        (
            {"recipient_email": "user@example.com", "recipient": "self"},
            [("recipient", BOTH)],
        ),
        ({"recipient": "me"}, [("recipient", "is one of self")]),
    ],
)
async def test_a_recipient_is_never_guessed(
    gateway: Gateway, path: str, given: dict[str, Any], errors: list[tuple[str, str]]
) -> None:
    key = await gateway.key(await gateway.account())
    body = {"platform": "claude", "amount_cents": 1000, **given}

    refused = await gateway.call("POST", path, key=key, json=body)
    balance = await gateway.call("GET", "/topup/balance", key=key)

    assert (refused.status_code, refused.json()["code"]) == (422, 2007)
    error = refused.json()["data"]["error"]
    assert [(one["param"], one["detail"]) for one in error["errors"]] == errors
    assert balance.json()["data"]["balance_cents"] == 1_000_000


async def test_a_missing_recipient_is_named_with_every_other_fault(gateway: Gateway) -> None:
    key = await gateway.key(await gateway.account())

    refused = await gateway.call("POST", "/topup/send", key=key, json={"amount_cents": "10"})

    errors = refused.json()["data"]["error"]["errors"]
    assert [one["param"] for one in errors] == ["platform", "amount_cents", "recipient_email"]


async def test_self_is_the_accounts_own_address(gateway: Gateway) -> None:
    key = await gateway.key(await gateway.account(email="owner@example.com"))
    body = {"platform": "claude", "amount_cents": 1000, "recipient": "self"}

    sent = await gateway.call("POST", "/topup/send", key=key, json=body)

    assert (sent.status_code, sent.json()["code"]) == (200, 1001)
    assert sent.json()["data"]["recipient_email"] == "owner@example.com"


async def test_self_of_an_account_without_an_address_is_refused(gateway: Gateway) -> None:
    made = await gateway.call("POST", "/keys/sandbox")
    body = {"platform": "claude", "amount_cents": 1000, "recipient": "self"}

    refused = await gateway.call("POST", "/topup/send", key=made.json()["data"]["key"], json=body)

    assert (refused.status_code, refused.json()["code"]) == (422, 2004)
