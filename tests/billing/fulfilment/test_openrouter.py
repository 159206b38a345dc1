"""Keys of OpenRouter, against answers recorded from its API reference and SDK 1.3.84."""

import json
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from decimal import Decimal
from typing import Any

import httpx
import pytest
import pytest_asyncio
import respx

from billing.fulfilment.asking import cents_of_usd, usd_of_cents, usd_of_number
from billing.fulfilment.protocol import (
    Delivered,
    NotDone,
    NotRevoked,
    OptionsRefused,
    Refused,
    Request,
    Revoked,
    Supplier,
    Unknown,
)
from tests.support.plain_http import http_client
from tests.support.vendor_service import made

URL = "https://openrouter.ai/api/v1"
HASH = "f01d52606dc8f0a8303a7b5cc3fa07109c2e346cec7c0a16b40de462992ce943"
SECRET = "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"
FIRST = Request(
    transaction_id="txn_0000000000000001",
    account_id="acc_1",
    environment="live",
    platform="openrouter",
    amount_cents=1010,
    recipient_email="user@example.com",
    voucher_code="",
    prepared="{}",
)
LEFT = json.dumps({"key": HASH, "topups": ["txn_0000000000000001"]})
SECOND = replace(
    FIRST,
    transaction_id="txn_0000000000000002",
    amount_cents=20,
    prepared=json.dumps({"key": HASH, "before": "10.1", "name": "topup-txn_0000000000000001"}),
    recipient_left=LEFT,
)


@pytest_asyncio.fixture
async def supplier() -> AsyncIterator[Supplier]:
    async with http_client() as client:
        yield made(client, "openrouter", management_key="sk-or-v1-management")


@pytest.fixture
def vendor() -> Iterator[respx.MockRouter]:
    with respx.mock(base_url=URL, assert_all_called=False) as router:
        yield router


def key(**changed: Any) -> dict[str, Any]:
    return {
        "hash": HASH,
        "name": "topup-txn_0000000000000001",
        "label": "sk-or-v1-d35...55d",
        "disabled": False,
        "limit": 10.1,
        "limit_remaining": 10.1,
        "limit_reset": None,
        "include_byok_in_limit": True,
        "usage": 0,
        "usage_daily": 0,
        "byok_usage": 0,
        "created_at": "2026-11-22T10:30:00Z",
        "updated_at": None,
        "expires_at": None,
        "creator_user_id": "user_2dHFtVWx2n56w6HkM0000000000",
        "external_user": None,
        "last_used_at": None,
        "workspace_id": "0df9e665-d932-5740-b2c7-b52af166bc11",
        **changed,
    }


def error(status: int, message: str, **headers: str) -> httpx.Response:
    body = {"error": {"code": status, "message": message}}
    return httpx.Response(status, json=body, headers=headers)


def sees(vendor: respx.MockRouter, *states: dict[str, Any] | httpx.Response) -> respx.Route:
    answers = [
        one if isinstance(one, httpx.Response) else httpx.Response(200, json={"data": one})
        for one in states
    ]
    return vendor.get(f"/keys/{HASH}").mock(side_effect=answers)


async def test_the_first_top_up_makes_a_key_of_exactly_the_amount(
    supplier: Supplier, vendor: respx.MockRouter
) -> None:
    asked = vendor.post("/keys").respond(201, json={"data": key(), "key": SECRET})

    outcome = await supplier.fulfil(FIRST)

    request = asked.calls.last.request
    assert request.headers["Authorization"] == "Bearer sk-or-v1-management"
    assert request.content == (
        b'{"name":"topup-txn_0000000000000001","limit":10.1,"include_byok_in_limit":true}'
    )
    assert isinstance(outcome, Delivered)
    assert (outcome.deliverable.kind, outcome.deliverable.value) == ("key", SECRET)
    assert outcome.deliverable.redeem_url == "https://openrouter.ai/docs/quickstart"
    text = outcome.deliverable.instructions or ""
    assert "$10.10" in text
    assert f"curl {URL}/chat/completions" in text
    assert outcome.cost_cents == 1010
    assert outcome.left == LEFT.replace(" ", "")


async def test_a_later_top_up_raises_the_same_key(
    supplier: Supplier, vendor: respx.MockRouter
) -> None:
    raised = key(name="topup-txn_0000000000000002", limit=10.3, limit_remaining=4.3)
    sees(vendor, key(), raised)
    asked = vendor.patch(f"/keys/{HASH}").respond(200, json={"data": raised})

    prepared = await supplier.prepare(replace(SECOND, prepared=None))
    outcome = await supplier.fulfil(replace(SECOND, prepared=str(prepared)))

    assert asked.calls.last.request.content == (
        b'{"name":"topup-txn_0000000000000002","limit":10.3}'
    )
    assert isinstance(outcome, Delivered)
    assert (outcome.deliverable.kind, outcome.deliverable.value) == ("credit", None)
    assert "sk-or-v1-d35...55d got $0.20 more. $4.30 are left" in str(
        outcome.deliverable.instructions
    )
    assert json.loads(str(outcome.left))["topups"] == [
        "txn_0000000000000001",
        "txn_0000000000000002",
    ]


