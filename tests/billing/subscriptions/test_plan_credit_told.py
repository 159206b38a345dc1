"""What is told of a plan's credit, when it is used up, and what a crash or a change leaves of it."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from billing.catalog import plan as plans
from billing.catalog.grant_terms import GrantTerms
from billing.catalog.product_fields import ProductFields
from billing.ledger.ledger import InsufficientBalance
from billing.ledger.price import Price
from billing.orders.order import Order
from billing.providers.protocol import (
    DisputeClosed,
    Disputed,
    InvoiceLine,
    InvoicePaid,
    Refunded,
    Subject,
    SubscriptionChanged,
)
from kernel.clock import DAY_US, FixedClock, parse_rfc3339
from store.database import Database, Transaction
from tests.support.subscriber import Subscriber, open_subscriber
from tests.support.told_amounts import overstatements
from tests.support.usage import use
from worker.money.due import PlanCreditor

NOON = parse_rfc3339("2026-06-13T12:00:00Z")


@pytest.fixture
async def club(database: Database, tmp_path: Path) -> AsyncIterator[Subscriber]:
    async with open_subscriber(database, FixedClock(NOON), tmp_path) as subscriber:
        yield subscriber


async def begun(club: Subscriber, terms: GrantTerms, interval: Any = "month") -> Order:
    """A plan of $10.00 for 10,000 credits a month with these terms, its first period paid."""
    await club.plan(
        "own",
        price_monthly=1000,
        price_yearly=12_000,
        credits_included=10_000,
        grant_terms=terms,
    )
    order = await club.join("own", interval)
    amount, days = (1000, 30) if interval == "month" else (12_000, 365)
    line = InvoiceLine(f"sandbox/own/{interval}", amount, 1, is_prorated=False)
    await paid(club, order, "first", NOON, NOON + days * DAY_US, line)
    return order


async def paid(
    club: Subscriber,
    order: Order,
    name: str,
    start: int,
    end: int,
    *lines: InvoiceLine,
    **more: Any,
) -> str:
    fact = InvoicePaid(
        Subject(order.id, (f"in_{name}", "sub_1")),
        subscription_ref="sub_1",
        invoice_id=f"in_{name}",
        price=Price(max(0, sum(line.amount for line in lines)), "USD"),
        period_start_at=start,
        period_end_at=end,
        lines=lines,
        **more,
    )
    return await club.act(fact, club.notification(name))


async def renewed(club: Subscriber, order: Order, name: str = "second", month: int = 1) -> str:
    """Pay the next month of the plan of `begun`; `month` 1 is the second."""
    line = InvoiceLine("sandbox/own/month", 1000, 1, is_prorated=False)
    start = NOON + month * 30 * DAY_US
    return await paid(club, order, name, start, start + 30 * DAY_US, line)


async def told(club: Subscriber) -> list[str]:
    """The types of the events about credit that ends."""
    return [one for one in await club.buyer.account.events() if one.startswith("credit.")]


def worker(club: Subscriber) -> PlanCreditor:
    account = club.buyer.account
    return PlanCreditor(account.database, account.clock, account.engine, (7, 1))


async def test_an_end_is_told_seven_days_and_one_day_before_and_once_it_came(
    club: Subscriber,
) -> None:
    await begun(club, GrantTerms(credit_expires="period_end"))

    counts = []
    for days in (22, 1, 3, 3, 1):  # day 22, 23, 26, 29, 30
        club.clock.advance_s(days * 86_400)
        await asyncio.gather(worker(club).step(), worker(club).step())
        await worker(club).step()
        counts.append(await told(club))

    expiring, expired = "credit.expiring", "credit.expired"
    assert counts == [
        [],
        [expiring],
        [expiring],
        [expiring, expiring],
        [expiring, expiring, expired],
    ]


async def test_usage_stops_with_the_plans_credit_where_the_plan_says_so(club: Subscriber) -> None:
    await begun(club, GrantTerms(credit_expires="period_end", when_used_up="stop"))
    await use(club.buyer.account, 9_000_000)

    with pytest.raises(InsufficientBalance) as refused:
        await use(club.buyer.account, 1_000_001)
    assert refused.value.reason == "plan_used_up"
    await use(club.buyer.account, 1_000_000)
    # A send may take the wallet's credit all the same.
    await club.buyer.account.send(100)

    # Once the plan is over the wallet pays again: 30 days, and seven of grace.
    club.clock.advance_s(37 * 86_400)
    await use(club.buyer.account, 1_000_000)


async def test_up_and_down_again_gives_what_was_paid_for(club: Subscriber) -> None:
    """Half of a month is left: 15.00 of the dearer plan less 5.00 of the own, and back again."""
    order = await begun(club, GrantTerms(credit_expires="period_end"))
    half, end = NOON + 15 * DAY_US, NOON + 30 * DAY_US
    club.clock.advance_s(15 * 86_400)
    down_own = InvoiceLine("sandbox/own/month", -500, 1, is_prorated=True)
    up_team = InvoiceLine("sandbox/team/month", 1500, 1, is_prorated=True)
    await paid(club, order, "up", half, end, down_own, up_team, is_change=True, is_prorated=True)
    # 10,000, and 40,000 x 10.00 / 30.00; shown in whole cents.
    assert await club.credits() == 23_330
    await use(club.buyer.account, 20_000_000)

    down_team = InvoiceLine("sandbox/team/month", -1500, 1, is_prorated=True)
    up_own = InvoiceLine("sandbox/own/month", 500, 1, is_prorated=True)
    await paid(
        club, order, "down", half + 1, end, down_team, up_own, is_change=True, is_prorated=True
    )

    assert await club.credits() == 3_330
    assert await club.buyer.account.findings() == []


async def test_a_subscription_keeps_the_terms_it_was_begun_with(club: Subscriber) -> None:
    order = await begun(club, GrantTerms(credit_expires="period_end"))
    fields = ProductFields.of(club.buyer.payments.providers.registrations)

    async def change(tx: Transaction) -> None:
        changes = {"grant_terms": {"credit_expires": "never"}}
        await plans.change(tx, ("staging", "own"), changes, fields)

    await club.database.transaction(change)

    assert (await club.now(order)).grant_terms == GrantTerms(credit_expires="period_end")
    club.clock.advance_s(30 * 86_400)
    assert await club.credits() == 0


async def test_a_worker_that_dies_at_any_moment_gives_each_month_once(club: Subscriber) -> None:
    await begun(club, GrantTerms(grants="monthly"), "year")

    for month in range(1, 12):
        club.clock.advance_s(31 * 86_400)
        dying = asyncio.ensure_future(worker(club).step())
        for _ in range(month):
            await asyncio.sleep(0)
        dying.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await dying
        while await worker(club).step():
            pass

    assert await club.credits() == 120_000
    assert await club.buyer.account.findings() == []


async def amounts(club: Subscriber, event_type: str) -> list[int]:
    """What each event of the type says is lost, in cents."""

    async def work(tx: Transaction) -> list[int]:
        rows = await tx.fetch(
            "SELECT body FROM events WHERE type = :type ORDER BY event_no", type=event_type
        )
        return [msgspec.json.decode(row["body"])["data"]["amount_cents"] for row in rows]

    return await club.database.read(work)


async def test_what_rolls_over_is_told_as_lost_by_no_event(club: Subscriber) -> None:
    """7.00 are left of 10.00, and 2.00 of them go on: 5.00 are lost."""
    order = await begun(club, GrantTerms(credit_expires="period_end", rollover_max_credits=2000))
    await use(club.buyer.account, 3_000_000)

    club.clock.advance_s(29 * 86_400)
    await worker(club).step()
    club.clock.advance_s(86_400)
    await worker(club).step()
    before = await amounts(club, "credit.expired")
    await renewed(club, order)
    await worker(club).step()

    assert await amounts(club, "credit.expiring") == [500]
    assert (before, await amounts(club, "credit.expired")) == ([500], [500])
    assert await club.credits() == 12_000
    assert await club.buyer.account.findings() == []


async def test_what_might_have_gone_on_is_told_once_the_plan_is_over(club: Subscriber) -> None:
    order = await begun(club, GrantTerms(credit_expires="period_end", rollover_max_credits=2000))
    await use(club.buyer.account, 3_000_000)
    one = await club.now(order)

    for days in (30, 1, 7):
        club.clock.advance_s(days * 86_400)
        await worker(club).step()
        await club.pass_time(one)

    assert (await club.now(order)).status == "expired"
    assert await amounts(club, "credit.expired") == [500, 200]


async def test_what_all_goes_on_is_told_of_by_nothing(club: Subscriber) -> None:
    order = await begun(club, GrantTerms(credit_expires="period_end", rollover_max_credits=8000))
    await use(club.buyer.account, 3_000_000)

    club.clock.advance_s(29 * 86_400)
    await worker(club).step()
    club.clock.advance_s(86_400)
    await worker(club).step()
    await renewed(club, order)

    assert await told(club) == []
    assert await club.credits() == 17_000


async def test_less_that_goes_on_than_might_have_is_told_with_the_next_period(
    club: Subscriber,
) -> None:
    """The next invoice comes for time that begins two days later: nothing goes on."""
    order = await begun(club, GrantTerms(credit_expires="period_end", rollover_max_credits=2000))
    await use(club.buyer.account, 3_000_000)

    club.clock.advance_s(32 * 86_400)
    await worker(club).step()
    line = InvoiceLine("sandbox/own/month", 1000, 1, is_prorated=False)
    await paid(club, order, "second", NOON + 32 * DAY_US, NOON + 62 * DAY_US, line)

    assert await amounts(club, "credit.expired") == [500, 200]
    assert await club.credits() == 10_000


async def test_what_a_dropped_part_would_have_taken_along_is_told_as_lost(club: Subscriber) -> None:
    """A year in months of 10.00 ends on its first day. As the first month ends, the second still stands to come."""
    terms = GrantTerms(credit_expires="period_end", grants="monthly", rollover_max_credits=2000)
    order = await begun(club, terms, "year")
    await act(
        club,
        SubscriptionChanged(
            Subject(order.id, ("sub_1",)), "sub_1", "cancelled", sent_at=club.clock.now_us()
        ),
    )

    club.clock.advance_s(30 * 86_400)
    # What goes back for a cent is of the months to come.
    await act(club, Refunded(Subject(None, ("in_first",)), "ch_1", Price(1, "USD")))
    before = await amounts(club, "credit.expired")
    await worker(club).step()

    assert (before, await amounts(club, "credit.expired")) == ([800], [800, 200])
    assert await club.buyer.account.findings() == []


async def test_parts_given_late_take_no_more_along_than_one_would(club: Subscriber) -> None:
    """The next year is paid 335 days before it begins. Then nobody gives a part until its first month is over."""
    terms = GrantTerms(credit_expires="period_end", grants="monthly", rollover_max_credits=2000)
    order = await begun(club, terms, "year")
    club.clock.advance_s(30 * 86_400)
    line = InvoiceLine("sandbox/own/year", 12_000, 1, is_prorated=False)
    await paid(club, order, "second", NOON + 365 * DAY_US, NOON + 730 * DAY_US, line)

    club.clock.advance_s(365 * 86_400)
    await worker(club).step()

    # Of the first month of each year, 8.00 are lost and 2.00 go on.
    assert await amounts(club, "credit.expired") == [800, 800]
    assert await club.database.read(overstatements) == []


@pytest.mark.parametrize("is_swept", [True, False])
async def test_what_was_told_as_lost_stays_lost_if_the_ended_plan_is_paid(
    club: Subscriber, is_swept: bool
) -> None:
    """The next period is paid as the grace is over; with and without a worker in between."""
    order = await begun(club, GrantTerms(credit_expires="period_end", rollover_max_credits=2000))
    await use(club.buyer.account, 3_000_000)
    one = await club.now(order)
    for days in (30, 1, 7):
        club.clock.advance_s(days * 86_400)
        if is_swept:
            await worker(club).step()
        await club.pass_time(one)
    assert (await club.now(order)).status == "expired"

    await renewed(club, order)

    assert (await club.now(order)).status == "active"
    assert sum(await amounts(club, "credit.expired")) == 700
    assert await club.credits() == 10_000
    assert await club.database.read(overstatements) == []


@pytest.mark.parametrize(
    ("refund_cents", "credits_"), [(500, 13_000), (900, 11_000), (1000, 10_000)]
)
async def test_what_a_refund_took_of_ended_credit_rolls_over_no_more(
    club: Subscriber, refund_cents: int, credits_: int
) -> None:
    """3.00 of 10.00 would go on. The refund takes what is lost first, then of them."""
    order = await begun(club, GrantTerms(credit_expires="period_end", rollover_max_credits=3000))
    club.clock.advance_s(30 * 86_400)
    await worker(club).step()
    await act(club, Refunded(Subject(None, ("in_first",)), "ch_1", Price(refund_cents, "USD")))

    await renewed(club, order)

    assert await club.credits() == credits_
    assert await amounts(club, "credit.expired") == [700]
    assert await club.buyer.account.findings() == []
    assert await club.database.read(overstatements) == []


async def test_what_ends_in_two_steps_is_told_as_lost_whole(club: Subscriber) -> None:
    """A dispute takes 5.00 of 10.00. They come back after the period's end, and end then."""
    order = await begun(club, GrantTerms(credit_expires="period_end", rollover_max_credits=2000))
    await act(club, Disputed(Subject(None, ("in_first",)), "dp_1", Price(500, "USD")))
    club.clock.advance_s(30 * 86_400)
    await worker(club).step()
    await act(club, DisputeClosed(Subject(None, ("in_first",)), "dp_1", is_won=True))
    await worker(club).step()
    before = await amounts(club, "credit.expired")

    one = await club.now(order)
    for days in (1, 7):
        club.clock.advance_s(days * 86_400)
        await club.pass_time(one)

    assert (before, await amounts(club, "credit.expired")) == ([300, 500], [300, 500, 200])
    assert await club.database.read(overstatements) == []


