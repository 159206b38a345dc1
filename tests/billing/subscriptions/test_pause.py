"""A pause at the provider is a pause: nothing is due, nothing ends, nothing is granted for unpaid time."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from billing.ledger.price import Price
from billing.payments.sandbox import subscription as sandbox_subscription
from billing.payments.steering import SubscriptionChangeRequest
from billing.payments.unanswered import count_unanswered
from billing.providers.abilities import Act
from billing.providers.protocol import InvoicePaid, Subject, SubscriptionChanged
from billing.reports.subscription_views import overview
from billing.subscriptions import records as subscription_rows
from billing.subscriptions.subscription import Subscription
from billing.subscriptions.subscription_change import ChangedSubscription, ChangeNotAllowed
from kernel.clock import DAY_US, HOUR_US, MINUTE_US, SECOND_US, FixedClock
from kernel.errors import InvalidInput
from store.database import Database, Transaction
from tests.support.subscriber import Subscriber, open_subscriber

DAY_S = 86_400


@pytest_asyncio.fixture
async def subscriber(
    database: Database, clock: FixedClock, tmp_path: Path
) -> AsyncIterator[Subscriber]:
    async with open_subscriber(database, clock, tmp_path) as opened:
        yield opened


async def change(
    subscriber: Subscriber, one: Subscription, act: Act, **more: Any
) -> ChangedSubscription:
    wish = SubscriptionChangeRequest(act, "key_1", **more)
    return await subscriber.buyer.payments.steering.change(one.tenant, one.id, wish)


async def say(subscriber: Subscriber, one: Subscription, status: Any, **more: Any) -> str:
    """The outcome of the provider's word on how it stands; sent now, unless said otherwise."""
    assert one.provider_ref is not None
    now_us = subscriber.clock.now_us()
    told = SubscriptionChanged(
        Subject(one.order_id, (one.provider_ref,)),
        one.provider_ref,
        status,
        **{
            "period_end_at": one.paid_until_at,
            "product_ref": one.product_ref,
            "sent_at": now_us,
            **more,
        },
    )
    return await subscriber.act(told, subscriber.notification(f"{status}{now_us}"))


async def told(subscriber: Subscriber) -> list[str]:
    async def work(tx: Transaction) -> list[str]:
        rows = await tx.fetch(
            "SELECT type FROM events WHERE type LIKE 'subscription.%' ORDER BY event_no"
        )
        return [row["type"].partition(".")[2] for row in rows]

    return await subscriber.database.read(work)


async def mails(subscriber: Subscriber) -> int:
    async def work(tx: Transaction) -> int:
        row = await tx.fetch_one("SELECT COUNT(*) AS number FROM owner_mails")
        assert row is not None
        return int(row["number"])

    return await subscriber.database.read(work)


async def shown(subscriber: Subscriber, one: Subscription) -> dict[str, Any]:
    seen = await subscriber.database.read(lambda tx: overview(tx, one.id, tenant=one.tenant))
    return seen.shape()


async def due(subscriber: Subscriber) -> list[Subscription]:
    now_us = subscriber.clock.now_us()
    return await subscriber.database.read(
        lambda tx: subscription_rows.due_checks(tx, now_us=now_us, limit=10)
    )


async def bill(subscriber: Subscriber, one: Subscription) -> None:
    """What the sandbox's provider does next, at its time."""
    order = next(each for each in await subscriber.buyer.orders() if each.id == one.order_id)
    await subscriber.bill(order)


async def next_at(subscriber: Subscriber, one: Subscription) -> int | None:
    row = await subscriber.database.read(
        lambda tx: sandbox_subscription.find_of_order(tx, one.order_id)
    )
    assert row is not None
    return row.next_at


async def test_a_pause_that_the_provider_tells_is_no_failed_renewal(subscriber: Subscriber) -> None:
    one = await subscriber.begin()
    subscriber.clock.advance_s(10 * DAY_S)

    assert await say(subscriber, one, "paused") == "applied"

    paused = await subscriber.now(one)
    assert (paused.status, paused.paused_at) == ("paused", subscriber.clock.now_us())
    seen = await shown(subscriber, one)
    assert (seen["status"], seen["next_charge"], seen["grace_ends_at"]) == ("paused", None, None)
    assert (seen["paused_at"], seen["resumes_at"]) == ("2026-06-23T12:00:00Z", None)
    # 31 days, 8 more, and a year: what made it past due and ended it.
    for days in (31, 8, 365):
        subscriber.clock.advance_s(days * DAY_S)
        await subscriber.pass_time(one)
        assert (await subscriber.now(one)).status == "paused"
    assert await told(subscriber) == ["started", "paused"]
    assert await mails(subscriber) == 0
    assert await subscriber.credits() == 10_000
    assert await subscriber.buyer.account.findings() == []


