"""Prove that no life of an order, a refund or a plan leaves a finding behind: a false alarm is as bad as a miss.

Each life is one account's. What the gateway hears comes in any order and repeatedly, and each step is proved.
`make prove` tries three times as many lives.
"""

import dataclasses
import itertools
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from hypothesis import HealthCheck, Phase, example, given, settings, strategies as st

from billing.catalog.plan import get, item_of
from billing.ledger.price import Price
from billing.ledger.rule import Finding
from billing.payments.sandbox import subscription as simulated
from billing.proof.audit import findings_in
from billing.providers.protocol import (
    DisputeClosed,
    Disputed,
    Refunded,
    RefundFailed,
    SandboxEvent,
    Subject,
)
from billing.refunds.refunder import Refunder
from billing.usage.usage import UsageItem, UseCredit
from kernel.clock import FixedClock
from kernel.ids import new_id
from kernel.tenant import Tenant
from store.database import Database
from tests.billing.orders import test_order_machine as orders
from tests.billing.refunds import test_refund_machine as refunds
from tests.support.buyer import Buyer
from tests.support.funded_account import open_funded_account
from tests.support.refunding import Refunding
from tests.support.sampled import is_whole
from tests.support.subscriber import Subscriber, open_subscriber
from tests.support.vendor_refunds import VendorRefunds, providers_with

pytestmark = pytest.mark.long

NUMBERS = itertools.count()
LIVES = settings(
    max_examples=100 if is_whole() else 30,
    deadline=None,
    # A life is an account of its own in the database of the test.
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    phases=[Phase.explicit, Phase.generate, Phase.shrink],
)


async def findings(database: Database, tenant: Tenant) -> list[tuple[str, str, int, int]]:
    """Return what the proof finds of the account."""
    found: list[Finding] = list(await database.read(partial(findings_in, tenant=tenant)))
    return [(one.rule, one.row_id, one.expected, one.found) for one in found]


async def open_own_buyer(database: Database, clock: FixedClock, environment: str) -> Buyer:
    account = await open_funded_account(database, clock, email=f"b{next(NUMBERS)}@example.com")
    return Buyer(account, Tenant(account.account_id, environment), account.engine)


@given(life=st.lists(orders.facts, min_size=1, max_size=9), is_live=st.booleans())
@example(life=[("failed", "", 0), ("paid wrongly", "pi_3", 0)], is_live=True)
@example(
    life=[
        *[("paid wrongly", "pi_3", 0), ("reject", "", 0), ("dispute", "b", 5000)],
        ("paid", "pi_2", 0),
    ],
    is_live=False,
)
@example(life=[("dispute", "a", 5000), ("paid wrongly", "pi_3", 0)], is_live=False)
@LIVES
async def test_whatever_is_told_of_an_order_is_proved(
    database: Database, clock: FixedClock, life: list[orders.Fact], is_live: bool
) -> None:
    buyer = await open_own_buyer(database, clock, "live" if is_live else "staging")
    order = await buyer.order()
    model = orders.Model(order.pay_amount, order.pay_amount)

    for name, key, amount in life:
        # A payment, a refund and a dispute are one order's.
        await orders._step(buyer, order, model, [(name, key and f"{key}{order.id}", amount)])
        assert await findings(database, buyer.tenant) == [], name


@given(life=st.lists(refunds.deeds, min_size=2, max_size=9), is_repeatable=st.booleans())
@LIVES
async def test_whatever_becomes_of_our_refunds_is_proved(
    database: Database, clock: FixedClock, life: list[refunds.Deed], is_repeatable: bool
) -> None:
    buyer = await open_own_buyer(database, clock, "live")
    order = await buyer.order()
    await buyer.pay(order, f"pi_{order.id}")
    vendor = VendorRefunds(is_repeatable=is_repeatable)
    refunder = Refunder(database, clock, buyer.engine, providers_with(vendor, clock))
    world = refunds.World(buyer, Refunding(buyer), order, vendor, refunder, clock)

    for deed in life:
        await world.do(deed)
        assert await findings(database, buyer.tenant) == [], deed


