"""An account with colleagues of each role, whose gathered mail arrives at a mail server."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from email.message import EmailMessage

from kernel.clock import DAY_US, FixedClock
from kernel.tenant import Tenant
from keys import audit_log, member
from keys.account import create_account, lock_tenants
from keys.api_keys.api_key import ApiKey, mint
from keys.api_keys.fields import NewKey
from keys.audit_log import Actor
from keys.notifications import Person, choose, people_of
from keys.principal import ROLES, MemberRole
from store.database import Database, Transaction
from tests.support.funded_account import FundedAccount, open_funded_account
from tests.support.mail_server import MailServer
from tests.support.owner_mail import mail_all
from tests.support.webhook_rows import given_endpoint
from webhooks.deliveries import notice
from webhooks.deliveries.notice import Failure
from webhooks.events.event import Outbox
from webhooks.events.key_events import publish_key
from worker.money.due import NotificationWriter

OWNER = "boss@acme.com"
SENT_IN = frozenset({"live"})


@dataclass(slots=True)
class ToldTeam:
    """people: the colleagues' addresses by role. endpoints: those that were registered, in order."""

    account: FundedAccount
    people: Mapping[MemberRole, str]
    endpoints: list[str] = field(default_factory=list)

    @property
    def database(self) -> Database:
        return self.account.database

    @property
    def clock(self) -> FixedClock:
        return self.account.clock

    @property
    def live(self) -> Tenant:
        return Tenant(self.account.account_id, "live")

    def writer(self) -> NotificationWriter:
        return NotificationWriter(self.database, self.clock, SENT_IN)

    async def told(self, server: MailServer, *, after_s: int = 301) -> list[EmailMessage]:
        """What arrives of what is written that many seconds later, by whom it goes to."""
        self.clock.advance_s(after_s)
        await self.writer().step()
        messages = await mail_all(self.account, server)
        return sorted(messages, key=lambda one: str(one["To"]))

    async def fail(self, count: int, tenant: Tenant | None = None) -> None:
        """The first failure of that many webhooks; those before have their own."""
        where, ids = tenant or self.live, []
        for number in range(count):
            url = f"https://hooks.example.com/{len(self.endpoints) + number}?token=hush"
            made, _ = await given_endpoint(self.database, self.clock, where, url=url)
            ids.append(made.id)
        self.endpoints += ids
        now_us = self.clock.now_us()

        async def work(tx: Transaction) -> None:
            await tx.execute(
                "UPDATE endpoints SET failing_since_at = :now WHERE id IN :ids[text]",
                now=now_us,
                ids=ids,
            )
            await notice.write_failing(tx, [Failure(one, now_us, True, None) for one in ids])

        await self.database.transaction(work)

    async def warn(self, endpoint_id: str) -> None:
        """It fails again, four days after the first time; the clock stands there."""
        now_us = self.clock.now_us()
        failed = Failure(endpoint_id, now_us, False, now_us - 4 * DAY_US)
        await self.database.transaction(lambda tx: notice.write_failing(tx, [failed]))

    async def recover(self, *ids: str) -> None:
        now_us = self.clock.now_us()

        async def work(tx: Transaction) -> None:
            await tx.execute(
                "UPDATE endpoints SET failing_since_at = NULL WHERE id IN :ids[text]", ids=list(ids)
            )
            await notice.end(tx, ids, now_us=now_us)

        await self.database.transaction(work)

    async def make_keys(self, count: int, tenant: Tenant | None = None) -> list[ApiKey]:
        """Made by the owner's session from 203.0.113.9."""
        where, now_us, made = tenant or self.live, self.clock.now_us(), []
        who = Actor("ses_1", self.account.account_id, "session", "203.0.113.9")

        async def work(tx: Transaction) -> None:
            await lock_tenants(tx, [where])
            for number in range(count):
                key, _ = await mint(
                    tx,
                    account_id=where.account_id,
                    environment="live" if where == self.live else "staging",
                    parent=None,
                    new=NewKey(name=f"agent {number}", scopes=("topup:send", "topup:read")),
                    now_us=now_us,
                )
                made.append(key)
                entry = audit_log.security(
                    who,
                    "key.created",
                    account_id=where.account_id,
                    environment=where.environment,
                    subject_id=key.id,
                    now_us=now_us,
                )
                await audit_log.record(tx, [entry])
                await publish_key(tx, "key.created", key, by="ses_1", now_us=now_us)

        await self.database.transaction(work)
        return made

    async def fall(self, *thresholds_cents: int) -> None:
        """balance.low of each of them, as a spend tells it."""
        now_us = self.clock.now_us()

        async def work(tx: Transaction) -> None:
            await lock_tenants(tx, [self.live])
            outbox = await Outbox.load(tx, [self.live])
            for cents in thresholds_cents:
                data = {"balance_cents": 0, "low_balance_threshold_cents": cents, "currency": "USD"}
                outbox.publish(self.live, type="balance.low", data=data, now_us=now_us)
            await outbox.flush(tx)

        await self.database.transaction(work)

    async def person(self, email: str) -> Person:
        found = await self.database.read(lambda tx: people_of(tx, [self.account.account_id]))
        return next(one for one in found[self.account.account_id] if one.email == email)

    async def choose(self, email: str, **wanted: bool) -> None:
        person, now_us = await self.person(email), self.clock.now_us()
        await self.database.transaction(lambda tx: choose(tx, person, wanted, now_us=now_us))


async def open_told_team(database: Database, clock: FixedClock) -> ToldTeam:
    account = await open_funded_account(database, clock, email=OWNER)
    people: dict[MemberRole, str] = {role: f"{role}@acme.com" for role in ROLES}

    async def work(tx: Transaction) -> None:
        for role, email in people.items():
            person_id = await create_account(tx, name=role, email=email, now_us=clock.now_us())
            made = await member.invite(
                tx,
                account_id=account.account_id,
                email=email,
                role=role,
                invited_by=account.account_id,
                now_us=clock.now_us(),
            )
            await member.accept(tx, made, person_id, now_us=clock.now_us())

    await database.transaction(work)
    return ToldTeam(account, people)
