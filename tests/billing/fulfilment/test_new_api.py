"""Codes and quota of a New API instance, against answers recorded from its source."""

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

URL = "https://api.example.com"
CODE = "5d41402abc4b2a76b9719d911017c592"
REQUEST = Request(
    transaction_id="txn_0000000000000001",
    account_id="acc_1",
    environment="live",
    platform="new_api",
    amount_cents=1000,
    recipient_email="User@example.com",
    voucher_code="",
)
PLAN = '{"user":7,"granted":1500}'


@pytest_asyncio.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    async with http_client() as opened:
        yield opened


@pytest.fixture
def codes(client: httpx.AsyncClient) -> Supplier:
    return made(client, "new_api", base_url=URL, access_token="token", user_id=1)


@pytest.fixture
def quota(client: httpx.AsyncClient) -> Supplier:
    return made(client, "new_api", base_url=URL, access_token="token", user_id=1, delivers="quota")


@pytest.fixture
def vendor() -> Iterator[respx.MockRouter]:
    with respx.mock(base_url=URL, assert_all_called=False) as router:
        yield router


def said(data: Any = None, *, success: bool = True, message: str = "") -> httpx.Response:
    given = {"data": data} if success else {}  # a refusal has none
    return httpx.Response(200, json={"success": success, "message": message, **given})


def row(**changed: Any) -> dict[str, Any]:
    return {
        "id": 5,
        "user_id": 1,
        "key": CODE,
        "status": 1,
        "name": "txn_0000000000000001",
        "quota": 5_000_000,
        "created_time": 1_795_000_000,
        "redeemed_time": 0,
        "used_user_id": 0,
        "DeletedAt": None,
        "expired_time": 0,
        **changed,
    }


def user(**changed: Any) -> dict[str, Any]:
    return {
        "id": 7,
        "username": "user",
        "email": "user@Example.com",
        "role": 1,
        "status": 1,
        "quota": 1_000,
        "used_quota": 500,
        "DeletedAt": None,
        **changed,
    }


def page(*rows: dict[str, Any], total: int | None = None) -> httpx.Response:
    number = len(rows) if total is None else total
    return said({"page": 1, "page_size": 100, "total": number, "items": list(rows) or None})


async def test_a_code_worth_the_amount_is_made_and_handed_over(
    codes: Supplier, vendor: respx.MockRouter
) -> None:
    asked = vendor.post("/api/redemption/").mock(return_value=said([CODE]))

    outcome = await codes.fulfil(REQUEST)

    request = asked.calls.last.request
    assert json.loads(request.content) == {
        "name": "txn_0000000000000001",
        "count": 1,
        "quota": 5_000_000,  # $10.00 at 500,000 a dollar
        "expired_time": 0,
    }
    assert request.headers["Authorization"] == "Bearer token"
    assert request.headers["New-Api-User"] == "1"
    assert isinstance(outcome, Delivered)
    assert (outcome.deliverable.kind, outcome.deliverable.value) == ("code", CODE)
    assert outcome.deliverable.redeem_url == "https://api.example.com/console/topup"
    assert "It adds $10.00 to your balance, once." in str(outcome.deliverable.instructions)


@pytest.mark.parametrize("is_paged", [True, False])
async def test_a_code_that_was_made_before_the_time_out_is_found(
    codes: Supplier, vendor: respx.MockRouter, is_paged: bool
) -> None:
    rows = [row(id=4, name="txn_0000000000000001x", key="other"), row(id=6, key="later"), row()]
    vendor.get("/api/redemption/search").mock(return_value=page(*rows) if is_paged else said(rows))

    found = await codes.look_up(replace(REQUEST, attempt=2))

    assert isinstance(found, Delivered)
    assert found.deliverable.value == CODE


@pytest.mark.parametrize("text", ['{"items": [5]}', "{}", "5", '{"items": [{"name": "\\ud800"}]}'])
async def test_a_list_in_another_form_is_not_taken_for_none(
    codes: Supplier, vendor: respx.MockRouter, text: str
) -> None:
    vendor.get("/api/redemption/search").respond(
        200, content=f'{{"success": true, "data": {text}}}'
    )

    assert isinstance(await codes.look_up(REQUEST), Unknown)


async def test_a_code_is_looked_for_on_every_page(
    codes: Supplier, vendor: respx.MockRouter
) -> None:
    similar = [row(id=100 + n, name=f"txn_0000000000000001{n}") for n in range(100)]
    listed = vendor.get("/api/redemption/search").mock(
        side_effect=[page(*similar, total=101), page(row(), total=101)]
    )

    assert isinstance(await codes.look_up(REQUEST), Delivered)
    assert [call.request.url.params["p"] for call in listed.calls] == ["1", "2"]


@pytest.mark.parametrize("changed", [{"status": 2}, {"status": 3, "used_user_id": 9}, {"quota": 1}])
async def test_a_code_that_somebody_touched_waits_for_a_person(
    codes: Supplier, vendor: respx.MockRouter, changed: dict[str, Any]
) -> None:
    vendor.get("/api/redemption/search").mock(return_value=page(row(**changed)))

    found = await codes.look_up(REQUEST)

    assert isinstance(found, Unknown)
    assert found.needs_review


