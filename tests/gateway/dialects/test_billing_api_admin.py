"""The Billing API's administration: catalogue, manual credit, everybody's transactions, the log."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest
import pytest_asyncio

from keys import audit_log
from keys.audit_log import AuditEntry
from tests.support.billing_api_calls import PLAN, Caller, administrator, customer, findings
from tests.support.gateway import Gateway

pytestmark = pytest.mark.fixed_clock

PLANS = "/admin/billing/plans"
COUPONS = "/admin/billing/coupons"
MANUAL = "/admin/credits/manual"
LINES = "/admin/credits/transactions"
CONFIG = "/admin/checkin/config"


@pytest_asyncio.fixture
async def boss(gateway: Gateway) -> Caller:
    return await administrator(gateway)


@pytest_asyncio.fixture
async def me(gateway: Gateway) -> Caller:
    return await customer(gateway)


async def log_of(gateway: Gateway) -> Sequence[AuditEntry]:
    return await gateway.context.database.read(lambda tx: audit_log.page(tx, "staging", limit=100))


async def test_a_plan_is_made_and_changed_and_each_act_is_logged(
    gateway: Gateway, boss: Caller
) -> None:
    made = await boss.call("POST", PLANS, status=201, json=PLAN)
    changes = {"price_yearly": None, "active": False, "features": ["One"]}
    changed = await boss.call("PUT", f"{PLANS}/plan-id", json=changes)

    assert (made["price_yearly"], made["active"]) == (9990, True)
    assert (changed["price_yearly"], changed["active"]) == (None, False)
    assert (changed["price_monthly"], changed["features"]) == (999, ["One"])
    assert await boss.call("GET", PLANS) == [changed]
    assert await boss.call("GET", "/subscription/plans") == []
    update, create = await log_of(gateway)
    assert (create.action, create.before, create.after) == ("plan.create", None, made)
    assert (update.action, update.before, update.after) == ("plan.update", made, changed)
    assert (create.actor_account_id, create.subject_id) == (boss.account_id, "plan-id")


@pytest.mark.one_database
@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"price_monthly": 0}, "price_monthly"),
        ({"credits_included": -1}, "credits_included"),
        ({"name": ""}, "name"),
        ({"id": "a b"}, "id"),
        ({"currency": "EURO"}, "currency"),
        ({"features": ["x"] * 31}, "features"),
        ({"creem_product_id": "a b"}, "creem_product_id"),
        ({"price_month": 1}, "price_month"),
    ],
)
async def test_a_plan_that_cannot_be_is_refused_and_not_logged(
    gateway: Gateway, boss: Caller, changes: dict[str, Any], word: str
) -> None:
    refused = await boss.call("POST", PLANS, status=422, json={**PLAN, **changes})

    assert refused["code"] == "malformed_request"
    assert word in refused["message"]
    assert await log_of(gateway) == []


@pytest.mark.one_database
@pytest.mark.parametrize(
    ("config", "told"),
    [
        ({"credits": 0}, "credits must be from 1 to "),
        ({"min_credits": 0, "max_credits": 5}, "min_credits must be from 1 to "),
        ({"min_credits": 20, "max_credits": 10}, "max_credits must be from 20 to "),
        (
            {"credits": 5, "min_credits": 5},
            "Give either `credits`, or `min_credits` and `max_credits`.",
        ),
        ({"daily_budget_credits": -1}, "daily_budget_credits must be from 0 to "),
        ({"credits_min": 5}, "credits_min: unknown field"),
    ],
)
async def test_a_check_in_that_cannot_be_is_refused_by_the_fields_that_were_sent(
    gateway: Gateway, boss: Caller, config: dict[str, Any], told: str
) -> None:
    refused = await boss.call("PUT", CONFIG, status=422, json=config)

    assert refused["message"].startswith(told) or refused["message"] == f"credits: {told}"
    assert await log_of(gateway) == []


async def test_a_price_at_a_provider_belongs_to_one_plan(boss: Caller) -> None:
    body = {**PLAN, "stripe_price_id_monthly": "price_1"}
    await boss.call("POST", PLANS, status=201, json=body)

    for other in ({**body, "id": "b"}, {**PLAN, "id": "c", "stripe_price_id_yearly": "price_1"}):
        assert (await boss.call("POST", PLANS, status=409, json=other))["code"]
    assert (await boss.call("PUT", f"{PLANS}/none", status=404, json={}))["code"] == (
        "plan_not_found"
    )


async def test_coupons_are_made_and_listed_by_page(gateway: Gateway, boss: Caller) -> None:
    for number in range(3):
        body = {"code": f"SAVE{number}", "amount_off": 100, "currency": "USD"}
        await boss.call("POST", COUPONS, status=201, json=body)

    first = (await boss.ask("GET", f"{COUPONS}?limit=2")).json()
    rest = (await boss.ask("GET", f"{COUPONS}?limit=2&cursor={first['next_cursor']}")).json()

    assert [one["code"] for one in first["data"] + rest["data"]] == ["SAVE2", "SAVE1", "SAVE0"]
    assert rest["next_cursor"] is None
    again = {"code": "save0", "percent": 10}
    assert (await boss.call("POST", COUPONS, status=409, json=again))["code"] == "exists"
    assert [one.action for one in await log_of(gateway)] == ["coupon.create"] * 3


async def test_credit_is_given_and_taken_with_its_reason(
    gateway: Gateway, boss: Caller, me: Caller
) -> None:
    body = {"account_id": me.account_id, "amount": 500, "environment": "staging", "reason": "sorry"}
    given = await boss.call("POST", MANUAL, json=body)
    taken = await boss.call("POST", MANUAL, json={**body, "amount": -200})

    seeds = ["id", "account_id", "environment", "amount", "reason", "balance"]
    assert list(given) == [*seeds, "promotional", "expires_at"]
    assert (given["balance"], taken["balance"]) == (10_000_500, 10_000_300)
    lines = await me.call("GET", "/credits/transactions?limit=2")
    assert [(one["type"], one["amount"]) for one in lines] == [("manual", -200), ("manual", 500)]
    entry = (await log_of(gateway))[0]
    assert (entry.action, entry.account_id, entry.reason) == (
        "credit.adjust",
        me.account_id,
        "sorry",
    )
    assert entry.before == {"balance_micros": 10_000_500_000}
    assert entry.after == {"balance_micros": 10_000_300_000, "credits": -200}
    assert await findings(gateway) == []


async def test_parallel_adjustments_under_one_key_move_once(
    gateway: Gateway, boss: Caller, me: Caller
) -> None:
    body = {"account_id": me.account_id, "amount": 500, "reason": "once"}

    answers = await asyncio.gather(
        *(boss.ask("POST", MANUAL, once="adj-1", json=body) for _ in range(8))
    )

    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.content for answer in answers}) == 1
    assert await me.balance() == 10_000_500
    assert len(await log_of(gateway)) == 1
    other = await boss.ask("POST", MANUAL, once="adj-1", json={**body, "amount": 600})
    assert other.status_code == 409


async def test_more_than_is_there_is_not_taken(gateway: Gateway, boss: Caller, me: Caller) -> None:
    body = {"account_id": me.account_id, "amount": -6_000_000, "reason": "all"}

    answers = await asyncio.gather(*(boss.ask("POST", MANUAL, json=body) for _ in range(4)))

    assert sorted(answer.status_code for answer in answers) == [200, 402, 402, 402]
    assert await me.balance() == 4_000_000
    assert len(await log_of(gateway)) == 1
    assert await findings(gateway) == []


@pytest.mark.one_database
@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({"amount": 0}, 422, "malformed_request"),
        ({"amount": 10**12}, 422, "malformed_request"),
        ({"amount": 1.5}, 422, "malformed_request"),
        ({"reason": " "}, 422, "malformed_request"),
        ({"account_id": "acc_unknown"}, 404, "account_not_found"),
        ({"environment": "live"}, 403, "missing_scope"),
    ],
)
async def test_an_adjustment_that_cannot_be_is_refused(
    boss: Caller, me: Caller, changes: dict[str, Any], status: int, code: str
) -> None:
    body = {"account_id": me.account_id, "amount": 1, "reason": "x", **changes}

    assert (await boss.call("POST", MANUAL, status=status, json=body))["code"] == code


async def test_everybodys_transactions_by_filter_and_cursor(
    gateway: Gateway, boss: Caller, me: Caller
) -> None:
    other = await customer(gateway, "other@example.com")
    for caller in (me, other, me):
        body = {"account_id": caller.account_id, "amount": 7, "reason": "x"}
        await boss.call("POST", MANUAL, json=body)
    await me.call("POST", "/checkin")

    pages, cursor = [], ""
    while True:
        page = (await boss.ask("GET", f"{LINES}?limit=3{cursor}")).json()
        pages.append(page["data"])
        if page["next_cursor"] is None:
            break
        cursor = f"&cursor={page['next_cursor']}"

    lines = [line for page in pages for line in page]
    # The check-in, three adjustments, and the test credit of three new accounts.
    assert [len(page) for page in pages] == [3, 3, 1]
    assert [line["amount"] for line in lines] == [100, 7, 7, 7] + [10_000_000] * 3
    mine = (await boss.ask("GET", f"{LINES}?account_id={me.account_id}&type=manual")).json()
    assert [line["amount"] for line in mine["data"]] == [7, 7, 10_000_000]
    assert {line["account_id"] for line in mine["data"]} == {me.account_id}
    assert (await boss.call("GET", f"{LINES}?cursor=nonsense", status=422))["code"]


async def test_the_check_ins_settings_are_changed_and_logged(
    gateway: Gateway, boss: Caller
) -> None:
    before = await boss.call("GET", CONFIG)
    after = await boss.call("PUT", CONFIG, json={"enabled": False, "credits": 30})
    both = {"credits": 1, "min_credits": 1}

    assert list(before)[:3] == ["enabled", "credits", "daily_budget_credits"]
    assert (after["enabled"], after["credits"]) == (False, 30)
    assert (after["daily_budget_credits"]) == 1_000_000
    for wrong in (both, {"credits": 0}, {"min_credits": 50, "max_credits": 10}, {"award": 1}):
        assert (await boss.call("PUT", CONFIG, status=422, json=wrong))["code"]
    [entry] = await log_of(gateway)
    assert entry.action == "checkin.configure"
    assert entry.after is not None
    assert entry.after["credits_min"] == 30


async def test_credit_that_is_given_may_be_promotional_and_says_why(
    gateway: Gateway, boss: Caller, me: Caller
) -> None:
    before = await me.balance()
    body = {
        "account_id": me.account_id,
        "amount": 500,
        "reason": "for the long wait",
        "promotional": True,
        "expires_at": "2099-01-01T00:00:00Z",
    }

    made = await boss.call("POST", MANUAL, json=body)

    assert (made["promotional"], made["expires_at"]) == (True, "2099-01-01T00:00:00Z")
    assert await me.balance() == before + 500
    [line] = await me.call("GET", "/credits/transactions?limit=1")
    assert (line["type"], line["amount"], line["description"]) == (
        "manual",
        500,
        "for the long wait",
    )
    for changes in (
        {"expires_at": "2001-01-01T00:00:00Z"},
        {"promotional": False},
        {"amount": -1, "expires_at": None},
    ):
        refused = {**body, **changes}
        assert (await boss.call("POST", MANUAL, status=422, json=refused))["code"]
    assert await findings(gateway) == []


async def test_a_check_in_that_is_off_says_so(boss: Caller, me: Caller) -> None:
    await boss.call("PUT", CONFIG, json={"enabled": False})

    assert (await me.call("POST", "/checkin", status=409))["code"] == "checkin_off"


async def test_an_app_asks_what_a_plan_allows(gateway: Gateway, boss: Caller, me: Caller) -> None:
    terms = {
        "credit_expires": "period_end",
        "entitlements": {"exports": {"limit": 2, "period": "day"}, "api": True},
    }
    made = await boss.call("POST", PLANS, status=201, json={**PLAN, **terms})
    assert (made["credit_expires"], made["entitlements"]) == tuple(terms.values())
    await me.subscribe()

    async def use(reference: str) -> tuple[bool, int]:
        path = "/entitlements/exports/use"
        answer = await gateway.call("POST", path, key=me.key, json={"reference": reference})
        data = answer.json()["data"]
        return data["allowed"], data["used"]

    # The first period is told by the sandbox within a moment.
    for path, allowed in (("api", True), ("exports", True)):
        data = (await gateway.call("GET", f"/entitlements/{path}", key=me.key)).json()["data"]
        assert (data["name"], data["allowed"]) == (path, allowed)
    assert [await use(one) for one in ("a", "b", "a", "c")] == [
        (True, 1),
        (True, 2),
        (True, 2),
        (False, 2),
    ]
    unknown = await gateway.call("GET", "/entitlements/export", key=me.key)
    assert unknown.status_code == 404
    assert unknown.json()["data"]["error"]["did_you_mean"] == "exports"
    listed = (await gateway.call("GET", "/entitlements", key=me.key)).json()["data"]["items"]
    assert [one["name"] for one in listed] == ["api", "exports"]


@pytest.mark.one_database
async def test_a_bad_token_is_shown_nobodys_plans(gateway: Gateway, boss: Caller) -> None:
    await boss.call("POST", PLANS, status=201, json=PLAN)

    for shown in ("Bearer ak_live_unknown", "Basic eDp5"):
        answer = await gateway.client.get("/subscription/plans", headers={"Authorization": shown})
        assert (answer.status_code, answer.json()["success"]) == (401, False)
