"""What was not paid, and credit that ends, is told to the account's owner: once, and not too often."""

from dataclasses import replace
from email.message import EmailMessage
from pathlib import Path

import pytest

from billing.credits.adjustment import new_adjustment
from billing.providers.event_log import NotificationRef
from billing.providers.protocol import Disputed, Subject, SubscriptionChanged
from billing.recipients import owner_mail
from billing.recipients.language import english
from billing.reports.subscription_views import overview
from billing.subscriptions.subscription import Subscription
from billing.topups.mail import MailRules
from billing.topups.rules import TopUpRules
from kernel.clock import DAY_US, FixedClock
from kernel.tenant import Tenant
from keys.audit_log import Actor
from keys.notifications import choose_mail, set_mail_language
from store.database import Database
from tests.support.funded_account import FundedAccount, open_engine, open_funded_account
from tests.support.mail_server import open_mail_server
from tests.support.mailing_account import FROM
from tests.support.recharger import open_recharging
from tests.support.subscriber import Subscriber, open_subscriber
from worker.chores import mails_chore
from worker.mail import OwnerMailer
from worker.money.due import PlanCreditor

pytestmark = pytest.mark.one_database


async def is_unpaid(subscriber: Subscriber, one: Subscription, event: str) -> None:
    """Stripe says that the renewal failed."""
    assert one.provider_ref is not None
    fact = SubscriptionChanged(Subject(one.order_id, ()), one.provider_ref, "past_due")
    await subscriber.act(fact, subscriber.notification(event))


def words_of(message: EmailMessage, kind: str) -> str:
    part = message.get_body((kind,))
    assert part is not None
    return str(part.get_content()).replace("\r\n", "\n")


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
            "The payment for your plan Pro didn't arrive",
        )
        text, html = words_of(message, "plain"), words_of(message, "html")
        # Seven days after the 13th of July.
        assert "July 20, 2026" in text
        assert "https://pay.acme.com/dashboard/plan" in text
        assert 'href="https://pay.acme.com/dashboard/plan"' in html
        assert await statuses(subscriber, one) == ["sent"]


async def test_mail_that_leaves_nowhere_lies_in_the_outbox(
    database: Database, clock: FixedClock, tmp_path: Path
) -> None:
    async with open_subscriber(database, clock, tmp_path) as subscriber:
        one = await subscriber.begin()
        clock.advance_s(31 * 86_400)

        await is_unpaid(subscriber, one, "failed")

        assert await statuses(subscriber, one) == ["outbox"]


# Recharges, and credit that ends


async def mail_of(database: Database, clock: FixedClock, rules: TopUpRules) -> list[EmailMessage]:
    """All that is due, sent; what came of each stands in its row."""
    async with open_mail_server() as server:
        await OwnerMailer(database, clock, rules, server.sender(), FROM).step()
        return list(server.messages)


def sending(account: FundedAccount) -> TopUpRules:
    """Mail of both environments leaves from now on."""
    rules = replace(
        account.rules,
        public_url="https://pay.acme.com",
        mail=MailRules(frozenset({"staging", "live"})),
    )
    account.engine = open_engine(account.database, account.clock, rules)
    return rules


async def has_address(account: FundedAccount) -> None:
    await account.database.transaction(
        lambda tx: tx.execute(
            "UPDATE accounts SET email = 'ann@mail.com' WHERE id = :id", id=account.account_id
        )
    )


async def statuses_of(account: FundedAccount, environment: str) -> list[str]:
    """The newest first."""
    tenant = Tenant(account.account_id, environment)
    mails = await account.database.read(lambda tx: owner_mail.latest(tx, tenant, limit=20))
    return [one.status for one in mails]


async def test_a_recharge_that_its_bank_asks_about_leads_to_the_page_that_confirms_it(
    database: Database, clock: FixedClock
) -> None:
    async with open_recharging(database, clock) as one:
        rules = sending(one.account)
        await has_address(one.account)
        await one.set()  # an empty wallet is below $5.00
        one.vendor.script = ["authentication_required"]
        await one.work()

        [message] = await mail_of(database, clock, rules)

        assert message["Subject"] == "Confirm your auto-recharge of $10.00"
        [told] = await one.told()
        assert f"Confirm the payment:\n{told['url']}\n" in words_of(message, "plain")
        assert await statuses_of(one.account, "live") == ["sent"]
        assert await mail_of(database, clock, rules) == []  # once


async def test_a_disputed_recharge_is_told_in_the_language_that_its_owner_chose(
    database: Database, clock: FixedClock
) -> None:
    async with open_recharging(database, clock) as one:
        rules = sending(one.account)
        await has_address(one.account)
        await database.transaction(lambda tx: set_mail_language(tx, one.tenant.account_id, "es"))
        await one.set()
        await one.work()
        await one.sweep()
        [order] = await one.orders()
        disputed = Disputed(Subject(order.id), "dp_1", order.payment)
        told = NotificationRef("cardpay", "live", "evt_1", "dispute")
        await one.payments().notifications.act_on([disputed], told)

        [message] = await mail_of(database, clock, rules)

        assert message["Subject"] == "Tu recarga automática está desactivada"
        assert message["Content-Language"] == "es"
        text = words_of(message, "plain")
        assert "El pago de 10,00\xa0US$ con visa 4242, que hizo tu recarga automática" in text
        assert text.endswith("en esta página:\nhttps://pay.acme.com/dashboard/recharge\n")


async def test_the_third_failure_says_that_the_recharge_is_off(
    database: Database, clock: FixedClock
) -> None:
    async with open_recharging(database, clock) as one:
        rules = sending(one.account)
        await has_address(one.account)
        await one.set()
        one.vendor.script = ["insufficient_funds"] * 3
        await one.work()
        await one.work(seconds=3601)
        await one.work(seconds=86_401)

        subjects = [message["Subject"] for message in await mail_of(database, clock, rules)]

        assert sorted(subjects) == [
            "Your auto-recharge is switched off",
            "Your auto-recharge of $10.00 failed",
            "Your auto-recharge of $10.00 failed",
        ]


async def test_credit_that_ends_is_told_three_times_a_day_and_to_whom_wants_it(
    database: Database, clock: FixedClock
) -> None:
    account = await open_funded_account(database, clock)
    rules = sending(account)
    await has_address(account)
    tenant = Tenant(account.account_id, "staging")

    async def tell(number: int) -> None:
        for _ in range(number):
            given = new_adjustment(
                tenant,
                500,
                "gift",
                actor=Actor("cli", "test"),
                is_promotional=True,
                expires_at=clock.now_us() + 3 * DAY_US,
            )
            await account.engine.submit(given)
        clock.advance_s(2 * 86_400 + 1)
        await PlanCreditor(database, clock, account.engine, (1,)).step()

    await tell(4)
    messages = await mail_of(database, clock, rules)
    assert [message["Subject"] for message in messages] == [
        f"$0.50 of your credit expires on {english().day(clock.now_us() + DAY_US)}"
    ] * 3
    assert sorted(await statuses_of(account, "staging")) == ["limited", "sent", "sent", "sent"]

    await database.transaction(
        lambda tx: choose_mail(
            tx, tenant.account_id, "expiring", is_on=False, now_us=clock.now_us()
        )
    )
    await tell(1)
    assert await mail_of(database, clock, rules) == []
    assert (await statuses_of(account, "staging"))[0] == "unwanted"

    clock.advance_s(31 * 86_400)
    await mails_chore(database, clock, {"staging": 30 * DAY_US}, pause_s=0).run()
    assert await statuses_of(account, "staging") == []
