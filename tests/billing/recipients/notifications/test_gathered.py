"""A burst is one mail to each who wants it; nothing is left out, told twice, or told once it is over."""

import asyncio
import re
from collections.abc import AsyncIterator
from email.message import EmailMessage

import pytest

from billing.recipients import owner_mail
from billing.recipients.refusal import choice_of_token
from kernel.clock import FixedClock
from kernel.tenant import Tenant
from keys import member
from keys.notifications import set_mail_language
from store.database import Database
from tests.support.mail_server import MailServer, open_mail_server
from tests.support.owner_mail import mail_all, rules_of, statuses, words
from tests.support.told_team import OWNER, ToldTeam, open_told_team
from worker.mail import OWNER_LEASE_US
from worker.money.due import NotificationWriter

DEVELOPER, FINANCE, SUPPORT = "developer@acme.com", "finance@acme.com", "support@acme.com"


@pytest.fixture
async def team(database: Database, clock: FixedClock) -> ToldTeam:
    return await open_told_team(database, clock)


@pytest.fixture
async def server() -> AsyncIterator[MailServer]:
    async with open_mail_server() as opened:
        yield opened


def told(messages: list[EmailMessage]) -> list[tuple[str, str]]:
    return [(str(one["To"]), str(one["Subject"])) for one in messages]


async def test_46_webhooks_that_fail_at_once_are_one_mail(
    team: ToldTeam, server: MailServer
) -> None:
    await team.fail(46)
    early = await team.told(server, after_s=60)
    messages = await team.told(server)
    again = await team.told(server, after_s=3600)

    assert (early, again) == ([], [])
    assert told(messages) == [
        (OWNER, "46 webhooks are failing"),
        (DEVELOPER, "46 webhooks are failing"),
    ]
    text = words(messages[0])
    assert text.count(" has been failing since ") == 20
    assert "And 26 more." in text
    assert "hush" not in str(messages[0])
    listed = re.findall(r"https://pay\.acme\.com/dashboard/webhooks/(we_\w+)", text)
    assert len(set(listed) & set(team.endpoints)) == 20
    assert "This is about the account Acme." not in text
    assert "This is about the account Acme." in words(messages[1])


async def test_what_recovers_meanwhile_is_not_told_and_what_was_told_is_told_to_be_over(
    team: ToldTeam, server: MailServer
) -> None:
    await team.fail(3)
    first, second, third = team.endpoints
    await team.recover(first)
    (to_owner, _) = await team.told(server)
    await team.recover(second)
    await team.fail(1)
    spaced = await team.told(server, after_s=600)
    (later, _) = await team.told(server, after_s=301)

    assert to_owner["Subject"] == "2 webhooks are failing"
    assert "hooks.example.com/0" not in words(to_owner)
    # What came within a quarter of an hour of the last mail is in the next one, together.
    assert spaced == []
    assert later["Subject"] == "A webhook fails"
    text = words(later)
    assert "https://hooks.example.com/3 has been failing since" in text
    assert "https://hooks.example.com/1 has been working again since" in text
    assert "hooks.example.com/2" not in text
    assert third in team.endpoints
    assert "List-Unsubscribe" in later


async def test_the_only_webhook_of_an_account_is_warned_of_by_mail_with_its_time(
    team: ToldTeam, server: MailServer
) -> None:
    await team.fail(1)
    first = await team.told(server)
    team.clock.advance_s(4 * 86_400 - 301)
    await team.warn(team.endpoints[0])
    messages = await team.told(server)
    again = await team.told(server, after_s=3600)

    assert len(first) == 2
    subject = "A webhook will be disabled soon"
    assert told(messages) == [(OWNER, subject), (DEVELOPER, subject)]
    # It began to fail on June 13 at noon and was warned of four days later.
    assert (
        "https://hooks.example.com/0 has been failing since Jun 13, 2026, 12:00:00 PM UTC. It will be"
        " disabled on Jun 18, 2026, 12:00:00 PM UTC unless an event is delivered first."
    ) in " ".join(words(messages[0]).split())
    assert again == []


