"""Usage, holds and the sandbox clock as their callers see them, on both databases."""

import asyncio
from typing import Any

import httpx
import pytest
import pytest_asyncio

from kernel.clock import FixedClock
from kernel.tenant import Tenant
from keys.principal import Environment
from tests.support.gateway import API, Gateway
from tests.support.promotional_credit import GivePromotion

pytestmark = pytest.mark.fixed_clock

CALL = {"credits": 20, "description": "AI chat completion (gpt-4)"}
TIMES = {"created_at": "2026-06-13T12:00:00Z"}


@pytest_asyncio.fixture
async def account_id(gateway: Gateway) -> str:
    return await gateway.account(email="me@example.com")


@pytest_asyncio.fixture
async def key(gateway: Gateway, account_id: str) -> str:
    return await gateway.key(account_id)


async def post(
    gateway: Gateway, key: str, path: str, body: Any = None, **headers: str
) -> httpx.Response:
    return await gateway.call("POST", path, key=key, json=body or {}, headers=headers)


async def held(gateway: Gateway, key: str, **body: Any) -> str:
    answer = await post(gateway, key, "/holds", {**CALL, **body})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["data"]["id"])


def refusal_of(answer: httpx.Response) -> tuple[int, int, Any]:
    body = answer.json()
    return answer.status_code, body["code"], body["data"]["error"].get("reason")


async def test_a_charge_answers_with_what_it_took(gateway: Gateway, key: str) -> None:
    answer = await post(gateway, key, "/usage", {**CALL, "model": "gpt-4", "reference": "call-1"})

    assert answer.status_code == 200
    body = answer.json()
    assert (body["code"], body["transaction_id"], body["status"]) == (1000, None, "ok")
    assert body["data"].pop("id").startswith("usg_")
    assert body["data"] == {
        "amount_micros": 20_000,
        "credits": 20,
        "description": "AI chat completion (gpt-4)",
        "model": "gpt-4",
        "reference": "call-1",
        **TIMES,
        "balance_micros": 9_999_980_000,
        "balance_credits": 9_999_980,
        "balance_cents": 999_998,
        "input_tokens": None,
        "output_tokens": None,
        "cached_tokens": None,
        "price_version": None,
        "repeated": False,
    }


@pytest.mark.one_database
@pytest.mark.parametrize("unit", ["credits", "amount_micros"])
async def test_more_than_was_held_is_refused_by_the_field_that_was_sent(
    gateway: Gateway, key: str, unit: str
) -> None:
    made = await post(gateway, key, "/holds", {"amount_micros": 2_000, "description": "x"})
    hold_id = made.json()["data"]["id"]

    refused = await post(gateway, key, f"/holds/{hold_id}/capture", {unit: 2_001})

    assert (refused.status_code, refused.json()["data"]["error"]["param"]) == (422, unit)


async def test_a_hold_is_made_shown_and_captured_in_part(gateway: Gateway, key: str) -> None:
    made = await post(gateway, key, "/holds", {**CALL, "ttl_s": 60})
    hold_id = made.json()["data"]["id"]
    shown = await gateway.call("GET", f"/holds/{hold_id}", key=key)
    captured = await post(gateway, key, f"/holds/{hold_id}/capture", {"amount_micros": 7_500})

    hold = {
        "id": hold_id,
        "status": "held",
        "amount_micros": 20_000,
        "credits": 20,
        "captured_micros": 0,
        "captured_credits": 0,
        "description": CALL["description"],
        "model": None,
        "reference": None,
        **TIMES,
        "expires_at": "2026-06-13T12:01:00Z",
        "ended_at": None,
        "overage": "reject",
        "overage_micros": 0,
        "input_tokens": None,
        "output_tokens": None,
        "cached_tokens": None,
        "price_version": None,
    }
    assert made.status_code == 201
    assert made.json()["data"] == {
        **hold,
        "balance_micros": 9_999_980_000,
        "balance_credits": 9_999_980,
        "balance_cents": 999_998,
    }
    assert shown.json()["data"] == hold
    assert captured.status_code == 200
    assert captured.json()["data"] == {
        **hold,
        "status": "captured",
        "captured_micros": 7_500,
        "captured_credits": 7,
        "ended_at": "2026-06-13T12:00:00Z",
        "balance_micros": 9_999_992_500,
        "balance_credits": 9_999_992,
        "balance_cents": 999_999,
    }


