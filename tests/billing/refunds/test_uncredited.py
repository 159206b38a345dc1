"""The payment of an order in review goes back: nothing was credited, so nothing is held or taken.

The order is $20.00 for 25,000 credits, which are 25,000,000 micros.
"""

import asyncio

import pytest

from billing.ledger.price import Price
from billing.orders.order import Order, OrderDecided
from billing.providers.abilities import RefundReport
from billing.providers.protocol import RefundFailed, Subject
from billing.refunds.commands import NotRefundable, RefundUnderWay
from billing.refunds.refunder import Refunder
from kernel.clock import FixedClock
from keys.audit_log import Actor
from store.database import Database
from tests.support.buyer import open_live_counter
from tests.support.refunding import Refunding, made, usd
from tests.support.vendor_refunds import VendorRefunds, providers_with

WHOLE = 25_000_000


async def _in_review(
    database: Database, clock: FixedClock, paid: int = 1999
) -> tuple[Refunding, Order]:
    buyer = await open_live_counter(database, clock)
    order = await buyer.order()
    return Refunding(buyer), (await buyer.pay(order, price=Price(paid, "USD"))).order


async def test_the_review_ends_with_the_providers_word_and_opens_again_should_it_come_back(
    database: Database, clock: FixedClock
) -> None:
    refunding, order = await _in_review(database, clock)

    asked = await refunding.ask(order)

    assert (asked.status, asked.amount, asked.held_micros) == ("requested", 1999, 0)
    with pytest.raises(OrderDecided, match="is requested"):
        await refunding.buyer.resolve(order, "approve")
    with pytest.raises(OrderDecided, match="is requested"):
        await refunding.buyer.resolve(order, "reject")
    await refunding.settle(asked, made(asked))
    closed = await refunding.buyer.now(order)
    assert (closed.status, closed.refunded_amount) == ("failed", 1999)
    assert all(one.resolved_at for one in await refunding.buyer.log(order) if one.problem)

    failed = RefundFailed(Subject(order.id, ("re_1",)), "re_1", usd(1999), is_part=True)
    for _ in range(2):
        await refunding.buyer._hear(order, failed)

    again = await refunding.buyer.now(order)
    assert (again.status, again.refunded_amount) == ("review", 0)
    assert await refunding.buyer.micros() == {}
    await refunding.buyer.resolve(again, "reject")
    await refunding.buyer._hear(order, failed)
    assert (await refunding.buyer.now(order)).status == "failed"
    assert await refunding.findings() == []


@pytest.mark.one_database
async def test_a_definite_no_leaves_the_decision_open(
    database: Database, clock: FixedClock
) -> None:
    refunding, order = await _in_review(database, clock)
    asked = await refunding.ask(order)

    await refunding.settle(asked, RefundReport("failed", detail="the vendor refused it"))

    assert (await refunding.buyer.now(order)).status == "review"
    await refunding.buyer.resolve(order, "approve")
    assert await refunding.buyer.micros() == {"wallet": WHOLE, "provider": WHOLE}


async def test_what_was_paid_too_much_goes_back_and_the_price_is_credited(
    database: Database, clock: FixedClock
) -> None:
    refunding, order = await _in_review(database, clock, 2500)
    asked = await refunding.ask(order, 500)
    await refunding.settle(asked, made(asked))
    assert (await refunding.buyer.now(order)).status == "review"

    # $20.00 of the $25.00 are here, which is the price: nobody has to say how much counts.
    await refunding.buyer.resolve(order, "approve", says_amount=False)

    assert await refunding.buyer.micros() == {"wallet": WHOLE, "provider": WHOLE}
    rest = await refunding.ask(order)
    assert (rest.amount, rest.held_micros) == (2000, WHOLE)
    await refunding.settle(rest, made(rest, "re_2"))
    assert await refunding.buyer.micros() == {}
    assert (await refunding.buyer.now(order)).status == "refunded"
    assert await refunding.findings() == []


@pytest.mark.one_database
async def test_what_was_rejected_goes_back_and_another_payment_is_for_a_person(
    database: Database, clock: FixedClock
) -> None:
    refunding, order = await _in_review(database, clock)
    await refunding.buyer.resolve(order, "reject")
    asked = await refunding.ask(order)
    await refunding.settle(asked, made(asked))
    after = await refunding.buyer.now(order)
    assert (after.status, after.refunded_amount) == ("failed", 1999)

    second = await refunding.buyer.pay(order, "pi_2")

    assert (second.outcome, second.order.status) == ("review", "failed")
    assert await refunding.buyer.micros() == {}


async def test_two_operators_at_once_ask_for_one_refund(
    database: Database, clock: FixedClock
) -> None:
    refunding, order = await _in_review(database, clock)

    ended = await asyncio.gather(*(refunding.ask(order) for _ in range(2)), return_exceptions=True)

    assert sorted(type(one).__name__ for one in ended) == ["Refund", RefundUnderWay.__name__]


@pytest.mark.one_database
async def test_a_payment_of_another_order_is_not_sent_back(
    database: Database, clock: FixedClock
) -> None:
    buyer = await open_live_counter(database, clock)
    first, second = await buyer.order(), await buyer.order()
    await buyer.pay(first, "pi_1")
    await buyer.pay(second, "pi_1")
    assert (await buyer.now(second)).status == "review"
    refunder = Refunder(database, clock, buyer.engine, providers_with(VendorRefunds(), clock))

    with pytest.raises(NotRefundable) as refused:
        await refunder.request(second.id, "live", reason="not his", actor=Actor())

    assert (refused.value.reason, refused.value.extra["other_order_id"]) == (
        "other_order",
        first.id,
    )
