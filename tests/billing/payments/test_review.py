"""What waits for a person: why, in which environment, and what an approval in part credits."""

from collections.abc import Sequence
from typing import Any

import pytest

from billing.ledger.price import Price
from billing.orders import records as order_list
from billing.orders.order import Order
from billing.providers import event_log as provider_event
from kernel.clock import FixedClock
from kernel.errors import InvalidInput
from store.database import Database, Transaction
from tests.support.buyer import Buyer, open_live_counter


@pytest.fixture
async def buyer(database: Database, clock: FixedClock) -> Buyer:
    return await open_live_counter(database, clock)


async def reviewed(buyer: Buyer, payment: str = "pi_1", **fields: Any) -> Order:
    order = await buyer.order(**fields)
    return (await buyer.pay(order, payment, price=Price(1999, "USD"))).order


async def test_what_waits_says_why_with_both_sides_and_in_its_own_environment(
    buyer: Buyer,
) -> None:
    in_review = await reviewed(buyer, "pi_1")
    paid = await buyer.order()
    await buyer.pay(paid, "pi_2")
    await buyer.refund(paid, 2000, currency="EUR")

    async def work(tx: Transaction) -> dict[str, list[tuple[str, str, str]]]:
        found = await provider_event.open_of(tx, [in_review.id, paid.id])
        problems = {name: [one.problem for one in entries] for name, entries in found.items()}
        return {
            name: [(one.reason, one.expected, one.came) for one in listed if one is not None]
            for name, listed in problems.items()
        }

    async def of(environment: str, reason: str | None = None) -> list[str]:
        async def page(tx: Transaction) -> Sequence[Order]:
            return await order_list.paid_uncredited(tx, environment, reason=reason, limit=10)

        return [order.id for order in await buyer.account.database.read(page)]

    assert await buyer.account.database.read(work) == {
        in_review.id: [("amount", "20.00 USD", "19.99 USD")],
        paid.id: [("refund", "an amount in USD", "20.00 EUR")],
    }
    assert await of(buyer.tenant.environment, "refund") == [paid.id]
    assert await of(buyer.tenant.environment) == [paid.id, in_review.id]
    other = "live" if buyer.tenant.environment == "staging" else "staging"
    assert await of(other) == []


async def test_a_part_that_is_approved_is_all_that_is_credited_and_that_goes_back(
    buyer: Buyer,
) -> None:
    order = (await buyer.pay(await buyer.order(), "pi_1", price=Price(1, "USD"))).order

    with pytest.raises(InvalidInput, match=r"20\.00 USD was expected, but 0\.01 USD was paid"):
        await buyer.resolve(order, "approve", says_amount=False)
    approved = await buyer.resolve(order, "approve", amount=1)

    # A cent of the $20.00 for 25,000 credits: 12.5 of them.
    assert approved.order.credits_micros == 12_500
    assert await buyer.micros() == {"provider": 12_500, "wallet": 12_500}
    refunded = await buyer.refund(order, 1)
    assert (refunded.order.status, await buyer.micros()) == ("refunded", {})
    assert await buyer.account.findings() == []