async def test_a_database_of_new_api_that_failed_says_no_for_now_only(
    codes: Supplier, vendor: respx.MockRouter
) -> None:
    said_no = {"success": False, "message": "Failed to create redemption code", "data": None}
    vendor.post("/api/redemption/").mock(return_value=httpx.Response(200, json=said_no))
    search = vendor.get("/api/redemption/search")

    search.mock(return_value=page())
    assert await codes.fulfil(REQUEST) == Unknown(
        "New API could not keep the code: Failed to create redemption code"
    )
    search.mock(return_value=page(row()))
    assert isinstance(await codes.fulfil(REQUEST), Delivered)


async def test_a_no_of_new_api_is_one_where_no_code_lies_there(
    codes: Supplier, vendor: respx.MockRouter
) -> None:
    vendor.post("/api/redemption/").mock(return_value=said(success=False, message="no quota"))
    search = vendor.get("/api/redemption/search")

    search.mock(return_value=page())
    assert await codes.fulfil(REQUEST) == Refused("no quota")
    search.mock(return_value=page(row()))
    assert isinstance(await codes.fulfil(REQUEST), Delivered)
    # What refuses everything, such as a bad token, says nothing about this top-up.
    search.mock(return_value=said(success=False, message="access token is invalid"))
    assert await codes.fulfil(REQUEST) == Unknown(
        "New API refused the search: access token is invalid"
    )


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (said([]), Unknown("no code in New API's answer")),
        (httpx.Response(200, text="<html>"), Unknown("an unreadable answer", is_unreadable=True)),
        (said([5]), Unknown("no code in New API's answer")),
        (httpx.Response(502, text="<html>"), Unknown("HTTP 502")),
        (
            httpx.Response(429, headers={"Retry-After": "60"}),
            Unknown("HTTP 429", again_in_s=60.0),
        ),
        (
            httpx.Response(401, json={"success": False}),
            Unknown("HTTP 401: the credential is not accepted, or lacks a permission"),
        ),
    ],
)
async def test_only_a_clear_word_ends_the_making_of_a_code(
    codes: Supplier, vendor: respx.MockRouter, answer: httpx.Response, expected: object
) -> None:
    vendor.post("/api/redemption/").mock(return_value=answer)

    assert await codes.fulfil(REQUEST) == expected


async def test_an_amount_that_new_api_cannot_hold_is_refused_unasked(
    codes: Supplier, vendor: respx.MockRouter
) -> None:
    outcome = await codes.fulfil(replace(REQUEST, amount_cents=429_497))  # 2,147,485,000 units

    assert outcome == Refused("an amount that New API cannot hold")
    assert not vendor.calls


@pytest.mark.parametrize(
    ("before", "after", "is_asked", "expected"),
    [
        (row(), row(status=2), True, Revoked()),
        (row(status=2), None, False, Revoked()),
        (row(status=3, used_user_id=9), None, False, NotRevoked("the code was redeemed")),
        # Redeemed in the same moment: the status was overwritten, who redeemed it was not.
        (row(), row(status=2, used_user_id=9), True, NotRevoked("the code was redeemed")),
        (row(key="another"), None, False, NotRevoked("the code is gone at New API")),
    ],
)
async def test_a_code_is_taken_back_where_nobody_redeemed_it(
    codes: Supplier,
    vendor: respx.MockRouter,
    before: dict[str, Any],
    after: dict[str, Any] | None,
    is_asked: bool,
    expected: object,
) -> None:
    vendor.get("/api/redemption/search").mock(
        side_effect=[page(before)] + ([] if after is None else [page(after)])
    )
    asked = vendor.put("/api/redemption/").mock(return_value=said())

    assert await codes.revoke(REQUEST, CODE) == expected
    assert asked.called is is_asked
    if is_asked:
        assert asked.calls.last.request.url.params["status_only"] == "true"
        assert json.loads(asked.calls.last.request.content) == {"id": 5, "status": 2}


async def test_quota_is_added_to_the_user_with_the_recipient_s_address(
    quota: Supplier, vendor: respx.MockRouter
) -> None:
    similar = user(id=8, email="another-user@example.com")
    deleted = user(id=9, DeletedAt="2026-01-01T00:00:00Z")
    vendor.get("/api/user/search").mock(return_value=page(similar, deleted, user()))
    asked = vendor.post("/api/user/manage").mock(return_value=said())
    vendor.get("/api/user/7").mock(return_value=said(user(quota=5_000_900, used_quota=600)))

    prepared = await quota.prepare(REQUEST)
    outcome = await quota.fulfil(replace(REQUEST, prepared=str(prepared)))

    assert prepared == PLAN
    assert json.loads(asked.calls.last.request.content) == {
        "id": 7,
        "action": "add_quota",
        "mode": "add",
        "value": 5_000_000,
    }
    assert isinstance(outcome, Delivered)
    assert (outcome.deliverable.kind, outcome.deliverable.value) == ("credit", None)


