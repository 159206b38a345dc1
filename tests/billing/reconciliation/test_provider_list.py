"""A provider's list beside ours: every difference is named, and nothing is changed."""

from dataclasses import replace

import pytest

from billing.ledger.price import Price
from billing.providers.abilities import ListedPage, ListedPayment
from billing.reconciliation import own_payments
from billing.reconciliation.own_payments import PaymentFee
from billing.reconciliation.provider_list import Compared, compare
from kernel.clock import DAY_US, FixedClock
from store.database import Database
from tests.support.buyer import Buyer, open_live_counter


class Listed:
    """The provider's list, two payments a page."""

    def __init__(self, *payments: ListedPayment) -> None:
        self.payments = payments

    async def list_payments(self, since: int, until: int, cursor: str | None = None) -> ListedPage:
        found = [one for one in self.payments if since <= one.created_at < until]
        start = int(cursor or 0)
        more = str(start + 2) if len(found) > start + 2 else None
        return ListedPage(found[start : start + 2], more)


@pytest.fixture
async def buyer(database: Database, clock: FixedClock) -> Buyer:
    return await open_live_counter(database, clock)


def listed(clock: FixedClock, payment: str, **fields: object) -> ListedPayment:
    made = ListedPayment(
        payment_id=f"ch_{payment}",
        objects=(f"ch_{payment}", payment),
        status="paid",
        price=Price(2000, "USD"),
        fee=Price(88, "USD"),
        created_at=clock.now_us(),
    )
    return replace(made, **fields)  # type: ignore[arg-type]


async def compared(buyer: Buyer, clock: FixedClock, *payments: ListedPayment) -> Compared:
    now_us = clock.now_us()
    return await compare(
        buyer.account.database,
        Listed(*payments),
        provider="stripe",
        environment="live",
        since=now_us - DAY_US,
        until=now_us + 1,
        now_us=now_us,
    )


def named(found: Compared) -> list[tuple[str, str, str, str]]:
    return [(one.kind, one.payment_id, one.here, one.there) for one in found.differences]


async def test_what_agrees_has_no_difference_and_tells_its_fee(
    buyer: Buyer, clock: FixedClock
) -> None:
    order = await buyer.order()
    await buyer.pay(order)

    found = await compared(buyer, clock, listed(clock, "pi_1"))

    assert (found.payments, named(found)) == (1, [])
    assert [(one.owner_id, one.payment_id, one.amount) for one in found.fees] == [
        (order.id, "ch_pi_1", 88)
    ]


async def test_each_kind_of_difference_is_named(buyer: Buyer, clock: FixedClock) -> None:
    # The third is missing at the provider; five there are ours, one is nobody's.
    orders = [await buyer.order() for _ in range(6)]
    for number in (0, 1, 2, 3, 4):
        await buyer.pay(orders[number], f"pi_{number}")
    await buyer.refund(orders[3], 500)
    await buyer.attach(orders[5], provider_ref="pi_5")
    before = [await buyer.now(order) for order in orders]

    found = await compared(
        buyer,
        clock,
        listed(clock, "pi_0", price=Price(1900, "USD")),
        listed(clock, "pi_1", price=Price(2000, "EUR")),
        listed(clock, "pi_3", refunded=700),
        listed(clock, "pi_4", status="failed"),
        listed(clock, "pi_5"),
        listed(clock, "pi_9"),
    )

    assert sorted(named(found)) == [
        ("amount", "ch_pi_0", "20.00 USD", "19.00 USD"),
        ("currency", "ch_pi_1", "20.00 USD", "20.00 EUR"),
        ("missing_there", "pi_2", "20.00 USD", "nothing"),
        ("refunded", "ch_pi_3", "5.00 USD", "7.00 USD"),
        ("status", "ch_pi_4", "paid", "failed"),
        ("status", "ch_pi_5", "not paid", "paid"),
    ]
    assert [(one.kind, one.payment_id) for one in found.others] == [("not_ours", "ch_pi_9")]
    assert all(one.press for one in found.differences)
    assert [await buyer.now(order) for order in orders] == before


async def test_a_second_payment_of_an_order_is_named_until_it_went_back(
    buyer: Buyer, clock: FixedClock
) -> None:
    order = await buyer.order()
    await buyer.pay(order)
    own = listed(clock, "pi_1")
    second = listed(clock, "pi_2", order_id=order.id)

    kept = await compared(buyer, clock, own, second)
    back = await compared(buyer, clock, own, replace(second, refunded=2000))

    assert named(kept) == [("second_payment", "ch_pi_2", "paid by pi_1", "20.00 USD")]
    assert order.id in kept.differences[0].press
    assert [one.payment_id for one in kept.fees] == ["ch_pi_1"]
    assert named(back) == []


async def test_a_fee_that_was_kept_is_compared(buyer: Buyer, clock: FixedClock) -> None:
    await buyer.pay(await buyer.order())
    first = await compared(buyer, clock, listed(clock, "pi_1"))
    database = buyer.account.database
    kept: list[PaymentFee] = list(first.fees)
    await database.transaction(lambda tx: own_payments.save_fees(tx, kept))

    same = await compared(buyer, clock, listed(clock, "pi_1"))
    other = await compared(buyer, clock, listed(clock, "pi_1", fee=Price(90, "USD")))

    assert named(same) == []
    assert named(other) == [("fee", "ch_pi_1", "0.88 USD", "0.90 USD")]


async def test_a_payment_near_the_end_of_the_time_is_looked_for_behind_it(
    buyer: Buyer, clock: FixedClock
) -> None:
    await buyer.pay(await buyer.order())
    late = listed(clock, "pi_1", created_at=clock.now_us() + 3_000_000)
    stranger = listed(clock, "pi_8", created_at=clock.now_us() + 3_000_000)

    found = await compared(buyer, clock, late, stranger)

    # The second belongs to the next time, and is compared there.
    assert named(found) == []
