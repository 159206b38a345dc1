"""Payments: an order is credited once, by its own payment only, whatever else is told."""

import asyncio
from typing import Any

import msgspec
import pytest

from billing.engine.engine import Engine
from billing.ledger.price import Price
from billing.orders import queries as order_list
from billing.orders.order import Order
from billing.providers.event_log import NotificationRef
from kernel.clock import HOUR_US, MINUTE_US, FixedClock
from kernel.errors import NotFound
from store.database import Database, Transaction
from store.open import open_database
from tests.billing.counter import Counter, open_live_counter
from webhooks.events.schemas import TYPES


@pytest.fixture
async def counter(database: Database, clock: FixedClock) -> Counter:
    return await open_live_counter(database, clock)


async def events(counter: Counter) -> list[dict[str, Any]]:
    async def work(tx: Transaction) -> list[dict[str, Any]]:
        rows = await tx.fetch("SELECT body FROM events ORDER BY event_no")
        return [msgspec.json.decode(row["body"]) for row in rows]

    return await counter.desk.database.read(work)


async def test_a_paid_pack_is_in_the_wallet(counter: Counter) -> None:
    order = await counter.order()

    settled = await counter.pay(order)

    assert settled.outcome == "applied"
    assert settled.order == await counter.now(order)
    # $20.00 buys 25,000 credits of $0.001.
    assert await counter.micros() == {"provider": 25_000_000, "wallet": 25_000_000}
    assert await counter.desk.findings() == []


async def test_the_event_is_the_order(counter: Counter, clock: FixedClock) -> None:
    order = await counter.order()
    clock.advance_s(90)

    await counter.pay(order)

    (event,) = await events(counter)
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
        "coupon": None,
        "order_no": order.order_no,
        "reference": order.reference,
        "created_at": "2026-06-13T12:00:00Z",
        "paid_at": "2026-06-13T12:01:30Z",
    }
    msgspec.convert(event["data"], TYPES["order.paid"].data)


async def test_one_payment_told_many_times_is_credited_once(counter: Counter) -> None:
    order = await counter.order()
    same = counter.told()

    told = [same, same, counter.told(), counter.told()]
    settled = [await counter.pay(order, told=one) for one in told]
    together = await asyncio.gather(*(counter.pay(order) for _ in range(20)))

    assert [one.outcome for one in settled] == ["applied", "repeated", "repeated", "repeated"]
    assert {one.outcome for one in together} == {"repeated"}
    assert await counter.micros() == {"provider": 25_000_000, "wallet": 25_000_000}
    assert [event["type"] for event in await events(counter)] == ["order.paid"]
    assert [entry.outcome for entry in await counter.log(order)] == ["applied"] + ["repeated"] * 22


async def test_two_tills_credit_one_payment_once(
    counter: Counter, database_url: str, clock: FixedClock
) -> None:
    """Two processes: each has its own connections and its own batches."""
    order = await counter.order()
    second = open_database(database_url)
    other = Engine(second, clock, counter.engine.rules)
    twin = Counter(counter.desk, counter.scope, other)

    settled = await asyncio.gather(
        *((counter, twin)[number % 2].pay(order, told=told(number)) for number in range(24))
    )

    assert sorted(one.outcome for one in settled) == ["applied"] + ["repeated"] * 23
    assert await counter.micros() == {"provider": 25_000_000, "wallet": 25_000_000}
    assert await counter.desk.findings() == []
    await other.close()
    await second.close()


def told(number: int) -> NotificationRef:
    return NotificationRef(
        "stripe", "live", f"evt_of_two_{number % 5}", "checkout.session.completed"
    )


@pytest.mark.parametrize("end", ["failed", "expired"])
async def test_paid_wins_over_an_end_that_came_first(counter: Counter, end: Any) -> None:
    order = await counter.order()

    ended = await counter.end(order, end)
    settled = await counter.pay(order)

    assert (ended.order.status, settled.order.status) == (end, "paid")
    assert [event["type"] for event in await events(counter)] == ["order.failed", "order.paid"]
    assert await counter.micros() == {"provider": 25_000_000, "wallet": 25_000_000}


