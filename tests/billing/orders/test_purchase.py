"""Payments: an order is credited once, by its own payment only, whatever else is told."""

import asyncio
from typing import Any

import msgspec
import pytest

from billing.engine.engine import Engine
from billing.ledger.price import Price
from billing.orders import records as order_list
from billing.orders.order import Order
from billing.providers.event_log import NotificationRef
from kernel.clock import HOUR_US, MINUTE_US, FixedClock
from kernel.errors import NotFound
from store.database import Database, Transaction
from store.open import open_database
from tests.support.buyer import Buyer, open_live_counter
from webhooks.events.schemas import TYPES


@pytest.fixture
async def buyer(database: Database, clock: FixedClock) -> Buyer:
    return await open_live_counter(database, clock)


async def events(buyer: Buyer) -> list[dict[str, Any]]:
    async def work(tx: Transaction) -> list[dict[str, Any]]:
        rows = await tx.fetch("SELECT body FROM events ORDER BY event_no")
        return [msgspec.json.decode(row["body"]) for row in rows]

    return await buyer.account.database.read(work)


async def test_a_paid_pack_is_in_the_wallet(buyer: Buyer) -> None:
    order = await buyer.order()

    settled = await buyer.pay(order)

    assert settled.outcome == "applied"
    assert settled.order == await buyer.now(order)
    # $20.00 buys 25,000 credits of $0.001.
    assert await buyer.micros() == {"provider": 25_000_000, "wallet": 25_000_000}
    assert await buyer.account.findings() == []


async def test_credit_whose_order_is_gone_is_a_finding(buyer: Buyer) -> None:
    order = await buyer.order()
    await buyer.pay(order)

    async def remove(tx: Transaction) -> None:
        await tx.execute("DELETE FROM orders WHERE id = :id", id=order.id)

    await buyer.account.database.transaction(remove)

    found = {(one.rule, one.expected, one.found) for one in await buyer.account.findings()}
    assert found == {
        ("credit that was sold has its order, period or machine payment", 0, 25_000_000),
        ("an order is what its newest event told", 1, 0),
        ("each row of provider_events is of the account of its row of orders", 1, 0),
        ("each row of provider_objects is of the account of its row of orders", 1, 0),
    }


async def test_the_event_is_the_order(buyer: Buyer, clock: FixedClock) -> None:
    order = await buyer.order()
    clock.advance_s(90)

    await buyer.pay(order)

    (event,) = await events(buyer)
    assert event["type"] == "order.paid"
    assert event["data"] == {
        "id": order.id,
        "status": "paid",
        "provider": "stripe",
        "url": None,
        "pack_id": "pack_pro",
        "amount": 2000,
        "currency": "USD",
        "pay_amount": 2000,
        "pay_currency": "USD",
        "credits": 25_000,
        "refunded_amount": 0,
        "coupon": None,
        "order_no": order.order_no,
        "reference": order.reference,
        "created_at": "2026-06-13T12:00:00Z",
        "paid_at": "2026-06-13T12:01:30Z",
        "origin": None,
        "paid_amount": 2000,
        "trial_days": 0,
    }
    msgspec.convert(event["data"], TYPES["order.paid"].data)


async def test_one_payment_told_many_times_is_credited_once(buyer: Buyer) -> None:
    order = await buyer.order()
    same = buyer.notification()

    notifications = [same, same, buyer.notification(), buyer.notification()]
    settled = [await buyer.pay(order, notification=one) for one in notifications]
    together = await asyncio.gather(*(buyer.pay(order) for _ in range(20)))

    assert [one.outcome for one in settled] == ["applied", "repeated", "repeated", "repeated"]
    assert {one.outcome for one in together} == {"repeated"}
    assert await buyer.micros() == {"provider": 25_000_000, "wallet": 25_000_000}
    assert [event["type"] for event in await events(buyer)] == ["order.paid"]
    assert [entry.outcome for entry in await buyer.log(order)] == ["applied"] + ["repeated"] * 22


async def test_two_tills_credit_one_payment_once(
    buyer: Buyer, database_url: str, clock: FixedClock
) -> None:
    """Two processes: each has its own connections and its own batches."""
    order = await buyer.order()
    second = open_database(database_url)
    other = Engine(second, clock, buyer.engine.rules)
    twin = Buyer(buyer.account, buyer.tenant, other)

    settled = await asyncio.gather(
        *(
            (buyer, twin)[number % 2].pay(order, notification=notification(number))
            for number in range(24)
        )
    )

    assert sorted(one.outcome for one in settled) == ["applied"] + ["repeated"] * 23
    assert await buyer.micros() == {"provider": 25_000_000, "wallet": 25_000_000}
    assert await buyer.account.findings() == []
    await other.close()
    await second.close()


