"""Placing orders: written before the provider is asked, one checkout each, never lost."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from billing.catalog.coupon import create as create_coupon, new_coupon
from billing.orders import records as order_list
from billing.orders.place import NewOrder
from billing.providers.protocol import ProviderRefused, ProviderUnavailable
from kernel.clock import FixedClock
from kernel.errors import InvalidInput
from kernel.tenant import Tenant
from store.database import Database, Transaction
from tests.support.toypay_buyer import ToypayBuyer, open_toypay_buyer

DAY_S = 86_400


@pytest_asyncio.fixture
async def buyer(
    database: Database, clock: FixedClock, tmp_path: Path
) -> AsyncIterator[ToypayBuyer]:
    async with open_toypay_buyer(database, clock, tmp_path) as opened:
        yield opened


async def test_an_order_comes_back_with_its_checkout(buyer: ToypayBuyer) -> None:
    order = await buyer.place()

    assert (order.status, order.url) == ("pending", "https://toypay.example/co_1")
    assert (order.pay_amount, order.pay_currency) == (2000, "USD")
    assert await buyer.now(order) == order


async def test_the_order_is_there_and_no_transaction_open_while_the_provider_is_asked(
    buyer: ToypayBuyer,
) -> None:
    seen: list[str] = []

    async def on_open(order_id: str) -> None:
        # A transaction of another request: it would wait for one that is open, for ever on SQLite.
        async def work(tx: Transaction) -> None:
            found = await order_list.find(tx, order_id)
            assert found is not None
            seen.append(found.status)

        await asyncio.wait_for(buyer.account.database.transaction(work), 5)

    buyer.server.on_open = on_open
    await buyer.place()

    assert seen == ["pending"]


async def test_an_unavailable_provider_leaves_a_pending_order_that_a_retry_goes_on_with(
    buyer: ToypayBuyer,
) -> None:
    buyer.server.is_away = True
    with pytest.raises(ProviderUnavailable) as refused:
        await buyer.place(request_digest="d1")
    (waiting,) = await buyer.orders()
    buyer.server.is_away = False
    order = await buyer.place(request_digest="d1")

    assert refused.value.extra["order_id"] == waiting.id == order.id
    assert (waiting.status, waiting.url) == ("pending", None)
    assert order.url == "https://toypay.example/co_1"
    assert len(buyer.server.checkouts) == 1
    assert len(await buyer.orders()) == 1


async def test_an_unavailable_provider_is_asked_again_by_the_sweep(buyer: ToypayBuyer) -> None:
    buyer.server.is_away = True
    with pytest.raises(ProviderUnavailable):
        await buyer.place()
    buyer.server.is_away = False
    assert await buyer.sweep() == 1
    (order,) = await buyer.orders()

    assert order.url == "https://toypay.example/co_1"
    assert len(buyer.server.checkouts) == 1


async def test_a_refused_order_has_failed_and_a_retry_says_so_again(buyer: ToypayBuyer) -> None:
    buyer.server.is_refusing = True
    for _ in range(2):
        with pytest.raises(ProviderRefused):
            await buyer.place(request_digest="d1")
    (order,) = await buyer.orders()

    assert order.status == "failed"
    assert order.reason == "toypay refused the payment"
    assert buyer.server.asked == [f"open {order.id}"]
    assert await buyer.account.events() == ["order.failed"]


async def test_a_call_cut_off_while_the_provider_answers_is_gone_on_with_elsewhere(
    buyer: ToypayBuyer,
) -> None:
    asked = asyncio.Event()

    async def hang(_order_id: str) -> None:
        asked.set()
        buyer.server.on_open = None
        await asyncio.sleep(0.2)

    buyer.server.on_open = hang
    cut = asyncio.create_task(buyer.place(request_digest="d1"))
    await asked.wait()
    cut.cancel()
    order = await buyer.place(buyer.another(), request_digest="d1")

    assert len(await buyer.orders()) == 1
    assert len(buyer.server.checkouts) == 1
    assert order.url == "https://toypay.example/co_1"


async def test_parallel_tries_of_one_request_make_one_order_and_one_checkout(
    buyer: ToypayBuyer,
) -> None:
    other = buyer.another()
    placed = await asyncio.gather(
        *(
            buyer.place(payments, request_digest="d1")
            for payments in (buyer.payments, other)
            for _ in range(4)
        )
    )

    assert len({order.id for order in placed}) == 1
    assert {order.url for order in placed} == {"https://toypay.example/co_1"}
    assert len(await buyer.orders()) == 1
    assert len(buyer.server.checkouts) == 1


async def test_an_order_of_nothing_is_paid_at_once_and_no_provider_is_asked(
    buyer: ToypayBuyer,
) -> None:
    now_us = buyer.account.clock.now_us()
    coupon = new_coupon("staging", "ALLFREE", now_us=now_us, percent=100)
    await buyer.account.database.transaction(lambda tx: create_coupon(tx, coupon))
    order = await buyer.place(coupon="allfree")

    assert (order.status, order.pay_amount, order.url) == ("paid", 0, None)
    assert buyer.server.asked == []
    assert await buyer.bought_cents() == 2000
    assert await buyer.account.events() == ["order.paid"]
    assert await buyer.account.findings() == []


@pytest.mark.one_database
@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"provider": "nobody"}, "provider"),
        ({"provider": "creem"}, "provider"),  # known, but nothing is set for it here
        ({"kind": "subscription"}, "provider"),
        ({"method": "alipay"}, "payment_method"),
        ({"success_url": "javascript:alert(1)"}, "success_url"),
        ({"cancel_url": "https://user:secret@shop.example/"}, "cancel_url"),
    ],
)
async def test_what_cannot_be_paid_is_refused_before_anything_is_written(
    buyer: ToypayBuyer, fields: dict[str, Any], param: str
) -> None:
    with pytest.raises(InvalidInput) as refused:
        await buyer.place(**fields)

    assert refused.value.param == param
    assert await buyer.orders() == []


async def test_the_sandbox_may_be_named_instead_of_whom_it_stands_in_for(
    buyer: ToypayBuyer,
) -> None:
    order = await buyer.place(provider="sandbox")
    live = Tenant(buyer.account.account_id, "live")
    with pytest.raises(InvalidInput):
        await buyer.payments.place(live, NewOrder(provider="sandbox", amount_cents=2000))

    assert (order.provider, order.is_simulated) == ("stripe", True)
    assert (order.url or "").startswith("https://gateway.example/sandbox/checkout/")


async def test_a_live_order_needs_a_provider_with_live_credentials(buyer: ToypayBuyer) -> None:
    live = Tenant(buyer.account.account_id, "live")
    with pytest.raises(InvalidInput) as refused:
        await buyer.payments.place(live, NewOrder(provider="stripe", amount_cents=2000))

    assert refused.value.detail == "The provider must be one of toypay."


async def test_the_sweep_asks_every_minute_for_a_quarter_of_an_hour_then_hourly(
    buyer: ToypayBuyer,
) -> None:
    order = await buyer.place()
    for _ in range(15):
        assert await buyer.sweep() == 1
    # The sixteenth is an hour after the fifteenth, not a minute.
    assert await buyer.sweep() == 0
    buyer.account.clock.advance_s(3600 - 120)
    assert await buyer.sweep() == 1

    assert buyer.server.asked == [f"open {order.id}", *["ask co_1"] * 16]


async def test_a_payment_that_nobody_told_of_is_found_by_the_sweep(buyer: ToypayBuyer) -> None:
    order = await buyer.place()
    buyer.server.pay(order)
    await buyer.sweep()
    (entry,) = await buyer.log(order)

    assert (await buyer.now(order)).status == "paid"
    assert await buyer.bought_cents() == 2000
    assert (entry.notification.type, entry.outcome) == ("inquiry", "applied")
    # Told at last, it is one payment.
    assert await buyer.notify("paid", order) == "repeated"
    assert await buyer.bought_cents() == 2000
    assert await buyer.account.findings() == []


async def test_two_sweeps_of_one_moment_ask_once(buyer: ToypayBuyer) -> None:
    order = await buyer.place()
    buyer.account.clock.advance_s(60)
    await asyncio.gather(buyer.payments.check(order), buyer.another().check(order))

    assert buyer.server.asked == [f"open {order.id}", "ask co_1"]


async def test_an_order_that_is_not_paid_in_time_expires_and_a_late_payment_still_counts(
    buyer: ToypayBuyer,
) -> None:
    order = await buyer.place()
    buyer.account.clock.advance_s(DAY_S)
    await buyer.sweep()
    expired = await buyer.now(order)
    assert await buyer.notify("paid", order) == "applied"

    assert expired.status == "expired"
    assert (await buyer.now(order)).status == "paid"
    assert await buyer.bought_cents() == 2000
    assert await buyer.account.events() == ["order.failed", "order.paid"]
    assert await buyer.account.findings() == []


async def test_an_order_whose_provider_is_silent_is_not_given_up_for_three_days(
    buyer: ToypayBuyer,
) -> None:
    order = await buyer.place()
    buyer.server.is_away = True
    buyer.account.clock.advance_s(DAY_S)
    await buyer.sweep()
    waiting = await buyer.now(order)
    buyer.account.clock.advance_s(3 * DAY_S)
    await buyer.sweep()

    assert waiting.status == "pending"
    assert (await buyer.now(order)).status == "expired"