@pytest.mark.parametrize("end", ["failed", "expired"])
async def test_paid_stays_whatever_comes_later(counter: Counter, end: Any) -> None:
    order = await counter.order()
    await counter.pay(order)

    ended = await counter.end(order, end)

    assert (ended.outcome, ended.order.status) == ("ignored", "paid")
    assert [event["type"] for event in await events(counter)] == ["order.paid"]


async def test_an_end_is_told_once(counter: Counter) -> None:
    order = await counter.order()

    outcomes = [(await counter.end(order, "expired")).outcome for _ in range(2)]

    assert outcomes == ["applied", "repeated"]
    assert (await counter.end(order, "failed")).outcome == "ignored"
    assert (await counter.now(order)).status == "expired"
    assert await counter.micros() == {}


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
async def test_another_price_goes_to_review(counter: Counter, price: Price, reason: str) -> None:
    order = await counter.order()

    settled = await counter.pay(order, price=price)
    again = await counter.pay(order, price=price)

    assert (settled.outcome, again.outcome) == ("review", "repeated")
    assert settled.order.status == "review"
    assert settled.order.reason == reason
    assert await counter.micros() == {}
    assert await events(counter) == []
    assert await counter.desk.findings() == []


async def test_an_order_in_review_is_not_paid_by_another_payment(counter: Counter) -> None:
    order = await counter.order()
    await counter.pay(order, "pi_1", price=Price(1, "USD"))

    settled = await counter.pay(order, "pi_2")

    assert (settled.outcome, settled.order.status) == ("review", "review")
    assert (await counter.end(order, "expired")).outcome == "ignored"
    assert await counter.micros() == {}


async def test_a_second_payment_is_for_a_person_and_the_order_stays_paid(counter: Counter) -> None:
    order = await counter.order()
    await counter.pay(order, "pi_1")

    second = await counter.pay(order, "pi_2")

    assert (second.outcome, second.order.status) == ("review", "paid")
    assert await counter.micros() == {"provider": 25_000_000, "wallet": 25_000_000}
    assert [(one.outcome, one.detail) for one in await counter.log(order)] == [
        ("applied", ""),
        ("review", "payment pi_2 beside pi_1"),
    ]


async def test_another_providers_word_is_refused(counter: Counter) -> None:
    order = await counter.order()
    of_creem = counter.told(provider="creem")

    settled = await counter.pay(order, told=of_creem)

    assert (settled.outcome, settled.order.status) == ("refused", "pending")
    assert await counter.micros() == {}
    (entry,) = await counter.log(order)
    assert (entry.outcome, entry.detail) == ("refused", "creem speaks of an order at stripe")
    # The payer is not locked out by it.
    assert (await counter.pay(order)).outcome == "applied"


async def test_another_environments_word_finds_no_order(counter: Counter) -> None:
    order = await counter.order()

    with pytest.raises(NotFound, match="Order"):
        await counter.pay(order, told=NotificationRef("stripe", "staging", "evt_1", "test"))

    assert (await counter.now(order)).status == "pending"


async def test_another_accounts_order_does_not_exist(counter: Counter, clock: FixedClock) -> None:
    order = await counter.order()
    foreign = msgspec.structs.replace(order, environment="staging")

    with pytest.raises(NotFound, match="Order"):
        await counter.end(foreign, "failed")


async def test_one_payment_pays_one_order(counter: Counter) -> None:
    first, second = await counter.order(), await counter.order()
    await counter.pay(first, "pi_1")

    settled = await counter.pay(second, "pi_1")

    assert (settled.outcome, settled.order.status) == ("review", "review")
    assert settled.order.reason == f"payment pi_1 is order {first.id}'s"
    assert await counter.micros() == {"provider": 25_000_000, "wallet": 25_000_000}


