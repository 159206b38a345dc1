"""What a person may do about each kind of case, and nothing else."""

from typing import Any

import pytest

from billing.ledger.price import Price
from billing.orders.order import Order
from kernel.clock import FixedClock
from store.database import Database
from tests.support.buyer import Buyer, open_live_counter
from tests.support.refunding import Refunding, acts_of, made

pytestmark = pytest.mark.one_database


async def acts(buyer: Buyer, order: Order) -> list[str]:
    now = await buyer.now(order)
    return [*await buyer.account.database.read(lambda tx: acts_of(tx, now))]


@pytest.mark.parametrize(
    ("price", "offered"),
    [
        (
            Price(1999, "USD"),
            ["credit_paid", "credit_price", "credit_part", "refund", "reject"],
        ),
        # What came cannot be measured by the price, or is more than it.
        (Price(1900, "EUR"), ["credit_price", "credit_part", "refund", "reject"]),
        (Price(5500, "USD"), ["credit_price", "credit_part", "refund", "reject"]),
    ],
)
async def test_another_sum_is_credited_refunded_or_rejected(
    database: Database, clock: FixedClock, price: Price, offered: list[str]
) -> None:
    buyer = await open_live_counter(database, clock)
    order = (await buyer.pay(await buyer.order(), price=price)).order

    assert await acts(buyer, order) == offered


async def test_a_second_payment_goes_back_or_is_dismissed_and_waits_while_it_does(
    database: Database, clock: FixedClock
) -> None:
    buyer = await open_live_counter(database, clock)
    order = (await buyer.pay(await buyer.order(), "pi_1")).order
    assert await acts(buyer, order) == []
    await buyer.pay(order, "pi_2")
    refunding = Refunding(buyer)

    assert await acts(buyer, order) == ["refund", "dismiss"]
    asked: Any = await refunding.ask(order, payment_ref="pi_2")
    assert await acts(buyer, order) == []
    await refunding.settle(asked, made(asked))
    assert await acts(buyer, order) == []


async def test_a_refund_in_another_currency_is_only_dismissed(
    database: Database, clock: FixedClock
) -> None:
    buyer = await open_live_counter(database, clock)
    order = (await buyer.pay(await buyer.order(), "pi_1")).order
    await buyer.refund(order, 2000, currency="EUR")

    assert await acts(buyer, order) == ["dismiss"]
