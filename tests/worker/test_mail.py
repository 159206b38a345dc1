"""Mail to recipients: once, in time, whatever the mail server does; and nothing where nobody asked."""

import asyncio
from collections.abc import AsyncIterator
from functools import partial

import pytest
import pytest_asyncio

from billing.recipients import mailing
from billing.recipients.mailing import MailEnding
from billing.recipients.refusal import refuse_mail
from kernel.clock import MINUTE_US, FixedClock
from store.database import Database
from tests.support.mail_server import MailServer, open_mail_server
from tests.support.mailing_account import MailingAccount, open_mailing_account

LEASE_US = 120_000_000


@pytest_asyncio.fixture
async def server() -> AsyncIterator[MailServer]:
    async with open_mail_server() as opened:
        yield opened


@pytest_asyncio.fixture
async def mailing_account(database: Database, clock: FixedClock) -> MailingAccount:
    return await open_mailing_account(database, clock)


async def test_a_delivered_top_up_brings_one_mail_with_the_way_to_it(
    mailing_account: MailingAccount, server: MailServer
) -> None:
    topup = await mailing_account.send(message="Happy birthday!\nYours, Ana")
    await mailing_account.account.send(1000, to="other@mail.com")

    handled = await mailing_account.mailer(server.sender()).step()

    assert handled == 1
    [message] = server.messages
    [mail] = await mailing_account.mails(topup)
    claim_url = mailing_account.account.rules.claim_url(topup.id)
    assert str(message["To"]) == "user@mail.com"
    assert str(message["From"]) == "Acme Credit <credit@acme.com>"
    assert str(message["Subject"]) == "Acme sent you $10.00 for Claude"
    assert message["Message-ID"] == f"<{mail.id}@acme.com>"
    assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert str(message["List-Unsubscribe"]).startswith("<https://pay.acme.com/no-mail/")
    assert [part.get_content_type() for part in message.iter_parts()] == ["text/plain", "text/html"]
    for part in message.iter_parts():
        assert claim_url in part.get_content()
        assert "Happy birthday!" in part.get_content()
    assert mail.status == "sent"
    assert (await mailing_account.again(topup)).emailed_at == mail.ended_at
    assert claim_url.startswith("https://pay.acme.com/claim/")


@pytest.mark.one_database
@pytest.mark.parametrize("to", ["=?utf-8?q?x?=@mail.com", "a" * 64 + "@" + "b" * 60 + ".mail.com"])
async def test_a_mail_goes_to_whatever_address_was_taken_in(
    mailing_account: MailingAccount, server: MailServer, to: str
) -> None:
    topup = await mailing_account.send(to)

    await mailing_account.mailer(server.sender()).step()

    assert [one.status for one in await mailing_account.mails(topup)] == ["sent"]
    assert f"\r\nTo: {to}\r\n".encode() in server.taken[0]


async def test_a_pending_top_up_brings_its_mail_once_it_is_delivered(
    mailing_account: MailingAccount, server: MailServer
) -> None:
    topup = await mailing_account.send(platform="slow")
    mailer = mailing_account.mailer(server.sender())

    assert await mailer.step() == 0
    await mailing_account.account.settle(topup.id, "delivered")
    assert await mailer.step() == 1

    assert len(server.messages) == 1


async def test_a_failed_top_up_brings_no_mail(mailing_account: MailingAccount) -> None:
    topup = await mailing_account.send(platform="slow")

    await mailing_account.account.settle(topup.id, "failed")

    assert await mailing_account.mails(topup) == []


@pytest.mark.one_database
async def test_what_people_wrote_makes_no_header_and_no_markup(
    mailing_account: MailingAccount, server: MailServer
) -> None:
    evil = "Hi\r\nBcc: all@mail.com\r\n\r\n<script>alert(1)</script>"
    await mailing_account.send(message=evil)

    await mailing_account.mailer(server.sender()).step()

    [message] = server.messages
    html = list(message.iter_parts())[1].get_content()
    assert message["Bcc"] is None
    assert "<script>" not in html
    assert "&lt;script&gt;" in html


@pytest.mark.one_database
async def test_a_mail_is_in_the_language_that_was_asked_for(
    mailing_account: MailingAccount, server: MailServer
) -> None:
    await mailing_account.send(locale="ar-EG")

    await mailing_account.mailer(server.sender()).step()

    [message] = server.messages
    html = list(message.iter_parts())[1].get_content()
    assert message["Content-Language"] == "ar"
    assert '<html lang="ar" dir="rtl">' in html
    assert (
        '<div lang="ar" dir="rtl" ' in html
    )  # webmail drops what stands around the body's content


@pytest.mark.parametrize(
    ("to_rcpt", "status", "waits"),
    [
        ("550 5.1.1 no such mailbox", "bounced", None),
        ("451 4.7.1 greylisted", "queued", 60_000_000),
    ],
)
async def test_a_5xx_is_a_bounce_and_a_4xx_is_tried_again(
    mailing_account: MailingAccount,
    server: MailServer,
    clock: FixedClock,
    to_rcpt: str,
    status: str,
    waits: int | None,
) -> None:
    topup = await mailing_account.send()
    server.to_rcpt = to_rcpt

    await mailing_account.mailer(server.sender()).step()

    [mail] = await mailing_account.mails(topup)
    assert (mail.status, mail.reason) == (status, to_rcpt)
    assert mail.next_attempt_at == (None if waits is None else clock.now_us() + waits)
    assert (await mailing_account.again(topup)).emailed_at is None