async def test_an_ended_hold_is_3004_and_an_unknown_one_3003(gateway: Gateway, key: str) -> None:
    hold_id = await held(gateway, key)
    released = await post(gateway, key, f"/holds/{hold_id}/release")
    stranger = await gateway.key(await gateway.account(email="other@example.com"))

    again = await post(gateway, key, f"/holds/{hold_id}/capture", {"credits": 1})
    foreign = await post(gateway, stranger, f"/holds/{hold_id}/capture")
    unknown = await gateway.call("GET", "/holds/hld_none", key=key)

    assert released.json()["data"]["balance_credits"] == 10_000_000
    assert refusal_of(again) == (409, 3004, "released")
    assert again.json()["data"]["error"]["hold_id"] == hold_id
    assert again.json()["transaction_id"] is None
    for answer in (foreign, unknown):
        assert (answer.status_code, answer.json()["message"]) == (404, "Hold not found")


async def test_after_its_time_a_hold_is_3004(gateway: Gateway, key: str, clock: FixedClock) -> None:
    hold_id = await held(gateway, key, ttl_s=1)
    clock.advance_s(1)

    late = await post(gateway, key, f"/holds/{hold_id}/capture")
    shown = await gateway.call("GET", f"/holds/{hold_id}", key=key)

    assert refusal_of(late) == (409, 3004, "expired")
    assert shown.json()["data"]["status"] == "expired"


@pytest.mark.one_database
@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({}, (422, 2007)),
        ({"credits": 1}, (422, 2007)),
        ({"description": "x"}, (422, 2007)),
        ({**CALL, "amount_micros": 1}, (422, 2007)),
        ({**CALL, "credits": 1.5}, (422, 2007)),
        ({**CALL, "credits": "1"}, (422, 2007)),
        ({**CALL, "credits": 2**63}, (422, 2007)),
        ({**CALL, "credits": None}, (422, 2007)),
        ({**CALL, "description": ""}, (422, 2007)),
        ({**CALL, "description": "two\nlines"}, (422, 2007)),
        ({**CALL, "model": "m" * 129}, (422, 2007)),
        ({**CALL, "reference": "r" * 129}, (422, 2007)),
        ({**CALL, "amount": 5}, (422, 2007)),
        ({**CALL, "credits": 0}, (422, 2005)),
        ({**CALL, "credits": -1}, (422, 2005)),
        ({**CALL, "credits": 2**63 - 1}, (422, 2005)),
        ({**CALL, "credits": 10_000_001}, (402, 2002)),
        ({**CALL, "environment": "live"}, (403, 2009)),
    ],
)
async def test_what_cannot_be_charged_is_refused_and_changes_nothing(
    gateway: Gateway, key: str, body: dict[str, Any], expected: tuple[int, int]
) -> None:
    for path in ("/usage", "/holds"):
        answer = await post(gateway, key, path, body)
        assert (answer.status_code, answer.json()["code"]) == expected, answer.text

    balance = await gateway.call("GET", "/topup/balance", key=key)
    assert balance.json()["data"]["balance_cents"] == 1_000_000


async def test_an_expired_hold_is_not_open(gateway: Gateway, key: str, clock: FixedClock) -> None:
    later, sooner = [await held(gateway, key, ttl_s=seconds) for seconds in (61, 60)]
    before = await _listed(gateway, key, open="true")
    clock.advance_s(60)
    # No worker has ended it yet.
    after = await _listed(gateway, key, open="true")
    every = await _listed(gateway, key)

    assert before == [(sooner, "held"), (later, "held")]
    assert after == [(later, "held")]
    assert every == [(sooner, "expired"), (later, "held")]


