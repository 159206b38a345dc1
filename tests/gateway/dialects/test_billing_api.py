"""The Billing API: the seed's bodies field by field, every path, and every refusal in its shape."""

import asyncio
import json
from typing import Any

import pytest
import pytest_asyncio

from gateway.api.money.provider_notifications import surfaces
from gateway.dialects.billing_api import routes as billing_api
from gateway.http.routing import Router
from tests.support.billing_api_calls import (
    PLAN,
    Caller,
    administrator,
    customer,
    findings,
    sold,
)
from tests.support.browser import signed_in
from tests.support.dialect_calls import decide
from tests.support.gateway import Gateway
from tests.support.recordings import form_of, recorded

pytestmark = pytest.mark.fixed_clock


@pytest_asyncio.fixture
async def me(gateway: Gateway) -> Caller:
    return await customer(gateway)


def begins_like(answer: str, seed: str) -> None:
    """The answer's first fields, nesting and kinds of numbers are the seed's; ours come after."""

    def cut(value: Any, like: Any) -> Any:
        if isinstance(like, dict):
            return {name: cut(value[name], like[name]) for name in list(value)[: len(like)]}
        if isinstance(like, list):
            return [cut(one, like[0]) for one in value]
        return value

    theirs = json.loads(seed)
    assert form_of(json.dumps(cut(json.loads(answer), theirs))) == form_of(seed)


# The seed's page


def test_every_path_of_the_seeds_page_is_there(gateway: Gateway) -> None:
    router = Router((billing_api.SURFACE, *surfaces(gateway.context.payments.providers)))

    for line in recorded("billing_api/paths.txt").splitlines():
        method, _, path = line.partition(" ")
        found = router.find(path.partition("?")[0].replace(":id", "some_id"))
        assert found is not None, line
        assert found[0].route(method)


async def test_the_balance_is_the_seeds(gateway: Gateway, me: Caller) -> None:
    boss = await administrator(gateway)
    taken = {"account_id": me.account_id, "amount": -9_998_500, "reason": "as in the seed"}
    await boss.call("POST", "/admin/credits/manual", json=taken)

    answer = await me.ask("GET", "/credits/balance")

    assert json.loads(answer.text) == json.loads(recorded("billing_api/balance.json"))
    assert form_of(answer.text) == form_of(recorded("billing_api/balance.json"))


async def test_the_transactions_begin_with_the_seeds_fields(gateway: Gateway, me: Caller) -> None:
    usage = {"credits": 50, "description": "AI chat completion (gpt-4)", "model": "gpt-4"}
    await gateway.call("POST", "/usage", key=me.key, json=usage)

    answer = await me.ask("GET", "/credits/transactions?limit=1&offset=0")

    seed = recorded("billing_api/transactions.json")
    begins_like(answer.text, seed)
    [ours], [theirs] = answer.json()["data"], json.loads(seed)["data"]
    for name in ("type", "amount", "description"):
        assert ours[name] == theirs[name]
    assert ours["amount_micros"] == -50_000


@pytest.mark.one_database
async def test_the_plans_begin_with_the_seeds_fields_and_are_public(gateway: Gateway) -> None:
    await sold(gateway)

    answer = await gateway.client.get("/subscription/plans")

    seed = recorded("billing_api/plans.json")
    begins_like(answer.text, seed)
    [ours], [theirs] = answer.json()["data"], json.loads(seed)["data"]
    assert {name: ours[name] for name in theirs} == theirs
    more = (
        "currency active credit_expires rollover_max_credits grants entitlements "
        "on_repurchase when_used_up stripe_price_id_monthly stripe_price_id_yearly "
        "creem_product_id creem_product_id_yearly trial_days trial_credits"
    )
    assert list(ours) == [*theirs, *more.split()]


async def test_the_seeds_session_leads_to_a_plan_and_its_portal(
    gateway: Gateway, me: Caller
) -> None:
    await sold(gateway)
    before = await me.balance()

    made = await me.call(
        "POST",
        "/payment/create-session",
        json=json.loads(recorded("billing_api/create-session.json")),
    )
    await decide(gateway, made["url"])
    portal = await me.call(
        "POST", "/subscription/portal", json=json.loads(recorded("billing_api/portal.json"))
    )

    assert list(made) == ["url", "session_id", "order_id"]
    assert await me.balance() - before == 10_000
    assert list(portal) == ["url"]
    assert "Pro" in (await gateway.client.get(portal["url"].partition("8000")[2])).text
    assert (await me.call("GET", f"/orders/{made['order_id']}"))["status"] == "paid"


# What callers do