@pytest.mark.parametrize(
    ("users", "reason"),
    [
        ([], "nobody at New API has this e-mail address"),
        ([user(email="other@example.com")], "nobody at New API has this e-mail address"),
        ([user(), user(id=8)], "several users at New API have this e-mail address"),
        ([user(status=2)], "the user at New API is disabled"),
        ([user(quota=2**31 - 5_000_000)], "an amount that New API cannot hold"),
    ],
)
async def test_a_recipient_whom_new_api_does_not_know_is_a_definite_no(
    quota: Supplier, vendor: respx.MockRouter, users: list[dict[str, Any]], reason: str
) -> None:
    vendor.get("/api/user/search").mock(return_value=page(*users))

    assert await quota.prepare(REQUEST) == Refused(reason)


@pytest.mark.parametrize(
    ("answer", "granted", "expected"),
    [
        (said(), 5_001_500, "delivered"),
        (said(), 1_500, "person"),  # an old release says yes to what it does not know
        (said(success=False, message="no"), 1_500, "refused"),
        (said(success=False, message="no"), 5_001_500, "person"),
        (httpx.Response(504), 1_500, "unknown"),
    ],
)
async def test_what_new_api_says_is_held_against_the_user_s_figures(
    quota: Supplier,
    vendor: respx.MockRouter,
    answer: httpx.Response,
    granted: int,
    expected: str,
) -> None:
    vendor.post("/api/user/manage").mock(return_value=answer)
    vendor.get("/api/user/7").mock(return_value=said(user(quota=granted - 500)))

    outcome = await quota.fulfil(replace(REQUEST, prepared=PLAN))

    needs_review = isinstance(outcome, Unknown) and outcome.needs_review
    assert ("person" if needs_review else type(outcome).__name__.lower()) == expected


async def test_after_a_lost_answer_unchanged_figures_are_the_only_clear_ones(
    quota: Supplier, vendor: respx.MockRouter
) -> None:
    seen = vendor.get("/api/user/7")
    lost = replace(REQUEST, prepared=PLAN, attempt=2)

    seen.mock(return_value=said(user(quota=200, used_quota=1_300)))  # used meanwhile
    assert await quota.look_up(lost) == NotDone()
    seen.mock(return_value=said(user(quota=5_001_000)))
    found = await quota.look_up(lost)
    assert found == Unknown(
        "New API gave no clear response for user 7: quota and used quota together were 1500, are 5001500 now, "
        "and this top-up adds 5000000",
        needs_review=True,
    )
    assert await quota.look_up(replace(REQUEST, attempt=2)) == NotDone()
    assert isinstance(await quota.revoke(REQUEST, None), NotRevoked)


async def test_the_administrator_is_asked_for(codes: Supplier, vendor: respx.MockRouter) -> None:
    seen = vendor.get("/api/user/self")
    vendor.get("/api/user/topup/info").mock(return_value=said({"min_topup": 1}))

    seen.mock(return_value=said(user(id=1, role=100, quota=1_234_567)))
    assert await codes.probe() == Health(
        is_well=True, detail="New API knows user 1 as an administrator"
    )
    assert await codes.balance_cents() is None  # codes draw on nothing of the administrator's
    seen.mock(return_value=said(user(id=1, role=1)))
    assert not (await codes.probe()).is_well
    seen.mock(return_value=said(success=False, message="access token is invalid"))
    assert await codes.probe() == Health(
        is_well=False, detail="New API: New API refused: access token is invalid"
    )


async def test_a_release_without_terms_is_well(codes: Supplier, vendor: respx.MockRouter) -> None:
    vendor.get("/api/user/self").mock(return_value=said(user(id=1, role=100)))
    info = vendor.get("/api/user/topup/info")

    info.mock(return_value=httpx.Response(404))
    assert (await codes.probe()).is_well  # April 2025
    info.mock(return_value=httpx.Response(502))
    assert not (await codes.probe()).is_well


async def test_an_instance_whose_terms_nobody_confirmed_is_not_well(
    codes: Supplier, quota: Supplier, vendor: respx.MockRouter
) -> None:
    vendor.get("/api/user/self").mock(return_value=said(user(id=1, role=100)))
    info = vendor.get("/api/user/topup/info")

    info.mock(return_value=said({"payment_compliance_confirmed": False}))
    assert await codes.probe() == Health(
        is_well=False,
        detail="New API creates no codes until its root user confirms the payment terms there",
    )
    assert (await quota.probe()).is_well  # quota is added all the same
    info.mock(return_value=said({"payment_compliance_confirmed": True}))
    assert (await codes.probe()).is_well


async def test_an_address_without_a_scheme_is_refused(client: httpx.AsyncClient) -> None:
    with pytest.raises(OptionsRefused):
        made(client, "new_api", base_url="api.example.com", access_token="token", user_id=1)
