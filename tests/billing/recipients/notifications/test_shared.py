"""What an owner is told of approvals, receipts and credit that ends, colleagues are told by their role, too."""

from collections.abc import AsyncIterator
from dataclasses import replace
from email.message import EmailMessage
from functools import partial

import pytest

from billing.recipients import approval_mail, owner_mail
from billing.recipients.approval_mail import approval_of_link
from billing.recipients.owner_mail import written_mail
from billing.topups.mail import MailRules
from kernel.clock import FixedClock
from keys import member
from keys.notifications import CHOICES, choose_mail
from keys.principal import MemberRole
from store.database import Database, Transaction
from tests.support.mail_server import MailServer, open_mail_server
from tests.support.mailing_account import FROM
from tests.support.owner_mail import mail_all, rules_of, words
from tests.support.told_team import OWNER, ToldTeam, open_told_team
from worker.mail import OwnerMailer

STAGING = frozenset({"staging"})
CREDIT = {"amount_cents": 500, "expires_at": "2026-12-24T00:00:00Z", "kind": "given"}


@pytest.fixture
async def team(database: Database, clock: FixedClock) -> ToldTeam:
    return await open_told_team(database, clock)


@pytest.fixture
async def server() -> AsyncIterator[MailServer]:
    async with open_mail_server() as opened:
        yield opened


async def staging_mail(team: ToldTeam, server: MailServer) -> dict[str, EmailMessage]:
    """What arrives of what is due now, by whom it goes to; staging's mail leaves."""
    rules = replace(rules_of(team.account), mail=MailRules(STAGING))
    mailer = OwnerMailer(team.database, team.clock, rules, server.sender(), FROM)
    while await mailer.step():
        pass
    return {str(one["To"]): one for one in server.messages}


async def test_only_who_may_decide_gets_the_link_that_decides(
    team: ToldTeam, server: MailServer
) -> None:
    await team.choose("support@acme.com", staging=True)
    await team.choose("finance@acme.com", approval=True, staging=True)
    await team.account.send(1000, to="approval@sandbox.test")
    now_us = team.clock.now_us()
    write = partial(approval_mail.write_due, sent_in=STAGING, now_us=now_us)
    written = await team.database.transaction(write)

    found = await staging_mail(team, server)

    assert written.mails == 3
    assert {to: "/decide/" in words(one) for to, one in found.items()} == {
        OWNER: True,
        "finance@acme.com": True,
        "support@acme.com": False,
    }
    theirs = found["support@acme.com"]
    assert theirs["Subject"] == "$10.00 for approval@sandbox.test needs a decision"
    assert "https://pay.acme.com/dashboard/approvals" in words(theirs)
    assert "This is about the account Acme." in words(theirs)


async def test_a_colleagues_link_ends_with_their_role_and_with_their_membership(
    team: ToldTeam, server: MailServer
) -> None:
    await team.choose("finance@acme.com", approval=True, staging=True)
    await team.account.send(1000, to="approval@sandbox.test")
    write = partial(approval_mail.write_due, sent_in=STAGING, now_us=team.clock.now_us())
    await team.database.transaction(write)
    found = await staging_mail(team, server)
    links = team.account.rules.links
    tokens = {
        to: words(found[to]).partition("/decide/")[2][:22] for to in (OWNER, "finance@acme.com")
    }

    async def decides(to: str) -> bool:
        now_us = team.clock.now_us()
        read = partial(approval_of_link, links=links, token=tokens[to], now_us=now_us)
        asked = await team.database.read(read)
        return asked is not None and asked.status == "pending"

    async def change(role: MemberRole | None) -> None:
        account_id, now_us = team.account.account_id, team.clock.now_us()

        async def work(tx: Transaction) -> None:
            here = await member.list_members(tx, account_id)
            (id_,) = [one.id for one in here if one.email == "finance@acme.com"]
            if role is None:
                await member.remove(tx, account_id, id_, now_us=now_us)
            else:
                await member.change_role(tx, account_id, id_, role)

        await team.database.transaction(work)

    assert tokens[OWNER] != tokens["finance@acme.com"]
    assert await decides("finance@acme.com")
    await change("reader")
    assert not await decides("finance@acme.com")
    await change("finance")
    assert await decides("finance@acme.com")
    await change(None)
    assert not await decides("finance@acme.com")
    assert await decides(OWNER)


async def test_ten_mails_an_hour_are_ten_to_each(team: ToldTeam, server: MailServer) -> None:
    await team.choose("finance@acme.com", approval=True, staging=True)
    written = []
    for _ in range(11):
        await team.account.send(1000, to="approval@sandbox.test")
        now_us = team.clock.now_us()
        write = partial(approval_mail.write_due, sent_in=STAGING, now_us=now_us)
        written.append((await team.database.transaction(write)).mails)

    assert written == [2] * 10 + [0]


async def test_a_mail_to_the_owner_is_copied_once_to_who_wants_it(
    team: ToldTeam, server: MailServer
) -> None:
    """Also where the owner wants none."""
    off_at = team.clock.now_us()
    await team.database.transaction(
        lambda tx: choose_mail(tx, team.live.account_id, "expiring", is_on=False, now_us=off_at)
    )
    await team.choose("developer@acme.com", expiring=True)
    mail = written_mail(
        team.live, "credit_expiring", data=CREDIT, is_sent=True, now_us=team.clock.now_us()
    )
    await team.database.transaction(lambda tx: owner_mail.insert(tx, [mail]))

    messages = await mail_all(team.account, server)
    again = await mail_all(team.account, server)

    assert sorted(str(one["To"]) for one in messages) == ["developer@acme.com", "finance@acme.com"]
    assert again == []
    assert "$5.00 of your free credit expires" in words(messages[0])


async def kept(team: ToldTeam) -> list[tuple[str, int]]:
    rows = await team.database.read(
        lambda tx: tx.fetch("SELECT choice, is_on FROM notification_choices ORDER BY choice")
    )
    return [(row["choice"], row["is_on"]) for row in rows]


async def test_only_what_differs_from_the_role_is_kept_and_another_role_brings_its_own(
    team: ToldTeam,
) -> None:
    reader = "reader@acme.com"
    await team.choose(reader, webhook=True, key=False)
    chosen = (await team.person(reader)).wanted
    differs = await kept(team)
    person = await team.person(reader)
    await team.database.transaction(
        lambda tx: member.change_role(tx, person.account_id, person.member_id or "", "finance")
    )
    as_finance = (await team.person(reader)).wanted
    await team.choose(reader, webhook=False, receipt=False)

    assert chosen == {"webhook"}
    assert differs == [("webhook", 1)]
    assert as_finance == {"webhook", "balance", "receipt", "expiring"}
    assert await kept(team) == [("receipt", 0)]
    assert (await team.person(OWNER)).wanted == set(CHOICES) - {"staging"}


@pytest.mark.one_database
async def test_what_the_account_had_switched_off_stays_off(team: ToldTeam) -> None:
    account_id, now_us = team.live.account_id, team.clock.now_us()
    await team.database.transaction(
        lambda tx: choose_mail(tx, account_id, "receipt", is_on=False, now_us=now_us)
    )
    owner = await team.person(OWNER)

    assert not owner.is_notified("receipt", "live")
    # As before, these are of both environments; what is new is not.
    assert owner.is_notified("approval", "staging")
    assert not owner.is_notified("webhook", "staging")
    await team.choose(OWNER, receipt=True)
    assert (await team.person(OWNER)).is_notified("receipt", "staging")
    assert await kept(team) == []
