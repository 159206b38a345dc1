"""Disputes of a plan's payments that are all won leave each account's credit as it was, in any order."""

from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import NamedTuple

import pytest
from hypothesis import HealthCheck, example, given, settings, strategies as st

from billing.catalog.grant_terms import GrantTerms
from billing.ledger.ledger import InsufficientBalance
from billing.ledger.price import Price
from billing.providers.protocol import DisputeClosed, Disputed, Subject
from tests.billing.subscriptions.test_plan_credit_machine import fresh_club
from tests.billing.subscriptions.test_plan_credit_told import (
    act,
    begun,
    let_it_end,
    renewed,
    worker,
)
from tests.support.sampled import is_whole
from tests.support.subscriber import Subscriber
from tests.support.told_amounts import overstatements
from tests.support.usage import use

pytestmark = pytest.mark.long


class Month(NamedTuple):
    used_micros: int
    is_swept: bool
    # Of which months the payments are disputed at its end, each with its cents.
    disputed: Sequence[tuple[int, int]]


MONTHS = st.lists(
    st.builds(
        Month,
        st.sampled_from([0, 500_000, 3_000_000, 7_000_000]),
        st.booleans(),
        st.lists(
            st.tuples(st.integers(0, 3), st.sampled_from([100, 300, 900, 1000])),
            unique_by=lambda one: one[0],
            max_size=4,
        ),
    ),
    min_size=2,
    max_size=4,
)


@given(
    rollover=st.sampled_from([500, 2000, 10_000]),
    months=MONTHS,
    is_over=st.booleans(),
    order=st.randoms(use_true_random=False),
)
# Two payments of which the first rolled over: its credit went to the wallet as the second was won.
@example(
    rollover=2000,
    months=[Month(0, True, []), Month(0, True, []), Month(0, True, [(0, 1000), (1, 1000)])],
    is_over=True,
    order=Random(1),
)
@settings(
    max_examples=120 if is_whole() else 30,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
async def test_disputes_that_are_all_won_change_no_credit(
    sqlite_template: Path, rollover: int, months: list[Month], is_over: bool, order: Random
) -> None:
    async with fresh_club(sqlite_template) as club:
        terms = GrantTerms(credit_expires="period_end", rollover_max_credits=rollover)
        bought = await begun(club, terms)
        for number, month in enumerate(months):
            if number:
                await renewed(club, bought, f"month{number}", number)
            if month.used_micros:
                await use_if_there(club, month.used_micros)
            club.clock.advance_s(30 * 86_400)
            if month.is_swept:
                await worker(club).step()
            if is_over and number == len(months) - 1:
                await let_it_end(club, bought)
            disputes = [one for one in month.disputed if one[0] <= number]
            before = await club.credits()

            for which, cents in disputes:
                await act(
                    club, Disputed(subject(which), f"dp_{number}_{which}", Price(cents, "USD"))
                )
            order.shuffle(disputes)
            for which, _cents in disputes:
                await act(club, DisputeClosed(subject(which), f"dp_{number}_{which}", is_won=True))

            assert await club.credits() == before
            assert await club.buyer.account.findings() == []
            assert await club.database.read(overstatements) == []


async def use_if_there(club: Subscriber, micros: int) -> None:
    try:
        await use(club.buyer.account, micros)
    except InsufficientBalance:
        assert await club.credits() * 1000 < micros


def subject(month: int) -> Subject:
    return Subject(None, (f"in_month{month}" if month else "in_first",))