async def test_a_resumed_plan_is_charged_when_its_provider_says(subscriber: Subscriber) -> None:
    one = await subscriber.begin()
    await say(subscriber, one, "paused")
    subscriber.clock.advance_s(95 * DAY_S)
    now_us = subscriber.clock.now_us()

    await say(subscriber, one, "active", period_end_at=now_us + 5 * DAY_US)

    resumed = await subscriber.now(one)
    assert (resumed.status, resumed.paused_at) == ("active", None)
    seen = await shown(subscriber, one)
    # The 16th of September and five days.
    assert seen["next_charge"] == {"at": "2026-09-21T12:00:00Z", "amount": 1000, "currency": "USD"}
    subscriber.clock.advance_s(5 * DAY_S)
    await subscriber.pass_time(one)
    assert (await subscriber.now(one)).status == "active"
    # A day after the charge did not come, and seven days of grace from then.
    subscriber.clock.advance_s(DAY_S)
    await subscriber.pass_time(one)
    seen = await shown(subscriber, one)
    assert (seen["status"], seen["grace_ends_at"]) == ("past_due", "2026-09-28T12:00:00Z")
    assert await told(subscriber) == ["started", "paused", "resumed", "past_due"]


async def test_resumed_without_a_period_it_has_a_day_to_be_paid(subscriber: Subscriber) -> None:
    one = await subscriber.begin()
    await say(subscriber, one, "paused")
    subscriber.clock.advance_s(95 * DAY_S)

    await say(subscriber, one, "active", period_end_at=None)

    subscriber.clock.advance_s(DAY_S - 1)
    await subscriber.pass_time(one)
    assert (await subscriber.now(one)).status == "active"
    subscriber.clock.advance_s(1)
    await subscriber.pass_time(one)
    assert (await subscriber.now(one)).status == "past_due"


@pytest.mark.one_database
async def test_words_that_are_repeated_or_come_late_change_nothing(subscriber: Subscriber) -> None:
    one = await subscriber.begin()
    first_at = subscriber.clock.now_us()
    subscriber.clock.advance_s(60)
    second_at = subscriber.clock.now_us()

    outcomes = [
        await say(subscriber, one, "active", sent_at=second_at),
        await say(subscriber, one, "paused", sent_at=first_at),
        await say(subscriber, one, "active", sent_at=second_at),
    ]
    assert (outcomes[0], outcomes[2]) == ("applied", "repeated")
    assert (await subscriber.now(one)).status == "active"

    third_at = second_at + SECOND_US
    assert await say(subscriber, one, "paused", sent_at=third_at) == "applied"
    assert await say(subscriber, one, "paused", sent_at=third_at) == "repeated"
    assert await say(subscriber, one, "active", sent_at=second_at) == "repeated"
    assert (await subscriber.now(one)).status == "paused"
    assert await told(subscriber) == ["started", "paused"]


@pytest.mark.one_database
async def test_a_pause_that_is_told_before_the_first_payment_stands_after_it(
    subscriber: Subscriber,
) -> None:
    order = await subscriber.join()
    paid = (await subscriber.pay(order)).sandbox_event()
    waiting = await subscriber.now(order)
    ref = paid.subscription_ref
    assert ref is not None
    pausing = SubscriptionChanged(Subject(order.id, (ref,)), ref, "paused", resumes_at=None)

    await subscriber.act(pausing, subscriber.notification("early"))
    assert (await subscriber.now(order)).status == "incomplete"
    await subscriber.bill(order)

    assert (await subscriber.now(waiting)).status == "paused"
    assert await subscriber.credits() == 10_000
    assert await told(subscriber) == ["started", "paused"]


