"""Credit that ended, by hand and to the micro: what was paid for is breakage, what was given is not."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from billing.catalog.grant_terms import GrantTerms
from billing.credits import grant
from billing.ledger.price import Price
from billing.providers.protocol import DisputeClosed, Disputed, Subject
from billing.reports.revenue import RevenuePeriod, credit_lines, revenue_lines
from kernel.clock import DAY_US, FixedClock
from store.database import Database
from tests.billing.reports.test_revenue import held_micros, line
from tests.billing.subscriptions.test_plan_credit import (
    ENDING,
    NOON,
    look,
    paid,
    refunded,
    sold,
)
from tests.support.promotional_credit import GivePromotion
from tests.support.subscriber import Subscriber, open_subscriber
from tests.support.usage import use

# The test credit of an account in staging.
FIRST = 10_000_000_000


@pytest.fixture
async def club(database: Database, tmp_path: Path) -> AsyncIterator[Subscriber]:
    async with open_subscriber(database, FixedClock(NOON), tmp_path) as subscriber:
        yield subscriber


def everything(club: Subscriber) -> RevenuePeriod:
    return RevenuePeriod("staging", 0, club.clock.now_us() + 1)


async def test_what_goes_on_and_what_is_refunded_is_no_breakage(club: Subscriber) -> None:
    account = club.buyer.account
    terms = GrantTerms(credit_expires="period_end", rollover_max_credits=3_000)
    order = await sold(club, terms)
    await paid(club, order, 0)
    await use(account, 2_000_000)
    ends_at = NOON + 10 * DAY_US
    await account.engine.submit(GivePromotion(account.principal.tenant, 1_000_000, ends_at))
    club.clock.advance_s(30 * 86_400)  # 2026-03-02
    (expired,) = await club.database.read(
        lambda tx: grant.tenants_with_expired(tx, now_us=club.clock.now_us(), limit=9)
    )
    await account.engine.submit(grant.ExpireGrants(expired))
    await look(club)
    await paid(club, order, 1)
    await use(account, 11_500_000)
    club.clock.advance_s(30 * 86_400)  # 2026-04-01
    await look(club)
    await paid(club, order, 2)
    # Of the first period: 8,000 ended and 3,000 of them went on, so 5,000 come out of what had ended,
    # 1,500 out of what went on twice, and the rest out of the wallet.
    await refunded(club, 0, 1_000)

    found = await credit_lines(club.database, everything(club), read_at_once=4)

    march = 10_001_500_000
    assert list(found) == [
        line(
            "2026-01", 0, sold=10_000_000, given=FIRST + 1_000_000, used=-2_000_000,
            closing=10_009_000_000,
        ),
        # 8,000 end, and 3,000 of them go on.
        line(
            "2026-03", 10_009_000_000, sold=10_000_000, used=-11_500_000, breakage=-5_000_000,
            expired=-1_000_000, closing=march,
        ),
        # 1,500 end and all go on; the 5,000 of March are paid back.
        line(
            "2026-04", march, sold=10_000_000, back=-10_000_000, breakage=5_000_000,
            closing=10_006_500_000,
        ),
    ]  # fmt: skip
    assert await held_micros(club.database, "staging") == 10_006_500_000
    money = await revenue_lines(club.database, everything(club))
    assert [(one.month, one.refunded, one.refunded_in_month) for one in money] == [
        ("2026-01", 1000, 0),
        ("2026-03", 0, 0),
        ("2026-04", 0, 1000),
    ]


async def test_a_dispute_of_what_had_ended_takes_it_out_and_a_won_one_brings_it_back(
    club: Subscriber,
) -> None:
    order = await sold(club, ENDING)
    await paid(club, order, 0)
    club.clock.advance_s(30 * 86_400)
    await look(club)
    subject = Subject(None, ("in_0",))
    await club.act(Disputed(subject, "dp", Price(1000, "USD")), club.notification("dp"))
    (_, disputed) = await credit_lines(club.database, everything(club))
    won = DisputeClosed(subject, "dp", is_won=True)
    await club.act(won, club.notification("won"))

    (_, after) = await credit_lines(club.database, everything(club))

    before = FIRST + 10_000_000
    assert disputed == line("2026-03", before, back=-10_000_000, breakage=0, closing=FIRST)
    assert after == line("2026-03", before, back=0, breakage=-10_000_000, closing=FIRST)