@pytest.mark.one_database
async def test_what_a_server_repeats_of_the_link_is_not_kept(
    mailing_account: MailingAccount, server: MailServer
) -> None:
    topup = await mailing_account.send()
    claim_url = mailing_account.account.rules.claim_url(topup.id)
    server.to_data = f"554 blocked for {claim_url}"

    await mailing_account.mailer(server.sender()).step()

    [mail] = await mailing_account.mails(topup)
    assert mail.status == "bounced"
    assert mail.reason == "554 blocked for https://pay.acme.com/claim/****"


@pytest.mark.one_database
async def test_a_server_that_hangs_delays_its_mail_alone(
    mailing_account: MailingAccount, server: MailServer
) -> None:
    topup = await mailing_account.send()
    server.hangs = True

    await mailing_account.mailer(server.sender(send_s=0.2)).step()

    [mail] = await mailing_account.mails(topup)
    assert (mail.status, mail.reason) == ("queued", "the mail server did not answer in time")


@pytest.mark.one_database
async def test_a_mail_that_never_goes_through_fails_in_the_end(
    mailing_account: MailingAccount, server: MailServer, clock: FixedClock
) -> None:
    topup = await mailing_account.send()
    mailer = mailing_account.mailer(server.sender())
    server.to_data = "421 4.3.2 not now"
    tries = 0

    while (await mailing_account.mails(topup))[0].status == "queued":
        assert await mailer.step() == 1
        tries += 1
        clock.advance_s(86_400)

    assert tries == 7
    assert (await mailing_account.mails(topup))[0].status == "failed"


async def test_of_two_workers_one_sends_it(
    mailing_account: MailingAccount, server: MailServer
) -> None:
    for number in range(5):
        await mailing_account.send(to=f"user{number}@mail.com")
    mailers = [mailing_account.mailer(server.sender()) for _ in range(2)]

    handled = await asyncio.gather(*(mailer.step() for mailer in mailers))

    assert sum(handled) == 5
    assert len({message["Message-ID"] for message in server.messages}) == len(server.messages) == 5


async def test_a_claim_that_was_lost_is_taken_over_and_its_late_outcome_is_not_written(
    mailing_account: MailingAccount, server: MailServer, clock: FixedClock
) -> None:
    topup = await mailing_account.send()
    claim = partial(
        mailing.claim,
        links=mailing_account.account.rules.links,
        now_us=clock.now_us(),
        lease_us=LEASE_US,
        limit=9,
    )
    [lost] = await mailing_account.database.transaction(claim)
    mailer = mailing_account.mailer(server.sender())
    assert await mailer.step() == 0

    clock.advance_s(120)
    assert await mailer.step() == 1
    late = partial(
        mailing.settle, mail=lost.mail, ending=MailEnding("bounced", "late"), now_us=clock.now_us()
    )

    assert await mailing_account.database.transaction(late) is False
    [mail] = await mailing_account.mails(topup)
    assert (mail.status, mail.attempts) == ("sent", 2)


@pytest.mark.one_database
async def test_a_repeated_mail_is_the_same_to_the_byte(
    mailing_account: MailingAccount, server: MailServer, clock: FixedClock
) -> None:
    topup = await mailing_account.send()
    mailer = mailing_account.mailer(server.sender())
    await mailer.step()

    async def unsettle() -> None:
        # As after a crash between the server's answer and the commit.
        await mailing_account.database.transaction(
            lambda tx: tx.execute(
                "UPDATE mails SET status = 'queued', next_attempt_at = :now WHERE id LIKE 'mal%'",
                now=clock.now_us(),
            )
        )

    await unsettle()
    clock.advance_s(60)
    await mailer.step()

    first, second = server.taken
    assert first == second
    assert (await mailing_account.again(topup)).emailed_at == clock.now_us() - MINUTE_US


async def test_an_address_that_wants_no_mail_gets_none(
    mailing_account: MailingAccount, server: MailServer, clock: FixedClock
) -> None:
    digest = mailing_account.account.rules.links.digest_of("user@mail.com")
    await mailing_account.database.transaction(
        lambda tx: refuse_mail(tx, digest, now_us=clock.now_us())
    )
    topup = await mailing_account.send()

    await mailing_account.mailer(server.sender()).step()

    [mail] = await mailing_account.mails(topup)
    assert mail.status == "unwanted"
    assert server.messages == []


async def test_the_limits_hold_for_each_recipient_and_for_the_account(
    database: Database, clock: FixedClock
) -> None:
    limited = await open_mailing_account(database, clock, account_max=3, recipient_max=2)

    topups = [await limited.send(to=to) for to in ("a@mail.com",) * 3 + ("b@mail.com",) * 2]

    kept = [(await limited.mails(topup))[0].status for topup in topups]
    assert kept == ["queued", "queued", "limited", "queued", "limited"]
    clock.advance_s(86_400)
    assert (await limited.mails(await limited.send(to="a@mail.com")))[0].status == "queued"


@pytest.mark.one_database
async def test_mail_to_a_name_that_cannot_exist_stays_in_the_outbox(
    mailing_account: MailingAccount,
) -> None:
    topup = await mailing_account.send(to="user@sandbox.test")

    [mail] = await mailing_account.mails(topup)
    assert (mail.status, mail.next_attempt_at) == ("outbox", None)
