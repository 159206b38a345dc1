"""A process that dies between any two writes of a purchase, and what the next one makes of it.

Every transaction of the flow is a place to die: just before its commit, so that it never was, and
just after, so that nobody heard of it. Afterwards another process takes a retry and one sweep.
"""

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from billing.orders.order import Order
from billing.payments.payments import Payments
from billing.payments.sandbox import checkout as sandbox_checkout
from billing.providers.protocol import Received
from kernel.clock import FixedClock
from kernel.errors import Unavailable
from store.database import Database, Transaction
from store.errors import StoreError
from tests.support import toypay
from tests.support.mortal_database import MortalDatabase
from tests.support.toypay_buyer import ToypayBuyer, open_toypay_buyer

pytestmark = pytest.mark.long

WRITES_MAX = 20


@pytest_asyncio.fixture
async def buyer(
    database: Database, clock: FixedClock, tmp_path: Path
) -> AsyncIterator[ToypayBuyer]:
    async with open_toypay_buyer(database, clock, tmp_path) as opened:
        yield opened


async def buy(buyer: ToypayBuyer, database: Database, provider: str, digest: str) -> None:
    """The whole purchase in one process: the order, the payer's payment, the notification."""
    payments = buyer.another(database)
    order = await buyer.place(payments, provider=provider, request_digest=digest)
    if provider == "toypay":
        buyer.server.pay(order)
        said = toypay.event("paid", order)
    else:
        said = await press_pay(buyer, payments, database, order)
    await payments.notified(provider, said)


async def press_pay(
    buyer: ToypayBuyer, payments: Payments, database: Database, order: Order
) -> Received:
    """What the sandbox's page does before it sends the notification."""
    token = (order.url or "").rpartition("/")[2]
    now_us = buyer.account.clock.now_us()

    async def work(tx: Transaction) -> sandbox_checkout.SandboxCheckout:
        return await sandbox_checkout.decide(tx, token, "paid", now_us=now_us)

    decided = await database.transaction(work)
    provider = payments.providers.of("stripe", "staging")
    assert provider is not None
    return provider.simulate(decided.sandbox_event())


async def paid_orders(buyer: ToypayBuyer) -> int:
    """How many orders' money is at the provider, or paid for on the page."""

    async def work(tx: Transaction) -> int:
        row = await tx.fetch_one(
            "SELECT COUNT(*) AS paid FROM sandbox_checkouts WHERE outcome = 'paid'"
        )
        return 0 if row is None else int(row["paid"])

    at_provider = [one for one in buyer.server.checkouts.values() if one["status"] == "paid"]
    return len(at_provider) + await buyer.account.database.read(work)


@pytest.mark.parametrize("is_committed", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("provider", ["toypay", "stripe"])
async def test_a_purchase_survives_a_death_at_any_of_its_writes(
    buyer: ToypayBuyer, provider: str, is_committed: bool
) -> None:
    deaths = 0
    for nth in range(1, WRITES_MAX):
        digest = f"d{nth}"
        before = len(await buyer.orders())
        mortal = MortalDatabase(buyer.account.database, nth, is_committed=is_committed)
        with contextlib.suppress(StoreError, Unavailable):
            await buy(buyer, mortal, provider, digest)
        deaths += mortal.is_dead
        await buyer.sweep()
        expected = 2000 * await paid_orders(buyer)
        assert await buyer.bought_cents() == expected, f"uncredited after a death at write {nth}"
        # The caller, who heard nothing, asks again.
        order = await buyer.place(buyer.another(), provider=provider, request_digest=digest)
        assert len(await buyer.orders()) == before + 1
        assert order.url is not None
        assert await buyer.account.findings() == []
        if not mortal.is_dead:
            break
    assert deaths >= 3
