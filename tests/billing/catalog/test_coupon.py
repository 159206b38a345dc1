"""Coupons: what they take off, who may use them, and that N parallel orders keep their limits."""

import asyncio
from typing import Any

import pytest

from billing.catalog.coupon import (
    Coupon,
    CouponRefused,
    CouponTaken,
    check_coupon,
    discount_of,
    list_coupons,
    new_coupon,
    set_active,
)
from billing.catalog.pack import Pack, create as create_pack
from billing.catalog.plan import PlanItem
from billing.engine.engine import Engine
from billing.ledger.price import Price
from billing.orders.order import Order, TooManyOrders
from kernel.clock import FixedClock
from kernel.errors import InvalidInput, NotFound
from kernel.tenant import Tenant
from store.database import Database
from store.open import open_database
from tests.support.buyer import Buyer, open_buyer, open_live_counter

DAY_S = 86_400


@pytest.fixture
async def buyer(database: Database, clock: FixedClock) -> Buyer:
    return await open_live_counter(database, clock)


def coupon(**fields: Any) -> Coupon:
    return new_coupon("live", "TEST", now_us=0, **fields)


@pytest.mark.parametrize(
    ("fields", "price", "off"),
    [
        ({"percent": 25}, Price(2000, "USD"), 500),
        ({"percent": 33}, Price(1999, "USD"), 659),  # 659.67, rounded down
        ({"percent": 1}, Price(99, "USD"), 0),
        ({"percent": 100}, Price(1999, "USD"), 1999),
        ({"percent": 10}, Price(1500, "KWD"), 150),
        ({"amount_off": 300, "currency": "USD"}, Price(2000, "USD"), 300),
        ({"amount_off": 5000, "currency": "USD"}, Price(2000, "USD"), 2000),
        ({"percent": 50, "minimum_amount": 2000, "currency": "USD"}, Price(2000, "USD"), 1000),
    ],
)
def test_a_coupon_takes_its_part_off_the_price(
    fields: dict[str, Any], price: Price, off: int
) -> None:
    assert discount_of(coupon(**fields), price, used_by_account=0, now_us=1) == off


