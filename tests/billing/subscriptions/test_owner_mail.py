"""A plan that was not paid is told to its account's owner: once, and not where it is paid meanwhile."""

from dataclasses import replace
from pathlib import Path

import pytest

from billing.providers.protocol import Subject, SubscriptionChanged
from billing.reports.subscription_overview import overview
from billing.subscriptions.subscription import Subscription
from billing.topups.mail import MailRules
from kernel.clock import FixedClock
from store.database import Database
from tests.support.funded_account import open_engine
from tests.support.mail_server import open_mail_server
from tests.support.mailing_account import FROM
from tests.support.subscriber import Subscriber, open_subscriber
from worker.money.owner_mail import OwnerMailer

pytestmark = pytest.mark.one_database


async def is_unpaid(subscriber: Subscriber, one: Subscription, event: str) -> None:
    """Stripe says that the renewal failed."""
    assert one.provider_ref is not None
    fact = SubscriptionChanged(Subject(one.order_id, ()), one.provider_ref, "past_due")
    await subscriber.act(fact, subscriber.notification(event))


async def statuses(subscriber: Subscriber, one: Subscription) -> list[str]:
    seen = await subscriber.database.read(lambda tx: overview(tx, one.id, tenant=one.tenant))
    return [mail.status for mail in seen.mails]


async def test_the_owner_is_told_once_until_when_and_what_helps(
    database: Database, clock: FixedClock, tmp_path: Path
) -> None:
    async with (
        open_subscriber(database, clock, tmp_path) as subscriber,
        open_mail_server() as server,
    ):
        account = subscriber.buyer.account
        rules = replace(
            account.rules,
            public_url="https://pay.acme.com",
            mail=MailRules(frozenset({"staging"})),
        )
        account.engine = open_engine(database, clock, rules)
        subscriber.buyer.payments = subscriber.buyer.another()
        one = await subscriber.begin()
        await database.transaction(
            lambda tx: tx.execute(
                "UPDATE accounts SET email = :email WHERE id = :id",
                email="ann@mail.com",
                id=one.account_id,
            )
        )
        clock.advance_s(31 * 86_400)

        for event in ("failed", "again"):
            await is_unpaid(subscriber, one, event)
        mailer = OwnerMailer(database, clock, rules, server.sender(), FROM)
        sent = [await mailer.step() for _ in range(2)]

        assert sent == [1, 0]
        [message] = server.messages
        assert (message["To"], message["Subject"]) == (
            "ann@mail.com",
            "Your plan Pro was not paid",
        )
        text = message.get_content()
        # Seven days after the 13th of July.
        assert "2026-07-20" in text
        assert "https://pay.acme.com/dashboard/plan" in text
        assert await statuses(subscriber, one) == ["sent"]


async def test_mail_that_leaves_nowhere_lies_in_the_outbox(
    database: Database, clock: FixedClock, tmp_path: Path
) -> None:
    async with open_subscriber(database, clock, tmp_path) as subscriber:
        one = await subscriber.begin()
        clock.advance_s(31 * 86_400)

        await is_unpaid(subscriber, one, "failed")

        assert await statuses(subscriber, one) == ["outbox"]
