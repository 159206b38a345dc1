"""A period that an operator gives free: all that a paid one grants, once, and how it is taken back.

The plan pro is $10.00 for 10,000 credits a month, team for 50,000.
"""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from billing.catalog.grant_terms import GrantTerms
from billing.ledger.ledger import InsufficientBalance
from billing.subscriptions.free_period import (
    CompRefused,
    CompRepeated,
    GivePeriod,
    TakePeriodBack,
)
from billing.subscriptions.period import GiveParts
from billing.subscriptions.subscription import Period, Subscription
from kernel.clock import DAY_US, SECOND_US, FixedClock
from kernel.errors import InvalidInput
from keys import audit_log
from keys.audit_log import Actor
from store.database import Database
from tests.support.buyer import Buyer
from tests.support.subscriber import Subscriber, open_subscriber, renewal

pytestmark = pytest.mark.one_database
DAY_S = 86_400


@pytest_asyncio.fixture
async def subscriber(
    database: Database, clock: FixedClock, tmp_path: Path
) -> AsyncIterator[Subscriber]:
    async with open_subscriber(database, clock, tmp_path) as opened:
        yield opened


async def give(subscriber: Subscriber, one: Subscription, **fields: Any) -> Period:
    made = GivePeriod(
        subscription_id=one.id,
        tenant=one.tenant,
        reason="our provider was away",
        actor=Actor(),
        by_name="ana",
        **fields,
    )
    return await subscriber.buyer.account.engine.submit(made)


async def take_back(subscriber: Subscriber, period: Period, *, allow_owed: bool = False) -> Period:
    made = TakePeriodBack(
        subscription_id=period.subscription_id,
        tenant=period.tenant,
        period_id=period.id,
        reason="the wrong account",
        actor=Actor(),
        allow_owed=allow_owed,
    )
    return await subscriber.buyer.account.engine.submit(made)


async def past_due(subscriber: Subscriber, **fields: Any) -> Subscription:
    """Paid for its first month, and not for the second."""
    one = await subscriber.begin(**fields)
    subscriber.clock.advance_s(33 * DAY_S)
    await subscriber.pass_time(one)
    lapsed = await subscriber.now(one)
    assert lapsed.status == "past_due"
    return lapsed


async def test_a_free_period_grants_what_a_paid_one_does_once_however_often_it_is_asked_for(
    subscriber: Subscriber,
) -> None:
    one = await past_due(subscriber)

    ended = await asyncio.gather(*(give(subscriber, one) for _ in range(3)), return_exceptions=True)

    given = [each for each in ended if isinstance(each, Period)]
    assert len(given) == 1
    assert sum(isinstance(each, CompRepeated) for each in ended) == 2
    assert (given[0].period_start_at, given[0].amount) == (one.paid_until_at, 0)
    assert (given[0].comp_reason, given[0].comp_by) == ("our provider was away", "ana")
    after = await subscriber.now(one)
    assert (after.status, after.paid_until_at) == ("active", given[0].period_end_at)
    assert await subscriber.credits() == 20_000
    log = await subscriber.database.read(lambda tx: audit_log.page(tx, one.environment, limit=1))
    assert (log[0].action, log[0].reason) == ("subscription.period_given", "our provider was away")
    assert await subscriber.buyer.account.findings() == []


async def test_money_for_that_time_waits_for_a_person(subscriber: Subscriber) -> None:
    order = await subscriber.join()
    await subscriber.tell((await subscriber.pay(order)).sandbox_event())
    started = subscriber.clock.now_us()
    await subscriber.tell(renewal(order, 0, started_at=started))
    one = await subscriber.now(order)
    # The next one in advance: its start has to be said.
    with pytest.raises(CompRepeated, match="is paid until"):
        await give(subscriber, one)
    with pytest.raises(InvalidInput, match="next period begins at"):
        await give(subscriber, one, period_start_at=started + 10 * DAY_US)
    period = await give(subscriber, one, period_start_at=started + 30 * DAY_US)

    assert await subscriber.tell(renewal(order, 1, started_at=started)) == "review"
    assert await subscriber.credits() == 20_000

    # Taken back, the time can be paid for again, by the same invoice.
    await take_back(subscriber, period)
    await subscriber.buyer.approve(order, 1000)
    assert await subscriber.credits() == 20_000
    assert [each.period_start_at for each in await subscriber.periods(one)] == [
        started,
        started + 30 * DAY_US,
        started + 30 * DAY_US + SECOND_US,
    ]
    assert await subscriber.buyer.account.findings() == []


