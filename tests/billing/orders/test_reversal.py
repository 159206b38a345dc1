"""Refunds and disputes: the credits' share of what is gone, rounded up, and never a negative balance."""

import asyncio
from fractions import Fraction
from typing import Any

import msgspec
import pytest
from hypothesis import given, strategies as st

from billing.catalog.pack import Pack, create as create_pack
from billing.ledger.ledger import InsufficientBalance
from billing.ledger.price import Price
from billing.orders.order import Order, due_micros
from kernel.clock import FixedClock
from keys.account import set_low_balance_thresholds
from store.database import Database, Transaction
from tests.support.buyer import Buyer, open_live_counter


@pytest.fixture
async def buyer(database: Database, clock: FixedClock) -> Buyer:
    return await open_live_counter(database, clock)


async def paid(buyer: Buyer, payment: str = "pi_1", **fields: object) -> Order:
    """The Pro Pack, $20.00 for 25,000 credits."""
    return (await buyer.pay(await buyer.order(**fields), payment)).order


async def test_a_whole_refund_takes_all_of_it_back(buyer: Buyer) -> None:
    order = await paid(buyer)

    refunded = await buyer.refund(order, 2000)

    assert (refunded.outcome, refunded.order.status) == ("applied", "refunded")
    assert await buyer.micros() == {}
    assert await buyer.account.findings() == []


async def test_a_part_takes_its_share(buyer: Buyer) -> None:
    order = await paid(buyer)

    refunded = await buyer.refund(order, 500)

    assert refunded.order.status == "partially_refunded"
    assert refunded.order.refunded_amount == 500
    # A quarter of 25,000 credits, their bonus included.
    assert refunded.order.reversed_micros == 6_250_000
    assert await buyer.micros() == {"provider": 18_750_000, "wallet": 18_750_000}


async def test_only_the_increase_is_taken(buyer: Buyer) -> None:
    order = await paid(buyer)

    outcomes = [(await buyer.refund(order, sum_)).outcome for sum_ in (500, 500, 800, 300, 800)]

    assert outcomes == ["applied", "repeated", "applied", "repeated", "repeated"]
    # 8/20 of 25,000 credits.
    assert (await buyer.now(order)).reversed_micros == 10_000_000
    assert await buyer.micros() == {"provider": 15_000_000, "wallet": 15_000_000}


async def test_each_share_is_rounded_up_and_the_sum_is_exact(buyer: Buyer) -> None:
    """10 credits for three cents: 3,333.3 micros a cent."""
    odd = Pack(
        environment="live", id="odd", name="Odd", amount=3, currency="USD", credits=10, created_at=0
    )
    await buyer.account.database.transaction(lambda tx: create_pack(tx, odd))
    order = await paid(buyer, pack_id="odd")

    reversed_micros = [
        (await buyer.refund(order, 1, key=key)).order.reversed_micros
        for key in ("re_1", "re_2", "re_3")
    ]

    assert reversed_micros == [3_334, 6_667, 10_000]
    assert await buyer.micros() == {}


async def test_refund_and_dispute_of_one_payment_take_no_more_than_all(buyer: Buyer) -> None:
    order = await paid(buyer)
    await buyer.refund(order, 1500)

    disputed = await buyer.dispute(order, 2000)
    more = await buyer.refund(order, 99_999, key="re_2")

    assert disputed.order.status == "disputed"
    assert more.order.refunded_amount == 2000
    assert more.order.reversed_micros == 25_000_000
    assert await buyer.micros() == {}
    assert await buyer.account.findings() == []


async def test_what_was_spent_becomes_a_debt_and_blocks_sends(buyer: Buyer) -> None:
    order = await paid(buyer)
    await buyer.spend(24_000_000)

    await buyer.refund(order, 2000)

    assert await buyer.micros() == {"owed": 24_000_000, "used": 24_000_000}
    with pytest.raises(InsufficientBalance) as refused:
        await buyer.account.send(100, principal=await buyer.account.in_live())
    assert (refused.value.reason, refused.value.extra["owed_cents"]) == ("owed", 2400)


async def test_the_orders_own_grant_pays_first(buyer: Buyer) -> None:
    """A quarter off: 6,250 of the 25,000 credits are promotional, and $15.00 were paid."""
    await buyer.coupon(percent=25)
    order = await paid(buyer, coupon="summer")

    await buyer.refund(order, 300)

    # A fifth of the payment: 5,000 credits, all of them out of the grant.
    assert await buyer.micros() == {
        "grant": 1_250_000,
        "promotion": 1_250_000,
        "provider": 18_750_000,
        "wallet": 18_750_000,
    }
    await buyer.refund(order, 1500)
    assert await buyer.micros() == {}
    assert await buyer.account.findings() == []


