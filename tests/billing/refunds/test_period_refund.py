"""A refund of a plan's paid period: the same rules, also where its credit comes apart from the wallet.

The plan pro is $10.00 for 10,000 credits a month.
"""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from billing.catalog.grant_terms import GrantTerms
from billing.orders import records as order_list
from billing.orders.order import Order
from billing.providers.abilities import RefundReport
from billing.providers.protocol import Refunded, Subject
from kernel.clock import FixedClock
from kernel.errors import InvalidInput, NotFound
from store.database import Database
from tests.support.buyer import Buyer
from tests.support.refunding import Refunding, made
from tests.support.subscriber import Subscriber, open_subscriber

pytestmark = pytest.mark.one_database


@pytest_asyncio.fixture
async def subscriber(
    database: Database, clock: FixedClock, tmp_path: Path
) -> AsyncIterator[Subscriber]:
    async with open_subscriber(database, clock, tmp_path) as opened:
        yield opened


def refunding_of(subscriber: Subscriber) -> Refunding:
    account = subscriber.buyer.account
    return Refunding(Buyer(account, account.principal.tenant, account.engine))


async def _order(subscriber: Subscriber, order_id: str) -> Order:
    found = await subscriber.database.read(lambda tx: order_list.find(tx, order_id))
    assert found is not None
    return found


async def test_a_periods_refund_is_held_taken_and_told_of_by_its_order(
    subscriber: Subscriber,
) -> None:
    one = await subscriber.begin()
    order, refunding = await _order(subscriber, one.order_id), refunding_of(subscriber)

    asked = await refunding.ask(order, 400, is_plan=True)
    assert await subscriber.credits() == 6_000
    assert asked.held_micros == 4_000_000
    await refunding.settle(asked, made(asked))

    period = (await subscriber.periods(one))[0]
    assert (period.refunded_amount, period.reversed_micros) == (400, 4_000_000)
    assert (asked.owner_id, asked.payment_ref) == (period.id, period.invoice_id)
    assert (await _order(subscriber, one.order_id)).refunded_amount == 400
    assert await subscriber.credits() == 6_000
    assert await refunding.findings() == []


async def test_which_period_has_to_be_said_where_there_are_several(
    subscriber: Subscriber,
) -> None:
    one = await subscriber.begin()
    order, refunding = await _order(subscriber, one.order_id), refunding_of(subscriber)
    await subscriber.bill(order)

    with pytest.raises(InvalidInput, match="2 paid periods"):
        await refunding.ask(order, is_plan=True)
    with pytest.raises(NotFound):
        await refunding.ask(order, is_plan=True, period_id="per_0")
    second = (await subscriber.periods(one))[1]
    asked = await refunding.ask(order, is_plan=True, period_id=second.id)
    assert (asked.amount, asked.owner_id) == (1000, second.id)


@pytest.mark.parametrize("ends", ["made", "failed", "told", "by hand"])
async def test_credit_that_ends_is_taken_back_at_once_and_given_back_should_it_fail(
    subscriber: Subscriber, ends: str
) -> None:
    more: dict[str, Any] = {"grant_terms": GrantTerms(credit_expires="period_end")}
    await subscriber.plan(
        "ending", price_monthly=1000, price_yearly=None, credits_included=10_000, **more
    )
    one = await subscriber.begin("ending")
    order, refunding = await _order(subscriber, one.order_id), refunding_of(subscriber)
    assert await subscriber.credits() == 10_000

    asked = await refunding.ask(order, 400, is_plan=True)
    assert await subscriber.credits() == 6_000
    if ends == "failed":
        await refunding.settle(asked, RefundReport("failed", detail="no"))
    elif ends == "told":
        fact = Refunded(Subject(order.id, (asked.id,)), asked.id, asked.price, is_part=True)
        await refunding.settle(asked, RefundReport("succeeded", None, fact))
    elif ends == "by hand":
        subscriber.clock.advance_s(31)
        await refunding.decide(asked, "made")
    else:
        await refunding.settle(asked, made(asked))

    left = 10_000 if ends == "failed" else 6_000
    assert await subscriber.credits() == left
    gone = 0 if ends == "failed" else 400
    assert (await subscriber.periods(one))[0].refunded_amount == gone
    assert await refunding.findings() == []
