"""Virtual keys of a LiteLLM proxy, against answers recorded from the source of litellm 1.109.1."""

import hashlib
import json
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from typing import Any

import httpx
import pytest
import pytest_asyncio
import respx

from billing.fulfilment.protocol import (
    Delivered,
    Health,
    NotDone,
    OptionsRefused,
    Refused,
    Request,
    Revoked,
    Supplier,
    Unknown,
)
from tests.support.plain_http import http_client
from tests.support.vendor_service import made

URL = "http://litellm.internal:4000"
KEY_ID = "d5345c0ecc68ae6295c69f91926b2bd379e25481a40c34b5884d157a9f65d8fa"
FIRST = Request(
    transaction_id="txn_0000000000000001",
    account_id="acc_1",
    environment="live",
    platform="litellm",
    amount_cents=1010,
    recipient_email="user@example.com",
    voucher_code="",
)
SECOND = replace(
    FIRST,
    transaction_id="txn_0000000000000002",
    amount_cents=20,
    prepared=json.dumps({"key": KEY_ID, "before": "10.1", "name": "topup-txn_0000000000000001"}),
    recipient_left=json.dumps({"key": KEY_ID, "topups": ["txn_0000000000000001"]}),
)


@pytest_asyncio.fixture
async def supplier() -> AsyncIterator[Supplier]:
    async with http_client() as client:
        yield made(
            client,
            "litellm",
            base_url=URL,
            admin_key="sk-master",
            public_url="https://ai.example.com/",
            models="gpt-4o-mini, claude",
        )


@pytest.fixture
def vendor() -> Iterator[respx.MockRouter]:
    with respx.mock(base_url=URL, assert_all_called=False) as router:
        yield router


def info(**changed: Any) -> httpx.Response:
    row = {
        "key_name": "sk-...x7Qw",
        "key_alias": "topup-txn_0000000000000001",
        "spend": 0.0,
        "max_budget": 10.1,
        "budget_duration": None,
        "budget_reset_at": None,
        "blocked": None,
        "expires": None,
        "models": ["gpt-4o-mini", "claude"],
        "metadata": {},
        "status": "active",
        **changed,
    }
    return httpx.Response(200, json={"key": KEY_ID, "info": row})


def error(status: int, message: str) -> httpx.Response:
    said = {"message": message, "type": "auth_error", "param": "key", "code": str(status)}
    return httpx.Response(status, json={"error": said})


GONE = error(404, "Key not found in database")


async def prepared(supplier: Supplier, request: Request) -> Request:
    text = await supplier.prepare(request)
    assert isinstance(text, str)
    return replace(request, prepared=text)


async def test_the_first_top_up_makes_the_key_that_was_planned(
    supplier: Supplier, vendor: respx.MockRouter
) -> None:
    asked = vendor.post("/key/generate").respond(200, json={"key": "sk-…", "max_budget": 10.1})
    seen = vendor.get("/key/info").mock(return_value=info())

    request = await prepared(supplier, FIRST)
    outcome = await supplier.fulfil(request)

    sent = json.loads(asked.calls.last.request.content)
    secret = sent.pop("key")
    assert b'"max_budget":10.1,' in asked.calls.last.request.content
    assert sent == {
        "key_alias": "topup-txn_0000000000000001",
        "max_budget": 10.1,
        "key_type": "llm_api",
        "models": ["gpt-4o-mini", "claude"],
    }
    assert asked.calls.last.request.headers["Authorization"] == "Bearer sk-master"
    assert secret.startswith("sk-")
    assert len(secret) == 35
    assert secret not in str(request.prepared)
    key_id = hashlib.sha256(secret.encode()).hexdigest()
    assert seen.calls.last.request.url.params["key"] == key_id
    assert isinstance(outcome, Delivered)
    assert (outcome.deliverable.kind, outcome.deliverable.value) == ("key", secret)
    assert "$10.10" in str(outcome.deliverable.instructions)
    assert "the base URL https://ai.example.com/v1." in str(outcome.deliverable.instructions)
    assert json.loads(str(outcome.left)) == {"key": key_id, "topups": ["txn_0000000000000001"]}


async def test_a_key_that_was_made_before_the_time_out_is_found_and_handed_over(
    supplier: Supplier, vendor: respx.MockRouter
) -> None:
    asked = vendor.post("/key/generate").mock(side_effect=httpx.ReadTimeout("slow"))
    vendor.get("/key/info").mock(return_value=info())

    request = await prepared(supplier, FIRST)
    assert await supplier.fulfil(request) == Unknown("timeout")
    found = await supplier.look_up(replace(request, attempt=2))

    assert isinstance(found, Delivered)
    assert found.deliverable.value == json.loads(asked.calls.last.request.content)["key"]


async def test_a_key_is_planned_once_for_a_top_up(
    supplier: Supplier, vendor: respx.MockRouter
) -> None:
    vendor.get("/key/info").mock(return_value=GONE)
    request = await prepared(supplier, FIRST)

    assert await supplier.look_up(request) == NotDone()
    assert (await prepared(supplier, request)).prepared == request.prepared


async def test_a_refusal_after_the_key_was_made_is_no_refusal(
    supplier: Supplier, vendor: respx.MockRouter
) -> None:
    vendor.post("/key/generate").mock(
        return_value=error(400, "Key with alias 'topup-txn_0000000000000001' already exists.")
    )
    vendor.get("/key/info").mock(side_effect=[info(), GONE])
    request = await prepared(supplier, FIRST)

    assert isinstance(await supplier.fulfil(request), Delivered)
    assert await supplier.fulfil(request) == Refused(
        "refused by LiteLLM: Key with alias 'topup-txn_0000000000000001' already exists."
    )