async def test_a_spent_grant_is_paid_for_by_the_wallet(buyer: Buyer) -> None:
    await buyer.coupon(percent=25)
    order = await paid(buyer, coupon="SUMMER")
    await buyer.spend(6_250_000)

    refunded = await buyer.refund(order, 1500)

    assert refunded.order.reversed_promotional_micros == 6_250_000
    assert refunded.order.reversed_grant_micros == 0
    assert await buyer.micros() == {"owed": 6_250_000, "used": 6_250_000}
    assert await buyer.account.findings() == []


# Disputes


async def test_a_dispute_takes_and_a_won_one_gives_back(buyer: Buyer) -> None:
    order = await paid(buyer)

    disputed = await buyer.dispute(order, 2000)
    during = await buyer.micros()
    won = await buyer.close_dispute(order, is_won=True)
    again = await buyer.close_dispute(order, is_won=True)

    assert (disputed.order.status, won.order.status, again.outcome) == (
        "disputed",
        "paid",
        "repeated",
    )
    assert during == {}
    assert await buyer.micros() == {"provider": 25_000_000, "wallet": 25_000_000}
    assert await buyer.account.findings() == []


async def test_a_lost_dispute_is_a_refund(buyer: Buyer) -> None:
    order = await paid(buyer)
    await buyer.dispute(order, 2000)

    lost = await buyer.close_dispute(order, is_won=False)

    assert lost.order.status == "refunded"
    assert await buyer.micros() == {}
    assert (await buyer.close_dispute(order, is_won=True)).outcome == "repeated"
    assert await buyer.micros() == {}


async def test_a_won_dispute_pays_its_debt_and_then_the_wallet(buyer: Buyer) -> None:
    order = await paid(buyer)
    await buyer.spend(10_000_000)
    await buyer.dispute(order, 2000)
    assert await buyer.micros() == {"owed": 10_000_000, "used": 10_000_000}

    await buyer.close_dispute(order, is_won=True)

    assert await buyer.micros() == {
        "provider": 25_000_000,
        "used": 10_000_000,
        "wallet": 15_000_000,
    }


async def test_a_won_dispute_fills_the_grant_again(buyer: Buyer) -> None:
    await buyer.coupon(percent=25)
    order = await paid(buyer, coupon="SUMMER")
    before = await buyer.micros()
    await buyer.dispute(order, 900)

    await buyer.close_dispute(order, is_won=True)

    assert await buyer.micros() == before
    assert before == {
        "grant": 6_250_000,
        "promotion": 6_250_000,
        "provider": 18_750_000,
        "wallet": 18_750_000,
    }


async def test_purchased_credit_comes_back_as_such(buyer: Buyer) -> None:
    """The grant was spent, so the wallet and a debt paid for it: they get it back."""
    await buyer.coupon(percent=25)
    order = await paid(buyer, coupon="SUMMER")
    await buyer.spend(6_250_000)
    await buyer.dispute(order, 1500)

    await buyer.close_dispute(order, is_won=True)

    assert await buyer.micros() == {
        "promotion": 6_250_000,
        "provider": 18_750_000,
        "used": 6_250_000,
        "wallet": 18_750_000,
    }
    assert await buyer.account.findings() == []


async def test_a_won_dispute_leaves_the_refund(buyer: Buyer) -> None:
    order = await paid(buyer)
    await buyer.refund(order, 500)
    await buyer.dispute(order, 1500)

    won = await buyer.close_dispute(order, is_won=True)

    assert (won.order.status, won.order.refunded_amount) == ("partially_refunded", 500)
    assert await buyer.micros() == {"provider": 18_750_000, "wallet": 18_750_000}
    refunded, disputed, restored = await told(buyer)
    assert (refunded["refunded_cents"], disputed["refunded_cents"]) == (500, 1500)
    assert (restored["restored_cents"], restored["refunded_total_cents"]) == (1500, 500)
    assert restored["reason"] == "the dispute was won"
    events = await buyer.account.events()
    assert events == ["order.paid", "order.refunded", "order.disputed", "order.restored"]