@pytest.mark.parametrize(
    ("fields", "used", "reason"),
    [
        ({"percent": 10, "is_active": False}, 0, "disabled"),
        ({"percent": 10, "expires_at": 100}, 0, "expired"),
        ({"percent": 10, "uses_max": 3, "used_count": 3}, 0, "spent"),
        ({"percent": 10, "uses_per_account": 2}, 2, "spent"),
        ({"amount_off": 10, "currency": "KWD"}, 0, "currency"),
        ({"percent": 10, "minimum_amount": 2001, "currency": "USD"}, 0, "minimum"),
    ],
)
def test_a_refused_coupon_says_why(fields: dict[str, Any], used: int, reason: str) -> None:
    with pytest.raises(CouponRefused) as refused:
        discount_of(coupon(**fields), Price(2000, "USD"), used_by_account=used, now_us=100)

    assert (refused.value.reason, refused.value.param) == (reason, "coupon")


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({}, "percent"),
        ({"percent": 0}, "percent"),
        ({"percent": 101}, "percent"),
        ({"amount_off": 100}, "currency"),
        ({"amount_off": -1, "currency": "USD"}, "amount_off"),
        ({"amount_off": 100, "percent": 5, "currency": "USD"}, "percent"),
        ({"percent": 5, "minimum_amount": 100}, "currency"),
        ({"percent": 5, "uses_max": 0}, "uses_max"),
        ({"percent": 5, "uses_per_account": 2**63}, "uses_per_account"),
        ({"amount_off": 100, "currency": "DOLLAR"}, "currency"),
    ],
)
def test_an_impossible_coupon_names_the_field(fields: dict[str, Any], param: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        coupon(**fields)

    assert refused.value.param == param


@pytest.mark.parametrize("code", ["", "A", "A" * 41, "A B", "ÄB", "A\x00B", "-AB"])
def test_a_coupon_code_of_another_form_is_refused(code: str) -> None:
    with pytest.raises(InvalidInput, match="code must have 2 to"):
        check_coupon(new_coupon("live", code, now_us=0, percent=5))


async def test_the_discount_is_paid_by_promotion(buyer: Buyer) -> None:
    await buyer.coupon(percent=25)

    order = await buyer.order(coupon=" summer ")
    await buyer.pay(order)

    assert (order.amount, order.discount, order.pay_amount, order.coupon_code) == (
        2000,
        500,
        1500,
        "SUMMER",
    )
    # All 25,000 credits; a quarter of them promotional.
    assert await buyer.micros() == {
        "grant": 6_250_000,
        "promotion": 6_250_000,
        "provider": 18_750_000,
        "wallet": 18_750_000,
    }
    assert await buyer.account.findings() == []


async def test_the_promotional_share_is_rounded_down(buyer: Buyer) -> None:
    odd = Pack(
        environment="live", id="odd", name="Odd", amount=7, currency="USD", credits=10, created_at=0
    )
    await buyer.account.database.transaction(lambda tx: create_pack(tx, odd))
    await buyer.coupon(amount_off=2, currency="USD")

    order = await buyer.order(pack_id="odd", coupon="SUMMER")

    # 10,000 micros x 2 / 7 = 2,857.14
    assert (order.promotional_micros, order.pay_amount) == (2_857, 5)


async def test_a_lower_price_of_the_operators_is_no_promotion(buyer: Buyer) -> None:
    order = await buyer.order(discount=100)

    await buyer.pay(order)

    assert order.pay_amount == 1900
    assert await buyer.micros() == {"provider": 25_000_000, "wallet": 25_000_000}


async def test_an_order_of_nothing_is_paid_at_once(buyer: Buyer) -> None:
    await buyer.coupon(percent=100)

    placed = await buyer.place(coupon="SUMMER")

    assert (placed.order.status, placed.order.pay_amount) == ("paid", 0)
    assert placed.order.paid_at is not None
    assert await buyer.micros() == {"grant": 25_000_000, "promotion": 25_000_000}
    assert await buyer.account.events() == ["order.paid"]
    assert await buyer.account.findings() == []


async def test_money_for_an_order_of_nothing_is_for_a_person(buyer: Buyer) -> None:
    await buyer.coupon(percent=100)
    order = await buyer.order(coupon="SUMMER")

    settled = await buyer.pay(order, price=Price(2000, "USD"))

    assert (settled.outcome, settled.order.status) == ("review", "paid")
    assert (await buyer.refund(order, 2000)).outcome == "ignored"
    assert await buyer.micros() == {"grant": 25_000_000, "promotion": 25_000_000}


async def test_a_subscription_is_never_free(buyer: Buyer) -> None:
    await buyer.coupon(percent=100)
    plan = PlanItem("pln_1", "month", Price(900, "USD"))

    with pytest.raises(CouponRefused, match="A coupon can't make a subscription free"):
        await buyer.place(kind="subscription", plan=plan, coupon="SUMMER")


async def test_unknown_and_foreign_codes_look_the_same(buyer: Buyer) -> None:
    elsewhere = Buyer(buyer.account, Tenant(buyer.tenant.account_id, "staging"), buyer.engine)
    await elsewhere.coupon("TESTING")

    for code in ("TESTING", "NOTHING", "", "x", "\x00\x00", "A" * 5000):
        with pytest.raises(CouponRefused) as refused:
            await buyer.place(coupon=code)
        assert refused.value.reason == "unknown"


# Limits


async def test_parallel_orders_keep_the_limit(buyer: Buyer, database_url: str) -> None:
    """Two processes, one account."""
    await buyer.coupon(uses_max=3)
    second = open_database(database_url)
    other = Engine(second, buyer.account.clock, buyer.engine.rules)
    twin = Buyer(buyer.account, buyer.tenant, other)

    placed = await asyncio.gather(
        *((buyer, twin)[number % 2].place(coupon="SUMMER") for number in range(20)),
        return_exceptions=True,
    )

    refused = [one for one in placed if isinstance(one, CouponRefused)]
    assert [one.reason for one in refused] == ["spent"] * 17
    assert await used(buyer) == 3
    await other.close()
    await second.close()


async def test_parallel_accounts_keep_the_limit(
    database: Database, database_url: str, clock: FixedClock
) -> None:
    """Each account has a lock of its own, the coupon one for all."""
    seconds = [open_database(database_url) for _ in range(6)]
    counters = [
        await open_buyer(one, clock, email=f"{number}@example.com")
        for number, one in enumerate(seconds)
    ]
    await counters[0].coupon(uses_max=5)

    placed = await asyncio.gather(
        *(counters[number % 6].place(coupon="SUMMER") for number in range(24)),
        return_exceptions=True,
    )

    orders = [one for one in placed if not isinstance(one, BaseException)]
    assert len(orders) == 5
    assert {type(one) for one in placed if isinstance(one, BaseException)} == {CouponRefused}
    assert await used(counters[0]) == 5
    for one, opened in zip(counters, seconds, strict=True):
        await one.engine.close()
        await opened.close()


async def test_an_account_holds_five_uses_of_coupons_unpaid(buyer: Buyer) -> None:
    """So nobody keeps a limited coupon from the others by orders that are never paid."""
    await buyer.coupon(uses_max=100)

    orders = [await buyer.order(coupon="SUMMER") for _ in range(5)]
    with pytest.raises(TooManyOrders, match="at most 5 unpaid orders with a coupon"):
        await buyer.place(coupon="SUMMER")
    await buyer.place()
    await buyer.end(orders[0], "expired")
    await buyer.place(coupon="SUMMER")

    assert await used(buyer) == 5


def test_a_coupon_is_not_made_that_has_ended() -> None:
    with pytest.raises(InvalidInput, match="in the future"):
        new_coupon("staging", "OVER", now_us=1_000_000, percent=10, expires_at=1_000_000)

    assert new_coupon("staging", "LIVES", now_us=1_000_000, percent=10, expires_at=1_000_001)


async def used(buyer: Buyer) -> int:
    """The coupon's count, which is that of its uses."""
    database = buyer.account.database
    (found,) = await database.read(lambda tx: list_coupons(tx, buyer.tenant.environment, limit=10))
    rows = await database.read(lambda tx: tx.fetch("SELECT COUNT(*) AS uses FROM coupon_uses"))
    assert found.used_count == rows[0]["uses"]
    return found.used_count


async def test_an_account_has_its_own_limit(
    buyer: Buyer, database: Database, clock: FixedClock
) -> None:
    await buyer.coupon(uses_per_account=1)
    other_desk = (await open_buyer(database, clock, email="other@example.com")).account
    other = Buyer(other_desk, Tenant(other_desk.account_id, "live"), other_desk.engine)

    placed = await asyncio.gather(
        *(one.place(coupon="SUMMER") for one in (buyer, buyer, other, other)),
        return_exceptions=True,
    )

    assert [isinstance(one, CouponRefused) for one in placed] == [False, True, False, True]


@pytest.mark.parametrize("end", ["failed", "expired"])
async def test_a_dead_order_releases_its_use(buyer: Buyer, end: Any) -> None:
    await buyer.coupon(uses_max=1, uses_per_account=1)
    order = await buyer.order(coupon="SUMMER")

    await buyer.end(order, end)
    await buyer.end(order, end)

    assert await used(buyer) == 0
    assert (await buyer.place(coupon="SUMMER")).is_new


async def test_a_late_payment_claims_its_use_again(buyer: Buyer) -> None:
    await buyer.coupon(uses_max=1)
    first = await buyer.order(coupon="SUMMER")
    await buyer.end(first, "expired")
    second = await buyer.order(coupon="SUMMER")

    late = await buyer.pay(first, "pi_1")
    await buyer.pay(second, "pi_2")

    assert late.outcome == "applied"
    # What was promised is kept, past the limit.
    assert await used(buyer) == 2


async def test_an_end_and_a_payment_in_one_batch_leave_one_use(buyer: Buyer) -> None:
    await buyer.coupon()
    order = await buyer.order(coupon="SUMMER")

    await asyncio.gather(buyer.end(order, "failed"), buyer.pay(order))

    assert (await buyer.now(order)).status == "paid"
    assert await used(buyer) == 1
    assert await buyer.account.findings() == []


async def test_a_rejected_order_releases_its_use(buyer: Buyer) -> None:
    await buyer.coupon()
    order: Order = await buyer.order(coupon="SUMMER")
    await buyer.pay(order, price=Price(1, "USD"))
    assert await used(buyer) == 1

    await buyer.resolve(order, "reject")

    assert await used(buyer) == 0


# The catalogue


async def test_a_code_is_taken_once_in_an_environment(buyer: Buyer) -> None:
    await buyer.coupon("SUMMER")

    with pytest.raises(CouponTaken):
        await buyer.coupon("summer")

    elsewhere = Buyer(buyer.account, Tenant(buyer.tenant.account_id, "staging"), buyer.engine)
    assert (await elsewhere.coupon("summer")).code == "SUMMER"


async def test_a_disabled_one_is_refused_until_it_is_enabled(buyer: Buyer) -> None:
    await buyer.coupon()
    database = buyer.account.database

    _, off = await database.transaction(
        lambda tx: set_active(tx, "live", "summer", is_active=False)
    )
    with pytest.raises(CouponRefused, match="disabled"):
        await buyer.place(coupon="SUMMER")
    await database.transaction(lambda tx: set_active(tx, "live", "SUMMER", is_active=True))

    assert not off.is_active
    assert (await buyer.place(coupon="SUMMER")).is_new
    with pytest.raises(NotFound):
        await database.transaction(lambda tx: set_active(tx, "live", "NONE", is_active=True))


async def test_a_coupon_ends_when_it_expires(buyer: Buyer, clock: FixedClock) -> None:
    await buyer.coupon(expires_at=clock.now_us() + DAY_S * 1_000_000)
    clock.advance_s(DAY_S - 1)
    assert (await buyer.place(coupon="SUMMER")).is_new
    clock.advance_s(1)

    with pytest.raises(CouponRefused, match="expired"):
        await buyer.place(coupon="SUMMER")