@pytest.mark.parametrize("is_renewed", [False, True])
async def test_what_a_dispute_took_before_its_report_is_told_when_it_comes_back(
    club: Subscriber, is_renewed: bool
) -> None:
    """Of 10.00, 2.00 may roll over, so 8.00 are reported as lost. The dispute takes these, and 1.00 of the 2.00."""
    order = await begun(club, GrantTerms(credit_expires="period_end", rollover_max_credits=2000))
    club.clock.advance_s(30 * 86_400)
    await worker(club).step()
    await act(club, Disputed(Subject(None, ("in_first",)), "dp_1", Price(900, "USD")))
    if is_renewed:
        await renewed(club, order)
    else:
        one = await club.now(order)
        for days in (1, 7):
            club.clock.advance_s(days * 86_400)
            await club.pass_time(one)
    before, credits_ = await amounts(club, "credit.expired"), await club.credits()

    await act(club, DisputeClosed(Subject(None, ("in_first",)), "dp_1", is_won=True))
    await worker(club).step()

    assert (before, credits_) == (([800], 11_000) if is_renewed else ([800, 100], 0))
    assert await amounts(club, "credit.expired") == [*before, 100]
    assert await club.credits() == credits_
    assert await club.buyer.account.findings() == []
    assert await club.database.read(overstatements) == []


