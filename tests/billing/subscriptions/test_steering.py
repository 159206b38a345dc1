"""A person steers a plan: ended, resumed, changed; each turn is told once, and nothing is done twice."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from billing.catalog.plan import get, item_of
from billing.ledger.price import Price
from billing.orders import records as order_list
from billing.orders.settlement import EndUnpaid
from billing.payments.payments import Payments
from billing.payments.sandbox.subscription import SandboxSteering
from billing.payments.steering import SubscriptionChangeRequest
from billing.providers.abilities import Act, SteerRequest
from billing.providers.protocol import Interval, Notification
from billing.providers.registry import Providers
from billing.reports.subscription_views import overview
from billing.subscriptions.subscription import Subscription
from billing.subscriptions.subscription_change import ChangedSubscription, ChangeNotAllowed
from kernel.clock import FixedClock
from kernel.errors import InvalidInput, NotFound
from kernel.tenant import Tenant
from keys.audit_log import Actor
from store.database import Database, Transaction
from tests.support.subscriber import PRO, Subscriber, open_subscriber

pytestmark = pytest.mark.one_database


@pytest_asyncio.fixture
async def subscriber(
    database: Database, clock: FixedClock, tmp_path: Path
) -> AsyncIterator[Subscriber]:
    async with open_subscriber(database, clock, tmp_path) as opened:
        yield opened


async def change(
    subscriber: Subscriber,
    one: Subscription,
    act: Act,
    plan_id: str | None = None,
    interval: Interval | None = None,
    **more: Any,
) -> ChangedSubscription:
    wish = SubscriptionChangeRequest(act, "key_1", plan_id, interval, **more)
    return await subscriber.buyer.payments.steering.change(one.tenant, one.id, wish)


async def told(subscriber: Subscriber) -> list[str]:
    """The types of the events about subscriptions, in order."""

    async def work(tx: Transaction) -> list[str]:
        rows = await tx.fetch(
            "SELECT type FROM events WHERE type LIKE 'subscription.%' ORDER BY event_no"
        )
        return [row["type"].partition(".")[2] for row in rows]

    return await subscriber.database.read(work)


async def test_a_plan_ends_with_its_period_unless_it_is_resumed(subscriber: Subscriber) -> None:
    one = await subscriber.begin()

    ending = await change(subscriber, one, "cancel")
    again = await change(subscriber, one, "cancel")
    resumed = await change(subscriber, one, "resume")
    await change(subscriber, one, "cancel")

    assert ending.change is not None
    assert (ending.change.status, ending.subscription.is_ending) == ("done", True)
    assert again.change is None
    assert resumed.subscription.is_ending is False
    subscriber.clock.advance_s(31 * 86_400)
    await subscriber.pass_time(one)
    assert (await subscriber.now(one)).status == "cancelled"
    assert await told(subscriber) == ["started", "canceling", "changed", "canceling", "ended"]


async def test_a_plan_that_ends_at_once_bills_no_more(subscriber: Subscriber) -> None:
    one = await subscriber.begin()

    ended = await change(subscriber, one, "cancel_now")

    assert ended.subscription.status == "cancelled"
    assert await subscriber.credits() == 10_000
    with pytest.raises(ChangeNotAllowed, match="cancelled"):
        await change(subscriber, one, "resume")
    assert await told(subscriber) == ["started", "ended"]


async def test_a_dearer_plan_is_paid_at_once_and_a_cheaper_one_counts_later(
    subscriber: Subscriber,
) -> None:
    one = await subscriber.begin()
    subscriber.clock.advance_s(15 * 86_400)
    steering = subscriber.buyer.payments.steering

    seen = await steering.preview(one.tenant, one.id, "team", "month")
    dearer = await change(subscriber, one, "change", "team", "month")
    cheaper = await change(subscriber, one, "change", "pro", "month")

    # Half a month of 30.00 in place of 10.00; 20.00 of 30.00 are two thirds of 40,000, a half of them.
    assert (seen.due, seen.is_charged_now, seen.is_estimate) == (Price(1000, "USD"), True, False)
    assert dearer.subscription.plan_id == "team"
    assert await subscriber.credits() == 23_330  # in whole cents
    assert (cheaper.subscription.plan_id, cheaper.subscription.chosen) == ("team", ("pro", "month"))
    assert await told(subscriber) == ["started", "changed", "changed"]


async def test_two_wishes_that_come_together_are_one(subscriber: Subscriber) -> None:
    one = await subscriber.begin()
    others = [subscriber.buyer.payments, subscriber.buyer.another(), subscriber.buyer.another()]
    wish = SubscriptionChangeRequest("cancel", "key_1")

    await asyncio.gather(*(each.steering.change(one.tenant, one.id, wish) for each in others * 3))

    seen = await subscriber.database.read(lambda tx: overview(tx, one.id, tenant=one.tenant))
    assert seen.subscription.is_ending is True
    assert [change.status for change in seen.changes] == ["done"]
    assert await told(subscriber) == ["started", "canceling"]


async def test_a_change_that_was_told_and_not_noted_counts_once_beside_a_renewal(
    subscriber: Subscriber,
) -> None:
    one = await subscriber.begin()
    payments, database = subscriber.buyer.payments, subscriber.database
    provider = payments.providers.of("stripe", "staging")
    assert provider is not None
    assert one.provider_ref is not None

    async def tell(said: Notification) -> None:
        await payments.notifications.act_on(said.facts, subscriber.notification(said.event_id))

    async def tell_and_die(said: Notification) -> None:
        await tell(said)
        raise Killed

    sold = await database.read(lambda tx: get(tx, ("staging", "team")))
    item = item_of(sold, payments.providers.registration("stripe"), "month", is_simulated=True)
    asked = SteerRequest(one.provider_ref, "change", "str_1", product_ref=item.product_ref)
    parts = (provider, "stripe", database, subscriber.clock)

    subscriber.clock.advance_s(15 * 86_400)
    with pytest.raises(Killed):
        await SandboxSteering(*parts, tell_and_die).steer(asked)
    order = await database.read(lambda tx: order_list.find(tx, one.order_id))
    assert order is not None
    await subscriber.bill(order)
    subscriber.clock.advance_s(30)
    await SandboxSteering(*parts, tell).steer(asked)

    # 10,000 at first, 13,330 for the change at half of the month, 10,000 of the renewal by the old plan.
    assert await subscriber.credits() == 33_330


class Killed(Exception):
    """The worker ends here."""


async def test_what_cannot_be_steered_says_why(subscriber: Subscriber) -> None:
    one = await subscriber.begin()
    stranger = Tenant("acc_other", "staging")
    steering = subscriber.buyer.payments.steering

    with pytest.raises(NotFound):
        await steering.change(stranger, one.id, SubscriptionChangeRequest("cancel", "key_1"))
    with pytest.raises(InvalidInput, match="has no yearly price"):
        await change(subscriber, one, "change", "team", "year")
    await change(subscriber, one, "cancel")
    with pytest.raises(ChangeNotAllowed, match="Resume it first"):
        await change(subscriber, one, "change", "team", "month")


async def test_a_trial_grants_what_the_plan_says_and_an_account_has_one(
    subscriber: Subscriber,
) -> None:
    await subscriber.plan("try", **PRO, trial_days=14, trial_credits=500)
    one = await subscriber.begin("try")
    seen = await subscriber.database.read(lambda tx: overview(tx, one.id, tenant=one.tenant))

    shown = seen.shape()

    assert (shown["status"], shown["credits_granted"]) == ("trialing", 500)
    # The 27th of June: two weeks, then ten dollars.
    assert shown["trial_ends_at"] == shown["current_period_end"] == "2026-06-27T12:00:00Z"
    assert shown["next_charge"] == {"at": shown["trial_ends_at"], "amount": 1000, "currency": "USD"}
    assert await subscriber.credits() == 500
    order = next(each for each in await subscriber.buyer.orders() if each.id == one.order_id)
    subscriber.clock.advance_s(14 * 86_400)
    await subscriber.bill(order)
    paid = await subscriber.now(one)
    assert (paid.status, paid.is_in_trial) == ("active", False)
    assert await subscriber.credits() == 10_500
    await change(subscriber, one, "cancel_now")
    again = await subscriber.begin("try")
    assert (again.trial_days, again.is_in_trial) == (0, False)
    assert await told(subscriber) == ["started", "activated", "ended", "started"]
    assert await subscriber.buyer.account.findings() == []


def with_real_keys(subscriber: Subscriber) -> Payments:
    """A process that was started after the operator set Stripe's keys for staging."""
    buyer = subscriber.buyer
    registrations = buyer.payments.providers.registrations
    stripe = next(one for one in registrations if one.name == "stripe")
    given = {"secret_key": "sk_test_1", "webhook_secret": "whsec_1"}
    providers = Providers(
        {one.name: one for one in registrations},
        {("stripe", "staging"): stripe.settings(**given)},
        simulated_secrets={"stripe": "5a" * 32},
        client=buyer.client,
        clock=subscriber.clock,
    )
    account = buyer.account
    return Payments(
        account.database, account.clock, account.engine, providers, buyer.payments.links
    )


