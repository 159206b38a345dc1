"""Any schedule of spends, deaths, lost answers, late and repeated notifications, two workers and leaping
clocks: no fall is charged twice, no month goes over its bound, nothing is credited twice, and after a bank's
question no new order is charged until the recharge is set again.

The model knows neither orders nor workers: a fall charges once at the most while nothing ended it, and
the wallet holds what was given, less what was spent, and what Cardpay took.
"""

import asyncio
import shutil
import tempfile
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings, strategies as st

from billing.ledger.ledger import InsufficientBalance
from billing.ledger.price import Price
from billing.providers.event_log import NotificationRef
from billing.providers.protocol import Disputed, DisputeNote, Subject
from kernel.clock import HOUR_US, FixedClock, parse_rfc3339, rfc3339
from store.open import open_database
from tests.support.mortal_database import MortalDatabase
from tests.support.recharger import Recharging, open_recharging

pytestmark = pytest.mark.long

MONTHLY_MAX = 3000
NOW = "2026-06-13T12:00:00Z"
words = st.sampled_from(
    [
        "pays",
        "pays",
        "processing",
        "heard nothing",
        "answer lost",
        "insufficient_funds",
        "card_declined",
        "authentication_required",
    ]
)
steps = st.one_of(
    st.tuples(st.just("spend"), st.sampled_from([1, 400, 900])),
    st.tuples(st.just("give"), st.sampled_from([100, 700])),
    st.tuples(st.just("work"), st.just(0)),
    st.tuples(st.just("two workers"), st.just(0)),
    # A worker that dies at its nth transaction; an odd number: after its commit.
    st.tuples(st.just("die"), st.integers(2, 13)),
    st.tuples(st.just("notify"), st.integers(0, 3)),
    st.tuples(st.just("confirm"), st.integers(0, 3)),
    st.tuples(st.just("sweep"), st.just(61)),
    st.tuples(st.just("bank asks"), st.integers(0, 3)),
    st.tuples(st.just("wait"), st.sampled_from([20, 4000, 90_000, 40 * 86_400])),
    st.tuples(st.just("set"), st.just(0)),
)