@pytest.mark.parametrize("is_over", [False, True])
async def test_what_went_on_comes_back_from_a_dispute_with_its_end(
    club: Subscriber, is_over: bool
) -> None:
    """Of the first 10.00, 2.00 roll over. The dispute takes them from the second period, expired or not."""
    order = await begun(club, GrantTerms(credit_expires="period_end", rollover_max_credits=2000))
    club.clock.advance_s(30 * 86_400)
    await worker(club).step()
    await renewed(club, order)
    if is_over:
        await let_it_end(club, order)
    before = await club.credits()

    await act(club, Disputed(Subject(None, ("in_first",)), "dp_1", Price(1000, "USD")))
    between = await club.credits()
    await act(club, DisputeClosed(Subject(None, ("in_first",)), "dp_1", is_won=True))

    assert (before, between) == ((0, 0) if is_over else (12_000, 10_000))
    assert await club.credits() == before
    await let_it_end(club, order)
    assert await club.credits() == 0
    assert sum(await amounts(club, "credit.expired")) == 2000
    assert await club.buyer.account.findings() == []
    assert await club.database.read(overstatements) == []


async def let_it_end(club: Subscriber, order: Order) -> None:
    for days in (30, 1, 7):
        club.clock.advance_s(days * 86_400)
        await club.pass_time(await club.now(order))
        await worker(club).step()


async def act(club: Subscriber, fact: Any) -> None:
    await club.act(fact, club.notification(type(fact).__name__))
