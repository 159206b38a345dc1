"""Resayil: the seed's bodies field by field, what is bought, and every refusal in its shape."""

import json
from decimal import Decimal
from typing import Any

import pytest
import pytest_asyncio

from kernel.clock import FixedClock, parse_rfc3339
from tests.support.dialect_calls import balance_cents, bearer, decide, get
from tests.support.gateway import Gateway
from tests.support.recordings import form_of, recorded
from tests.support.redemption_codes import codes_of

pytestmark = [pytest.mark.fixed_clock, pytest.mark.one_database]

BASE = "/api/billing"


@pytest_asyncio.fixture
async def key(gateway: Gateway) -> str:
    return await gateway.key(await gateway.account(email="me@example.com"))


async def buy(gateway: Gateway, key: str, pack_id: str, **more: Any) -> Any:
    return await gateway.client.post(
        f"{BASE}/topup", json={"pack_id": pack_id}, headers={**bearer(key), **more}
    )


def exact(text: str) -> Any:
    return json.loads(text, parse_float=Decimal)


async def test_the_packs_are_the_seeds(gateway: Gateway, key: str) -> None:
    answer = await gateway.client.get(f"{BASE}/topup-packs", headers=bearer(key))

    seed = recorded("resayil/topup-packs.json")
    assert answer.status_code == 200
    assert exact(answer.text) == exact(seed)
    assert form_of(answer.text) == form_of(seed)
    assert [pack["price"] for pack in json.loads(answer.text, parse_float=str)["packs"]] == [
        "5.0",
        "20.0",
        "50.0",
    ]


async def test_a_history_like_the_seeds_is_shown_as_there(
    gateway: Gateway, key: str, database_url: str, clock: FixedClock
) -> None:
    # The seed's two purchases are older than the test's clock: each is made at a distance of it.
    later = parse_rfc3339("2025-11-14T09:31:00Z") - parse_rfc3339("2025-10-02T14:17:00Z")
    await decide(gateway, (await buy(gateway, key, "pack_starter")).json()["payment_url"])
    clock.advance_s(later / 1_000_000)
    await decide(gateway, (await buy(gateway, key, "pack_pro")).json()["payment_url"])

    answer = await gateway.client.get(f"{BASE}/topup-history", headers=bearer(key))

    seed = recorded("resayil/topup-history.json")
    assert form_of(answer.text) == form_of(seed)
    ours, theirs = exact(answer.text), exact(seed)
    assert ours["meta"] == theirs["meta"]
    for own, told in zip(ours["data"], theirs["data"], strict=True):
        assert own.pop("id").startswith("txn_")
        own.pop("created_at"), told.pop("id"), told.pop("created_at")
        assert own == told


async def test_a_pack_is_bought_and_every_history_shows_it(gateway: Gateway, key: str) -> None:
    before = await balance_cents(gateway, key)
    placed = await buy(gateway, key, "pack_pro")
    body = placed.json()
    pending = await get(gateway, key, f"{BASE}/topup-history")

    await decide(gateway, body["payment_url"])

    assert placed.status_code == 201
    assert list(body) == ["payment_url", "id", "status"]
    assert (pending["data"][0]["id"], pending["data"][0]["status"]) == (body["id"], "pending")
    [shown] = (await get(gateway, key, f"{BASE}/topup-history"))["data"]
    assert (shown["id"], shown["status"], shown["credits"]) == (body["id"], "completed", 25000)
    assert await balance_cents(gateway, key) - before == 2500
    order = (await gateway.call("GET", "/orders", key=key)).json()["data"]["items"][0]
    assert (order["reference"], order["status"], order["credits"]) == (body["id"], "paid", 25000)
    [line] = (await get(gateway, key, "/api/user/topup/self"))["data"]
    assert (line["trade_no"], line["amount"], line["status"]) == (order["id"], 25, "success")


async def test_a_declined_payment_is_failed_and_an_amount_is_a_custom_top_up(
    gateway: Gateway, key: str
) -> None:
    placed = await gateway.call(
        "POST", "/orders", key=key, json={"amount_cents": 750, "provider": "stripe"}
    )
    await decide(gateway, placed.json()["data"]["url"], "failed")

    [shown] = (await get(gateway, key, f"{BASE}/topup-history"))["data"]

    assert shown["id"] == placed.json()["data"]["reference"]
    assert (shown["pack_name"], shown["status"]) == ("Custom top-up", "failed")
    assert (shown["amount_paid"], shown["credits"]) == (7.5, 7500)