async def test_moving_from_the_sandbox_to_real_keys_strands_nobody(subscriber: Subscriber) -> None:
    one = await subscriber.begin()
    payments = with_real_keys(subscriber)

    seen = await subscriber.database.read(lambda tx: overview(tx, one.id, tenant=one.tenant))
    assert payments.steering.is_orphan(seen.subscription) is True
    with pytest.raises(ChangeNotAllowed, match="Buy a new plan"):
        await payments.steering.change(
            one.tenant, one.id, SubscriptionChangeRequest("change", "key_1", "team", "month")
        )
    assert await payments.steering.end_orphans(one.tenant, "key_1") is True
    assert await payments.steering.end_orphans(one.tenant, "key_1") is False
    assert (await subscriber.now(one)).status == "cancelled"
    assert await told(subscriber) == ["started", "ended"]


async def test_an_operator_ends_a_plan_here_whatever_its_provider_says(
    subscriber: Subscriber,
) -> None:
    one = await subscriber.begin()
    wish = SubscriptionChangeRequest(
        "cancel_now", "adm_1", by=Actor(), why="the provider is gone", is_local=True
    )

    ended = await subscriber.buyer.payments.steering.change(one.tenant, one.id, wish)

    assert ended.subscription.status == "cancelled"

    async def work(tx: Transaction) -> list[tuple[str, str | None]]:
        rows = await tx.fetch(
            "SELECT action, reason FROM audit_log WHERE subject_id = :id", id=one.id
        )
        return [(row["action"], row["reason"]) for row in rows]

    written = await subscriber.database.read(work)
    assert written == [("subscription.cancel_now", "the provider is gone")]