async def test_an_invoice_that_is_paid_while_it_is_paused_grants_and_has_the_provider_asked(
    subscriber: Subscriber,
) -> None:
    one = await subscriber.begin()
    await say(subscriber, one, "paused")
    assert one.paid_until_at is not None
    assert one.provider_ref is not None
    subscriber.clock.advance_s(31 * DAY_S)
    draft = InvoicePaid(
        Subject(one.order_id, ("in_draft", one.provider_ref)),
        subscription_ref=one.provider_ref,
        invoice_id="in_draft",
        price=Price(1000, "USD"),
        period_start_at=one.paid_until_at,
        period_end_at=one.paid_until_at + 30 * DAY_US,
        product_ref=one.product_ref,
    )

    assert await subscriber.act(draft, subscriber.notification("draft")) == "applied"

    assert await subscriber.credits() == 20_000
    assert (await subscriber.now(one)).status == "paused"
    assert [each.id for each in await due(subscriber)] == [one.id]
    assert await told(subscriber) == ["started", "paused", "renewed"]
    assert await subscriber.buyer.account.findings() == []


async def test_a_pause_told_too_late_brings_back_what_had_expired(subscriber: Subscriber) -> None:
    one = await subscriber.begin()
    subscriber.clock.advance_s(31 * DAY_S)
    await subscriber.pass_time(one)
    subscriber.clock.advance_s(8 * DAY_S)
    await subscriber.pass_time(one)
    assert (await subscriber.now(one)).status == "expired"

    await say(subscriber, one, "paused")

    now = await subscriber.now(one)
    assert (now.status, now.ended_at) == ("paused", None)


async def test_the_sandbox_pauses_until_a_time_and_goes_on_by_itself(
    subscriber: Subscriber,
) -> None:
    one = await subscriber.begin()
    start_us = subscriber.clock.now_us()
    resumes_at = start_us + 45 * DAY_US

    paused = await change(subscriber, one, "pause", resumes_at=resumes_at)
    again = await change(subscriber, one, "pause", resumes_at=resumes_at)

    assert paused.change is not None
    assert (paused.change.status, paused.subscription.status) == ("done", "paused")
    assert (paused.subscription.resumes_at, again.change) == (resumes_at, None)
    # A month begins that is not charged, then the pause ends, then the next month is charged.
    assert await next_at(subscriber, one) == start_us + 30 * DAY_US
    await bill(subscriber, one)
    assert await next_at(subscriber, one) == resumes_at
    assert await subscriber.credits() == 10_000
    subscriber.clock.advance_s(45 * DAY_S)
    await bill(subscriber, one)
    assert (await subscriber.now(one)).status == "active"
    seen = await shown(subscriber, one)
    # Two months after the 13th of June.
    assert seen["next_charge"]["at"] == "2026-08-13T12:00:00Z"
    subscriber.clock.advance_s(16 * DAY_S)
    await bill(subscriber, one)
    assert await subscriber.credits() == 20_000
    assert (await subscriber.now(one)).status == "active"
    assert await told(subscriber) == ["started", "paused", "resumed", "renewed"]
    assert await subscriber.buyer.account.findings() == []


async def test_a_paused_plan_is_resumed_and_ended_by_its_owner(subscriber: Subscriber) -> None:
    one = await subscriber.begin()
    await change(subscriber, one, "pause")
    later = subscriber.clock.now_us() + DAY_US

    moved = await change(subscriber, one, "pause", resumes_at=later)
    with pytest.raises(ChangeNotAllowed, match=r"paused\. Resume it first"):
        await change(subscriber, one, "change", plan_id="team", interval="month")
    resumed = await change(subscriber, one, "resume")
    await change(subscriber, one, "pause")
    ended = await change(subscriber, one, "cancel_now")

    assert moved.subscription.resumes_at == later
    assert (resumed.subscription.status, resumed.subscription.resumes_at) == ("active", None)
    assert (ended.subscription.status, ended.subscription.paused_at) == ("cancelled", None)
    assert await told(subscriber) == [
        *("started", "paused", "changed", "resumed", "paused", "ended"),
    ]


@pytest.mark.one_database
async def test_what_cannot_be_paused_says_why(subscriber: Subscriber) -> None:
    one = await subscriber.begin()
    past = subscriber.clock.now_us() - DAY_US

    with pytest.raises(InvalidInput, match="must be in the future"):
        await change(subscriber, one, "pause", resumes_at=past)
    with pytest.raises(ChangeNotAllowed, match="no longer billed"):
        await change(subscriber, one, "pause", is_local=True)
    await change(subscriber, one, "cancel")
    with pytest.raises(ChangeNotAllowed, match="Resume it first"):
        await change(subscriber, one, "pause")