async def test_a_key_whose_answer_was_lost_is_deleted_and_made_again(
    supplier: Supplier, vendor: respx.MockRouter
) -> None:
    again = replace(FIRST, attempt=2)
    pages = [
        [key(hash="newest", name="topup-txn_0000000000000009"), key(hash="used", usage=0.5)],
        [key(hash="lost")],
        [],
    ]
    listed = vendor.get("/keys").mock(
        side_effect=[httpx.Response(200, json={"data": page}) for page in pages]
    )
    deleted = vendor.delete("/keys/lost").respond(200, json={"deleted": True})
    vendor.post("/keys").respond(201, json={"data": key(), "key": SECRET})

    assert await supplier.look_up(again) == NotDone()
    outcome = await supplier.fulfil(again)

    assert [call.request.url.params["offset"] for call in listed.calls] == ["0", "2", "3"]
    assert deleted.call_count == 1
    assert isinstance(outcome, Delivered)
    assert outcome.deliverable.value == SECRET


async def test_a_raise_that_was_done_before_the_time_out_is_found(
    supplier: Supplier, vendor: respx.MockRouter
) -> None:
    sees(vendor, key(name="topup-txn_0000000000000002", limit=10.3), error(404, "not found"))
    vendor.patch(f"/keys/{HASH}").mock(side_effect=httpx.ReadTimeout("slow"))

    assert await supplier.fulfil(SECOND) == Unknown("timeout")
    found = await supplier.look_up(replace(SECOND, attempt=2))

    assert isinstance(found, Delivered)
    assert found.deliverable.kind == "credit"


@pytest.mark.parametrize(
    ("now", "is_done"),
    [
        ({}, False),
        ({"limit": 50}, False),  # somebody else raised it: our raise starts from there
        ({"name": "topup-txn_0000000000000002", "limit": 10.3}, True),
        ({"name": "topup-txn_0000000000000002", "limit": 60.3}, True),
        ({"limit": 10.3}, None),  # raised by this very amount, but not named after this top-up
        ({"name": "by hand"}, None),
        ({"name": "topup-txn_0000000000000003", "limit": 10.3}, None),
    ],
)
async def test_what_became_of_a_raise_is_told_by_name_and_limit(
    supplier: Supplier, vendor: respx.MockRouter, now: dict[str, Any], is_done: bool | None
) -> None:
    sees(vendor, key(**now))

    found = await supplier.look_up(SECOND)

    if is_done is None:
        assert isinstance(found, Unknown)
        assert found.needs_review
        assert "before this top-up its limit was 10.1" in found.detail
    else:
        assert isinstance(found, Delivered if is_done else NotDone)


async def test_a_key_that_is_gone_gets_a_new_one(
    supplier: Supplier, vendor: respx.MockRouter
) -> None:
    vendor.get(f"/keys/{HASH}").mock(return_value=error(404, "API key not found"))

    assert await supplier.look_up(SECOND) == NotDone()
    assert await supplier.prepare(SECOND) == "{}"


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"disabled": True}, "it is disabled"),
        ({"limit": None, "limit_remaining": None}, "it has no limit"),
        ({"limit_reset": "monthly"}, "its limit resets periodically"),
        ({"expires_at": "2026-01-01T00:00:00Z"}, "it has expired"),
    ],
)
async def test_a_key_that_cannot_be_raised_is_a_definite_no(
    supplier: Supplier, vendor: respx.MockRouter, changed: dict[str, Any], reason: str
) -> None:
    sees(vendor, key(**changed))

    outcome = await supplier.prepare(SECOND)

    assert outcome == Refused(f"the recipient's key at OpenRouter cannot be used: {reason}")


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (error(400, "limit is too large"), Refused("refused by OpenRouter: limit is too large")),
        (
            error(401, "No auth"),
            Unknown("HTTP 401: the credential is not accepted, or lacks a permission"),
        ),
        (
            error(403, "Only management keys"),
            Unknown("HTTP 403: the credential is not accepted, or lacks a permission"),
        ),
        (error(409, "conflict"), Unknown("HTTP 409")),
        (error(429, "slow", **{"Retry-After": "7"}), Unknown("HTTP 429", again_in_s=7.0)),
        (error(500, "oops"), Unknown("HTTP 500")),
        (httpx.Response(400, text="<html>"), Unknown("an unreadable answer", is_unreadable=True)),
        (
            httpx.Response(400, json={"error": {"code": 403, "message": "x"}}),
            Unknown("HTTP 400 in an unknown form"),
        ),
        (httpx.Response(201, text="<html>"), Unknown("an unreadable answer", is_unreadable=True)),
        (
            httpx.Response(201, json={"data": key()}),
            Unknown("an unreadable answer", is_unreadable=True),
        ),
        (
            httpx.Response(201, json={"data": key(limit=11), "key": SECRET}),
            Unknown("a key with another limit than asked for"),
        ),
    ],
)
async def test_only_a_clear_word_ends_the_making_of_a_key(
    supplier: Supplier, vendor: respx.MockRouter, answer: httpx.Response, expected: object
) -> None:
    vendor.post("/keys").mock(return_value=answer)

    assert await supplier.fulfil(FIRST) == expected


