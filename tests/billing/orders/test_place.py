"""Placing an order: what it costs, what it will credit, and what is refused before payment."""

import asyncio
from fractions import Fraction
from typing import Any

import pytest

from billing.catalog.pack import Pack, create as create_pack, set_active
from billing.catalog.plan import PlanItem
from billing.credits.opening import Credit
from billing.ledger.ledger import LedgerAccountKind
from billing.ledger.price import Price
from billing.orders.order import TooManyOrders
from billing.orders.place import PENDING_ORDERS_MAX
from billing.providers.protocol import Charge
from billing.topups.send import AmountOutOfRange
from kernel.clock import FixedClock
from kernel.errors import InvalidInput, NotFound
from store.database import Database
from tests.support.buyer import Buyer, open_live_counter


@pytest.fixture
async def buyer(database: Database, clock: FixedClock) -> Buyer:
    return await open_live_counter(database, clock)


@pytest.mark.parametrize(
    ("pack_id", "amount", "credits"),
    [("pack_starter", 500, 5_000), ("pack_pro", 2000, 25_000), ("pack_business", 5000, 70_000)],
)
async def test_the_seeds_packs_are_sold(
    buyer: Buyer,
    pack_id: str,
    amount: int,
    credits: int,  # noqa: A002
) -> None:
    order = await buyer.order(pack_id=pack_id)

    assert (order.amount, order.currency) == (amount, "USD")
    assert (order.pay_amount, order.pay_currency) == (amount, "USD")
    assert order.shape()["credits"] == credits
    assert (order.status, order.paid_at, order.url) == ("pending", None, None)
    assert len(order.order_no) == 32
    assert order.reference.startswith("txn_")
    assert await buyer.micros() == {}


@pytest.mark.one_database
@pytest.mark.parametrize(("cents", "credits"), [(100, 1_000), (1234, 12_340), (1_000_000, 10**7)])
async def test_without_a_pack_a_dollar_is_a_thousand_credits(
    buyer: Buyer,
    cents: int,
    credits: int,  # noqa: A002
) -> None:
    order = await buyer.order(amount_cents=cents)

    await buyer.pay(order)

    assert order.shape()["credits"] == credits
    assert order.pack_id is None
    assert (await buyer.micros())["wallet"] == credits * 1_000


@pytest.mark.one_database
@pytest.mark.parametrize("cents", [99, 1_000_001, 0, -500, 2**63 - 1])
async def test_an_amount_out_of_range_is_refused(buyer: Buyer, cents: int) -> None:
    with pytest.raises(AmountOutOfRange, match="100 to 1000000"):
        await buyer.place(amount_cents=cents)


@pytest.mark.one_database
@pytest.mark.parametrize(
    "wish",
    [
        {"pack_id": None},
        {"pack_id": "pack_pro", "amount_cents": 500},
        {"pack_id": "pack_pro", "plan": PlanItem("pln_1", "month", Price(900, "USD"))},
    ],
)
async def test_an_order_is_for_one_thing(buyer: Buyer, wish: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput, match=r"a pack (or|and) an amount"):
        await buyer.place(**wish)


async def test_unknown_ended_and_foreign_packs_look_the_same(buyer: Buyer) -> None:
    database = buyer.account.database
    only_staging = Pack(
        environment="staging",
        id="test",
        name="T",
        amount=1,
        currency="USD",
        credits=1,
        created_at=0,
    )
    await database.transaction(lambda tx: create_pack(tx, only_staging))
    ended = ("live", "pack_pro")
    await database.transaction(lambda tx: set_active(tx, ended, is_active=False))

    for pack_id in ("pack_pro", "test", "nothing", ""):
        with pytest.raises(NotFound, match="Pack not found"):
            await buyer.place(pack_id=pack_id)


async def test_a_pack_that_changes_does_not_change_its_orders(buyer: Buyer) -> None:
    order = await buyer.order()
    await buyer.account.database.transaction(
        lambda tx: set_active(tx, ("live", "pack_pro"), is_active=False)
    )

    await buyer.pay(order)

    assert (await buyer.micros())["wallet"] == 25_000_000
    assert (await buyer.now(order)).pack_name == "Pro Pack"