def notification(number: int) -> NotificationRef:
    return NotificationRef(
        "stripe", "live", f"evt_of_two_{number % 5}", "checkout.session.completed"
    )


@pytest.mark.parametrize("end", ["failed", "expired"])
async def test_paid_wins_over_an_end_that_came_first(buyer: Buyer, end: Any) -> None:
    order = await buyer.order()

    ended = await buyer.end(order, end)
    settled = await buyer.pay(order)

    assert (ended.order.status, settled.order.status) == (end, "paid")
    assert [event["type"] for event in await events(buyer)] == ["order.failed", "order.paid"]
    assert await buyer.micros() == {"provider": 25_000_000, "wallet": 25_000_000}


@pytest.mark.parametrize("end", ["failed", "expired"])
async def test_paid_stays_whatever_comes_later(buyer: Buyer, end: Any) -> None:
    order = await buyer.order()
    await buyer.pay(order)

    ended = await buyer.end(order, end)

    assert (ended.outcome, ended.order.status) == ("ignored", "paid")
    assert [event["type"] for event in await events(buyer)] == ["order.paid"]


async def test_an_end_is_told_once(buyer: Buyer) -> None:
    order = await buyer.order()

    outcomes = [(await buyer.end(order, "expired")).outcome for _ in range(2)]

    assert outcomes == ["applied", "repeated"]
    assert (await buyer.end(order, "failed")).outcome == "ignored"
    assert (await buyer.now(order)).status == "expired"
    assert await buyer.micros() == {}


@pytest.mark.one_database
@pytest.mark.parametrize(
    ("price", "reason"),
    [
        (Price(1999, "USD"), "19.99 USD was paid, not 20.00 USD"),
        (Price(200_000, "USD"), "2000.00 USD was paid, not 20.00 USD"),
        (Price(2000, "KWD"), "2.000 KWD was paid, not 20.00 USD"),
        (Price(0, "USD"), "0.00 USD was paid, not 20.00 USD"),
    ],
)
async def test_another_price_goes_to_review(buyer: Buyer, price: Price, reason: str) -> None:
    order = await buyer.order()

    settled = await buyer.pay(order, price=price)
    again = await buyer.pay(order, price=price)

    assert (settled.outcome, again.outcome) == ("review", "repeated")
    assert settled.order.status == "review"
    assert settled.order.reason == reason
    assert await buyer.micros() == {}
    assert await events(buyer) == []
    assert await buyer.account.findings() == []


async def test_an_order_in_review_is_not_paid_by_another_payment(buyer: Buyer) -> None:
    order = await buyer.order()
    await buyer.pay(order, "pi_1", price=Price(1, "USD"))

    settled = await buyer.pay(order, "pi_2")

    assert (settled.outcome, settled.order.status) == ("review", "review")
    assert (await buyer.end(order, "expired")).outcome == "ignored"
    assert await buyer.micros() == {}


async def test_a_second_payment_is_for_a_person_and_the_order_stays_paid(buyer: Buyer) -> None:
    order = await buyer.order()
    await buyer.pay(order, "pi_1")

    second = await buyer.pay(order, "pi_2")

    assert (second.outcome, second.order.status) == ("review", "paid")
    assert await buyer.micros() == {"provider": 25_000_000, "wallet": 25_000_000}
    assert [(one.outcome, one.detail) for one in await buyer.log(order)] == [
        ("applied", ""),
        ("review", "payment pi_2 beside pi_1"),
    ]


async def test_another_providers_word_is_refused(buyer: Buyer) -> None:
    order = await buyer.order()
    of_creem = buyer.notification(provider="creem")

    settled = await buyer.pay(order, notification=of_creem)

    assert (settled.outcome, settled.order.status) == ("refused", "pending")
    assert await buyer.micros() == {}
    (entry,) = await buyer.log(order)
    assert (entry.outcome, entry.detail) == ("refused", "creem speaks of an order at stripe")
    # The payer is not locked out by it.
    assert (await buyer.pay(order)).outcome == "applied"


async def test_another_environments_word_finds_no_order(buyer: Buyer) -> None:
    order = await buyer.order()

    with pytest.raises(NotFound, match="Order"):
        await buyer.pay(order, notification=NotificationRef("stripe", "staging", "evt_1", "test"))

    assert (await buyer.now(order)).status == "pending"


async def test_another_accounts_order_does_not_exist(buyer: Buyer, clock: FixedClock) -> None:
    order = await buyer.order()
    foreign = msgspec.structs.replace(order, environment="staging")

    with pytest.raises(NotFound, match="Order"):
        await buyer.end(foreign, "failed")


