"""Credit of a plan that ends, comes month by month, or goes on: worked out by hand, to the micro."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from billing.catalog.grant_terms import GrantTerms
from billing.ledger.ledger import Ledger, LedgerAccountKind
from billing.ledger.price import Price
from billing.orders.order import Order
from billing.providers.protocol import (
    DisputeClosed,
    Disputed,
    Fact,
    InvoicePaid,
    Refunded,
    Subject,
    SubscriptionChanged,
)
from billing.subscriptions import plan_grant
from billing.subscriptions.plan_grant import PlanGrant
from billing.subscriptions.subscription import add_months
from kernel.clock import DAY_US, FixedClock, parse_rfc3339
from kernel.tenant import Tenant
from store.database import Database, Transaction
from tests.support.subscriber import Subscriber, open_subscriber
from tests.support.usage import use
from worker.money.due import PlanCreditor

NOON = parse_rfc3339("2026-01-31T12:00:00Z")
YEAR_US = 365 * DAY_US
ENDING = GrantTerms(credit_expires="period_end")
MONTHLY = GrantTerms(credit_expires="period_end", grants="monthly")


@pytest.fixture
async def club(database: Database, tmp_path: Path) -> AsyncIterator[Subscriber]:
    async with open_subscriber(database, FixedClock(NOON), tmp_path) as subscriber:
        yield subscriber


async def sold(club: Subscriber, terms: GrantTerms, interval: Any = "month") -> Order:
    """An order of a plan of $10.00 for 10,000 credits a month, $100.00 a year, with these terms."""
    await club.plan(
        "own",
        price_monthly=1000,
        price_yearly=10_000,
        credits_included=10_000,
        grant_terms=terms,
    )
    return await club.join("own", interval)


async def paid(
    club: Subscriber, order: Order, number: int, *, days: int = 30, amount: int = 1000, **more: Any
) -> str:
    """The outcome of the invoice of the period that begins so many times days after noon."""
    start = NOON + number * days * DAY_US
    interval = "month" if days == 30 else "year"
    values: dict[str, Any] = {
        "period_start_at": start,
        "period_end_at": start + days * DAY_US,
        "price": Price(amount, "USD"),
        **more,
    }
    fact = InvoicePaid(
        Subject(order.id, (f"in_{number}", "sub_1")),
        subscription_ref="sub_1",
        invoice_id=f"in_{number}",
        product_ref=f"sandbox/own/{interval}",
        **values,
    )
    return await club.act(fact, club.notification(f"paid_{number}"))


async def refunded(club: Subscriber, number: int, cents: int, name: str = "ch") -> str:
    fact = Refunded(Subject(None, (f"in_{number}",)), f"{name}_{number}", Price(cents, "USD"))
    return await club.act(fact, club.notification(f"{name}_{number}_{cents}"))


async def parts(club: Subscriber) -> list[PlanGrant]:
    tenant = club.buyer.account.principal.tenant
    found = await club.database.read(lambda tx: plan_grant.load(tx, [tenant]))
    return sorted(found, key=lambda one: (one.starts_at, one.id))


async def lying_in(club: Subscriber, kind: str, name: str) -> int:
    """What lies in a ledger account of the tenant, in micros."""
    place = (*club.buyer.account.principal.tenant, kind, name)

    async def work(tx: Transaction) -> int:
        ledger = Ledger()
        await ledger.load(tx, [club.buyer.account.principal.tenant], [place])
        return ledger.account(Tenant(*place[:2]), LedgerAccountKind(kind), name).balance_micros

    return await club.database.read(work)


async def wallet_of(club: Subscriber) -> int:
    return await lying_in(club, "wallet", "")


async def grant_of(club: Subscriber, grant_id: str) -> int:
    return await lying_in(club, "grant", grant_id)


def at(club: Subscriber, at_us: int) -> None:
    club.clock.advance_s((at_us - club.clock.now_us()) / 1_000_000)


def worker(club: Subscriber, lead_days: tuple[int, ...] = ()) -> PlanCreditor:
    account = club.buyer.account
    return PlanCreditor(account.database, account.clock, account.engine, lead_days)


async def look(club: Subscriber) -> None:
    """What the worker does until nothing is due."""
    looker = worker(club, (7, 1))
    while await looker.step():
        pass


async def test_credit_ends_with_its_period_at_its_second(club: Subscriber) -> None:
    order = await sold(club, ENDING)
    await paid(club, order, 0)
    assert await club.credits() == 10_000

    club.clock.advance_s(30 * 86_400 - 1)
    assert await club.credits() == 10_000
    club.clock.advance_s(1)
    # Nobody has swept it yet.
    assert await club.credits() == 0
    assert [one.expired_micros for one in await parts(club)] == [0]

    await look(club)
    assert [one.expired_micros for one in await parts(club)] == [10_000_000]
    assert await club.buyer.account.findings() == []


async def test_what_ends_first_is_spent_first_then_the_wallet(club: Subscriber) -> None:
    order = await sold(club, GrantTerms(credit_expires="45d"))
    await paid(club, order, 0)
    club.clock.advance_s(30 * 86_400)
    await paid(club, order, 1)
    wallet = await wallet_of(club)

    await use(club.buyer.account, 12_000_000)

    first, second = await parts(club)
    assert await grant_of(club, first.id) == 0
    assert await grant_of(club, second.id) == 8_000_000
    await use(club.buyer.account, 9_000_000)
    assert await grant_of(club, second.id) == 0
    assert await wallet_of(club) == wallet - 1_000_000


async def test_a_year_gives_its_credit_month_by_month_once_each(club: Subscriber) -> None:
    order = await sold(club, MONTHLY, "year")
    await paid(club, order, 0, days=365, amount=10_000)
    # The 31st, then February's last day, then the 31st again.
    starts = [one.starts_at for one in await parts(club)]
    assert starts == [add_months(NOON, number) for number in range(12)]
    assert await club.credits() == 10_000

    at(club, starts[1] - 1)
    await look(club)
    assert await club.credits() == 10_000
    at(club, starts[1])
    await look(club)
    await look(club)
    assert await club.credits() == 10_000  # the first month's has ended

    one = await club.now(order)
    assert [period.credits_micros for period in await club.periods(one)] == [20_000_000]
    assert await club.buyer.account.findings() == []


async def test_parts_missed_in_an_outage_are_caught_up_and_lose_nothing(club: Subscriber) -> None:
    order = await sold(club, MONTHLY, "year")
    await paid(club, order, 0, days=365, amount=10_000)
    ends = [one.ends_at for one in await parts(club)]

    at(club, ends[3] + 5 * DAY_US)
    await look(club)

    # The first was given in time and has ended. The second to fifth end with the fifth month.
    found = await parts(club)
    assert [one.expires_at for one in found[:6]] == [ends[0], *[ends[4]] * 4, None]
    assert await club.credits() == 40_000
    assert await club.buyer.account.findings() == []


async def test_no_part_comes_after_the_subscription_ended(club: Subscriber) -> None:
    order = await sold(club, MONTHLY, "year")
    await paid(club, order, 0, days=365, amount=10_000)
    starts = [one.starts_at for one in await parts(club)]
    at(club, starts[2] + DAY_US)
    gone = SubscriptionChanged(
        Subject(order.id, ("sub_1",)), "sub_1", "cancelled", sent_at=club.clock.now_us()
    )
    await club.act(gone, club.notification("gone"))

    # Two were due before it ended, and nobody had looked; the third month's is of today.
    at(club, starts[5])
    await look(club)

    given = [one.granted_micros for one in await parts(club)]
    assert given == [10_000_000] * 3 + [0] * 9
    assert [one.due_at for one in (await parts(club))[3:6]] == [None] * 3


async def test_a_refund_keeps_back_what_is_not_given_and_takes_the_rest(club: Subscriber) -> None:
    """$100.00 for 120,000 credits, three months given, 4,000 of the third used."""
    order = await sold(club, MONTHLY, "year")
    await paid(club, order, 0, days=365, amount=10_000)
    starts = [one.starts_at for one in await parts(club)]
    for number in (1, 2):
        at(club, starts[number])
        await look(club)
    await use(club.buyer.account, 4_000_000)

    # Half: 60,000 of 90,000 that are not given yet. Three months are still to come.
    await refunded(club, 0, 5_000)
    assert [one.due_at is not None for one in await parts(club)] == [False] * 3 + [True] * 3 + [
        False
    ] * 6
    assert await club.credits() == 6_000

    # All: 90,000 kept back; of 30,000 that were given 20,000 have expired, 6,000 are left, 4,000 were
    # used and are taken out of the wallet.
    wallet = await wallet_of(club)
    await refunded(club, 0, 10_000)
    assert await wallet_of(club) == wallet - 4_000_000
    (period,) = await club.periods(await club.now(order))
    assert (period.credits_micros, period.reversed_micros) == (30_000_000, 30_000_000)
    at(club, starts[11])
    await look(club)
    assert sum(one.granted_micros for one in await parts(club)) == 30_000_000
    assert await club.buyer.account.findings() == []


async def test_a_won_dispute_brings_back_what_it_took_and_the_parts(club: Subscriber) -> None:
    order = await sold(club, MONTHLY, "year")
    await paid(club, order, 0, days=365, amount=10_000)
    wallet = await wallet_of(club)
    await use(club.buyer.account, 3_000_000)
    subject = Subject(None, ("in_0",))
    await club.act(Disputed(subject, "dp", Price(10_000, "USD")), club.notification("dp"))
    assert await club.credits() == -3_000
    assert await wallet_of(club) == wallet - 3_000_000

    won = DisputeClosed(subject, "dp", is_won=True)
    await club.act(won, club.notification("won"))

    assert await club.credits() == 7_000
    assert await wallet_of(club) == wallet
    assert [one.due_at is not None for one in await parts(club)] == [False, *[True] * 11]
    assert await club.buyer.account.findings() == []
    assert await orders_events(club) == ["order.disputed", "order.restored"]


async def test_a_lost_dispute_of_a_period_is_told_once(club: Subscriber) -> None:
    order = await sold(club, MONTHLY, "year")
    await paid(club, order, 0, days=365, amount=10_000)
    subject = Subject(None, ("in_0",))
    opened = Disputed(subject, "dp", Price(10_000, "USD"))
    lost = DisputeClosed(subject, "dp", is_won=False)

    facts: list[Fact] = [opened, opened, lost, lost, opened]
    for number, fact in enumerate(facts):
        await club.act(fact, club.notification(f"told_{number}"))

    assert await orders_events(club) == ["order.disputed", "order.dispute_lost"]
    assert await club.buyer.account.findings() == []


async def orders_events(club: Subscriber) -> list[str]:
    """The types of the events about the order, after its payment."""
    told = await club.buyer.account.events()
    return [one for one in told if one.startswith("order.") and one != "order.paid"]


async def test_what_is_left_goes_on_up_to_the_limit(club: Subscriber) -> None:
    terms = GrantTerms(credit_expires="period_end", rollover_max_credits=3_000)
    order = await sold(club, terms)
    await paid(club, order, 0)
    await use(club.buyer.account, 2_000_000)
    club.clock.advance_s(30 * 86_400)
    assert await club.credits() == 0

    await paid(club, order, 1)

    assert await club.credits() == 13_000
    # It goes on once more, with what is left of the new one, and never beyond the limit.
    await use(club.buyer.account, 11_500_000)
    club.clock.advance_s(30 * 86_400)
    await look(club)
    await paid(club, order, 2)
    assert await club.credits() == 11_500
    # Of the first period 8,000 were left, 3,000 of them went on; the 5,000 count as taken, what went on
    # is used or gone on further, and 2,000 were used: out of the wallet.
    await refunded(club, 0, 1_000)
    assert await club.buyer.account.findings() == []
    (first, *_) = await club.periods(await club.now(order))
    assert first.reversed_micros == 10_000_000


@pytest.mark.parametrize(
    ("on_repurchase", "credits_", "ends"),
    [("stack", 16_000, {45, 75}), ("extend", 16_000, {75}), ("reset", 10_000, {75})],
)
async def test_paid_again_while_some_is_left(
    club: Subscriber, on_repurchase: Any, credits_: int, ends: set[int]
) -> None:
    order = await sold(club, GrantTerms(credit_expires="45d", on_repurchase=on_repurchase))
    await paid(club, order, 0)
    await use(club.buyer.account, 4_000_000)
    club.clock.advance_s(30 * 86_400)

    await paid(club, order, 1)

    assert await club.credits() == credits_
    alive = [one for one in await parts(club) if await grant_of(club, one.id)]
    assert {(one.expires_at or 0) - NOON for one in alive} == {days * DAY_US for days in ends}
    assert await club.buyer.account.findings() == []


async def test_a_refund_of_what_went_on_and_expired_takes_no_other_periods_credit(
    club: Subscriber,
) -> None:
    order = await sold(club, GrantTerms(credit_expires="45d", on_repurchase="extend"))
    await paid(club, order, 0)
    club.clock.advance_s(30 * 86_400)
    # The first 10,000 go on, and end with the second on day 75.
    await paid(club, order, 1)
    club.clock.advance_s(50 * 86_400)
    await paid(club, order, 2)
    club.clock.advance_s(10 * 86_400)
    await paid(club, order, 3)
    wallet = await wallet_of(club)
    assert await club.credits() == 20_000

    await refunded(club, 0, 1_000)

    assert await club.credits() == 20_000
    # The third's 10,000 went on into the fourth, and are taken there.
    await refunded(club, 2, 1_000)
    assert await club.credits() == 10_000
    assert await wallet_of(club) == wallet
    assert await club.buyer.account.findings() == []


async def test_what_went_on_is_spent_before_the_new_credit(club: Subscriber) -> None:
    order = await sold(club, GrantTerms(credit_expires="45d", on_repurchase="extend"))
    await paid(club, order, 0)
    await paid(club, order, 1)
    wallet = await wallet_of(club)
    # Of 10,000 that went on and 10,000 new ones, all of which end on one day.
    await use(club.buyer.account, 7_000_000)

    await refunded(club, 1, 1_000)

    [gone_on] = [one for one in await parts(club) if one.kind == "rollover"]
    assert await grant_of(club, gone_on.id) == 3_000_000
    assert await wallet_of(club) == wallet
    # At its second it pays for nothing, though nobody has swept it yet.
    club.clock.advance_s(45 * 86_400)
    await use(club.buyer.account, 1_000_000)
    assert await grant_of(club, gone_on.id) == 3_000_000
    assert await wallet_of(club) == wallet - 1_000_000
    assert await club.buyer.account.findings() == []


async def test_a_refund_takes_what_went_on_into_the_plan_bought_again(club: Subscriber) -> None:
    order = await sold(club, GrantTerms(credit_expires="45d", on_repurchase="extend"))
    await paid(club, order, 0)
    subject = Subject(order.id, ("sub_1",))
    await club.act(SubscriptionChanged(subject, "sub_1", "cancelled"), club.notification("gone"))
    await club.begin("own")
    wallet = await wallet_of(club)
    assert await club.credits() == 20_000

    await refunded(club, 0, 1_000)

    assert await club.credits() == 10_000
    assert await wallet_of(club) == wallet
    assert await club.buyer.account.findings() == []


@pytest.mark.parametrize("on_repurchase", ["stack", "extend", "reset"])
async def test_what_has_expired_stays_so_if_the_plan_is_bought_before_the_worker_looks(
    club: Subscriber, on_repurchase: Any
) -> None:
    order = await sold(club, GrantTerms(credit_expires="45d", on_repurchase=on_repurchase))
    await paid(club, order, 0)
    subject = Subject(order.id, ("sub_1",))
    await club.act(SubscriptionChanged(subject, "sub_1", "cancelled"), club.notification("gone"))
    club.clock.advance_s(45 * 86_400)

    await club.begin("own")

    assert await club.credits() == 10_000
    [first] = [
        one for one in await parts(club) if one.subscription_id == (await club.now(order)).id
    ]
    # The worker ends it.
    assert (first.expired_micros, await grant_of(club, first.id)) == (0, 10_000_000)
    assert await club.buyer.account.findings() == []


async def test_a_subscription_that_is_held_back_stops_no_other(club: Subscriber) -> None:
    first = await sold(club, ENDING)
    await paid(club, first, 0)
    subject = Subject(first.id, ("sub_1",))
    await club.act(SubscriptionChanged(subject, "sub_1", "cancelled"), club.notification("gone"))
    club.clock.advance_s(5 * 86_400)
    second = await club.begin("own")
    club.clock.advance_s(40 * 86_400)
    now_us, ids = club.clock.now_us(), [(await club.now(first)).id]

    async def look(tx: Transaction) -> dict[Tenant, list[str]]:
        return await plan_grant.expired(tx, now_us=now_us, limit=1, exclude_ids=ids)

    assert await club.database.read(look) == {second.tenant: [second.id]}


async def test_an_end_is_told_by_a_worker_that_has_looked_before(club: Subscriber) -> None:
    order = await sold(club, ENDING)
    await paid(club, order, 0)
    looker = worker(club, (7, 1))
    told = [await looker.step()]

    # On the 23rd day a week is left, on the 29th a day; each twice within the minutes between whole looks.
    for days in (23, 0, 6, 0):
        club.clock.advance_s(days * 86_400 + 60)
        told.append(await looker.step())

    assert told == [0, 1, 0, 1, 0]