@pytest.mark.parametrize(
    "state",
    [{"budget_duration": "30d"}, {"blocked": True}, {"max_budget": None}, {"key_alias": "by hand"}],
)
async def test_a_key_that_is_not_as_it_was_asked_for_waits_for_a_person(
    supplier: Supplier, vendor: respx.MockRouter, state: dict[str, Any]
) -> None:
    vendor.post("/key/generate").respond(200, json={"key": "sk-…"})
    vendor.get("/key/info").mock(return_value=info(**state))

    outcome = await supplier.fulfil(await prepared(supplier, FIRST))

    assert isinstance(outcome, Unknown)
    assert outcome.needs_review


async def test_a_later_top_up_raises_the_same_key(
    supplier: Supplier, vendor: respx.MockRouter
) -> None:
    raised = info(key_alias="topup-txn_0000000000000002", max_budget=10.3, spend=6.0)
    vendor.get("/key/info").mock(side_effect=[info(), raised])
    asked = vendor.post("/key/update").respond(200, json={"key": KEY_ID})

    outcome = await supplier.fulfil(await prepared(supplier, SECOND))

    assert (
        asked.calls.last.request.content
        == (
            f'{{"key":"{KEY_ID}","key_alias":"topup-txn_0000000000000002","max_budget":10.3}}'
        ).encode()
    )
    assert isinstance(outcome, Delivered)
    assert outcome.deliverable.kind == "credit"
    assert outcome.deliverable.instructions == (
        "Your key sk-...x7Qw got $0.20 more. $4.30 are left on it. "
        "Go on using the same key; nothing has to be changed."
    )


async def test_a_name_that_cannot_be_kept_is_still_the_same_name(
    supplier: Supplier, vendor: respx.MockRouter
) -> None:
    odd = info().content.replace(b"topup-txn_0000000000000001", b"\\ud800" + b"x" * 200)
    vendor.get("/key/info").mock(return_value=httpx.Response(200, content=odd))

    request = await prepared(supplier, SECOND)

    assert json.loads(str(request.prepared))["name"] == "\ufffd" + "x" * 99
    assert await supplier.look_up(request) == NotDone()


@pytest.mark.parametrize("gone", [GONE, info(status="deleted")])
async def test_a_key_that_is_gone_gets_a_new_one(
    supplier: Supplier, vendor: respx.MockRouter, gone: httpx.Response
) -> None:
    vendor.get("/key/info").mock(return_value=gone)

    assert await supplier.look_up(SECOND) == NotDone()
    plan = json.loads(str((await prepared(supplier, SECOND)).prepared))
    assert set(plan) == {"sealed"}


@pytest.mark.parametrize(
    ("answer", "detail"),
    [
        (
            error(401, "Authentication Error"),
            "HTTP 401: the credential is not accepted, or lacks a permission",
        ),
        (
            error(403, "Custom API key values are disabled"),
            "HTTP 403: the credential is not accepted, or lacks a permission",
        ),
        (httpx.Response(404, text="<html>"), "an unreadable answer"),
        (httpx.Response(404, json={"detail": "Not Found"}), "an unreadable answer"),
        (httpx.Response(200, text="<html>"), "an unreadable answer"),
        (httpx.Response(502, text="Bad gateway"), "HTTP 502"),
    ],
)
async def test_what_is_no_clear_word_about_a_key_says_nothing(
    supplier: Supplier, vendor: respx.MockRouter, answer: httpx.Response, detail: str
) -> None:
    vendor.get("/key/info").mock(return_value=answer)

    said = Unknown(detail, is_unreadable=detail == "an unreadable answer")
    assert await supplier.look_up(SECOND) == said
    assert await supplier.prepare(SECOND) == said


async def test_a_key_is_blocked_where_its_only_top_up_is_taken_back(
    supplier: Supplier, vendor: respx.MockRouter
) -> None:
    vendor.get("/key/info").mock(
        side_effect=[info(), info(key_alias="ended-txn_0000000000000001", blocked=True)]
    )
    asked = vendor.post("/key/update").respond(200, json={"key": KEY_ID})

    outcome = await supplier.revoke(replace(FIRST, recipient_left=SECOND.recipient_left), "sk-…")

    assert outcome == Revoked()
    assert json.loads(asked.calls.last.request.content) == {
        "key": KEY_ID,
        "key_alias": "ended-txn_0000000000000001",
        "max_budget": 10.1,
        "blocked": True,
    }


async def test_a_list_of_keys_shows_that_the_admin_key_is_known(
    supplier: Supplier, vendor: respx.MockRouter
) -> None:
    listed = vendor.get("/key/list").respond(200, json={"keys": ["a"], "total_count": 41})

    assert await supplier.probe() == Health(
        is_well=True, detail="LiteLLM knows the key, which sees 41 keys of the proxy"
    )
    listed.mock(return_value=error(401, "Authentication Error"))
    assert not (await supplier.probe()).is_well
    assert await supplier.balance_cents() is None


@pytest.mark.parametrize("options", [{"base_url": "litellm:4000"}, {"public_url": "litellm.local"}])
async def test_options_that_do_not_fit_are_refused(options: dict[str, Any]) -> None:
    async with http_client() as client:
        with pytest.raises(OptionsRefused):
            made(client, "litellm", **{"base_url": URL, "admin_key": "sk-master", **options})