@dataclasses.dataclass
class SimulatedPlan:
    """A plan at the simulated provider, and the notifications it holds back."""

    subscriber: Subscriber
    order: Any
    tenant: Tenant
    untold: list[SandboxEvent]
    paid: list[tuple[str, int]]

    async def do(self, name: str, number: int) -> None:
        if name in {"refund", "part", "part failed", "dispute", "won", "lost"}:
            await self._reverse(name, number)
        elif name == "tell":
            if self.untold:
                await self.subscriber.tell(self.untold[number % len(self.untold)])
        elif name == "days":
            self.subscriber.clock.advance_s((number + 1) * 8 * 86_400)
            one = await self.subscriber.now(self.order)
            await self.subscriber.pass_time(one)
        elif name == "spend":
            await self._spend(number)
        else:
            await self._at_provider(name, is_told=number != 0)

    async def _at_provider(self, name: str, *, is_told: bool) -> None:
        database, now_us = self.subscriber.database, self.subscriber.clock.now_us()
        one = await database.read(lambda tx: simulated.find_of_order(tx, self.order.id))
        assert one is not None
        if one.status == "ended" or one.next_at is None or not (one.is_begun or name == "bill"):
            return
        if name in {"decline", "accept"}:
            await database.transaction(
                lambda tx: simulated.set_declining(tx, one.token, is_declining=name == "decline")
            )
            return
        if name == "bill":
            told, after = simulated.bill(one)
        elif name == "pause":
            told, after = simulated.pause(one, now_us=now_us, resumes_at=None)
        elif name == "resume":
            told, after = simulated.resume(one)
        elif name == "end":
            told, after = simulated.end_now(one)
        elif name == "end later":
            told, after = simulated.end_with_period(one, is_ending=True)
        else:
            plan_id, interval = name.split("/")
            plan = await database.read(lambda tx: get(tx, ("staging", plan_id)))
            sold_by = self.subscriber.buyer.payments.providers.registration("stripe")
            item = item_of(plan, sold_by, interval, is_simulated=True)  # type: ignore[arg-type]
            told, after = simulated.choose(one, item, now_us=now_us)
        await database.transaction(lambda tx: simulated.note(tx, one, after))
        if told.outcome == "renewed":
            self.paid.append((told.payment_id, told.price.amount))
        self.untold.append(told)
        if is_told:
            await self.subscriber.tell(told)

    async def _reverse(self, name: str, number: int) -> None:
        if not self.paid:
            return
        invoice, amount = self.paid[number % len(self.paid)]
        subject, price = Subject(None, (invoice,)), Price(max(1, amount // (number + 1)), "USD")
        fact: Any
        if name in {"refund", "part"}:
            is_part = name == "part"
            fact = Refunded(subject, f"{name}_{invoice}", price, is_part=is_part)
        elif name == "part failed":
            fact = RefundFailed(subject, f"part_{invoice}", price, is_part=True)
        elif name == "dispute":
            fact = Disputed(subject, f"dp_{invoice}", price)
        else:
            fact = DisputeClosed(subject, f"dp_{invoice}", is_won=name == "won")
        event = self.subscriber.notification(f"{next(NUMBERS)}")
        await self.subscriber.act(fact, event)

    async def _spend(self, number: int) -> None:
        held = await self.subscriber.credits()
        micros = min(held * 1_000, (number + 1) * 4_000_000)
        if micros > 0:
            item = UsageItem("AI chat completion", None, None, micros)
            await self.subscriber.buyer.account.engine.submit(
                UseCredit(usage_id=new_id("usg"), tenant=self.tenant, lineage=(), item=item)
            )


ACTS = (
    *("bill", "bill", "bill", "tell", "days", "spend", "pause", "resume", "end", "end later"),
    *("decline", "accept", "team/month", "pro/month", "pro/year"),
    *("refund", "part", "part failed", "dispute", "won", "lost"),
)


@pytest_asyncio.fixture
async def club(database: Database, clock: FixedClock, tmp_path: Path) -> AsyncIterator[Subscriber]:
    async with open_subscriber(database, clock, tmp_path) as subscriber:
        yield subscriber


@given(life=st.lists(st.tuples(st.sampled_from(ACTS), st.integers(0, 3)), min_size=2, max_size=14))
@example(life=[("pause", 1), ("end", 1)])
@example(life=[("team/month", 1), ("pro/month", 1), ("days", 3), ("bill", 1)])
@example(life=[("dispute", 1), ("dispute", 0)])
@example(life=[("days", 0), ("days", 3), ("end", 1)])
@LIVES
async def test_whatever_is_told_of_a_plan_is_proved(
    club: Subscriber, life: list[tuple[str, int]]
) -> None:
    plan = await begin_plan(club)

    for name, number in [("bill", 1), *life]:
        await plan.do(name, number)
        assert await findings(club.database, plan.tenant) == [], name


async def begin_plan(club: Subscriber) -> SimulatedPlan:
    """Open an account and have it pay for a plan at the simulated provider."""
    account = await open_funded_account(
        club.database, club.clock, email=f"b{next(NUMBERS)}@example.com"
    )
    subscriber = Subscriber(dataclasses.replace(club.buyer, account=account))
    order = await subscriber.join()
    await subscriber.tell((await subscriber.pay(order)).sandbox_event())
    return SimulatedPlan(subscriber, order, account.principal.tenant, [], [])
