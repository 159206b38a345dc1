"""The sweep over pending orders: in time, once among several workers, and through every failure."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio

from kernel.clock import FixedClock
from store.database import Database
from tests.billing.cashing import Shop, open_shop
from worker.reconcile import Reconciler


@pytest_asyncio.fixture
async def shop(database: Database, clock: FixedClock, tmp_path: Path) -> AsyncIterator[Shop]:
    async with open_shop(database, clock, tmp_path) as opened:
        yield opened


def reconciler(shop: Shop) -> Reconciler:
    """A worker's, in a process of its own."""
    return Reconciler(shop.desk.database, shop.desk.clock, shop.another())


async def test_nothing_is_asked_before_its_minute_is_over(shop: Shop) -> None:
    await shop.place()
    shop.desk.clock.advance_s(59)

    assert await reconciler(shop).step() == 0


async def test_what_was_paid_and_never_told_is_credited_a_minute_later(shop: Shop) -> None:
    orders = [await shop.place() for _ in range(5)]
    for order in orders[:3]:
        shop.server.pay(order)
    shop.desk.clock.advance_s(60)

    assert await reconciler(shop).step() == 5
    assert [(await shop.now(order)).status for order in orders] == [*["paid"] * 3, *["pending"] * 2]
    assert await shop.bought_cents() == 6000
    assert await shop.desk.findings() == []


async def test_several_workers_ask_about_an_order_once_a_minute(shop: Shop) -> None:
    orders = [await shop.place() for _ in range(8)]
    shop.server.asked.clear()
    shop.desk.clock.advance_s(60)
    await asyncio.gather(*(reconciler(shop).step() for _ in range(4)))

    assert sorted(shop.server.asked) == sorted(f"ask {order.provider_ref}" for order in orders)


async def test_a_provider_that_is_away_keeps_no_other_order_waiting(shop: Shop) -> None:
    silent = await shop.place()
    other = await shop.place(provider="stripe")
    shop.server.is_away = True
    shop.desk.clock.advance_s(60)
    await reconciler(shop).step()

    assert (await shop.now(silent)).status == "pending"
    assert (await shop.now(silent)).checks_made == (await shop.now(other)).checks_made == 1


async def test_an_answer_that_breaks_the_provider_stops_neither_the_sweep_nor_the_others(
    shop: Shop,
) -> None:
    broken, paid = await shop.place(), await shop.place()
    # A checkout of another shape than the provider's module expects, and one that vanished.
    shop.server.checkouts[broken.provider_ref or ""] = {"id": 7, "status": ["?"]}
    shop.server.pay(paid)
    shop.desk.clock.advance_s(60)
    await reconciler(shop).step()
    shop.server.checkouts.clear()
    shop.desk.clock.advance_s(60)
    await reconciler(shop).step()

    assert (await shop.now(paid)).status == "paid"
    assert (await shop.now(broken)).status == "pending"


async def test_the_loop_goes_on_by_itself_until_it_is_stopped(shop: Shop) -> None:
    order = await shop.place()
    shop.server.pay(order)
    shop.desk.clock.advance_s(60)
    running = asyncio.create_task(reconciler(shop).run())
    async with asyncio.timeout(10):
        while (await shop.now(order)).status != "paid":  # noqa: ASYNC110 it tells nobody
            await asyncio.sleep(0.01)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)

    assert await shop.bought_cents() == 2000