@pytest.mark.parametrize(
    "terms", [GrantTerms(), GrantTerms(credit_expires="period_end")], ids=["wallet", "parts"]
)
async def test_what_was_given_is_taken_back_and_the_plan_ends_where_it_did(
    subscriber: Subscriber, terms: GrantTerms
) -> None:
    await subscriber.plan(
        "given", name="Given", price_monthly=1000, credits_included=10_000, grant_terms=terms
    )
    one = await past_due(subscriber, plan_id="given")
    before = await subscriber.credits()
    period = await give(subscriber, one)
    assert await subscriber.credits() == before + 10_000

    ended = await take_back(subscriber, period)

    assert ended.comp_ended_at is not None
    assert ended.reversed_micros == ended.credits_micros == 10_000_000
    assert await subscriber.credits() == before
    after = await subscriber.now(one)
    assert after.paid_until_at == one.paid_until_at
    await subscriber.pass_time(one)
    assert (await subscriber.now(one)).status == "past_due"
    with pytest.raises(CompRepeated, match="already removed"):
        await take_back(subscriber, period)
    with pytest.raises(CompRepeated, match="already given free"):
        await give(subscriber, one)
    assert await subscriber.buyer.account.findings() == []


async def test_taken_back_in_any_order_the_plan_is_paid_until_where_it_was(
    subscriber: Subscriber,
) -> None:
    one = await past_due(subscriber)
    first = await give(subscriber, one)
    second = await give(subscriber, one, period_start_at=first.period_end_at)

    await take_back(subscriber, first)
    assert (await subscriber.now(one)).paid_until_at == second.period_end_at
    await take_back(subscriber, second)
    assert (await subscriber.now(one)).paid_until_at == one.paid_until_at


async def test_what_began_after_a_gap_is_taken_back_with_the_gap(subscriber: Subscriber) -> None:
    one = await past_due(subscriber)
    # More than a month without a period: the free one begins now.
    subscriber.clock.advance_s(40 * DAY_S)
    period = await give(subscriber, one)
    assert period.period_start_at == subscriber.clock.now_us()

    await take_back(subscriber, period)

    assert (await subscriber.now(one)).paid_until_at == one.paid_until_at


async def test_what_is_to_come_of_a_period_taken_back_never_comes(subscriber: Subscriber) -> None:
    terms = GrantTerms(grants="monthly", credit_expires="period_end")
    await subscriber.plan(
        "given",
        name="Given",
        price_monthly=1000,
        price_yearly=12_000,
        credits_included=1000,
        grant_terms=terms,
    )
    one = await subscriber.begin("given", interval="year")
    subscriber.clock.advance_s(366 * DAY_S)
    period = await give(subscriber, one)
    engine = subscriber.buyer.account.engine
    subscriber.clock.advance_s(40 * DAY_S)
    await engine.submit(GiveParts(one.id, one.tenant))

    ended = await take_back(subscriber, period)

    # Two of its twelve parts had come.
    assert ended.credits_micros == ended.reversed_micros == 2_000_000
    subscriber.clock.advance_s(200 * DAY_S)
    assert await engine.submit(GiveParts(one.id, one.tenant)) == 0
    assert await subscriber.buyer.account.findings() == []


async def test_what_was_used_up_is_owed_only_where_that_is_allowed(subscriber: Subscriber) -> None:
    one = await past_due(subscriber)
    period = await give(subscriber, one)
    account = subscriber.buyer.account
    buyer = Buyer(account, account.principal.tenant, account.engine)
    # All but one dollar of what is there, with the test credit of $10,000.
    await buyer.spend((await buyer.micros())["wallet"] - 1_000_000)

    with pytest.raises(InsufficientBalance):
        await take_back(subscriber, period)
    await take_back(subscriber, period, allow_owed=True)

    assert (await buyer.micros())["owed"] == 9_000_000
    assert await account.findings() == []


async def test_a_plan_that_was_never_paid_for_or_ended_has_no_period_to_give(
    subscriber: Subscriber,
) -> None:
    order = await subscriber.join()

    with pytest.raises(CompRefused, match="never paid for"):
        await give(subscriber, await subscriber.now(order))
