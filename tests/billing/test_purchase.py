"""Buying credit: what is refused before payment, and that a payment is credited once."""

import pytest

from billing.price import Price
from kernel.clock import FixedClock
from store.db import Database
from tests.billing.counter import Counter, open_live_counter


@pytest.fixture
async def counter(database: Database, clock: FixedClock) -> Counter:
    return await open_live_counter(database, clock)


async def test_a_paid_pack_is_in_the_wallet(counter: Counter) -> None:
    order = await counter.order()
    settled = await counter.pay(order)

    assert settled.outcome == "applied"
    assert settled.order == await counter.now(order)
    # $20.00 buys 25,000 credits of $0.001.
    assert await counter.micros() == {"provider": 25_000_000, "wallet": 25_000_000}
    assert await counter.desk.findings() == []
    assert Price(2000, "USD") == order.price