async def test_a_checkout_that_was_open_before_the_trial_grants_no_second_one(
    subscriber: Subscriber,
) -> None:
    await subscriber.plan("try", **PRO, trial_days=14, trial_credits=500)
    late = await subscriber.join("try")
    expired = EndUnpaid(
        order_id=late.id, tenant=late.tenant, notification=None, status="expired", reason="late"
    )
    await subscriber.buyer.account.engine.submit(expired)
    one = await subscriber.begin("try")
    await change(subscriber, one, "cancel_now")

    # Its page was open in another tab: the provider gives the days once more, and we no credit.
    await subscriber.tell((await subscriber.pay(late)).sandbox_event())
    await subscriber.bill(late)

    assert await subscriber.credits() == 500
    subscriber.clock.advance_s(14 * 86_400)
    await subscriber.bill(late)
    assert await subscriber.credits() == 10_500
    assert await subscriber.buyer.account.findings() == []


async def test_of_two_paid_checkouts_the_second_is_on_the_desk_with_what_to_do(
    subscriber: Subscriber,
) -> None:
    late = await subscriber.join()
    expired = EndUnpaid(
        order_id=late.id, tenant=late.tenant, notification=None, status="expired", reason="late"
    )
    await subscriber.buyer.account.engine.submit(expired)
    one = await subscriber.begin("team")

    # It was open in another tab, and is paid after all.
    outcome = await subscriber.tell((await subscriber.pay(late)).sandbox_event())
    billed = await subscriber.bill(late)

    assert (outcome, billed) == ("review", "review")
    assert (await subscriber.buyer.now(late)).status == "review"
    detail = (await subscriber.buyer.log(late))[0].detail
    assert f"({one.id} of order {one.order_id})" in detail
    assert "end one of the two at the provider, and refund what was paid" in detail
    assert await subscriber.credits() == 40_000
    assert await told(subscriber) == ["started"]