async def test_200_keys_are_one_mail_that_says_who_made_them_and_what_they_may(
    team: ToldTeam, server: MailServer
) -> None:
    made = await team.make_keys(200)
    (to_owner, to_developer) = await team.told(server, after_s=61)
    await team.make_keys(1)
    waiting = await team.told(server, after_s=60)
    (single, _) = await team.told(server, after_s=900)

    assert (to_owner["To"], to_developer["To"]) == (OWNER, DEVELOPER)
    assert to_owner["Subject"] == "200 new keys"
    text = words(to_owner)
    assert text.count("Created by the owner from 203.0.113.9.") == 20
    assert "The key agent 0 has these scopes: topup:send topup:read." in text
    assert f"https://pay.acme.com/dashboard/keys/{made[0].id}" in text
    assert "And 180 more." in text
    assert waiting == []
    assert single["Subject"] == "New key: agent 0"
    assert "more." not in words(single)


async def test_a_low_balance_is_told_until_it_is_back(team: ToldTeam, server: MailServer) -> None:
    # The live wallet is empty.
    await team.fall(5_000, 2_000)
    messages = await team.told(server, after_s=61)
    assert told(messages) == [
        (OWNER, "The balance is below $20.00"),
        (FINANCE, "The balance is below $20.00"),
    ]
    assert "$0.00 is left." in words(messages[0])

    await team.fall(0)
    assert await team.told(server, after_s=901) == []
    status = await statuses(team.account)
    assert status[0][:2] == ("balance", "failed")


async def test_each_is_told_what_they_chose_and_staging_only_who_asked_for_it(
    team: ToldTeam, server: MailServer
) -> None:
    staging = Tenant(team.account.account_id, "staging")
    await team.choose(OWNER, key=False, webhook=False, staging=True)
    await team.choose(DEVELOPER, webhook=False, balance=True)
    await team.choose(SUPPORT, key=True)
    await team.fail(1)
    await team.make_keys(1)
    await team.make_keys(1, staging)
    await team.fall(1_000)
    messages = await team.told(server)

    # Of webhooks nobody wants to hear, nor of keys in staging.
    assert sorted(told(messages)) == [
        (OWNER, "The balance is below $10.00"),
        (DEVELOPER, "New key: agent 0"),
        (DEVELOPER, "The balance is below $10.00"),
        (FINANCE, "The balance is below $10.00"),
        (SUPPORT, "New key: agent 0"),
    ]
    # What nobody wanted to hear counts as told, and so does its end.
    await team.choose(OWNER, webhook=True, key=True)
    await team.recover(*team.endpoints)
    assert await team.told(server, after_s=901) == []
    # Staging's mail does not leave here: the owner's lies in the outbox.
    await team.make_keys(1, staging)
    assert await team.told(server, after_s=61) == []
    kept = await team.database.read(lambda tx: owner_mail.latest(tx, staging, limit=9))
    assert [(one.kind, one.status, one.member_id) for one in kept] == [("key", "outbox", None)]


async def test_two_workers_write_and_send_once(team: ToldTeam, server: MailServer) -> None:
    await team.fail(2)
    await team.make_keys(2)
    team.clock.advance_s(301)

    written = await asyncio.gather(*(team.writer().step() for _ in range(4)))
    mails = await asyncio.gather(*(mail_all(team.account, server) for _ in range(2)))

    assert sum(written) == 4
    assert sum(map(len, mails)) == 4


