"""A change of plans at Creem, as its documents tell it: the difference for the rest of the period is charged
at once, and the period stays. So `subscription.paid` comes again with the period's own start.

Pro costs $10.00 for 10,000 credits, team $30.00 for 40,000. Up at half of the month costs 10.00, which grants
40,000,000 x 10.00 / 30.00 = 13,333,333 micros beside the month's 10,000,000. Source: docs.creem.io, managing
subscriptions, webhooks, and transactions.
"""

import json
from typing import Any

import httpx
import pytest
import respx

from billing.ledger.price import Price
from billing.orders.order import Order
from billing.providers.abilities import PaidSum, ability
from billing.providers.event_log import NotificationOutcome
from billing.providers.protocol import InvoicePaid, ProviderRefused
from kernel.clock import DAY_US, FixedClock, rfc3339_ms
from tests.billing.subscriptions.test_changes import micros, subscriber
from tests.support.plain_http import http_client
from tests.support.providers import API_BASE, from_creem, provider
from tests.support.subscriber import Subscriber

__all__ = ["subscriber"]
pytestmark = pytest.mark.one_database
PRODUCTS = {"pro": 1000, "team": 3000}


def paid(order_id: str, now_us: int, plan: str, day: int, amount: int | None) -> bytes:
    """`subscription.paid` on a day of the period; amount null: it names the transaction alone."""
    at_ms = (now_us + day * DAY_US) // 1000
    shown: dict[str, Any] = {
        "id": "sub_1",
        "status": "active",
        "product": {"id": f"sandbox/{plan}/month", "price": PRODUCTS[plan], "currency": "USD"},
        "customer": {"id": "cust_1"},
        "metadata": {"order_id": order_id},
        "last_transaction_id": f"tran_{day}",
        "current_period_start_date": rfc3339_ms(now_us),
        "current_period_end_date": rfc3339_ms(now_us + 30 * DAY_US),
    }
    if amount is not None:
        shown["last_transaction"] = transaction(day, amount, at_ms)
    event = {"id": f"evt_{day}", "eventType": "subscription.paid", "created_at": at_ms}
    return json.dumps({**event, "object": shown}).encode()


def transaction(day: int, amount: int, at_ms: int) -> dict[str, Any]:
    money = {"amount": amount, "amount_paid": amount, "currency": "USD", "discount_amount": 0}
    return {"id": f"tran_{day}", **money, "status": "paid", "created_at": at_ms}


async def begun(subscriber: Subscriber) -> Order:
    """Its provider is a stand-in: what Creem tells is handed on as that one's."""
    order = await subscriber.join()
    await subscriber.tell((await subscriber.pay(order)).sandbox_event())
    return order


async def tell(subscriber: Subscriber, body: bytes) -> NotificationOutcome:
    """The notification's facts, as its reader makes them."""
    said = provider("creem").read(from_creem(body))
    event = json.loads(body)["id"]
    return await subscriber.act(said.facts[0], subscriber.notification(event))


@pytest.mark.parametrize("order", [(0, 1, 2), (1, 0, 2), (2, 1, 0)])
async def test_an_upgrade_grants_the_share_that_it_cost(
    subscriber: Subscriber, clock: FixedClock, order: tuple[int, ...]
) -> None:
    """Up at half; down costs and grants nothing; up with 6 days left: 4.00 grant 5,333,333."""
    bought, now_us = await begun(subscriber), clock.now_us()
    months = [
        paid(bought.id, now_us, "pro", 0, 1000),
        paid(bought.id, now_us, "team", 15, 1000),
        paid(bought.id, now_us, "team", 24, 400),
    ]

    outcomes = [await tell(subscriber, months[number]) for number in (*order, *order)]

    assert outcomes == ["applied"] * 3 + ["repeated"] * 3
    assert await micros(subscriber) == 10_000_000 + 13_333_333 + 5_333_333
    assert (await subscriber.now(bought)).plan_id == "team"
    assert await subscriber.buyer.account.findings() == []


async def test_without_a_sum_for_another_plan_a_person_decides(
    subscriber: Subscriber, clock: FixedClock
) -> None:
    bought, now_us = await begun(subscriber), clock.now_us()
    first = await tell(subscriber, paid(bought.id, now_us, "pro", 0, None))

    up = await tell(subscriber, paid(bought.id, now_us, "team", 15, None))

    assert (first, up) == ("applied", "review")
    assert await micros(subscriber) == 10_000_000


async def test_a_second_whole_payment_of_one_period_is_a_contradiction(
    subscriber: Subscriber, clock: FixedClock
) -> None:
    bought, now_us = await begun(subscriber), clock.now_us()
    await tell(subscriber, paid(bought.id, now_us, "pro", 0, 1000))

    again = await tell(subscriber, paid(bought.id, now_us, "pro", 15, 1000))

    assert again == "review"
    assert await micros(subscriber) == 10_000_000


async def test_creem_is_asked_for_a_sum_that_it_did_not_tell(clock: FixedClock) -> None:
    now_us = clock.now_us()
    (listed,) = provider("creem").read(from_creem(paid("ord_1", now_us, "team", 15, None))).facts
    assert isinstance(listed, InvoicePaid)
    asked_for = f"{API_BASE}/v1/transactions?transaction_id=tran_15"
    found = transaction(15, 1000, (now_us + 15 * DAY_US) // 1000)

    async with http_client() as client:
        asks = ability(provider("creem", client=client), PaidSum)  # type: ignore[type-abstract]
        assert asks is not None
        with respx.mock() as vendor:
            vendor.get(asked_for).mock(return_value=httpx.Response(200, json=found))
            told = await asks.with_sum(listed)
        with respx.mock() as vendor:
            other = {**found, "id": "tran_other"}
            vendor.get(asked_for).mock(return_value=httpx.Response(200, json=other))
            with pytest.raises(ProviderRefused):
                await asks.with_sum(listed)

    assert (listed.is_listed, listed.price) == (True, Price(3000, "USD"))
    assert (told.is_listed, told.is_prorated, told.price) == (False, True, Price(1000, "USD"))
    assert told.period_start_at == now_us + 15 * DAY_US
