"""Changes of a plan that are told in whatever order: the same credit, to the micro.

Pro costs $10.00 a month for 10,000 credits, team $30.00 for 40,000. The first month of 30 days is paid with
10.00. Up with 15 days left: 15.00 less 5.00, which grants 40,000,000 x 10.00 / 30.00 = 13,333,333 micros.
Down with 12 left: 4.00 less 12.00, so that 8.00 stay with the provider. Up with 9 left: 9.00 less 3.00, which
the 8.00 pay, so it grants nothing and 2.00 are left. In all 23,333,333.
"""

from collections.abc import AsyncIterator
from itertools import permutations
from pathlib import Path

import pytest
import pytest_asyncio

from billing.catalog.grant_terms import GrantTerms
from billing.ledger.balances import balance_micros
from billing.ledger.price import Price
from billing.providers.protocol import InvoiceLine, InvoicePaid, Subject
from billing.subscriptions.invoice import ChangeResult, PlanChange, all_grant
from billing.usage.usage import UsageItem, UseCredit
from kernel.clock import DAY_US, FixedClock
from kernel.ids import new_id
from store.database import Database
from tests.support.funded_account import open_funded_account
from tests.support.subscriber import PRO, TEAM, Subscriber, open_subscriber

TEST_CREDIT = 10_000_000_000


@pytest_asyncio.fixture
async def subscriber(
    database: Database, clock: FixedClock, tmp_path: Path
) -> AsyncIterator[Subscriber]:
    async with open_subscriber(database, clock, tmp_path) as opened:
        yield opened


def invoices(
    now_us: int, order_id: str, plans: tuple[str, str] = ("pro", "team")
) -> list[InvoicePaid]:
    """The four, by their time."""
    pro, team = (f"sandbox/{plan}/month" for plan in plans)

    def paid(day: int, amount: int, lines: list[tuple[str, int]]) -> InvoicePaid:
        return InvoicePaid(
            Subject(order_id),
            subscription_ref=f"sub_{order_id}",
            invoice_id=f"in_{order_id}_{day}",
            price=Price(amount, "USD"),
            period_start_at=now_us + day * DAY_US,
            period_end_at=now_us + 30 * DAY_US,
            product_ref=lines[-1][0],
            is_prorated=day > 0,
            lines=tuple(InvoiceLine(ref, cents, 1, day > 0) for ref, cents in lines),
            is_change=True,
        )

    return [
        paid(0, 1000, [(pro, 1000)]),
        paid(15, 1000, [(pro, -500), (team, 1500)]),
        paid(18, 0, [(team, -1200), (pro, 400)]),
        paid(21, 0, [(pro, -300), (team, 900)]),
    ]


async def micros(subscriber: Subscriber) -> int:
    account = subscriber.buyer.account
    tenant, now_us = account.principal.tenant, subscriber.clock.now_us()
    return (
        await account.database.read(lambda tx: balance_micros(tx, tenant, now_us=now_us))
        - TEST_CREDIT
    )


async def told(subscriber: Subscriber, order: tuple[int, ...], **plans: tuple[str, str]) -> int:
    """What the payer has once the invoices were told in that order, twice each."""
    wish = await subscriber.join(plans.get("plans", ("pro", ""))[0])
    facts = invoices(subscriber.clock.now_us(), wish.id, **plans)
    for number in order:
        notification = subscriber.notification(f"{wish.id}_{number}")
        assert await subscriber.act(facts[number], notification) == "applied"
        assert await subscriber.act(facts[number], notification) == "repeated"
    one = await subscriber.now(wish)
    assert (one.plan_id, one.carried_amount) == (plans.get("plans", ("", "team"))[1], 200)
    return await micros(subscriber)


@pytest.mark.one_database
async def test_in_each_order_of_arrival_changes_grant_the_same(
    subscriber: Subscriber, database: Database, clock: FixedClock
) -> None:
    came = {}
    for order in permutations(range(4)):
        came[order] = await told(subscriber, order)
        # The next order is told of another account, which takes over the address of this one.
        await database.transaction(lambda tx: tx.execute("UPDATE accounts SET email = NULL"))
        subscriber.buyer.account = await open_funded_account(database, clock)

    assert came == dict.fromkeys(permutations(range(4)), 23_333_333)
    assert await subscriber.buyer.account.findings() == []


async def test_credit_that_was_spent_before_the_earlier_change_was_told_is_owed(
    subscriber: Subscriber,
) -> None:
    """The second way up is told before the way down, and grants 40,000,000 x 6.00 / 30.00 = 8,000,000."""
    wish = await subscriber.join()
    first, up, down, again = invoices(subscriber.clock.now_us(), wish.id)
    for number, fact in enumerate([first, up, again]):
        await subscriber.act(fact, subscriber.notification(str(number)))
    before = await micros(subscriber)
    account = subscriber.buyer.account
    await account.engine.submit(
        UseCredit(
            usage_id=new_id("usg"),
            tenant=account.principal.tenant,
            lineage=(),
            item=UsageItem("AI chat completion", None, None, TEST_CREDIT + before),
        )
    )

    await subscriber.act(down, subscriber.notification("late"))

    assert before == 31_333_333
    assert (await account.balance())["owed_cents"] == 800
    assert await subscriber.buyer.account.findings() == []


@pytest.mark.one_database
async def test_credit_that_ends_is_taken_back_out_of_its_own_part(subscriber: Subscriber) -> None:
    terms = GrantTerms(credit_expires="period_end")
    await subscriber.plan("fresh", **PRO, grant_terms=terms)
    await subscriber.plan("fresher", **TEAM, grant_terms=terms)

    came = await told(subscriber, (0, 1, 3, 2), plans=("fresh", "fresher"))

    assert came == 23_333_333
    assert await subscriber.buyer.account.findings() == []


def test_what_was_given_back_is_used_up_by_time() -> None:
    down, small, large = (
        PlanChange(1, -800, 3000, 40_000_000),
        PlanChange(2, 600, 3000, 40_000_000),
        PlanChange(3, 500, 1000, 10_000_000),
    )

    # 6.00 of the 8.00 are used, then 2.00 of the 5.00: 10,000,000 x 3.00 / 10.00.
    assert all_grant([large, small, down], 0) == ChangeResult(3_000_000, 0)
    # 1.00 was there before: 8.00 and 1.00 less 6.00, and 5.00 less 3.00 grant 2,000,000.
    assert all_grant([down, small, large], 100) == ChangeResult(2_000_000, 0)
    assert all_grant([], 100) == ChangeResult(0, 100)