@pytest.mark.one_database
async def test_a_worker_that_ends_between_write_and_send_repeats_one_mail(
    team: ToldTeam, server: MailServer
) -> None:
    """It was handed to the mail server, and its outcome never written: the same mail goes again."""
    await team.choose(DEVELOPER, webhook=False)
    await team.fail(46)
    team.clock.advance_s(301)
    await team.writer().step()
    now_us = team.clock.now_us()
    claimed = await team.database.transaction(
        lambda tx: owner_mail.claim(tx, now_us=now_us, lease_us=OWNER_LEASE_US, limit=8)
    )

    leased = await mail_all(team.account, server)
    team.clock.advance_s(OWNER_LEASE_US // 1_000_000)
    (sent,) = await mail_all(team.account, server)

    assert len(claimed) == 1
    assert leased == []
    assert sent["Subject"] == "46 webhooks are failing"
    assert sent["Message-ID"] == f"<{claimed[0].mail.id}@acme.com>"


@pytest.mark.one_database
async def test_each_mail_ends_by_a_link_of_that_person_account_and_kind(
    team: ToldTeam, server: MailServer
) -> None:
    await team.fail(1)
    await team.make_keys(1)
    links = rules_of(team.account).links
    ends = {}
    for message in await team.told(server):
        assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
        token = re.search(r"/no-mail/([\w-]{22})>", message["List-Unsubscribe"])
        assert token is not None
        ends[message["To"], message["Subject"]] = choice_of_token(links, token[1])

    developer = (await team.person(DEVELOPER)).member_id
    assert ends == {
        (OWNER, "A webhook fails"): (team.account.account_id, "webhook"),
        (OWNER, "New key: agent 0"): (team.account.account_id, "key"),
        (DEVELOPER, "A webhook fails"): (developer, "webhook"),
        (DEVELOPER, "New key: agent 0"): (developer, "key"),
    }


@pytest.mark.one_database
async def test_who_left_or_switched_it_off_meanwhile_gets_none(
    team: ToldTeam, server: MailServer
) -> None:
    await team.fail(1)
    team.clock.advance_s(301)
    await team.writer().step()
    person = await team.person(DEVELOPER)
    await team.choose(OWNER, webhook=False)
    await team.database.transaction(
        lambda tx: member.leave(tx, person.account_id, person.person_id, now_us=team.clock.now_us())
    )

    assert await mail_all(team.account, server) == []
    assert {row[:2] for row in await statuses(team.account)} == {("webhook", "unwanted")}


@pytest.mark.one_database
@pytest.mark.parametrize(
    ("tag", "subject"),
    [("ar", "مفاتيح جديدة: 21"), ("zh", "21 个新密钥"), ("es", "21 claves nuevas")],
)
async def test_it_is_in_the_language_of_who_reads_it(
    team: ToldTeam, server: MailServer, tag: str, subject: str
) -> None:
    person = await team.person(DEVELOPER)
    await team.database.transaction(lambda tx: set_mail_language(tx, person.person_id, tag))
    await team.make_keys(21)

    (english, theirs) = await team.told(server, after_s=61)

    assert english["Subject"] == "21 new keys"
    written = str(theirs["Subject"]).replace("\u2068", "").replace("\u2069", "")
    assert written == subject
    assert theirs["Content-Language"] == tag


@pytest.mark.one_database
async def test_a_worker_that_was_away_for_a_night_tells_what_came_meanwhile(
    team: ToldTeam, server: MailServer
) -> None:
    writer = team.writer()
    await writer.step()
    await team.make_keys(1)
    team.clock.advance_s(50_000)
    fresh = await team.writer().step()
    await team.make_keys(1)
    team.clock.advance_s(50_000)
    late = await writer.step()

    assert (fresh, late) == (2, 2)
    assert len(await mail_all(team.account, server)) == 4


@pytest.mark.one_database
async def test_where_no_mail_leaves_the_owners_lies_in_the_outbox(team: ToldTeam) -> None:
    await team.fail(1)
    team.clock.advance_s(301)
    writer = NotificationWriter(team.database, team.clock, frozenset())

    assert await writer.step() == 1
    assert [row[:2] for row in await statuses(team.account)] == [("webhook", "outbox")]