class Watched:
    """What the outside sees."""

    def __init__(self, one: Recharging) -> None:
        self.one = one
        self.given = 2000
        self.spent = 0
        self.lows = 0  # how often the balance was left below the mark
        self.asked: set[str] = set()  # orders whose payer's bank asked
        # The orders that there were when a bank asked; none: the recharge was set since.
        self.chargeable: set[str] | None = None

    async def step(self, name: str, value: int) -> None:
        one = self.one
        if name == "spend":
            try:
                await one.spend(value)
                self.spent += value
                self.lows += await one.cents() < 500
            except InsufficientBalance:
                pass
        elif name == "give":
            await one.give(value)
            self.given += value
        elif name == "two workers":
            await asyncio.gather(one.worker().step(), one.worker().step())
        elif name == "die":
            mortal = MortalDatabase(one.account.database, value // 2, is_committed=value % 2 == 1)
            await asyncio.gather(one.work(database=mortal), return_exceptions=True)
        elif name in {"notify", "confirm"}:
            await self._tell(value, is_confirmed=name == "confirm")
        elif name == "sweep":
            await one.sweep(seconds=value)
        elif name == "bank asks":
            await self._ask(value)
        elif name == "set":
            await one.set(monthly_max_cents=MONTHLY_MAX)
            self.lows += await one.cents() < 500
            self.chargeable = None
        else:
            await one.work(seconds=value)

    async def _tell(self, number: int, *, is_confirmed: bool) -> None:
        vendor = self.one.vendor
        if number >= len(vendor.payments):
            return
        payment = list(vendor.payments.values())[number]
        is_open = vendor.clock.now_us() - payment.at < 22 * HOUR_US
        if payment.status == "processing" or (
            is_confirmed and payment.status == "open" and is_open
        ):
            vendor.succeed(payment.ref)
        await self.one.notify(payment.ref)
        await self.one.notify(payment.ref)

    async def _ask(self, number: int) -> None:
        """The first question about a charge switches the recharge off, a repeated one does nothing."""
        payments = list(self.one.vendor.payments.values())
        if number >= len(payments):
            return
        order_id = payments[number].order_id
        before = await self.one.setting()
        note = DisputeNote("warning_needs_response", is_inquiry=True)
        asks = Disputed(Subject(order_id), f"dp_{order_id}", Price(0, "USD"), note)
        told = NotificationRef("cardpay", "live", f"evt_{order_id}", "dispute")
        await self.one.payments().notifications.act_on([asks], told)
        after = await self.one.setting()
        assert before is not None
        assert after is not None
        assert after.is_on is (before.is_on and order_id in self.asked)
        if order_id not in self.asked:
            self.chargeable = {order.id for order in await self.one.orders()}
        self.asked.add(order_id)

    async def check(self) -> None:
        one = self.one
        taken = one.vendor.taken
        assert max(Counter(each.order_id for each in taken).values(), default=0) <= 1
        assert len(taken) <= self.lows
        orders = await one.orders()
        if self.chargeable is not None:
            assert {each.order_id for each in one.vendor.payments.values()} <= self.chargeable
        begun = {order.id: rfc3339(order.created_at)[:7] for order in orders}
        months = Counter[str]()
        for each in taken:
            months[begun[each.order_id]] += each.price.amount
        assert all(cents <= MONTHLY_MAX for cents in months.values()), months
        paid = [order for order in orders if order.is_settled]
        assert {order.id for order in paid} <= {each.order_id for each in taken}
        assert await one.cents() == self.given - self.spent + 1000 * len(paid)
        # While one is under way there is no other, and nothing is charged that has no fall's order.
        assert sum(order.status == "pending" for order in orders) <= 1
        assert {each.order_id for each in one.vendor.payments.values()} <= {
            order.id for order in orders
        }

    async def end(self) -> None:
        """In the end the provider is heard, and what it took is credited once."""
        self.one.vendor.script.clear()
        for payment in list(self.one.vendor.payments.values()):
            if payment.status == "processing":
                self.one.vendor.succeed(payment.ref)
        await self.one.work(seconds=61)
        await self.one.work(seconds=3700)
        for payment in self.one.vendor.taken:
            await self.one.notify(payment.ref)
        await self.check()
        paid = {order.id for order in await self.one.orders() if order.is_settled}
        assert {each.order_id for each in self.one.vendor.taken} == paid


async def run(url: str, schedule: list[tuple[str, int]], script: list[str]) -> None:
    clock = FixedClock(parse_rfc3339(NOW))
    database = open_database(url)
    try:
        async with open_recharging(database, clock) as one:
            await one.give(2000)
            await one.set(monthly_max_cents=MONTHLY_MAX)
            one.vendor.script = list(script)
            watched = Watched(one)
            for name, value in schedule:
                await watched.step(name, value)
                await watched.check()
            await watched.end()
    finally:
        await database.close()


@settings(max_examples=25, deadline=None)
@given(
    schedule=st.lists(steps, min_size=4, max_size=14),
    script=st.lists(words, min_size=1, max_size=6),
)
def test_no_schedule_charges_a_fall_twice(
    sqlite_template: Path, schedule: list[tuple[str, int]], script: list[str]
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "topup.db"
        shutil.copy(sqlite_template, copy)
        asyncio.run(run(f"sqlite:///{copy}", [("spend", 900), ("spend", 900), *schedule], script))


@pytest.mark.parametrize(
    ("schedule", "script"),
    [
        # Two workers while the answer is lost, a death after the order, a late and repeated word.
        (
            [("spend", 1600), ("die", 5), ("two workers", 0), ("notify", 0), ("spend", 900)],
            ["answer lost", "pays"],
        ),
        # A person confirms after a death, and the month has room for two more.
        (
            [("spend", 1600), ("die", 7), ("wait", 20), ("confirm", 1), ("spend", 1000)],
            ["authentication_required", "pays", "pays"],
        ),
        # A bank asks, a fall comes meanwhile, the question is repeated after a person set it again.
        (
            [
                *(("spend", 1600), ("work", 0), ("bank asks", 0), ("spend", 800), ("wait", 4000)),
                *(("set", 0), ("bank asks", 0), ("work", 0), ("sweep", 61)),
            ],
            ["pays"],
        ),
    ],
)
def test_on_both_databases_too(
    database_url: str, schedule: list[tuple[str, int]], script: list[str]
) -> None:
    asyncio.run(run(database_url, schedule, script))
