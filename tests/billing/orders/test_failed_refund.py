"""A refund that did not reach the payer gives the credit back, whatever is told first."""

import itertools

import pytest

from kernel.clock import FixedClock
from store.database import Database
from tests.support.buyer import Buyer, open_live_counter


@pytest.fixture
async def buyer(database: Database, clock: FixedClock) -> Buyer:
    return await open_live_counter(database, clock)


@pytest.mark.parametrize("order_of_facts", list(itertools.permutations(("sum", "part", "failed"))))
async def test_a_failed_refund_gives_the_credit_back_whatever_is_told_first(
    buyer: Buyer, order_of_facts: tuple[str, ...]
) -> None:
    order = await buyer.order()
    await buyer.pay(order)

    for fact in (*order_of_facts, *order_of_facts):
        if fact == "sum":
            await buyer.refund(order, 2000, key="ch_1")
        elif fact == "part":
            await buyer.refund(order, 2000, key="re_1", kind="part")
        else:
            await buyer.fail_refund(order, 2000, key="re_1", kind="part")

    assert (await buyer.now(order)).status == "paid"
    assert await buyer.micros() == {"provider": 25_000_000, "wallet": 25_000_000}
    assert await buyer.account.findings() == []


@pytest.mark.parametrize("sum_told", [500, 1000])
async def test_a_refund_that_is_made_again_after_one_that_failed_counts_once(
    buyer: Buyer, sum_told: int
) -> None:
    """Whether the provider's sum counts the failed one or not."""
    order = await buyer.order()
    await buyer.pay(order)
    await buyer.refund(order, 500, key="ch_1")
    await buyer.fail_refund(order, 500, key="re_1", kind="part")

    await buyer.refund(order, sum_told, key="ch_1")
    await buyer.refund(order, 500, key="re_2", kind="part")

    # A quarter of the $20.00 is gone, and of the 25,000 credits.
    assert await buyer.micros() == {"provider": 18_750_000, "wallet": 18_750_000}


async def test_a_refund_of_a_provider_without_sums_fails_by_its_own_id(buyer: Buyer) -> None:
    order = await buyer.order()
    await buyer.pay(order)
    await buyer.refund(order, 500)
    await buyer.refund(order, 1000, key="re_2")

    await buyer.fail_refund(order, 1000, key="re_2")

    assert (await buyer.now(order)).status == "partially_refunded"
    assert await buyer.micros() == {"provider": 18_750_000, "wallet": 18_750_000}