async def test_one_payment_pays_one_order(buyer: Buyer) -> None:
    first, second = await buyer.order(), await buyer.order()
    await buyer.pay(first, "pi_1")

    settled = await buyer.pay(second, "pi_1")

    assert (settled.outcome, settled.order.status) == ("review", "review")
    assert settled.order.reason == f"payment pi_1 is order {first.id}'s"
    assert await buyer.micros() == {"provider": 25_000_000, "wallet": 25_000_000}


async def test_one_payment_of_two_orders_in_one_batch_pays_one(buyer: Buyer) -> None:
    orders = [await buyer.order() for _ in range(6)]

    settled = await asyncio.gather(*(buyer.pay(order, "pi_1") for order in orders))

    assert sorted(one.outcome for one in settled) == ["applied"] + ["review"] * 5
    assert await buyer.micros() == {"provider": 25_000_000, "wallet": 25_000_000}


async def test_what_is_owed_is_paid_first(buyer: Buyer) -> None:
    first = await buyer.order()
    await buyer.pay(first, "pi_1")
    await buyer.spend(15_000_000)
    await buyer.refund(first, 2000)
    assert await buyer.micros() == {"owed": 15_000_000, "used": 15_000_000}
    second = await buyer.order(amount_cents=2000)

    await buyer.pay(second, "pi_2")

    # $20.00 less the $15.00 that the refund could not take back.
    assert await buyer.micros() == {
        "provider": 20_000_000,
        "used": 15_000_000,
        "wallet": 5_000_000,
    }
    assert await buyer.account.findings() == []


# Opening, and asking


async def test_a_checkout_is_attached_and_its_ids_lead_to_the_order(buyer: Buyer) -> None:
    order = await buyer.order()

    await buyer.attach(
        order, url="https://pay.example/x", provider_ref="cs_1", objects=("pi_1", "cus_7")
    )

    stored = await buyer.now(order)
    assert (stored.url, stored.provider_ref, stored.status) == (
        "https://pay.example/x",
        "cs_1",
        "pending",
    )
    for object_id in ("cs_1", "pi_1"):
        assert await found_by(buyer, object_id) == order.id
    assert await found_by(buyer, "cs_2") is None
    assert await found_by(buyer, "cs_1", environment="staging") is None
    assert await found_by(buyer, "cs_1", provider="creem") is None


async def found_by(
    buyer: Buyer, *ids: str, provider: str = "stripe", environment: str = "live"
) -> str | None:
    async def work(tx: Transaction) -> Order | None:
        return await order_list.find_by_objects(tx, provider, environment, ids)

    found = await buyer.account.database.read(work)
    return None if found is None else found.id


async def test_a_checkout_may_be_attached_after_the_payment(buyer: Buyer) -> None:
    order = await buyer.order()
    await buyer.pay(order, objects=("in_1",))

    attached = await buyer.attach(order)
    again = await buyer.attach(order)

    assert (attached.order.status, attached.order.url) == ("paid", "https://pay.example/1")
    assert again.outcome == "repeated"
    assert await found_by(buyer, "unknown", "in_1") == order.id
    assert await found_by(buyer, "pi_1") == order.id


async def test_a_pending_order_is_asked_about_each_minute_and_then_hourly(
    buyer: Buyer, clock: FixedClock
) -> None:
    order = await buyer.order()
    start = clock.now_us()
    asked = []

    for _ in range(18):
        at = (await buyer.now(order)).next_check_at
        assert at is not None
        clock.advance_s((at - clock.now_us()) / 1_000_000)
        asked.append(at - start)
        order = (await buyer.check(await buyer.now(order))).order

    minutes = [number * MINUTE_US for number in range(1, 16)]
    hours = [15 * MINUTE_US + number * HOUR_US for number in range(1, 4)]
    assert asked == minutes + hours


async def test_of_two_sweeps_one_asks(buyer: Buyer) -> None:
    order = await buyer.order()

    checked = await asyncio.gather(buyer.check(order), buyer.check(order))

    assert sorted(one.is_mine for one in checked) == [False, True]
    await buyer.pay(order)
    assert not (await buyer.check(await buyer.now(order))).is_mine
    assert (await buyer.now(order)).next_check_at is None


async def test_the_statements_of_a_batch_do_not_grow_with_it(buyer: Buyer) -> None:
    few = [await buyer.order() for _ in range(2)]
    many = [await buyer.order() for _ in range(40)]
    for order in [*few, *many]:
        await buyer.refund(order, 100, key=f"re_{order.id}")
    database = buyer.account.database

    async def cost(orders: list[Order]) -> int:
        before = database.statements_run
        await asyncio.gather(*(buyer.pay(order, f"pi_{order.id}") for order in orders))
        return database.statements_run - before

    assert await cost(few) == await cost(many)
