"""An invitation is mailed to whom it is for, with its link; one that counts no more is not."""

import re
from collections.abc import AsyncIterator
from functools import partial

import pytest

from billing.recipients import account_mail
from billing.topups.mail import MailRules
from kernel.clock import FixedClock
from keys import member
from keys.member import Member
from keys.notifications import set_mail_language
from store.database import Database, Transaction
from tests.support.funded_account import FundedAccount, open_funded_account
from tests.support.mail_server import MailServer, open_mail_server
from tests.support.owner_mail import MAIL, mail_all, statuses, words


@pytest.fixture
async def team(database: Database, clock: FixedClock) -> FundedAccount:
    return await open_funded_account(database, clock, email="boss@acme.com")


@pytest.fixture
async def server() -> AsyncIterator[MailServer]:
    async with open_mail_server() as opened:
        yield opened


async def invite(team: FundedAccount, email: str) -> Member:
    now_us = team.clock.now_us()

    async def work(tx: Transaction) -> Member:
        made = await member.invite(
            tx,
            account_id=team.account_id,
            email=email,
            role="finance",
            invited_by=team.account_id,
            now_us=now_us,
        )
        await account_mail.write_invitation(tx, made, now_us=now_us)
        return made

    return await team.database.transaction(work)


async def test_it_goes_to_the_invited_once_with_the_link_that_joins(
    team: FundedAccount, server: MailServer
) -> None:
    made = await invite(team, "Ann@Example.com")
    (message,) = await mail_all(team, server)
    more = await mail_all(team, server)

    assert more == []
    assert message["To"] == "ann@example.com"
    assert message["Subject"] == "boss@acme.com has invited you to join their account"
    text = words(message)
    link = re.search(r"https://pay\.acme\.com/invitation/([0-9A-Za-z_-]{22})\s", text)
    assert link is not None
    assert team.rules.links.id_of("invitation", link[1]) == made.invitation_id
    # The account's name is its owner's free text; no stranger reads it in a mail of ours.
    assert "Acme" not in text
    assert await statuses(team) == [("invitation", "sent", None)]


async def test_what_counts_no_more_is_not_sent(team: FundedAccount, server: MailServer) -> None:
    """Withdrawn, renewed without mail, and over when the worker comes to it."""
    withdrawn = await invite(team, "a@example.com")
    renewed = await invite(team, "b@example.com")
    now_us = team.clock.now_us()
    for change, one in ((member.remove, withdrawn), (member.renew, renewed)):
        await team.database.transaction(
            partial(change, account_id=team.account_id, member_id=one.id, now_us=now_us)
        )
    ended = await mail_all(team, server)
    await invite(team, "c@example.com")
    team.clock.advance_s(7 * 86_400)
    over = await mail_all(team, server)

    assert (ended, over) == ([], [])
    why = "it was paid, decided, used or ended meanwhile"
    assert await statuses(team) == [("invitation", "failed", why)] * 3


async def test_a_server_that_repeats_the_link_leaves_none_in_the_reason(
    team: FundedAccount, server: MailServer
) -> None:
    made = await invite(team, "ann@example.com")
    assert made.invitation_id is not None
    token = team.rules.links.token_of("invitation", made.invitation_id)
    server.to_data = f"550 we take no /invitation/{token}"

    await mail_all(team, server)

    ((_, status, reason),) = await statuses(team)
    assert (status, token in str(reason), "****" in str(reason)) == ("bounced", False, True)


@pytest.mark.one_database
async def test_it_speaks_the_language_that_its_owner_chose(
    team: FundedAccount, server: MailServer
) -> None:
    await team.database.transaction(lambda tx: set_mail_language(tx, team.account_id, "es"))
    await invite(team, "ann@example.com")

    (message,) = await mail_all(team, server)

    assert message["Subject"] == "boss@acme.com te ha invitado a unirte a su cuenta"
    assert message["Content-Language"] == "es"


@pytest.mark.one_database
def test_mail_leaves_where_a_mailbox_can_be() -> None:
    assert account_mail.is_mailed(MAIL, "ann@example.com")
    assert not account_mail.is_mailed(MAIL, "ann@acme.example")
    assert not account_mail.is_mailed(MailRules(), "ann@example.com")
