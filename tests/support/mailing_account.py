"""A funded account whose mail leaves staging, and a worker's mailer for it."""

from dataclasses import dataclass, replace
from email.headerregistry import Address

from billing.recipients.smtp import SmtpSender
from billing.topups.mail import Mail, MailRules, of_topups
from billing.topups.topup import DeliveryOptions, TopUp, load
from kernel.clock import FixedClock
from store.database import Database
from tests.support.funded_account import FundedAccount, open_engine, open_funded_account
from worker.mail import Mailer

FROM = Address("Acme Credit", addr_spec="credit@acme.com")
BY_MAIL = DeliveryOptions(email=True)


@dataclass(slots=True)
class MailingAccount:
    """The account, and what of its rows tests look at."""

    account: FundedAccount

    @property
    def database(self) -> Database:
        return self.account.database

    async def send(self, to: str = "user@mail.com", platform: str = "claude", **said: str) -> TopUp:
        """A top-up of $10.00 with mail; said: locale, message."""
        delivery = DeliveryOptions(email=True, **said)
        sent = await self.account.send(1000, to=to, platform=platform, delivery=delivery)
        return sent.topup

    def mailer(self, sender: SmtpSender) -> Mailer:
        return Mailer(self.database, self.account.clock, self.account.rules, sender, FROM)

    async def mails(self, topup: TopUp) -> list[Mail]:
        found = await self.database.read(lambda tx: of_topups(tx, [topup.id]))
        return list(found.get(topup.id, []))

    async def again(self, topup: TopUp) -> TopUp:
        """The top-up as its row is now."""
        return (await self.database.read(lambda tx: load(tx, [topup.id])))[topup.id]


async def open_mailing_account(
    database: Database, clock: FixedClock, **limits: int
) -> MailingAccount:
    account = await open_funded_account(database, clock)
    rules = replace(
        account.rules,
        public_url="https://pay.acme.com",
        mail=MailRules(frozenset({"staging"}), **limits),
    )
    account.engine = open_engine(database, clock, rules)
    return MailingAccount(account)