async def _listed(gateway: Gateway, key: str, **query: str) -> list[tuple[str, str]]:
    answer = await gateway.call("GET", "/holds", key=key, params=query)
    return [(one["id"], one["status"]) for one in answer.json()["data"]["items"]]


@pytest.mark.one_database
@pytest.mark.parametrize("ttl_s", [0, -1, 86_401, 2**63, 1.5, "60"])
async def test_a_hold_lives_a_day_at_most(gateway: Gateway, key: str, ttl_s: Any) -> None:
    answer = await post(gateway, key, "/holds", {**CALL, "ttl_s": ttl_s})

    assert (answer.status_code, answer.json()["code"]) == (422, 2007)


async def test_more_than_was_held_is_2005(gateway: Gateway, key: str) -> None:
    hold_id = await held(gateway, key)

    answer = await post(gateway, key, f"/holds/{hold_id}/capture", {"amount_micros": 20_001})

    assert refusal_of(answer) == (422, 2005, None)
    shown = {"rel": "hold", "method": "GET", "href": f"{gateway.url}{API}/holds/{hold_id}"}
    assert answer.json()["data"]["error"]["links"] == [shown]


async def test_a_reference_with_another_body_is_2006_with_the_first_id(
    gateway: Gateway, key: str
) -> None:
    used = await post(gateway, key, "/usage", {**CALL, "reference": "call-1"})
    hold_id = await held(gateway, key, reference="call-1")

    charged = await post(gateway, key, "/usage", {**CALL, "credits": 21, "reference": "call-1"})
    reserved = await post(gateway, key, "/holds", {**CALL, "reference": "call-1"})

    assert refusal_of(charged) == refusal_of(reserved) == (409, 2006, None)
    assert charged.json()["data"]["error"]["usage_id"] == used.json()["data"]["id"]
    assert reserved.json()["data"]["error"]["hold_id"] == hold_id


async def test_a_cap_counts_holds_at_once(gateway: Gateway, account_id: str) -> None:
    key = await gateway.key(account_id, per_day_cents=4)
    await held(gateway, key)

    over = await post(gateway, key, "/usage", {**CALL, "credits": 21})
    within = await post(gateway, key, "/usage", CALL)

    assert refusal_of(over) == (402, 2008, "per_day")
    assert within.status_code == 200


@pytest.mark.one_database
async def test_usage_needs_its_scope(gateway: Gateway, account_id: str) -> None:
    key = await gateway.key(account_id, scopes=("topup:send", "topup:read"))

    for path in ("/usage", "/holds", "/holds/hld_1/capture", "/holds/hld_1/release"):
        answer = await post(gateway, key, path, CALL)
        assert refusal_of(answer) == (403, 2009, "scope")


async def test_a_system_token_may_charge(gateway: Gateway, account_id: str) -> None:
    token = await gateway.system_token(account_id)

    assert (await post(gateway, token, "/usage", CALL)).status_code == 200


async def test_parallel_requests_with_one_key_are_one_and_replayed_byte_for_byte(
    gateway: Gateway, key: str
) -> None:
    for path in ("/usage", "/holds"):
        answers = await asyncio.gather(
            *(post(gateway, key, path, CALL, **{"Idempotency-Key": path}) for _ in range(20))
        )
        assert len({answer.content for answer in answers}) == 1
        replayed = [answer.headers.get("Idempotent-Replayed") for answer in answers]
        assert sorted(replayed, key=str) == [None] + ["true"] * 19

    balance = await gateway.call("GET", "/topup/balance", key=key)
    assert balance.json()["data"]["balance_cents"] == 999_996
    changed = {**CALL, "credits": 1}
    other = await post(gateway, key, "/usage", changed, **{"Idempotency-Key": "/usage"})
    assert refusal_of(other) == (409, 2006, None)