async def test_pages_hold_twenty(gateway: Gateway, key: str) -> None:
    for _ in range(21):
        await buy(gateway, key, "pack_starter")

    first, second, third = [
        await get(gateway, key, f"{BASE}/topup-history?page={number}") for number in (1, 2, 3)
    ]

    assert [len(page["data"]) for page in (first, second, third)] == [20, 1, 0]
    assert second["meta"] == {"current_page": 2, "per_page": 20, "total": 21}
    ids = [one["id"] for page in (first, second) for one in page["data"]]
    assert ids == sorted(ids, reverse=True)
    assert len(set(ids)) == 21


async def test_the_subscription_shows_the_balance_in_credits(gateway: Gateway, key: str) -> None:
    [code] = await codes_of(gateway, 842)
    await gateway.call("POST", "/codes/redeem", key=key, json={"code": code})
    await gateway.call("POST", "/usage", key=key, json={"amount_micros": 500, "description": "x"})

    answer = await gateway.client.get(f"{BASE}/subscription", headers=bearer(key))

    assert form_of(answer.text) == form_of(recorded("resayil/subscription.json"))
    # $10,000.00 of test credit, 842 credits of a code, half a credit used.
    assert answer.json() == {
        "tier": "free",
        "status": "active",
        "expires_at": None,
        "credits": 10_000_841.5,
    }


async def test_the_same_purchase_again_under_a_key_is_one_order(gateway: Gateway, key: str) -> None:
    first, again = [
        await buy(gateway, key, "pack_starter", **{"Idempotency-Key": "pack-1"}) for _ in range(2)
    ]

    assert first.content == again.content
    assert again.headers["Idempotent-Replayed"] == "true"
    assert (await get(gateway, key, f"{BASE}/topup-history"))["meta"]["total"] == 1


async def test_a_refusal_names_the_field(gateway: Gateway, key: str) -> None:
    bad_page = await gateway.client.get(f"{BASE}/topup-history?page=x", headers=bearer(key))
    account = await gateway.account()
    unsold = await buy(gateway, await gateway.key(account, "live"), "pack_pro")

    assert bad_page.json()["error"]["message"] == "page: expected an integer, got a string"
    assert unsold.json()["error"]["message"] == "No provider is set up in live."


async def test_another_account_and_the_other_environment_see_nothing(
    gateway: Gateway, key: str
) -> None:
    await buy(gateway, key, "pack_starter")
    other = await gateway.key(await gateway.account())

    assert (await get(gateway, other, f"{BASE}/topup-history"))["data"] == []


async def test_every_refusal_has_the_vendors_shape(gateway: Gateway, key: str) -> None:
    account = await gateway.account()
    reader = await gateway.key(account, scopes=("billing:read",))
    live = await gateway.key(account, "live")
    http, good = gateway.client, bearer(key)
    post = f"{BASE}/topup"
    answers = {
        401: [
            await http.get(f"{BASE}/topup-packs"),
            await http.get(f"{BASE}/topup-packs", headers=bearer("ak_staging_nonsense")),
        ],
        403: [await buy(gateway, reader, "pack_pro")],
        404: [
            await http.get(f"{BASE}/nothing", headers=good),
            await buy(gateway, key, "pack_nonsense"),
        ],
        405: [await http.delete(post, headers=good)],
        413: [await http.post(post, headers=good, json={"pack_id": "x" * 70_000})],
        415: [await http.post(post, headers=good, content=b"{}")],
        400: [
            await http.post(
                post, headers={**good, "Content-Type": "application/json"}, content=b"{"
            )
        ],
        422: [
            await http.post(post, headers=good, json={}),
            await http.post(post, headers=good, json={"pack_id": 5}),
            await http.get(f"{BASE}/topup-history?page=x", headers=good),
            await http.get(f"{BASE}/topup-history?page=-1", headers=good),
            await buy(gateway, live, "pack_pro"),
        ],
    }

    for status, listed in answers.items():
        for answer in listed:
            assert answer.status_code == status, answer.text
            assert form_of(answer.text) == form_of(recorded("resayil/error.json"))
            assert answer.json()["error"]["code"] == status
            assert answer.json()["error"]["message"]


@pytest.mark.parametrize("page", ["0", "1"])
async def test_the_first_page_may_be_called_none(gateway: Gateway, key: str, page: str) -> None:
    found = await get(gateway, key, f"{BASE}/topup-history?page={page}&lang=en")

    assert found["meta"]["current_page"] == 1