async def test_a_lost_dispute_is_told_once_and_moves_no_money(buyer: Buyer) -> None:
    order = await paid(buyer)
    await buyer.dispute(order, 1500)
    await buyer.dispute(order, 1500)

    lost = await buyer.close_dispute(order, is_won=False)
    await buyer.close_dispute(order, is_won=False)
    await buyer.dispute(order, 1500)

    assert (lost.order.status, lost.order.refunded_amount) == ("partially_refunded", 1500)
    # The money went when the dispute was opened; its end moved none.
    opened, ended = await told(buyer)
    assert (opened["status"], opened["refunded_cents"]) == ("disputed", 1500)
    assert (ended["status"], ended["refunded_cents"]) == ("partially_refunded", 0)
    assert ended["reason"] == "the dispute was lost"
    assert {(one["dispute_id"], one["disputed_cents"]) for one in (opened, ended)} == {
        ("dp_1", 1500)
    }
    assert await buyer.account.events() == ["order.paid", "order.disputed", "order.dispute_lost"]
    assert await buyer.account.findings() == []


async def test_a_dispute_of_what_went_back_already_moves_nothing(buyer: Buyer) -> None:
    order = await paid(buyer)
    await buyer.refund(order, 2000)

    disputed = await buyer.dispute(order, 2000)

    assert (disputed.order.status, disputed.order.refunded_amount) == ("disputed", 2000)
    assert [one["refunded_cents"] for one in await told(buyer)] == [2000, 0]
    assert await buyer.account.findings() == []

    won = await buyer.close_dispute(order, is_won=True)

    assert won.order.status == "refunded"
    assert (await told(buyer))[-1]["restored_cents"] == 0
    events = await buyer.account.events()
    assert events == ["order.paid", "order.refunded", "order.disputed", "order.restored"]
    assert await buyer.account.findings() == []


async def test_each_of_two_disputes_is_told_of_its_own_end(buyer: Buyer) -> None:
    order = await paid(buyer)
    for key in ("dp_1", "dp_2"):
        await buyer.dispute(order, 500, key=key)
    for key in ("dp_1", "dp_2"):
        await buyer.close_dispute(order, is_won=False, key=key)

    events = await buyer.account.events()
    assert events == ["order.paid", *["order.disputed"] * 2, *["order.dispute_lost"] * 2]
    assert [one["dispute_id"] for one in await told(buyer)] == ["dp_1", "dp_2"] * 2
    assert await buyer.account.findings() == []


@pytest.mark.parametrize(
    ("is_closed", "event"), [(False, "order.disputed"), (True, "order.dispute_lost")]
)
async def test_a_dispute_before_the_payment_is_told_with_it(
    buyer: Buyer, is_closed: bool, event: str
) -> None:
    order = await buyer.order()
    await buyer.dispute(order, 500)
    if is_closed:
        await buyer.close_dispute(order, is_won=False)

    await buyer.pay(order)
    await buyer.pay(order)

    assert await buyer.account.events() == ["order.paid", event]
    assert await buyer.account.findings() == []


async def told(buyer: Buyer) -> list[dict[str, Any]]:
    """The data of what was told of money that went back or came again, in order."""

    async def work(tx: Transaction) -> list[dict[str, Any]]:
        rows = await tx.fetch(
            "SELECT body FROM events WHERE type LIKE 'order.%' AND type <> 'order.paid' ORDER BY event_no"
        )
        return [msgspec.json.decode(row["body"])["data"] for row in rows]

    return await buyer.account.database.read(work)


# Out of order


async def test_a_refund_before_its_payment_waits_for_it(buyer: Buyer) -> None:
    order = await buyer.order()

    early = await buyer.refund(order, 500)
    settled = await buyer.pay(order)

    assert (early.outcome, early.order.status) == ("applied", "pending")
    assert settled.order.status == "partially_refunded"
    assert await buyer.micros() == {"provider": 18_750_000, "wallet": 18_750_000}
    assert await buyer.account.findings() == []


@pytest.mark.parametrize(("is_won", "status"), [(True, "paid"), (False, "refunded")])
async def test_the_end_of_a_dispute_may_come_before_it(
    buyer: Buyer, is_won: bool, status: str
) -> None:
    order = await paid(buyer)

    await buyer.close_dispute(order, is_won=is_won)
    before = (await buyer.now(order)).status
    disputed = await buyer.dispute(order, 2000)
    await buyer.close_dispute(order, is_won=is_won)

    assert before == "paid"
    assert disputed.order.status == status
    assert (await buyer.micros() == {}) is not is_won
    told_of = [] if is_won else ["order.dispute_lost"]
    assert await buyer.account.events() == ["order.paid", *told_of]
    assert await buyer.account.findings() == []


