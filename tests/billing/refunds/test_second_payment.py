"""Payments that credited nothing and are not the order's own: a second one, and a plan's that waits for a person.

The order is $20.00 for 25,000 credits, which are 25,000,000 micros; the plan pro $10.00 for 10,000 credits.
"""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
import pytest_asyncio

from billing.ledger.price import Price
from billing.orders import records as order_list
from billing.orders.order import Order, OrderDecided
from billing.payments import notifications
from billing.providers.abilities import RefundReport
from billing.providers.protocol import (
    DisputeClosed,
    Disputed,
    Refunded,
    RefundFailed,
    Subject,
)
from billing.refunds.commands import RefundRepeated, RefundUnderWay
from kernel.clock import FixedClock
from kernel.errors import InvalidInput, NotFound
from store.database import Database
from tests.support.buyer import Buyer, open_live_counter
from tests.support.refunding import Refunding, acts_of, came_back, made
from tests.support.subscriber import Subscriber, open_subscriber, renewal

WHOLE = 25_000_000
CREDITED = {"wallet": WHOLE, "provider": WHOLE}


async def _paid_twice(
    database: Database, clock: FixedClock, second: Price | None = None
) -> tuple[Refunding, Order]:
    buyer = await open_live_counter(database, clock)
    order = (await buyer.pay(await buyer.order(), "pi_1")).order
    assert (await buyer.pay(order, "pi_2", price=second)).outcome == "review"
    return Refunding(buyer), order


async def _open_cases(refunding: Refunding, order: Order) -> list[str | None]:
    log = await refunding.buyer.log(order)
    return [one.problem.payment_ref for one in log if one.problem and not one.resolved_at]


async def test_a_second_payment_goes_back_and_the_credit_of_the_first_stays(
    database: Database, clock: FixedClock
) -> None:
    refunding, order = await _paid_twice(database, clock)
    assert await _open_cases(refunding, order) == ["pi_2"]

    asked = await refunding.ask(order, payment_ref="pi_2")

    assert (asked.payment_ref, asked.amount, asked.held_micros) == ("pi_2", 2000, 0)
    with pytest.raises(RefundUnderWay, match="Wait until it has ended"):
        await refunding.ask(order, payment_ref="pi_2")
    with pytest.raises(OrderDecided, match="pi_2 is requested"):
        await refunding.buyer.resolve(order, "reject")
    await refunding.settle(asked, made(asked))
    await refunding.settle(asked, made(asked))
    assert await _open_cases(refunding, order) == []
    with pytest.raises(RefundRepeated, match=r"All of 20\.00 USD was already"):
        await refunding.ask(order, payment_ref="pi_2")

    # The order's own is another payment, and what was told of the second does not count for it.
    assert (await refunding.buyer.now(order)).status == "paid"
    assert await refunding.buyer.micros() == CREDITED
    own = await refunding.ask(order)
    assert (own.payment_ref, own.amount, own.held_micros) == ("pi_1", 2000, WHOLE)
    assert await refunding.findings() == []


async def test_one_that_comes_back_opens_the_case_again_and_can_be_sent_again(
    database: Database, clock: FixedClock
) -> None:
    refunding, order = await _paid_twice(database, clock)
    asked = await refunding.ask(order, payment_ref="pi_2")
    await refunding.settle(asked, made(asked))

    for _ in range(2):
        await refunding.settle(asked, came_back(asked))

    assert (await refunding.now(asked)).status == "failed"
    assert await _open_cases(refunding, order) == ["pi_2"]
    again = await refunding.ask(order, payment_ref="pi_2")
    await refunding.settle(again, made(again, "re_2"))
    assert await _open_cases(refunding, order) == []
    assert await refunding.buyer.micros() == CREDITED


@pytest.mark.one_database
async def test_a_definite_no_leaves_the_case_open_and_a_part_leaves_the_rest(
    database: Database, clock: FixedClock
) -> None:
    refunding, order = await _paid_twice(database, clock, Price(3000, "USD"))
    refused = await refunding.ask(order, payment_ref="pi_2")
    await refunding.settle(refused, RefundReport("failed", detail="no"))
    assert await _open_cases(refunding, order) == ["pi_2"]

    part = await refunding.ask(order, 1000, payment_ref="pi_2")
    await refunding.settle(part, made(part))
    assert await _open_cases(refunding, order) == ["pi_2"]
    rest = await refunding.ask(order, payment_ref="pi_2")
    assert rest.amount == 2000
    await refunding.settle(rest, made(rest, "re_2"))

    assert await _open_cases(refunding, order) == []
    with pytest.raises(NotFound):
        await refunding.ask(order, payment_ref="pi_3")


@pytest.mark.one_database
async def test_several_payments_beside_the_first_are_cases_of_their_own(
    database: Database, clock: FixedClock
) -> None:
    refunding, order = await _paid_twice(database, clock)
    await refunding.buyer.pay(order, "pi_3", price=Price(500, "EUR"))
    # The same payment under the name of another event is no new case.
    assert (await refunding.buyer.pay(order, "pi_2")).outcome == "repeated"

    both = await asyncio.gather(
        refunding.ask(order, payment_ref="pi_2"), refunding.ask(order, payment_ref="pi_3")
    )
    await refunding.settle(both[1], made(both[1], "re_3"))

    assert [(one.amount, one.currency) for one in both] == [(2000, "USD"), (500, "EUR")]
    assert await _open_cases(refunding, order) == ["pi_2"]