@pytest.mark.one_database
@pytest.mark.parametrize(
    ("charge", "pay_amount"),
    [
        (Charge("CNY", Fraction("7.3")), 14_600),  # 146.00
        (Charge("KWD", Fraction("0.30715")), 6_143),  # 6.143
        (Charge("JPY", Fraction("151.04")), 3_021),  # 3020.8, rounded up
        (Charge("USD", None), 2_000),
        (Charge(), 2_000),
    ],
)
async def test_the_providers_currency_is_frozen(
    buyer: Buyer, charge: Charge, pay_amount: int
) -> None:
    order = await buyer.order(charge=charge)

    settled = await buyer.pay(order, price=Price(pay_amount, charge.currency or "USD"))

    assert (order.amount, order.currency) == (2000, "USD")
    assert (order.pay_amount, order.pay_currency) == (pay_amount, charge.currency or "USD")
    assert settled.outcome == "applied"
    assert (await buyer.micros())["wallet"] == 25_000_000


async def test_without_a_rate_nothing_is_sold(buyer: Buyer) -> None:
    with pytest.raises(InvalidInput, match="charges in CNY") as refused:
        await buyer.place(charge=Charge("CNY"))

    assert refused.value.param == "provider"


async def test_a_rate_is_for_dollars(buyer: Buyer) -> None:
    in_dinars = Pack(
        environment="live", id="kwd", name="K", amount=1500, currency="KWD", credits=5, created_at=0
    )
    await buyer.account.database.transaction(lambda tx: create_pack(tx, in_dinars))

    with pytest.raises(InvalidInput, match="no exchange rate from KWD"):
        await buyer.place(pack_id="kwd", charge=Charge("CNY", Fraction(7)))

    order = await buyer.order(pack_id="kwd")
    assert order.price == Price(1500, "KWD")
    assert order.price.decimal() == "1.500"


async def test_a_subscriptions_order_credits_nothing(buyer: Buyer) -> None:
    plan = PlanItem("pln_1", "month", Price(900, "USD"))
    order = await buyer.order(kind="subscription", plan=plan)

    settled = await buyer.pay(order)

    assert (order.plan_id, order.interval, order.pay_amount) == ("pln_1", "month", 900)
    assert settled.order.status == "paid"
    assert await buyer.micros() == {}
    assert await buyer.account.findings() == []


async def test_a_retry_of_a_request_finds_its_order(buyer: Buyer) -> None:
    first = await buyer.place(request_digest="d" * 32)
    together = await asyncio.gather(
        *(buyer.place(request_digest="d" * 32) for _ in range(5)),
        buyer.place(request_digest="e" * 32),
    )

    assert first.is_new
    assert [one.is_new for one in together] == [False] * 5 + [True]
    assert {one.order.id for one in together[:5]} == {first.order.id}
    assert together[5].order.id != first.order.id


async def test_tries_in_one_batch_make_one_order(buyer: Buyer) -> None:
    placed = await asyncio.gather(*(buyer.place(request_digest="d" * 32) for _ in range(8)))

    assert sum(one.is_new for one in placed) == 1
    assert len({one.order.id for one in placed}) == 1


async def test_unpaid_orders_have_a_limit(buyer: Buyer) -> None:
    placed = await asyncio.gather(
        *(buyer.place(pack_id="pack_pro") for _ in range(PENDING_ORDERS_MAX + 3)),
        return_exceptions=True,
    )

    orders = [one.order for one in placed if not isinstance(one, BaseException)]
    refused = [one for one in placed if isinstance(one, TooManyOrders)]
    assert (len(orders), len(refused)) == (200, 3)
    await buyer.pay(orders[0])
    assert (await buyer.place()).is_new


async def test_what_could_not_be_credited_is_not_sold(buyer: Buyer) -> None:
    # A quarter of what an integer of 64 bits holds: no sum of two can leave its range.
    almost_cents = (2**63 // 4 - 1_000_000) // 10_000
    await buyer.engine.submit(Credit(buyer.tenant, almost_cents, LedgerAccountKind.MANUAL))

    with pytest.raises(AmountOutOfRange, match="can't hold that much credit"):
        await buyer.place()