@pytest.mark.parametrize("name", ["coupon", "coupon_code"])
async def test_a_topup_session_sells_a_pack_and_an_amount_with_a_coupon(
    gateway: Gateway, me: Caller, name: str
) -> None:
    boss = await administrator(gateway)
    coupon = {"code": "half", "percent": 50}
    await boss.call("POST", "/admin/billing/coupons", status=201, json=coupon)
    before = await me.balance()
    wish = {"channel": "creem", "type": "topup", "success_url": "https://example.com/ok"}

    pack = await me.call("POST", "/payment/create-session", json={**wish, "pack_id": "pack_pro"})
    amount = await me.call(
        "POST", "/payment/create-session", json={**wish, "amount_cents": 1000, name: "HALF"}
    )
    two = {**wish, "amount_cents": 1000, "coupon": "HALF", "coupon_code": "OTHER"}
    await me.call("POST", "/payment/create-session", status=422, json=two)
    for made in (pack, amount):
        await decide(gateway, made["url"])

    assert await me.balance() - before == 35_000
    first = (await me.ask("GET", "/orders?limit=1")).json()
    rest = (await me.ask("GET", f"/orders?cursor={first['next_cursor']}")).json()
    assert rest["next_cursor"] is None
    assert await me.call("GET", "/orders?status=paid") == first["data"] + rest["data"]
    assert await me.call("GET", "/orders?status=refunded") == []
    listed = await me.call("GET", "/orders?limit=20&offset=0")
    assert [one["id"] for one in listed] == [amount["order_id"], pack["order_id"]]
    assert (listed[0]["amount"], listed[0]["pay_amount"], listed[0]["coupon"]) == (
        1000,
        500,
        "HALF",
    )
    lines = await me.call("GET", "/credits/transactions?limit=3")
    assert [(one["type"], one["amount"]) for one in lines] == [
        ("purchase", 10_000),
        ("purchase", 25_000),
        ("manual", 10_000_000),
    ]


async def test_transactions_add_up_to_the_balance_and_go_on_by_offset(
    gateway: Gateway, me: Caller
) -> None:
    await me.call("POST", "/checkin", json={})
    # 100 of it are promotional and go first: two transfers, one line.
    await gateway.call("POST", "/usage", key=me.key, json={"credits": 150, "description": "AI"})
    await gateway.call(
        "POST", "/usage", key=me.key, json={"amount_micros": 1_999, "description": "bit"}
    )
    held = await gateway.call("POST", "/holds", key=me.key, json={"credits": 7, "description": "h"})
    await gateway.call("POST", f"/holds/{held.json()['data']['id']}/release", key=me.key, json={})

    lines = await me.call("GET", "/credits/transactions")

    assert [(one["type"], one["amount"]) for one in lines] == [
        ("ai_usage", 7),
        ("ai_usage", -7),
        ("ai_usage", -1),
        ("ai_usage", -150),
        ("checkin", 100),
        ("manual", 10_000_000),
    ]
    assert [one["description"] for one in lines[:3]] == ["Hold released", "h", "bit"]
    assert sum(one["amount_micros"] for one in lines) // 1000 == await me.balance()
    paged = [await me.call("GET", f"/credits/transactions?limit=2&offset={n}") for n in (0, 2, 4)]
    assert [one for page in paged for one in page] == lines
    first = (await me.ask("GET", "/credits/transactions?limit=4")).json()
    cursor = first["next_cursor"]
    rest = (await me.ask("GET", f"/credits/transactions?limit=4&cursor={cursor}")).json()
    assert first["data"] + rest["data"] == lines
    assert rest["next_cursor"] is None


async def test_check_in_is_once_a_day(gateway: Gateway, me: Caller) -> None:
    first = await me.call("POST", "/checkin")
    again = await me.call("POST", "/checkin", status=409)

    assert first == {
        "credits_awarded": 100,
        "streak": 1,
        "balance": 10_000_100,
        "next_checkin_at": "2026-06-14T08:00:00Z",
    }
    assert again["code"] == "already_checked_in"


async def test_parallel_check_ins_award_once(gateway: Gateway, me: Caller) -> None:
    answers = await asyncio.gather(*(me.ask("POST", "/checkin") for _ in range(12)))

    assert sorted(answer.status_code for answer in answers) == [200] + [409] * 11
    assert await me.balance() == 10_000_100
    assert await findings(gateway) == []


async def test_a_spent_budget_is_told(gateway: Gateway, me: Caller) -> None:
    boss = await administrator(gateway)
    config = {"min_credits": 10, "max_credits": 20, "daily_budget_credits": 15}
    await boss.call(
        "PUT", "/admin/checkin/config", json={"credits": 15, "daily_budget_credits": 15}
    )
    await me.call("POST", "/checkin")
    other = await customer(gateway, "other@example.com")

    refused = await other.call("POST", "/checkin", status=409)

    assert refused["code"] == "budget_exhausted"
    assert await boss.call("PUT", "/admin/checkin/config", json=config) == {
        "enabled": True,
        "min_credits": 10,
        "max_credits": 20,
        "daily_budget_credits": 15,
        "streak_bonus_credits": 10,
        "streak_days_max": 7,
    }


async def test_the_same_session_again_under_a_key_is_one_order(
    gateway: Gateway, me: Caller
) -> None:
    await sold(gateway)
    body = {"channel": "stripe", "type": "subscription", "plan_id": "plan-id"}

    answers = [
        await me.ask("POST", "/payment/create-session", once="plan-1", json=body) for _ in range(2)
    ]

    assert answers[0].content == answers[1].content
    assert len(await me.call("GET", "/orders")) == 1