async def test_the_sandbox_clock_ends_holds_and_promotional_credit(
    gateway: Gateway, key: str, account_id: str, clock: FixedClock
) -> None:
    tenant = Tenant(account_id, "staging")
    await gateway.context.engine.submit(
        GivePromotion(tenant, 50_000, clock.now_us() + 3_600_000_000)
    )
    hold_id = await held(gateway, key, ttl_s=3599, amount_micros=60_000, credits=None)
    rest = await gateway.call("GET", "/topup/balance", key=key)

    moved = await post(gateway, key, "/sandbox/clock", {"advance_s": 3599})

    assert rest.json()["data"]["balance_cents"] == 999_999
    assert moved.json()["data"] == {
        "advanced_s": 3599,
        "ahead_s": 3599,
        "now": "2026-06-13T12:59:59Z",
    }
    shown = await gateway.call("GET", f"/holds/{hold_id}", key=key)
    assert shown.json()["data"]["status"] == "expired"
    late = await post(gateway, key, f"/holds/{hold_id}/capture")
    assert refusal_of(late) == (409, 3004, "expired")
    # A new hold's time begins at the account's own.
    later = await post(gateway, key, "/holds", {**CALL, "ttl_s": 60})
    assert later.json()["data"]["expires_at"] == "2026-06-13T13:00:59Z"
    again = await post(gateway, key, "/sandbox/clock", {"advance_s": 1})
    assert again.json()["data"]["ahead_s"] == 3600


async def test_promotional_credit_that_ran_out_by_the_sandbox_clock_is_not_shown(
    gateway: Gateway, key: str, account_id: str, clock: FixedClock
) -> None:
    tenant = Tenant(account_id, "staging")
    await gateway.context.engine.submit(
        GivePromotion(tenant, 50_000, clock.now_us() + 3_600_000_000)
    )
    before = await gateway.call("GET", "/topup/balance", key=key)

    await post(gateway, key, "/sandbox/clock", {"advance_s": 3600})

    after = await gateway.call("GET", "/topup/balance", key=key)
    shown = [one.json()["data"]["promotional_cents"] for one in (before, after)]
    assert shown == [5, 0]
    used = await post(gateway, key, "/usage", {"amount_micros": 1, "description": "x"})
    assert used.json()["data"]["balance_micros"] == 9_999_999_999


@pytest.mark.parametrize(
    ("environment", "body", "expected"),
    [
        ("live", {"advance_s": 1}, (403, 2009, "environment")),
        ("staging", {"advance_s": 0}, (422, 2007, None)),
        ("staging", {"advance_s": -5}, (422, 2007, None)),
        ("staging", {"advance_s": 400 * 86_400 + 1}, (422, 2007, None)),
        ("staging", {}, (422, 2007, None)),
    ],
)
async def test_the_clock_goes_forward_in_staging_only(
    gateway: Gateway,
    account_id: str,
    environment: Environment,
    body: dict[str, int],
    expected: tuple[int, int, str | None],
) -> None:
    key = await gateway.key(account_id, environment)

    assert refusal_of(await post(gateway, key, "/sandbox/clock", body)) == expected


async def test_the_clock_goes_ten_years_at_most_and_replays_once(
    gateway: Gateway, key: str
) -> None:
    year = {"advance_s": 400 * 86_400}
    first = await post(gateway, key, "/sandbox/clock", year, **{"Idempotency-Key": "y"})
    again = await post(gateway, key, "/sandbox/clock", year, **{"Idempotency-Key": "y"})
    for _ in range(8):
        await post(gateway, key, "/sandbox/clock", year)

    beyond = await post(gateway, key, "/sandbox/clock", year)

    assert again.content == first.content
    assert refusal_of(beyond) == (422, 2007, None)
    assert beyond.json()["data"]["error"]["param"] == "advance_s"