@pytest.mark.parametrize(
    ("before", "after", "written", "expected"),
    [
        # The key holds nothing else: it ends.
        (
            {},
            {"name": "ended-txn_0000000000000001", "disabled": True},
            b'{"name":"ended-txn_0000000000000001","limit":10.1,"disabled":true}',
            Revoked(),
        ),
        # It holds more, and enough is left: it is lowered.
        (
            {"name": "topup-txn_0000000000000002", "limit": 30.1, "limit_remaining": 15},
            {
                "name": "topup-txn_0000000000000002-reversed-txn_0000000000000001",
                "limit": 20,
                "limit_remaining": 4.9,
            },
            b'{"name":"topup-txn_0000000000000002-reversed-txn_0000000000000001","limit":20.0}',
            Revoked(),
        ),
        # The answer to the first request was lost: nothing is taken twice.
        (
            {"name": "topup-txn_0000000000000002-reversed-txn_0000000000000001", "limit": 20},
            {"name": "topup-txn_0000000000000002-reversed-txn_0000000000000001", "limit": 20},
            None,
            Revoked(),
        ),
        (
            {"limit_remaining": 10.09},
            {},
            None,
            NotRevoked("it was used, or its key is disabled"),
        ),
        (
            {"name": "by hand"},
            {},
            None,
            NotRevoked("its key is gone, or was changed by somebody else"),
        ),
    ],
)
async def test_a_top_up_is_taken_back_where_its_amount_is_unused(
    supplier: Supplier,
    vendor: respx.MockRouter,
    before: dict[str, Any],
    after: dict[str, Any],
    written: bytes | None,
    expected: object,
) -> None:
    sees(vendor, key(**before), key(**after))
    asked = vendor.patch(f"/keys/{HASH}").respond(200, json={"data": key(**after)})

    outcome = await supplier.revoke(replace(FIRST, recipient_left=LEFT), SECRET)

    assert outcome == expected
    assert [call.request.content for call in asked.calls] == ([] if written is None else [written])


async def test_what_is_used_while_it_is_taken_back_is_given_back(
    supplier: Supplier, vendor: respx.MockRouter
) -> None:
    ended = key(name="ended-txn_0000000000000001", disabled=True, limit_remaining=9)
    sees(vendor, key(), ended)
    asked = vendor.patch(f"/keys/{HASH}").respond(200, json={"data": ended})

    outcome = await supplier.revoke(replace(FIRST, recipient_left=LEFT), SECRET)

    assert outcome == NotRevoked("it was used")
    assert asked.calls.last.request.content == (
        b'{"name":"topup-txn_0000000000000001","limit":10.1,"disabled":false}'
    )


async def test_a_top_up_whose_key_was_replaced_is_not_taken_back(
    supplier: Supplier, vendor: respx.MockRouter
) -> None:
    other = json.dumps({"key": HASH, "topups": ["txn_0000000000000005"]})

    outcome = await supplier.revoke(replace(FIRST, recipient_left=other), SECRET)

    assert outcome == NotRevoked("its key is not known any more")
    assert not vendor.calls


async def test_the_account_s_credit_is_its_balance(
    supplier: Supplier, vendor: respx.MockRouter
) -> None:
    credit = vendor.get("/credits").respond(
        200, json={"data": {"total_credits": 100.5, "total_usage": 25.759}}
    )

    assert await supplier.balance_cents() == 7474  # 74.741 dollars
    assert (await supplier.probe()).detail == "OpenRouter knows the management key; $74.74 left"
    credit.respond(401, json={"error": {"code": 401, "message": "No auth"}})
    assert await supplier.balance_cents() is None
    assert not (await supplier.probe()).is_well


def test_amounts_go_to_and_fro_exactly() -> None:
    assert usd_of_cents(1) == Decimal("0.01")
    assert usd_of_number(0.1) + usd_of_number(0.2) == Decimal("0.3")
    assert cents_of_usd(usd_of_number(1.15)) == 115  # 1.15 * 100 is 114.99999999999999
    assert cents_of_usd(Decimal("-0.001")) == -1


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"management_key": "k" * 20, "base_url": "ftp://openrouter.ai"},
        {"management_key": "a\nb"},
    ],
)
async def test_options_that_no_request_could_carry_are_refused(options: dict[str, Any]) -> None:
    async with http_client() as client:
        with pytest.raises(OptionsRefused):
            made(client, "openrouter", **options)