async def test_one_payment_of_two_orders_in_one_batch_pays_one(counter: Counter) -> None:
    orders = [await counter.order() for _ in range(6)]

    settled = await asyncio.gather(*(counter.pay(order, "pi_1") for order in orders))

    assert sorted(one.outcome for one in settled) == ["applied"] + ["review"] * 5
    assert await counter.micros() == {"provider": 25_000_000, "wallet": 25_000_000}


async def test_what_is_owed_is_paid_first(counter: Counter) -> None:
    first = await counter.order()
    await counter.pay(first, "pi_1")
    await counter.spend(15_000_000)
    await counter.refund(first, 2000)
    assert await counter.micros() == {"owed": 15_000_000, "used": 15_000_000}
    second = await counter.order(amount_cents=2000)

    await counter.pay(second, "pi_2")

    # $20.00 less the $15.00 that the refund could not take back.
    assert await counter.micros() == {
        "provider": 20_000_000,
        "used": 15_000_000,
        "wallet": 5_000_000,
    }
    assert await counter.desk.findings() == []


# Opening, and asking


async def test_a_checkout_is_attached_and_its_ids_lead_to_the_order(counter: Counter) -> None:
    order = await counter.order()

    await counter.attach(
        order, url="https://pay.example/x", provider_ref="cs_1", objects=("pi_1", "cus_7")
    )

    stored = await counter.now(order)
    assert (stored.url, stored.provider_ref, stored.status) == (
        "https://pay.example/x",
        "cs_1",
        "pending",
    )
    for object_id in ("cs_1", "pi_1"):
        assert await found_by(counter, object_id) == order.id
    assert await found_by(counter, "cs_2") is None
    assert await found_by(counter, "cs_1", environment="staging") is None
    assert await found_by(counter, "cs_1", provider="creem") is None


async def found_by(
    counter: Counter, *ids: str, provider: str = "stripe", environment: str = "live"
) -> str | None:
    async def work(tx: Transaction) -> Order | None:
        return await order_list.find_by_objects(tx, provider, environment, ids)

    found = await counter.desk.database.read(work)
    return None if found is None else found.id


async def test_a_checkout_may_be_attached_after_the_payment(counter: Counter) -> None:
    order = await counter.order()
    await counter.pay(order, objects=("in_1",))

    attached = await counter.attach(order)
    again = await counter.attach(order)

    assert (attached.order.status, attached.order.url) == ("paid", "https://pay.example/1")
    assert again.outcome == "repeated"
    assert await found_by(counter, "unknown", "in_1") == order.id
    assert await found_by(counter, "pi_1") == order.id


async def test_a_pending_order_is_asked_about_each_minute_and_then_hourly(
    counter: Counter, clock: FixedClock
) -> None:
    order = await counter.order()
    start = clock.now_us()
    asked = []

    for _ in range(18):
        at = (await counter.now(order)).next_check_at
        assert at is not None
        clock.advance_s((at - clock.now_us()) / 1_000_000)
        asked.append(at - start)
        order = (await counter.check(await counter.now(order))).order

    minutes = [number * MINUTE_US for number in range(1, 16)]
    hours = [15 * MINUTE_US + number * HOUR_US for number in range(1, 4)]
    assert asked == minutes + hours


async def test_of_two_sweeps_one_asks(counter: Counter) -> None:
    order = await counter.order()

    checked = await asyncio.gather(counter.check(order), counter.check(order))

    assert sorted(one.is_mine for one in checked) == [False, True]
    await counter.pay(order)
    assert not (await counter.check(await counter.now(order))).is_mine
    assert (await counter.now(order)).next_check_at is None


async def test_the_statements_of_a_batch_do_not_grow_with_it(counter: Counter) -> None:
    few = [await counter.order() for _ in range(2)]
    many = [await counter.order() for _ in range(40)]
    for order in [*few, *many]:
        await counter.refund(order, 100, key=f"re_{order.id}")
    database = counter.desk.database

    async def cost(orders: list[Order]) -> int:
        before = database.statements_run
        await asyncio.gather(*(counter.pay(order, f"pi_{order.id}") for order in orders))
        return database.statements_run - before

    assert await cost(few) == await cost(many)
