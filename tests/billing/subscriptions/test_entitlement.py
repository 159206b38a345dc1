"""What a plan entitles to: asked by name, and counted by uses that are told."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from billing.catalog.grant_terms import GrantTerms, UseLimit
from billing.payments.steering import SubscriptionChangeRequest
from billing.providers.protocol import Subject, SubscriptionChanged
from billing.subscriptions import entitlement
from billing.subscriptions.entitlement import EntitlementState, UnknownEntitlement, UseEntitlement
from billing.topups.topup import DuplicateReference
from kernel.clock import DAY_US, FixedClock, parse_rfc3339
from store.database import Database
from tests.support.subscriber import Subscriber, open_subscriber

NOON = parse_rfc3339("2026-06-13T12:00:00Z")
MIDNIGHT = parse_rfc3339("2026-06-14T00:00:00Z")
TERMS = GrantTerms(
    entitlements={
        "exports": UseLimit(3, "day"),
        "reports": UseLimit(2, "period"),
        "api": True,
        "support": False,
    }
)


@pytest.fixture
async def club(database: Database, tmp_path: Path) -> AsyncIterator[Subscriber]:
    async with open_subscriber(database, FixedClock(NOON), tmp_path) as subscriber:
        await subscriber.plan(
            "own", price_monthly=1000, price_yearly=None, credits_included=1, grant_terms=TERMS
        )
        yield subscriber


async def ask(club: Subscriber, name: str) -> EntitlementState:
    tenant, now_us = club.buyer.account.principal.tenant, club.clock.now_us()
    return await club.database.read(
        lambda tx: entitlement.read_state(tx, tenant, name, now_us=now_us)
    )


async def use(
    club: Subscriber, reference: str, name: str = "exports", count: int = 1
) -> EntitlementState:
    command = UseEntitlement(
        tenant=club.buyer.account.principal.tenant,
        name=name,
        count=count,
        reference=reference,
        key_id=None,
    )
    return await club.buyer.account.engine.submit(command)


async def test_a_name_answers_by_the_plan(club: Subscriber) -> None:
    assert await ask(club, "api") == EntitlementState(name="api", allowed=False)

    one = await club.begin("own")

    assert await ask(club, "api") == EntitlementState(name="api", allowed=True)
    assert await ask(club, "support") == EntitlementState(name="support", allowed=False)
    assert await ask(club, "exports") == EntitlementState(
        name="exports", allowed=True, limit=3, used=0, resets_at=MIDNIGHT
    )
    with pytest.raises(UnknownEntitlement) as refused:
        await ask(club, "export")
    assert refused.value.extra == {"did_you_mean": "exports"}

    ended = SubscriptionChanged(Subject(one.order_id, ()), one.provider_ref or "", "cancelled")
    await club.act(ended, club.notification("ended"))
    assert await ask(club, "api") == EntitlementState(name="api", allowed=False)
    assert await ask(club, "exports") == EntitlementState(name="exports", allowed=False)


async def test_a_pause_over_the_charge_opens_nothing_until_a_period_is_paid(
    club: Subscriber,
) -> None:
    one = await club.begin("own")
    order = next(each for each in await club.buyer.orders() if each.id == one.order_id)
    steering = club.buyer.payments.steering
    club.clock.advance_s(30 * 86_400 - 60)
    assert (await ask(club, "api")).allowed

    # Paused a minute before the charge, and resumed a minute after the provider passed over it.
    await steering.change(one.tenant, one.id, SubscriptionChangeRequest("pause", "key_1"))
    club.clock.advance_s(60)
    await club.bill(order)
    club.clock.advance_s(60)
    await steering.change(one.tenant, one.id, SubscriptionChangeRequest("resume", "key_1"))

    resumed = await club.now(one)
    assert (resumed.status, resumed.charged_until_at) == ("active", NOON + 61 * DAY_US)
    assert not (await ask(club, "api")).allowed
    assert not (await use(club, "x-1")).allowed
    club.clock.advance_s(31 * 86_400)
    await club.pass_time(one)
    assert not (await ask(club, "api")).allowed
    await club.bill(order)
    assert (await ask(club, "api")).allowed


async def test_uses_are_counted_once_each_and_never_beyond_the_limit(club: Subscriber) -> None:
    await club.begin("own")

    answers = await asyncio.gather(*(use(club, f"call-{number % 5}") for number in range(10)))

    # Five references, each told twice: three of them were counted.
    assert sum(one.allowed for one in answers) == 6
    assert (await ask(club, "exports")).used == 3
    assert (await use(club, "call-9")).allowed is False
    with pytest.raises(DuplicateReference):
        await use(club, "call-0", "reports")
    with pytest.raises(DuplicateReference):
        await use(club, "call-0", count=2)


async def test_a_count_begins_anew_with_its_day_and_its_period(club: Subscriber) -> None:
    one = await club.begin("own")
    await use(club, "a", count=3)
    await use(club, "b", "reports", count=2)
    assert (await use(club, "c", "reports")).allowed is False

    club.clock.advance_s(12 * 3600)
    assert (await ask(club, "exports")).used == 0
    assert (await use(club, "d", count=4)).allowed is False
    assert (await use(club, "d", count=2)).used == 2
    assert (await ask(club, "reports")).used == 2

    assert one.paid_until_at is not None
    club.clock.advance_s((one.paid_until_at - club.clock.now_us()) / 1_000_000)
    (order,) = await club.buyer.orders()
    await club.bill(order)
    assert (await use(club, "c", "reports")).used == 1
