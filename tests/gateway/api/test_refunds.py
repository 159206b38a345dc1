"""Refunds and disputes by the API and by the operator's pages, at the sandbox, with the worker's loop."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio

from kernel.clock import FixedClock
from tests.support.billing_api_calls import Caller, administrator
from tests.support.operator_pages import ADMIN, operator
from tests.support.selling_gateway import Store, open_store
from worker.money.provider_calls import RefundLoop

pytestmark = pytest.mark.one_database


@pytest_asyncio.fixture
async def store(database_url: str, tmp_path: Path, clock: FixedClock) -> AsyncIterator[Store]:
    async with open_store(database_url, tmp_path, clock) as opened:
        yield opened


async def paid(store: Store) -> dict[str, Any]:
    """An order of $20.00 for 20,000 credits, paid at the sandbox in Stripe's place."""
    order = await store.order(provider="stripe")
    await store.press(order, "paid")
    return await store.show(order["id"])


async def ask(
    store: Store, boss: Caller, order_id: str, once: str = "", **body: Any
) -> httpx.Response:
    headers = {"Idempotency-Key": once} if once else {}
    return await store.gateway.call(
        "POST",
        f"/orders/{order_id}/refund",
        key=boss.key,
        headers=headers,
        json={"reason": "bought twice", **body},
    )


async def work(store: Store) -> None:
    """The worker's loop, until nothing is due."""
    context = store.gateway.context
    await RefundLoop(context.database, context.clock, context.refunder).step()


async def test_a_refund_is_accepted_held_made_and_shown(store: Store) -> None:
    order, boss = await paid(store), await administrator(store.gateway)

    answer = await ask(store, boss, order["id"], "refund-1", amount=500)
    again = await ask(store, boss, order["id"], "refund-1", amount=500)

    assert (answer.status_code, answer.json()["code"]) == (202, 1000)
    assert again.content == answer.content
    refund = answer.json()["data"]
    assert (refund["status"], refund["amount"], refund["held_micros"]) == (
        "requested",
        500,
        5_000_000,
    )
    assert await store.bought_cents() == 1500
    await work(store)
    shown = await store.gateway.call("GET", f"/refunds/{refund['id']}", key=boss.key)
    assert shown.json()["data"]["status"] == "succeeded"
    listed = await store.gateway.call("GET", f"/refunds?order_id={order['id']}", key=boss.key)
    assert [one["id"] for one in listed.json()["data"]["items"]] == [refund["id"]]
    after = await store.show(order["id"])
    assert (after["status"], after["refunded_amount"]) == ("partially_refunded", 500)
    assert await store.bought_cents() == 1500
    assert await store.findings() == []


async def test_a_merchants_key_refunds_nothing(store: Store) -> None:
    order = await paid(store)

    answer = await store.gateway.call(
        "POST", f"/orders/{order['id']}/refund", key=store.key, json={"reason": "mine"}
    )

    assert (answer.status_code, answer.json()["code"]) == (403, 2009)


@pytest.mark.parametrize(
    ("reason", "statuses", "left"),
    [
        ("sandbox refused", ["failed"], 2000),
        ("sandbox unknown", ["unknown", "succeeded"], 0),
        ("sandbox pending", ["pending", "pending"], 0),
        ("sandbox returned", ["pending", "failed"], 2000),
    ],
)
async def test_the_sandbox_plays_each_end(
    store: Store, clock: FixedClock, reason: str, statuses: list[str], left: int
) -> None:
    order, boss = await paid(store), await administrator(store.gateway)
    refund = (await ask(store, boss, order["id"], reason=reason)).json()["data"]

    seen = []
    for _ in statuses:
        await work(store)
        shown = await store.gateway.call("GET", f"/refunds/{refund['id']}", key=boss.key)
        seen.append(shown.json()["data"]["status"])
        clock.advance_s(7 * 3600)

    assert seen == statuses
    assert await store.bought_cents() == left
    assert await store.findings() == []


async def test_the_operator_refunds_on_the_orders_page_and_decides_on_the_refunds(
    store: Store, clock: FixedClock
) -> None:
    order = await paid(store)
    boss = await operator(store.gateway)
    place = f"{ADMIN}/orders/{order['id']}"
    assert 'id="refund-amount" name="amount"' in (await boss.get(place)).text

    wrong = await boss.send(
        f"{place}/refund", {"amount": "30.00", "pay_currency": "USD", "reason": "x"}
    )
    assert wrong.status_code == 422
    made = await boss.send(
        f"{place}/refund", {"amount": "5.00", "pay_currency": "USD", "reason": "sandbox pending"}
    )
    assert made.status_code == 303
    refund = made.headers["location"].partition("?")[0]
    await work(store)
    clock.advance_s(60)
    assert "It was not made" in (await boss.get(refund)).text
    decided = await boss.send(refund, {"verdict": "not_made", "reason": "nothing there"})

    assert decided.status_code == 303
    assert "failed" in (await boss.get(refund)).text
    assert refund.rpartition("/")[2] in (await boss.get(f"{ADMIN}/refunds")).text
    assert await store.bought_cents() == 2000
    for query, words in (("", "No disputes in staging"), ("?state=ended", "Show everything")):
        assert words in (await boss.get(f"{ADMIN}/disputes{query}")).text
    assert await store.findings() == []