@pytest.mark.one_database
@pytest.mark.parametrize(
    ("names", "is_second"),
    [
        (("pi_2", "ch_2"), True),
        (("pi_1",), False),
        (("cs_1", "rfd"), True),  # the checkout, and our name of the refund
        (("cs_1",), True),  # the checkout alone, and a refund of ours whose answer was lost
    ],
)
async def test_a_notification_is_about_the_payment_that_it_names(
    database: Database, clock: FixedClock, names: tuple[str, ...], is_second: bool
) -> None:
    refunding, order = await _paid_twice(database, clock)
    asked = await refunding.ask(order, payment_ref="pi_2")
    named = tuple(asked.id if one == "rfd" else one for one in names)
    fact = Refunded(Subject(order.id, named), "re_9", Price(2000, "USD"))

    found = await database.read(
        lambda tx: notifications.find_subject(tx, fact, named, refunding.buyer.notification())
    )

    assert found is not None
    assert (found.kind == "uncredited payment") is is_second


# Plans


@pytest_asyncio.fixture
async def subscriber(
    database: Database, clock: FixedClock, tmp_path: Path
) -> AsyncIterator[Subscriber]:
    async with open_subscriber(database, clock, tmp_path) as opened:
        yield opened


def refunding_of(subscriber: Subscriber) -> Refunding:
    account = subscriber.buyer.account
    return Refunding(Buyer(account, account.principal.tenant, account.engine))


async def _order_of(subscriber: Subscriber, order: Order) -> Order:
    found = await subscriber.database.read(lambda tx: order_list.find(tx, order.id))
    assert found is not None
    return found


async def test_an_invoice_that_is_held_goes_back_whole_and_is_credited_no_more(
    subscriber: Subscriber,
) -> None:
    order = await subscriber.join()
    await subscriber.tell((await subscriber.pay(order)).sandbox_event())
    started = subscriber.clock.now_us()
    await subscriber.tell(renewal(order, 0, started_at=started))
    assert await subscriber.tell(renewal(order, 1, started_at=started, amount=700)) == "review"
    refunding, settled = refunding_of(subscriber), await _order_of(subscriber, order)

    with pytest.raises(InvalidInput, match="only be refunded in full"):
        await refunding.ask(settled, 500, is_plan=True, payment_ref="in_1")
    asked = await refunding.ask(settled, is_plan=True, payment_ref="in_1")
    assert (asked.payment_ref, asked.amount, asked.held_micros) == ("in_1", 700, 0)
    with pytest.raises(OrderDecided, match="in_1 is requested"):
        await subscriber.buyer.approve(order, 700)
    await refunding.settle(asked, made(asked))

    with pytest.raises(OrderDecided, match="nothing to approve"):
        await subscriber.buyer.approve(order, 700)
    assert await subscriber.credits() == 10_000
    # It came back: the invoice waits again, and its period may be credited after all.
    failed = RefundFailed(Subject(None, ("in_1",)), "re_1", Price(700, "USD"), is_part=True)
    await subscriber.act(failed, subscriber.notification("failed"))
    await subscriber.buyer.approve(order, 1000)
    assert await subscriber.credits() == 20_000
    assert await refunding.findings() == []


@pytest.mark.one_database
async def test_an_invoice_of_which_money_is_gone_is_credited_to_nobody(
    subscriber: Subscriber,
) -> None:
    order = await subscriber.join()
    await subscriber.tell((await subscriber.pay(order)).sandbox_event())
    started = subscriber.clock.now_us()
    await subscriber.tell(renewal(order, 0, started_at=started))
    await subscriber.tell(renewal(order, 1, started_at=started, amount=700))
    refunding, settled = refunding_of(subscriber), await _order_of(subscriber, order)
    refused = await refunding.ask(settled, is_plan=True, payment_ref="in_1")
    await refunding.settle(refused, RefundReport("failed", detail="no"))

    disputed = Disputed(Subject(None, ("in_1",)), "dp_1", Price(700, "USD"))
    await subscriber.act(disputed, subscriber.notification("disputed"))
    with pytest.raises(InvalidInput, match=r"7\.00 USD of payment in_1 was refunded or disputed"):
        await subscriber.buyer.approve(order, 700)
    assert await subscriber.credits() == 10_000
    database = subscriber.buyer.account.database
    # And nobody is offered what would be refused.
    assert await database.read(lambda tx: acts_of(tx, settled)) == ["dismiss"]

    # The bank gave it back: now it can be.
    won = DisputeClosed(Subject(None, ("in_1",)), "dp_1", is_won=True)
    await subscriber.act(won, subscriber.notification("won"))
    assert "credit_price" in await database.read(lambda tx: acts_of(tx, settled))
    await subscriber.buyer.approve(order, 1000)
    assert await subscriber.credits() == 20_000
    assert await refunding.findings() == []


@pytest.mark.one_database
async def test_a_plans_checkout_in_review_goes_back_and_the_review_ends(
    subscriber: Subscriber,
) -> None:
    order = await subscriber.join()
    paid = (await subscriber.pay(order)).sandbox_event()
    cheaper = replace(paid, price=Price(900, "USD"))
    assert await subscriber.tell(cheaper) == "review"
    refunding, waiting = refunding_of(subscriber), await _order_of(subscriber, order)
    assert waiting.status == "review"

    # The only payment there is needs no name.
    asked = await refunding.ask(waiting, is_plan=True)
    assert (asked.payment_ref, asked.amount) == (waiting.payment_id, 900)
    await refunding.settle(asked, made(asked))

    assert (await _order_of(subscriber, order)).status == "failed"
    await refunding.settle(asked, came_back(asked))
    assert (await _order_of(subscriber, order)).status == "review"
    assert await subscriber.credits() == 0
