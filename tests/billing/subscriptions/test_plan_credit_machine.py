"""Paying, using, jumping in time, refunding and disputing in any order, through two workers: what a plan
gave is spent, there, ended or taken back, to the micro, and each part was given once.
"""

import asyncio
import contextlib
import shutil
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings, strategies as st

from billing.catalog.grant_terms import GrantTerms
from billing.ledger.ledger import InsufficientBalance
from billing.ledger.price import Price
from billing.providers.protocol import (
    DisputeClosed,
    Disputed,
    InvoicePaid,
    Refunded,
    Subject,
    SubscriptionChanged,
)
from kernel.clock import DAY_US, FixedClock, parse_rfc3339
from store.open import open_database
from tests.support.subscriber import Subscriber, open_subscriber
from tests.support.told_amounts import overstatements
from tests.support.usage import use
from worker.money.due import PlanCreditor

pytestmark = pytest.mark.long

NOON = parse_rfc3339("2026-06-13T12:00:00Z")
# $100.00 for 120,001 credits of a year, in parts that are not alike.
YEAR_MICROS = 120_012_000

TERMS = st.builds(
    GrantTerms,
    credit_expires=st.sampled_from(["never", "40d", "period_end"]),
    grants=st.sampled_from(["at_once", "monthly"]),
).flatmap(
    lambda terms: st.sampled_from(
        [terms]
        if terms.credit_expires == "never"
        else [
            terms,
            GrantTerms(
                credit_expires=terms.credit_expires, grants=terms.grants, on_repurchase="extend"
            ),
            GrantTerms(
                credit_expires=terms.credit_expires, grants=terms.grants, on_repurchase="reset"
            ),
            GrantTerms(
                credit_expires="period_end", grants=terms.grants, rollover_max_credits=2_500
            ),
        ]
    )
)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("use"), st.integers(1, 15_000_000)),
        st.tuples(st.just("jump"), st.integers(1, 200)),
        st.tuples(st.just("look"), st.just(0)),
        st.tuples(st.just("pay"), st.just(0)),
        st.tuples(st.just("refund"), st.integers(1, 10_000)),
        st.tuples(st.just("dispute"), st.integers(1, 10_000)),
        st.tuples(st.just("win"), st.just(0)),
        st.tuples(st.just("end"), st.just(0)),
    ),
    max_size=14,
)


@contextlib.asynccontextmanager
async def fresh_club(template: Path) -> AsyncIterator[Subscriber]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "topup.db"
        shutil.copy(template, path)
        database = open_database(f"sqlite:///{path}")
        try:
            async with open_subscriber(database, FixedClock(NOON), Path(folder)) as subscriber:
                yield subscriber
        finally:
            await database.close()


class Life:
    """One subscription by the year, and what is done to it."""

    def __init__(self, club: Subscriber, order_id: str) -> None:
        self.club, self.order_id = club, order_id
        self.periods = self.number = self.disputed = 0
        self.used_micros = 0

    async def do(self, what: str, value: int) -> None:
        self.number += 1
        await getattr(self, what)(value)

    async def act(self, fact: Any) -> None:
        await self.club.act(fact, self.club.notification(f"fact_{self.number}"))

    async def use(self, micros: int) -> None:
        with contextlib.suppress(InsufficientBalance):
            await use(self.club.buyer.account, micros)
            self.used_micros += micros

    async def jump(self, days: int) -> None:
        self.club.clock.advance_s(days * 86_400)

    async def look(self, _: int) -> None:
        account = self.club.buyer.account
        workers = [
            PlanCreditor(account.database, account.clock, account.engine, (7, 1)) for _ in range(2)
        ]
        while sum(await asyncio.gather(*(one.step() for one in workers))):
            pass

    async def pay(self, _: int) -> None:
        start = NOON + self.periods * 365 * DAY_US
        name = f"in_{self.periods}"
        self.periods += 1
        await self.act(
            InvoicePaid(
                Subject(self.order_id, (name, "sub_1")),
                subscription_ref="sub_1",
                invoice_id=name,
                price=Price(10_000, "USD"),
                period_start_at=start,
                period_end_at=start + 365 * DAY_US,
                product_ref="sandbox/own/year",
            )
        )

    async def refund(self, cents: int) -> None:
        subject = Subject(None, (f"in_{self.number % max(1, self.periods)}",))
        await self.act(Refunded(subject, f"ch_{self.number}", Price(cents, "USD")))

    async def dispute(self, cents: int) -> None:
        self.disputed = self.number
        subject = Subject(None, ("in_0",))
        await self.act(Disputed(subject, f"dp_{self.disputed}", Price(cents, "USD")))

    async def win(self, _: int) -> None:
        subject = Subject(None, ("in_0",))
        await self.act(DisputeClosed(subject, f"dp_{self.disputed}", is_won=True))

    async def end(self, _: int) -> None:
        gone = SubscriptionChanged(
            Subject(self.order_id, ("sub_1",)),
            "sub_1",
            "cancelled",
            sent_at=self.club.clock.now_us(),
        )
        await self.act(gone)


@given(TERMS, STEPS)
@example(
    GrantTerms(credit_expires="period_end", rollover_max_credits=2_500, grants="monthly"),
    [("jump", 30), ("pay", 0)],
)
@example(
    GrantTerms(credit_expires="period_end", rollover_max_credits=2_500),
    [("jump", 366), ("end", 0), ("pay", 0)],
)
@example(
    GrantTerms(credit_expires="period_end", rollover_max_credits=2_500),
    [("jump", 366), ("look", 0), ("refund", 9_900), ("pay", 0)],
)
@settings(
    max_examples=20,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
async def test_whatever_happens_the_ledger_adds_up(
    sqlite_template: Path, terms: GrantTerms, steps: list[tuple[str, int]]
) -> None:
    async with fresh_club(sqlite_template) as club:
        await club.plan(
            "own",
            price_monthly=1000,
            price_yearly=10_000,
            credits_included=10_001,
            grant_terms=terms,
        )
        order = await club.join("own", "year")
        life = Life(club, order.id)

        for what, value in [("pay", 0), *steps, ("look", 0)]:
            await life.do(what, value)
            assert await club.buyer.account.findings() == []
        assert await club.database.read(overstatements) == []

        for period in await club.periods(await club.now(order)):
            assert period.credits_micros <= YEAR_MICROS
            assert period.reversed_micros <= period.credits_micros
