"""Subscriptions: each paid period is credited once, and everything that changes them."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from billing.catalog.coupon import create as create_coupon, new_coupon
from billing.catalog.plan import item_of
from billing.ledger.price import Price
from billing.providers.protocol import DisputeClosed, Disputed, Refunded, Subject, Waiting
from billing.subscriptions.subscription import AlreadySubscribed
from kernel.clock import DAY_US, FixedClock
from kernel.errors import InvalidInput
from store.database import Database, Transaction
from store.erase import erase_account
from tests.support.subscriber import Subscriber, open_subscriber, renewal

OWN_TABLES = (
    "subscriptions",
    "subscription_periods",
    "subscription_objects",
    "period_reversals",
    "provider_strays",
    "sandbox_subscriptions",
)


@pytest_asyncio.fixture
async def subscriber(
    database: Database, clock: FixedClock, tmp_path: Path
) -> AsyncIterator[Subscriber]:
    async with open_subscriber(database, clock, tmp_path) as opened:
        yield opened


async def test_a_checkout_credits_nothing_and_its_invoice_the_months_credit(
    subscriber: Subscriber,
) -> None:
    order = await subscriber.join()
    paid = await subscriber.pay(order)

    checked_out = await subscriber.tell(paid.sandbox_event())
    after_checkout = (await subscriber.buyer.now(order)).status, await subscriber.credits()
    billed = await subscriber.bill(order)

    assert (checked_out, billed) == ("applied", "applied")
    assert after_checkout == ("paid", 0)
    assert await subscriber.credits() == 10_000
    one = await subscriber.now(order)
    assert (one.status, one.plan_id, one.provider_ref) == (
        "active",
        "pro",
        paid.sandbox_event().subscription_ref,
    )
    [period] = await subscriber.periods(one)
    # The 13th of June to the 13th of July.
    assert period.period_end_at - period.period_start_at == 30 * DAY_US
    assert one.paid_until_at == period.period_end_at
    assert await subscriber.buyer.account.findings() == []


async def test_a_paid_year_grants_twelve_months_of_credit(subscriber: Subscriber) -> None:
    one = await subscriber.begin(interval="year")

    assert await subscriber.credits() == 120_000
    [period] = await subscriber.periods(one)
    assert period.amount == 10_000


async def test_the_invoice_may_come_before_the_checkout(subscriber: Subscriber) -> None:
    order = await subscriber.join()
    paid = await subscriber.pay(order)

    outcomes = [await subscriber.bill(order), await subscriber.tell(paid.sandbox_event())]

    assert outcomes == ["applied", "applied"]
    assert await subscriber.credits() == 10_000
    assert (await subscriber.buyer.now(order)).status == "paid"


async def test_a_repeated_invoice_from_many_processes_credits_once(
    subscriber: Subscriber, clock: FixedClock
) -> None:
    order = await subscriber.join()
    sandbox_event = renewal(order, 0, started_at=clock.now_us())
    others = [subscriber.buyer.another() for _ in range(3)]

    outcomes = await asyncio.gather(
        *(
            subscriber.tell(sandbox_event, payments)
            for payments in [subscriber.buyer.payments, *others] * 5
        )
    )

    assert sorted(outcomes) == ["applied"] + ["repeated"] * 19
    assert await subscriber.credits() == 10_000
    assert await subscriber.buyer.account.findings() == []


async def test_a_second_invoice_of_a_period_waits_for_a_person(
    subscriber: Subscriber, clock: FixedClock
) -> None:
    order = await subscriber.join()
    await subscriber.tell(renewal(order, 0, started_at=clock.now_us()))

    other = renewal(
        order, 0, started_at=clock.now_us(), payment_id="in_other", event_id="evt_other"
    )

    assert await subscriber.tell(other) == "review"
    assert await subscriber.credits() == 10_000
    assert "the period that in_0 paid" in (await subscriber.buyer.log(order))[-1].detail


@pytest.mark.one_database
@pytest.mark.parametrize(
    ("changes", "detail"),
    [
        ({"amount": 999}, "9.99 USD was paid, not 10.00 USD"),
        ({"product_ref": "price_unknown"}, "price_unknown is no plan of ours"),
        ({"product_ref": "sandbox/team/month"}, "10.00 USD was paid, not 30.00 USD"),
    ],
)
async def test_what_does_not_fit_the_plan_credits_nothing(
    subscriber: Subscriber, clock: FixedClock, changes: dict[str, object], detail: str
) -> None:
    order = await subscriber.join()

    renewed = renewal(order, 0, started_at=clock.now_us(), **changes)  # type: ignore[arg-type]

    assert await subscriber.tell(renewed) == "review"
    assert await subscriber.credits() == 0
    assert (await subscriber.buyer.log(order))[-1].detail == detail
    assert (await subscriber.now(order)).status == "incomplete"


async def test_a_prorated_invoice_grants_the_share_that_was_paid(
    subscriber: Subscriber, clock: FixedClock
) -> None:
    order = await subscriber.join()
    await subscriber.tell(renewal(order, 0, started_at=clock.now_us()))
    upgrade = renewal(
        order,
        1,
        started_at=clock.now_us() - 15 * DAY_US,
        amount=1001,
        is_prorated=True,
        product_ref="sandbox/team/month",
        period_end_at=clock.now_us() + 30 * DAY_US,
    )

    outcome = await subscriber.tell(upgrade)

    one = await subscriber.now(order)
    assert outcome == "applied"
    # 10,000, and 40,000 x 10.01 / 30.00 = 13,346.66...
    assert await subscriber.credits() == 23_340
    [_, part] = await subscriber.periods(one)
    assert part.credits_micros == 13_346_666
    assert (one.plan_id, one.amount, one.credits_micros) == ("team", 3000, 40_000_000)


async def test_a_refund_takes_the_share_back_and_the_next_credit_pays_the_debt(
    subscriber: Subscriber, clock: FixedClock
) -> None:
    order = await subscriber.join()
    started_at, account = clock.now_us(), subscriber.buyer.account
    await subscriber.tell(renewal(order, 0, started_at=started_at))
    for _ in range(10):
        await account.send(100_000)
    await account.send(900)
    refund = renewal(
        order, 0, started_at=started_at, amount=501, outcome="refunded", event_id="evt_refund"
    )

    outcomes = [await subscriber.tell(refund), await subscriber.tell(refund)]
    after_refund = await account.balance()
    await subscriber.tell(renewal(order, 1, started_at=started_at))

    assert outcomes == ["applied", "repeated"]
    # 5,010 of 10,000 credits go back: $1.00 was left of them, $4.01 are owed.
    assert (after_refund["balance_cents"], after_refund["owed_cents"]) == (0, 401)
    after = await account.balance()
    assert (after["balance_cents"], after["owed_cents"]) == (599, 0)
    assert await account.findings() == []


async def test_a_lost_dispute_stays_and_a_won_one_gives_the_credit_back(
    subscriber: Subscriber, clock: FixedClock
) -> None:
    order = await subscriber.join()
    await subscriber.tell(renewal(order, 0, started_at=clock.now_us()))
    one = await subscriber.now(order)
    notification, subject = subscriber.notification("dispute"), Subject(None, ("in_0",))

    await subscriber.act(Disputed(subject, "dp_1", Price(1000, "USD")), notification)
    disputed = await subscriber.credits()
    await subscriber.act(DisputeClosed(subject, "dp_1", is_won=True), notification)

    assert disputed == 0
    assert await subscriber.credits() == 10_000
    [period] = await subscriber.periods(one)
    assert (period.reversed_micros, period.refunded_amount) == (0, 0)
    assert await subscriber.buyer.account.findings() == []


async def test_a_refund_before_its_invoice_and_by_another_id_finds_it_later(
    subscriber: Subscriber, clock: FixedClock
) -> None:
    order = await subscriber.join()
    refund = Refunded(Subject(None, ("ch_1", "pi_1")), "ch_1", Price(500, "USD"))

    first = await subscriber.act(refund, subscriber.notification("refund"))
    linked = await subscriber.act(
        Waiting(Subject(None, ("in_0", "pi_1"))), subscriber.notification("link")
    )
    await subscriber.tell(renewal(order, 0, started_at=clock.now_us()))

    assert (first, linked) == ("unknown", "unknown")
    assert await subscriber.credits() == 5_000
    assert await subscriber.buyer.account.findings() == []


@pytest.mark.parametrize("is_billed_first", [True, False])
async def test_a_refund_that_an_inquiry_tells_of_counts_whenever_the_invoice_comes(
    subscriber: Subscriber, clock: FixedClock, is_billed_first: bool
) -> None:
    order = await subscriber.join()
    await subscriber.tell((await subscriber.pay(order)).sandbox_event())
    invoice = renewal(order, 0, started_at=clock.now_us())
    refund = Refunded(Subject(order.id, ("in_0",)), "ch_1", Price(500, "USD"))
    if is_billed_first:
        await subscriber.tell(invoice)

    await subscriber.buyer.payments.notifications.confirm(
        order, [refund], subscriber.notification("inquiry")
    )
    if not is_billed_first:
        await subscriber.tell(invoice)

    # Half of the 10.00 USD went back, and so does half of the month's 10,000 credits.
    assert await subscriber.credits() == 5_000


async def test_an_account_has_one_plan_at_a_time(subscriber: Subscriber) -> None:
    await subscriber.begin()

    with pytest.raises(AlreadySubscribed, match="Pro"):
        await subscriber.join("team")


async def test_a_creem_plan_without_its_product_is_refused(subscriber: Subscriber) -> None:
    plan = await subscriber.plan("bare", price_monthly=500, credits_included=1000)
    sold = await subscriber.plan(
        "sold",
        price_monthly=500,
        price_yearly=5000,
        credits_included=1000,
        products={("creem", "month"): "prod_1"},
    )
    creem = subscriber.buyer.payments.providers.registration("creem")

    with pytest.raises(InvalidInput, match="creem_product_id"):
        item_of(plan, creem, "month", is_simulated=True)
    with pytest.raises(InvalidInput, match="creem_product_id_yearly"):
        item_of(sold, creem, "year", is_simulated=True)
    assert item_of(sold, creem, "month", is_simulated=False).product_ref == "prod_1"


async def test_a_coupon_lowers_the_first_period_only(
    subscriber: Subscriber, clock: FixedClock
) -> None:
    made = new_coupon("staging", "HALF", percent=50, now_us=clock.now_us())
    await subscriber.database.transaction(lambda tx: create_coupon(tx, made))
    order = await subscriber.join(coupon="half")
    started_at = clock.now_us()

    outcomes = [
        await subscriber.tell(renewal(order, number, started_at=started_at, amount=amount))
        for number, amount in ((0, 500), (1, 1000), (2, 500))
    ]

    assert (order.amount, order.pay_amount) == (1000, 500)
    assert outcomes == ["applied", "applied", "review"]
    assert await subscriber.credits() == 20_000


async def test_time_alone_makes_a_plan_past_due_and_then_ends_it(
    subscriber: Subscriber, clock: FixedClock
) -> None:
    order = await subscriber.join()
    await subscriber.tell(renewal(order, 0, started_at=clock.now_us()))
    one = await subscriber.now(order)
    found = []

    # The period has 30 days; a renewal has one more to come, and a week of grace.
    for days in (30, 1, 5, 1):
        clock.advance_s(days * 86_400)
        await subscriber.pass_time(one)
        found.append((await subscriber.now(order)).status)

    assert found == ["active", "past_due", "past_due", "expired"]
    late = renewal(order, 1, started_at=one.created_at)
    assert await subscriber.tell(late) == "applied"
    assert (await subscriber.now(order)).status == "active"


async def test_a_cancelled_plan_stays_so_and_a_late_invoice_counts_all_the_same(
    subscriber: Subscriber, clock: FixedClock
) -> None:
    order = await subscriber.join()
    started_at = clock.now_us()
    await subscriber.tell(renewal(order, 1, started_at=started_at))
    ended = renewal(order, 1, started_at=started_at, outcome="ended", event_id="evt_end")

    await subscriber.tell(ended)
    outcome = await subscriber.tell(renewal(order, 0, started_at=started_at))

    assert outcome == "applied"
    assert (await subscriber.now(order)).status == "cancelled"
    assert await subscriber.credits() == 20_000


async def test_an_erased_account_leaves_nothing_of_its_plan(
    subscriber: Subscriber, clock: FixedClock
) -> None:
    one = await subscriber.begin()
    paid = (await subscriber.periods(one))[0]
    refund = Refunded(Subject(one.order_id, (paid.invoice_id,)), "ch_1", Price(100, "USD"))
    await subscriber.act(refund, subscriber.notification("refund"))
    early = Refunded(Subject(one.order_id, ("in_later",)), "ch_2", Price(100, "USD"))
    await subscriber.act(early, subscriber.notification("early"))

    await erase_account(subscriber.database, one.account_id, now_us=1)

    async def left(tx: Transaction) -> dict[str, int]:
        found = {}
        for table in OWN_TABLES:
            row = await tx.fetch_one(f"SELECT COUNT(*) AS n FROM {table}")
            found[table] = 0 if row is None else int(row["n"])
        return found

    assert await subscriber.database.read(left) == dict.fromkeys(OWN_TABLES, 0)
