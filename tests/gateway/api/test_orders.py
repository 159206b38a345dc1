"""GET /packs, POST and GET /orders: what buying credit by API answers, and never does twice."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import pytest_asyncio

from billing.catalog.coupon import create as create_coupon, new_coupon
from kernel.clock import FixedClock
from tests.support.selling_gateway import Store, open_store


@pytest_asyncio.fixture
async def store(database_url: str, tmp_path: Path, clock: FixedClock) -> AsyncIterator[Store]:
    async with open_store(database_url, tmp_path, clock) as opened:
        yield opened


async def test_the_three_packs_are_for_sale(store: Store) -> None:
    answer = await store.gateway.call("GET", "/packs", key=store.key)
    data = answer.json()["data"]

    assert (data["next_cursor"], data["has_more"]) == (None, False)
    assert data["items"][0] == {
        "id": "pack_starter",
        "name": "Starter Pack",
        "amount": 500,
        "currency": "USD",
        "credits": 5000,
        "bonus_credits": 0,
        "popular": False,
        "active": True,
    }
    assert len(data["items"]) == 3


async def test_an_order_answers_with_its_shape_and_where_to_pay(store: Store) -> None:
    answer = await store.post(
        success_url="https://shop.example/thanks", cancel_url="https://shop.example/cart"
    )
    envelope = answer.json()
    data = envelope["data"]

    assert (answer.status_code, envelope["code"]) == (201, 1000)
    assert data.pop("id").startswith("ord_")
    assert data.pop("reference").startswith("txn_")
    assert len(data.pop("order_no")) == 32
    assert len(urlsplit(data.pop("status_url")).path) == len("/orders/status/") + 22
    assert data == {
        "status": "pending",
        "provider": "toypay",
        "url": "https://toypay.example/co_1",
        "pack_id": None,
        "amount": 2000,
        "currency": "USD",
        "pay_amount": 2000,
        "pay_currency": "USD",
        "credits": 20_000,
        "refunded_amount": 0,
        "coupon": None,
        "origin": None,
        "paid_amount": None,
        "trial_days": 0,
        "created_at": "2026-06-13T12:00:00Z",
        "paid_at": None,
    }


async def test_a_paid_order_is_in_the_wallet_and_in_the_events(store: Store) -> None:
    made = await store.order(pack_id="pack_starter")
    await store.notify("paid", made["id"])
    paid = await store.show(made["id"])
    events = await store.gateway.call("GET", "/events", key=store.key)
    (event,) = events.json()["data"]["items"]

    assert paid == {**made, "status": "paid", "paid_at": "2026-06-13T12:00:00Z", "paid_amount": 500}
    assert await store.bought_cents() == 500
    assert event["type"] == "order.paid"
    # Who gets an event needs no page for payers.
    assert event["data"] == {name: paid[name] for name in paid if name != "status_url"}
    assert await store.findings() == []


@pytest.mark.one_database
async def test_an_order_at_the_sandbox_names_whom_it_stands_in_for(store: Store) -> None:
    made = (await store.post(provider="sandbox")).json()["data"]

    listed = await store.gateway.call("GET", f"/orders?provider={made['provider']}", key=store.key)
    await store.press(made, "paid")

    # The first by name of those without credentials in staging.
    assert made["provider"] == "creem"
    assert "/sandbox/checkout/" in made["url"]
    assert [one["id"] for one in listed.json()["data"]["items"]] == [made["id"]]
    assert (await store.show(made["id"]))["status"] == "paid"
    assert [entry.notification.provider for entry in await store.log(made["id"])] == ["creem"]


async def test_orders_are_listed_newest_first_by_page_and_by_status(store: Store) -> None:
    made = [(await store.order())["id"] for _ in range(3)]
    await store.notify("paid", made[0])
    first = (await store.gateway.call("GET", "/orders?limit=2", key=store.key)).json()["data"]
    rest = await store.gateway.call(
        "GET", f"/orders?limit=2&cursor={first['next_cursor']}", key=store.key
    )
    paid = await store.gateway.call("GET", "/orders?status=paid", key=store.key)

    assert [one["id"] for one in first["items"]] == [made[2], made[1]]
    assert first["has_more"] is True
    assert [one["id"] for one in rest.json()["data"]["items"]] == [made[0]]
    assert rest.json()["data"]["next_cursor"] is None
    assert [one["id"] for one in paid.json()["data"]["items"]] == [made[0]]


async def test_an_order_of_another_account_or_environment_is_unknown(store: Store) -> None:
    made = await store.order()
    stranger = await store.gateway.key(await store.gateway.account())
    in_live = await store.gateway.key(store.account_id, "live")

    for key in (stranger, in_live):
        answer = await store.gateway.call("GET", f"/orders/{made['id']}", key=key)
        listed = await store.gateway.call("GET", "/orders", key=key)
        assert (answer.status_code, answer.json()["code"]) == (404, 3003)
        assert answer.json()["message"] == "Order not found"
        assert listed.json()["data"]["items"] == []


NEEDED = (
    ("GET", "/packs", "billing:read"),
    ("GET", "/orders", "billing:read"),
    ("GET", "/orders/ord_0000000000000000", "billing:read"),
    ("POST", "/orders", "billing:write"),
)


@pytest.mark.one_database
async def test_each_call_needs_its_scope(store: Store) -> None:
    without = await store.gateway.key(store.account_id, scopes=("topup:send", "topup:read"))
    for method, path, scope in NEEDED:
        answer = await store.gateway.call(method, path, key=without)

        assert (answer.status_code, answer.json()["code"]) == (403, 2009)
        assert answer.json()["data"]["error"]["required_scopes"] == [scope]


NONSENSE: tuple[tuple[dict[str, Any], int, int, str], ...] = (
    ({"provider": "nobody"}, 422, 2007, "provider"),
    ({"amount_cents": 99}, 422, 2005, "amount_cents"),
    ({"amount_cents": 1_000_001}, 422, 2005, "amount_cents"),
    ({"amount_cents": -2000}, 422, 2005, "amount_cents"),
    ({"amount_cents": 2**63 - 1}, 422, 2005, "amount_cents"),
    ({"amount_cents": 2**63}, 422, 2007, "amount_cents"),
    ({"amount_cents": 20.5}, 422, 2007, "amount_cents"),
    ({"amount_cents": "2000"}, 422, 2007, "amount_cents"),
    ({"pack_id": "pack_none"}, 404, 3003, "pack_id"),
    ({"pack_id": "pack_starter", "amount_cents": 2000}, 422, 2007, "pack_id"),
    ({"amount_cents": None}, 422, 2007, "pack_id"),
    ({"coupon": "NOPE"}, 404, 2011, "coupon"),
    ({"coupon": "../../etc"}, 404, 2011, "coupon"),
    ({"success_url": "javascript:alert(1)"}, 422, 2007, "success_url"),
    ({"cancel_url": "https://me:secret@shop.example/"}, 422, 2007, "cancel_url"),
    ({"success_url": "https://shop.example/" + "a" * 2048}, 422, 2007, "success_url"),
    ({"typo": 1}, 422, 2007, "typo"),
    ({"environment": "live"}, 403, 2009, "environment"),
)


@pytest.mark.one_database
async def test_nonsense_is_refused_by_name_and_writes_no_order(store: Store) -> None:
    for body, status, code, param in NONSENSE:
        answer = await store.post(**body)
        refused = answer.json()

        assert (answer.status_code, refused["code"]) == (status, code), body
        assert refused["data"]["error"]["param"] == param
    listed = await store.gateway.call("GET", "/orders", key=store.key)

    assert listed.json()["data"]["items"] == []
    assert store.server.asked == []


async def test_the_same_key_is_the_same_order_byte_for_byte(store: Store) -> None:
    first = await store.post(once="k1")
    again = await store.post(once="k1")
    other_body = await store.post(once="k1", amount_cents=2001)
    other_key = await store.post(once="k2")

    assert again.content == first.content
    assert again.headers["idempotent-replayed"] == "true"
    assert (other_body.status_code, other_body.json()["code"]) == (409, 2006)
    assert other_key.json()["data"]["id"] != first.json()["data"]["id"]
    assert len(store.server.checkouts) == 2


async def test_parallel_calls_with_one_key_make_one_order_and_one_checkout(store: Store) -> None:
    answers = await asyncio.gather(*(store.post(once="k1") for _ in range(10)))

    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.content for answer in answers}) == 1
    assert len(store.server.checkouts) == 1
    assert store.server.asked == [f"open {answers[0].json()['data']['id']}"]


async def test_a_provider_that_is_away_is_4005_and_the_same_key_goes_on_later(
    store: Store,
) -> None:
    store.server.is_away = True
    away = await store.post(once="k1")
    order_id = away.json()["data"]["error"]["order_id"]
    waiting = await store.show(order_id)
    store.server.is_away = False
    back = await store.post(once="k1")

    error = away.json()["data"]["error"]
    assert (away.status_code, away.json()["code"]) == (503, 4005)
    assert away.headers["retry-after"] == "2"
    assert (error["retryable"], error["next_action"]) == (True, "wait")
    assert (waiting["status"], waiting["url"]) == ("pending", None)
    assert back.status_code == 201
    assert back.json()["data"] == {**waiting, "url": "https://toypay.example/co_1"}
    assert len(store.server.checkouts) == 1


async def test_a_provider_that_refuses_is_4005_and_the_order_has_failed(store: Store) -> None:
    store.server.is_refusing = True
    refused = await store.post(once="k1")
    again = await store.post(once="k1")
    order_id = refused.json()["data"]["error"]["order_id"]

    assert (refused.status_code, refused.json()["code"]) == (503, 4005)
    assert "retry-after" not in refused.headers
    error = refused.json()["data"]["error"]
    assert (error["retryable"], error["retry_after_s"]) == (False, None)
    assert error["next_action"] == "ask_human"
    assert again.json()["data"]["error"]["order_id"] == order_id
    assert (await store.show(order_id))["status"] == "failed"
    assert len(store.server.asked) == 1


async def test_a_coupon_that_covers_all_is_paid_at_once(store: Store, clock: FixedClock) -> None:
    coupon = new_coupon("staging", "ALLFREE", now_us=clock.now_us(), percent=100)
    await store.gateway.context.database.transaction(lambda tx: create_coupon(tx, coupon))
    made = await store.order(coupon="allfree", pack_id="pack_starter")

    assert (made["status"], made["pay_amount"], made["url"]) == ("paid", 0, None)
    assert (made["coupon"], made["amount"], made["credits"]) == ("ALLFREE", 500, 5000)
    assert store.server.asked == []
    assert await store.findings() == []


@pytest.mark.one_database
async def test_a_provider_of_one_file_in_a_folder_sells_end_to_end(store: Store) -> None:
    made = await store.order(pack_id="pack_starter")
    outcomes = [
        (await store.notify("paid", made["id"])).json(),
        (await store.notify("refunded", made["id"], amount=250)).json(),
    ]
    order = await store.show(made["id"])

    assert outcomes == [{"received": True}, {"received": True}]
    assert order["status"] == "partially_refunded"
    assert await store.bought_cents() == 250
    assert [entry.outcome for entry in await store.log(made["id"])] == ["applied", "applied"]
    assert await store.findings() == []