@pytest.mark.one_database
async def test_a_session_by_cookie_works_and_needs_its_own_page(gateway: Gateway) -> None:
    browser = await signed_in(gateway)

    balance = await browser.request("GET", "/credits/balance")
    foreign = await browser.request("POST", "/checkin", {"Origin": "https://evil.example"})
    own = await browser.request("POST", "/checkin", {"Origin": gateway.url})

    assert balance.json()["data"] == {"balance": 10_000_000}
    assert (foreign.status_code, foreign.json()["success"]) == (403, False)
    assert own.status_code == 200


# What is refused


@pytest.mark.one_database
@pytest.mark.parametrize(
    ("body", "status", "code", "word"),
    [
        ({"channel": "paypal", "type": "topup"}, 422, "malformed_request", "channel"),
        ({"channel": "stripe", "type": "gift"}, 422, "malformed_request", "type"),
        ({"channel": "stripe", "type": "subscription"}, 422, "malformed_request", "plan_id"),
        (
            {"channel": "stripe", "type": "subscription", "plan_id": "none"},
            404,
            "plan_not_found",
            "Plan",
        ),
        (
            {"channel": "creem", "type": "subscription", "plan_id": "plan-id"},
            422,
            "malformed_request",
            "creem_product_id",
        ),
        (
            {"channel": "epay", "type": "subscription", "plan_id": "plan-id"},
            422,
            "malformed_request",
            "epay",
        ),
        ({"channel": "stripe", "type": "topup", "pack_id": "none"}, 404, "pack_not_found", "Pack"),
        (
            {"channel": "stripe", "type": "topup", "amount_cents": 1},
            422,
            "amount_out_of_range",
            "100",
        ),
        (
            {"channel": "stripe", "type": "topup", "amount_cents": 500, "coupon": "NONE"},
            404,
            "coupon_unknown",
            "coupon",
        ),
        (
            {"channel": "stripe", "type": "topup", "amount_cents": 500, "success_url": "x"},
            422,
            "malformed_request",
            "success_url",
        ),
        (
            {"channel": "sandbox", "type": "topup", "amount_cents": 500},
            422,
            "malformed_request",
            "channel: is one of creem, epay",
        ),
        (
            {"channel": "myfatoorah", "type": "subscription", "plan_id": "plan-id"},
            422,
            "malformed_request",
            "channel: myfatoorah doesn't support subscription.",
        ),
    ],
)
async def test_what_cannot_be_sold_is_refused_in_this_vendors_shape(
    gateway: Gateway, me: Caller, body: dict[str, Any], status: int, code: str, word: str
) -> None:
    await sold(gateway)

    refused = await me.call("POST", "/payment/create-session", status=status, json=body)

    assert list(refused) == ["code", "message"]
    assert refused["code"] == code
    assert word in refused["message"]
    assert await me.call("GET", "/orders") == []


@pytest.mark.one_database
async def test_an_account_without_a_plan_has_no_portal(me: Caller) -> None:
    body = {"return_url": "https://example.com/"}
    assert (await me.call("POST", "/subscription/portal", status=404, json=body))["code"] == (
        "subscription_not_found"
    )


async def test_who_has_a_plan_is_sent_to_the_portal(gateway: Gateway, me: Caller) -> None:
    await sold(gateway)
    await me.subscribe()

    body = {"channel": "stripe", "type": "subscription", "plan_id": "plan-id"}
    refused = await me.call("POST", "/payment/create-session", status=409, json=body)

    assert refused["code"] == "already_subscribed"


@pytest.mark.one_database
@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/orders/ord_unknown", 404, "order_not_found"),
        ("DELETE", "/orders", 405, "method_not_allowed"),
        ("GET", "/credits/transactions?limit=0", 422, "malformed_request"),
        ("GET", "/credits/transactions?offset=-1", 422, "malformed_request"),
        ("GET", "/credits/transactions?type=purchase", 422, "malformed_request"),
        ("GET", "/credits/transactions?offset=1&cursor=trf_1", 422, "malformed_request"),
        ("GET", "/orders?cursor=trf_1", 422, "malformed_request"),
        ("GET", "/orders?status=paidd", 422, "malformed_request"),
        ("GET", "/admin/billing/plans", 403, "missing_scope"),
        ("POST", "/admin/credits/manual", 403, "missing_scope"),
        ("PUT", "/admin/checkin/config", 403, "missing_scope"),
    ],
)
async def test_refusals_are_words(
    me: Caller, method: str, path: str, status: int, code: str
) -> None:
    assert (await me.call(method, path, status=status))["code"] == code


@pytest.mark.one_database
async def test_strangers_are_refused_and_unknown_paths_are_nobodys(gateway: Gateway) -> None:
    stranger = await gateway.client.get("/credits/balance")
    unknown = await gateway.client.get("/credits/nothing")

    assert (stranger.status_code, stranger.json()["error"]["code"]) == (401, "invalid_api_key")
    assert (unknown.status_code, unknown.json()["code"]) == (404, 3003)


async def test_the_seeds_plan_is_the_one_that_tests_sell() -> None:
    [theirs] = json.loads(recorded("billing_api/plans.json"))["data"]
    assert theirs == PLAN