async def test_a_lost_word_is_asked_for_after_the_pause_should_be_over(
    subscriber: Subscriber,
) -> None:
    one = await subscriber.begin()
    start_us = subscriber.clock.now_us()
    await change(subscriber, one, "pause", resumes_at=start_us + 2 * HOUR_US)
    steering = subscriber.buyer.payments.steering
    # The sandbox resumed it, and its word was lost.
    row = await subscriber.database.read(
        lambda tx: sandbox_subscription.find_of_order(tx, one.order_id)
    )
    assert row is not None
    _, resumed = sandbox_subscription.bill(row)
    await subscriber.database.transaction(lambda tx: sandbox_subscription.note(tx, row, resumed))

    subscriber.clock.advance_s(2 * 3600)
    assert await due(subscriber) == []
    subscriber.clock.advance_s(600)
    [found] = await due(subscriber)
    assert found.next_check_at == start_us + 2 * HOUR_US + 10 * MINUTE_US
    await steering.check_pause(found)

    assert (await subscriber.now(one)).status == "active"
    assert await due(subscriber) == []
    assert await told(subscriber) == ["started", "paused", "resumed"]


async def test_a_pause_without_an_end_is_asked_about_once_a_day(subscriber: Subscriber) -> None:
    one = await subscriber.begin()
    await change(subscriber, one, "pause")
    steering = subscriber.buyer.payments.steering

    subscriber.clock.advance_s(DAY_S)
    [found] = await due(subscriber)
    await steering.check_pause(found)

    assert await due(subscriber) == []
    at = await subscriber.database.read(subscription_rows.next_check_at)
    assert at == subscriber.clock.now_us() + DAY_US
    assert await told(subscriber) == ["started", "paused"]


async def test_a_pause_past_its_end_that_nobody_answers_for_waits_for_a_person(
    subscriber: Subscriber,
) -> None:
    one = await subscriber.begin()
    start_us = subscriber.clock.now_us()
    # Nobody at the sandbox knows this subscription.
    await say(subscriber, one, "paused", resumes_at=start_us + DAY_US)
    await subscriber.database.transaction(
        lambda tx: tx.execute(
            "DELETE FROM sandbox_subscriptions WHERE order_id = :o", o=one.order_id
        )
    )
    subscriber.clock.advance_s(DAY_S + 600)
    [found] = await due(subscriber)

    await subscriber.buyer.payments.steering.check_pause(found)

    assert await due(subscriber) == []
    subscriber.clock.advance_s(3600)
    assert len(await due(subscriber)) == 1
    now_us = subscriber.clock.now_us()
    counted = await subscriber.database.read(lambda tx: count_unanswered(tx, now_us=now_us))
    assert (counted["staging", "pause"], counted["live", "pause"]) == (1, 0)
    # What the operator presses then.
    local = await change(subscriber, one, "resume", is_local=True)
    assert local.subscription.status == "active"
    counted = await subscriber.database.read(lambda tx: count_unanswered(tx, now_us=now_us))
    assert counted["staging", "pause"] == 0


async def test_a_paused_plan_is_the_accounts_one_plan(subscriber: Subscriber) -> None:
    one = await subscriber.begin()
    await say(subscriber, one, "paused")
    tenant = one.tenant

    living = await subscriber.database.read(lambda tx: subscription_rows.load_living(tx, [tenant]))
    latest = await subscriber.database.read(lambda tx: subscription_rows.latest(tx, tenant))

    assert living[tenant].id == one.id
    assert latest is not None
    assert latest.id == one.id


async def test_a_charge_that_fails_after_a_pause_has_its_grace_from_then(
    subscriber: Subscriber,
) -> None:
    one = await subscriber.begin()
    await say(subscriber, one, "paused")
    subscriber.clock.advance_s(35 * DAY_S)
    end_at = subscriber.clock.now_us() + 25 * DAY_US
    await say(subscriber, one, "active", period_end_at=end_at)
    subscriber.clock.advance_s(60)

    # The draft of an invoice that Stripe kept is charged after all, and the card is refused.
    assert await say(subscriber, one, "past_due", period_end_at=end_at) == "applied"

    seen = await shown(subscriber, one)
    # 13 June and 35 days, and seven days of grace: not 25 days more.
    assert (seen["status"], seen["grace_ends_at"]) == ("past_due", "2026-07-25T12:01:00Z")
    subscriber.clock.advance_s(7 * DAY_S)
    await subscriber.pass_time(one)
    assert (await subscriber.now(one)).status == "expired"
