"""The sweep over pending orders: in time, once among several workers, and through every failure."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio

from kernel.clock import FixedClock
from store.database import Database
from tests.support.toypay_buyer import ToypayBuyer, open_toypay_buyer
from worker.money.provider_calls import Reconciler


@pytest_asyncio.fixture
async def buyer(
    database: Database, clock: FixedClock, tmp_path: Path
) -> AsyncIterator[ToypayBuyer]:
    async with open_toypay_buyer(database, clock, tmp_path) as opened:
        yield opened


def reconciler(buyer: ToypayBuyer) -> Reconciler:
    """A worker's, in a process of its own."""
    return Reconciler(buyer.account.database, buyer.account.clock, buyer.another())


async def test_nothing_is_asked_before_its_minute_is_over(buyer: ToypayBuyer) -> None:
    await buyer.place()
    buyer.account.clock.advance_s(59)

    assert await reconciler(buyer).step() == 0


async def test_what_was_paid_and_never_told_is_credited_a_minute_later(buyer: ToypayBuyer) -> None:
    orders = [await buyer.place() for _ in range(5)]
    for order in orders[:3]:
        buyer.server.pay(order)
    buyer.account.clock.advance_s(60)

    assert await reconciler(buyer).step() == 5
    assert [(await buyer.now(order)).status for order in orders] == [
        *["paid"] * 3,
        *["pending"] * 2,
    ]
    assert await buyer.bought_cents() == 6000
    assert await buyer.account.findings() == []


async def test_several_workers_ask_about_an_order_once_a_minute(buyer: ToypayBuyer) -> None:
    orders = [await buyer.place() for _ in range(8)]
    buyer.server.asked.clear()
    buyer.account.clock.advance_s(60)
    await asyncio.gather(*(reconciler(buyer).step() for _ in range(4)))

    assert sorted(buyer.server.asked) == sorted(f"ask {order.provider_ref}" for order in orders)


async def test_a_provider_that_is_away_keeps_no_other_order_waiting(buyer: ToypayBuyer) -> None:
    silent = await buyer.place()
    other = await buyer.place(provider="stripe")
    buyer.server.is_away = True
    buyer.account.clock.advance_s(60)
    await reconciler(buyer).step()

    assert (await buyer.now(silent)).status == "pending"
    assert (await buyer.now(silent)).checks_made == (await buyer.now(other)).checks_made == 1


async def test_an_answer_that_breaks_the_provider_stops_neither_the_sweep_nor_the_others(
    buyer: ToypayBuyer,
) -> None:
    broken, paid = await buyer.place(), await buyer.place()
    # A checkout of another shape than the provider's module expects, and one that vanished.
    buyer.server.checkouts[broken.provider_ref or ""] = {"id": 7, "status": ["?"]}
    buyer.server.pay(paid)
    buyer.account.clock.advance_s(60)
    await reconciler(buyer).step()
    buyer.server.checkouts.clear()
    buyer.account.clock.advance_s(60)
    await reconciler(buyer).step()

    assert (await buyer.now(paid)).status == "paid"
    assert (await buyer.now(broken)).status == "pending"


async def test_the_loop_goes_on_by_itself_until_it_is_stopped(buyer: ToypayBuyer) -> None:
    order = await buyer.place()
    buyer.server.pay(order)
    buyer.account.clock.advance_s(60)
    running = asyncio.create_task(reconciler(buyer).run())
    async with asyncio.timeout(10):
        while (await buyer.now(order)).status != "paid":  # noqa: ASYNC110 it tells nobody
            await asyncio.sleep(0.01)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)

    assert await buyer.bought_cents() == 2000