async def test_parallel_facts_take_back_once(buyer: Buyer) -> None:
    order = await paid(buyer)

    await asyncio.gather(
        *(buyer.refund(order, 500) for _ in range(10)),
        *(buyer.dispute(order, 500) for _ in range(10)),
    )

    assert (await buyer.now(order)).refunded_amount == 1000
    assert await buyer.micros() == {"provider": 12_500_000, "wallet": 12_500_000}


async def test_another_currency_is_for_a_person(buyer: Buyer) -> None:
    order = await paid(buyer)

    refunded = await buyer.refund(order, 2000, currency="KWD")

    assert (refunded.outcome, refunded.order.status) == ("review", "paid")
    assert await buyer.micros() == {"provider": 25_000_000, "wallet": 25_000_000}


async def test_nothing_gone_is_nothing_taken(buyer: Buyer) -> None:
    order = await paid(buyer)

    assert (await buyer.refund(order, 0)).outcome == "ignored"
    assert (await buyer.refund(order, -5, key="re_2")).outcome == "ignored"
    assert (await buyer.now(order)).status == "paid"


# What is told


async def test_each_sum_that_moves_is_an_event(buyer: Buyer) -> None:
    order = await paid(buyer)
    await buyer.refund(order, 500)
    await buyer.refund(order, 500)
    await buyer.dispute(order, 1500)
    await buyer.close_dispute(order, is_won=False)

    types = ["paid", "refunded", "disputed", "dispute_lost"]
    assert await buyer.account.events() == [f"order.{one}" for one in types]


async def test_a_reversal_may_make_the_balance_low(buyer: Buyer) -> None:
    order = await paid(buyer)
    await buyer.account.database.transaction(
        lambda tx: set_low_balance_thresholds(tx, buyer.tenant, [20_000_000])
    )

    await buyer.refund(order, 200)
    high = await buyer.account.events()
    await buyer.refund(order, 500)

    assert high == ["order.paid", "order.refunded"]
    assert await buyer.account.events() == [*high, "balance.low", "order.refunded"]


# The arithmetic


def sold(credits_micros: int, pay_amount: int) -> Order:
    return Order(
        id="ord_1",
        account_id="acc_1",
        environment="live",
        order_no="0" * 32,
        reference="txn_1",
        kind="payment",
        status="paid",
        provider="stripe",
        amount=pay_amount,
        currency="USD",
        pay_amount=pay_amount,
        pay_currency="USD",
        credits_micros=credits_micros,
        created_at=0,
        expires_at=0,
    )


@pytest.mark.parametrize(
    ("credits_micros", "pay_amount", "gone", "due"),
    [
        (25_000_000, 2000, 0, 0),
        (25_000_000, 2000, 1, 12_500),
        (25_000_000, 2000, 1999, 24_987_500),
        (25_000_000, 2000, 2000, 25_000_000),
        (25_000_000, 2000, 9999, 25_000_000),
        (10_000, 3, 1, 3_334),
        (1_000, 7, 6, 858),
        (1_000, 1, 1, 1_000),
        (0, 900, 900, 0),
        (5_000, 0, 10, 0),
    ],
)
def test_credit_goes_back_in_proportion_to_the_refund(
    credits_micros: int, pay_amount: int, gone: int, due: int
) -> None:
    assert due_micros(sold(credits_micros, pay_amount), gone) == due


@given(
    credits_micros=st.integers(1, 10**11),
    pay_amount=st.integers(1, 10**11),
    parts=st.lists(st.integers(0, 10**11), max_size=6),
)
def test_shares_add_up_and_never_exceed_the_credit(
    credits_micros: int, pay_amount: int, parts: list[int]
) -> None:
    order = sold(credits_micros, pay_amount)
    gone = taken = 0
    for part in parts:
        gone += part
        due = due_micros(order, gone)
        exact = Fraction(credits_micros * min(gone, pay_amount), pay_amount)
        assert exact <= due < exact + 1
        assert taken <= due <= credits_micros
        taken = due
    assert due_micros(order, pay_amount) == credits_micros
    assert Price(pay_amount, "USD") == order.price
