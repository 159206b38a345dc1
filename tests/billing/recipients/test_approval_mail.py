"""Owners are told of sends that wait: one by one while they are few, together in a flood, ten mails an hour."""

import asyncio
import re
from collections.abc import AsyncIterator
from dataclasses import replace
from email.message import EmailMessage
from functools import partial

import pytest

from billing.recipients import approval_mail, owner_mail
from billing.topups import approval
from billing.topups.mail import MailRules
from kernel.clock import FixedClock
from keys.notifications import choose_mail, set_mail_language
from store.database import Database, Transaction
from tests.support.colleagues import given_colleague
from tests.support.mail_server import MailServer, open_mail_server
from tests.support.mailing_account import FROM, MailingAccount, open_mailing_account
from worker.mail import OwnerMailer
from worker.money.due import ApprovalMailer
from worker.topups import Releaser

WAITS = "approval@sandbox.test"
HOUR_US = 3_600_000_000
SENT_IN = frozenset({"staging"})


@pytest.fixture
async def owner(database: Database, clock: FixedClock) -> MailingAccount:
    mailing = await open_mailing_account(database, clock)
    await set_email(mailing, "ann@example.com")
    return mailing


@pytest.fixture
async def server() -> AsyncIterator[MailServer]:
    async with open_mail_server() as opened:
        yield opened


async def set_email(owner: MailingAccount, email: str | None) -> None:
    async def work(tx: Transaction) -> None:
        await tx.execute(
            "UPDATE accounts SET email = :email WHERE id = :id",
            email=email,
            id=owner.account.account_id,
        )

    await owner.database.transaction(work)


async def ask(owner: MailingAccount, count: int = 1) -> list[str]:
    """So many sends that wait; the ids of their top-ups."""
    sent = [await owner.account.send(1000, to=WAITS) for _ in range(count)]
    return [one.topup.id for one in sent]


async def write(owner: MailingAccount) -> int:
    now_us = owner.account.clock.now_us()
    work = partial(approval_mail.write_due, sent_in=SENT_IN, now_us=now_us)
    return (await owner.database.transaction(work)).mails


async def mail_all(owner: MailingAccount, server: MailServer) -> list[EmailMessage]:
    """What arrives of what is due now."""
    mail = MailRules(SENT_IN)
    rules = replace(owner.account.rules, public_url="https://pay.acme.com", mail=mail)
    mailer = OwnerMailer(owner.database, owner.account.clock, rules, server.sender(), FROM)
    while await mailer.step():
        pass
    found, server.messages[:] = list(server.messages), []
    return found


def text_of(message: EmailMessage) -> str:
    part = message.get_body(("plain",))
    assert part is not None
    return " ".join(str(part.get_content()).split())


async def test_one_that_waits_is_told_once_with_the_link_that_decides(
    owner: MailingAccount, server: MailServer
) -> None:
    await ask(owner)

    written = [await write(owner) for _ in range(2)]
    (message,) = await mail_all(owner, server)

    assert written == [1, 0]
    assert message["To"] == "ann@example.com"
    assert message["Subject"] == "$10.00 for approval@sandbox.test needs your decision"
    text = text_of(message)
    assert "$10.00 of claude credit" in text
    assert "unless you approve this send by" in text
    link = re.search(r"https://pay\.acme\.com/decide/([0-9A-Za-z_-]{22})\?lang=en\s", text)
    assert link is not None
    links = owner.account.rules.links
    approval_id = links.id_of("approval", link[1])
    asked = await owner.database.read(
        lambda tx: approval.find(tx, approval_id or "", now_us=owner.account.clock.now_us())
    )
    assert asked is not None
    assert asked.status == "pending"
    # What is stored names the approval; the link is worked out when it is sent.
    kept = await owner.database.read(
        lambda tx: owner_mail.latest(tx, owner.account.principal.tenant, limit=9)
    )
    assert link[1] not in str(kept)


@pytest.mark.one_database
async def test_what_a_mail_server_repeats_of_the_link_is_not_kept(
    owner: MailingAccount, server: MailServer
) -> None:
    (topup_id,) = await ask(owner)
    await write(owner)
    asked = await owner.database.read(lambda tx: approval.load_for_topups(tx, [topup_id]))
    token = owner.account.rules.links.token_of("approval", asked[topup_id].id)
    no_mail = owner.account.rules.links.token_of("no_approval", owner.account.account_id)
    server.to_data = f"554 blocked: pay.acme.com/decide/{token}?lang=en is on a list, {no_mail} too"

    assert await mail_all(owner, server) == []

    (kept,) = await owner.database.read(
        lambda tx: owner_mail.latest(tx, owner.account.principal.tenant, limit=9)
    )
    assert kept.status == "bounced"
    assert "pay.acme.com/decide/****?lang=en is on a list, **** too" in str(kept.reason)


async def test_three_come_one_by_one_and_four_together(
    owner: MailingAccount, server: MailServer
) -> None:
    await ask(owner, 3)
    assert await write(owner) == 3
    await ask(owner, 4)
    assert await write(owner) == 1

    messages = await mail_all(owner, server)

    together = next(one for one in messages if "sends" in one["Subject"])
    assert len(messages) == 4
    assert together["Subject"] == "4 sends need your decision"
    assert "4 sends, $40.00 in total, need your decision." in text_of(together)
    assert "https://pay.acme.com/dashboard/approvals" in text_of(together)


async def test_a_flood_makes_ten_mails_an_hour_and_nothing_is_left_out(
    owner: MailingAccount, server: MailServer
) -> None:
    clock, written = owner.account.clock, []
    for _ in range(24):
        await ask(owner, 4)
        written.append(await write(owner))
        clock.advance_s(60)
    clock.advance_s(3600)
    written.append(await write(owner))

    messages = await mail_all(owner, server)

    assert written == [1] * 10 + [0] * 14 + [1]
    assert len(messages) == 11
    subjects = sorted(message["Subject"] for message in messages)
    assert subjects == ["4 sends need your decision"] * 10 + ["56 sends need your decision"]


@pytest.mark.one_database
async def test_accounts_that_had_their_mails_of_the_hour_stand_in_nobodys_way(
    database: Database, clock: FixedClock, owner: MailingAccount
) -> None:
    owners = [owner]
    for email in ("ben@example.com", "cat@example.com"):
        owners.append(await open_mailing_account(database, clock))
        await set_email(owners[-1], email)
    owners.sort(key=lambda one: one.account.account_id)
    # The last of them in the order of looking is the only one that is told.
    for full in owners[:-1]:
        for _ in range(10):
            await ask(full)
            assert await write(full) == 1
        await ask(full)
    await ask(owners[-1])

    teller = ApprovalMailer(database, clock, SENT_IN, tenants_at_once=1)

    assert await teller.step() == 1
    clock.advance_s(3601)
    assert await teller.step() == 2


async def test_two_workers_tell_it_once(owner: MailingAccount, server: MailServer) -> None:
    await ask(owner, 2)

    written = await asyncio.gather(*(write(owner) for _ in range(4)))

    assert sum(written) == 2
    assert len(await mail_all(owner, server)) == 2


async def test_what_was_decided_meanwhile_is_not_told(
    owner: MailingAccount, server: MailServer
) -> None:
    first, second, *others = await ask(owner, 5)
    assert await write(owner) == 1
    asked = await owner.database.read(lambda tx: approval.load_for_topups(tx, [first]))
    await owner.account.decide(first, asked[first].id, "denied")
    await owner.account.cancel(second)

    (message,) = await mail_all(owner, server)
    assert "3 sends, $30.00 in total" in text_of(message)

    late = (await ask(owner))[0]
    await write(owner)
    await owner.account.cancel(late)
    assert await mail_all(owner, server) == []
    assert len(others) == 3


async def test_who_wants_none_or_has_no_address_gets_none_and_nothing_is_written(
    owner: MailingAccount,
) -> None:
    account_id, now_us = owner.account.account_id, owner.account.clock.now_us()

    async def choose(*, is_on: bool) -> None:
        await owner.database.transaction(
            lambda tx: choose_mail(tx, account_id, "approval", is_on=is_on, now_us=now_us)
        )

    await choose(is_on=False)
    await ask(owner)
    assert await write(owner) == 0
    await choose(is_on=True)
    await set_email(owner, None)
    await ask(owner)
    assert await write(owner) == 0
    # They count as told: who switches it on again is told of later ones.
    await set_email(owner, "ann@example.com")
    assert await write(owner) == 0
    await ask(owner)
    assert await write(owner) == 1


async def test_a_send_of_who_left_is_told_to_an_owner_who_wants_no_mail_about_approvals(
    owner: MailingAccount, server: MailServer
) -> None:
    account, clock = owner.account, owner.account.clock
    colleague = await given_colleague(account)
    for number in range(2):
        await colleague.send(send_at=clock.now_us() + HOUR_US, to=f"u{number}@example.com")
    await colleague.remove()
    clock.advance_s(3600)
    await Releaser(owner.database, clock, account.engine).sweep()
    await owner.database.transaction(
        lambda tx: choose_mail(
            tx, account.account_id, "approval", is_on=False, now_us=clock.now_us()
        )
    )
    await ask(owner)  # above its key's threshold: they chose not to hear of these

    assert await write(owner) == 2
    mails = await mail_all(owner, server)

    assert sorted(one["Subject"] for one in mails) == [
        "$10.00 for u0@example.com needs your decision",
        "$10.00 for u1@example.com needs your decision",
    ]
    for one in mails:
        text = text_of(one)
        assert "dev@acme.example wanted to send" in text
        assert text.endswith(
            "To remove everything else that this colleague created, open Team in your dashboard: "
            "https://pay.acme.com/dashboard/team"
        )
        # No switch ends them, so they name none.
        assert one["List-Unsubscribe"] is None


async def test_of_the_last_mail_of_an_hour_both_kinds_share_one(owner: MailingAccount) -> None:
    account, clock = owner.account, owner.account.clock
    colleague = await given_colleague(account)
    await colleague.send(send_at=clock.now_us() + HOUR_US)
    await colleague.remove()
    clock.advance_s(3600)
    for _ in range(9):
        await ask(owner)
        assert await write(owner) == 1
    await Releaser(owner.database, clock, account.engine).sweep()
    await ask(owner)

    assert [await write(owner) for _ in range(2)] == [1, 0]
    mails = await owner.database.read(
        lambda tx: owner_mail.latest(tx, account.principal.tenant, limit=20)
    )
    assert [len(one.data["approval_ids"]) for one in mails] == [2, *[1] * 9]
    assert (mails[0].choice, mails[1].choice) == (None, "approval")


@pytest.mark.parametrize(
    ("tag", "subject"),
    [
        ("es", "Un envío de 10,00 US$ a approval@sandbox.test espera tu decisión"),
        ("zh", "US$10.00（收件人 approval@sandbox.test）等待您审批"),
    ],
)
async def test_it_is_in_the_owners_language(
    owner: MailingAccount, server: MailServer, tag: str, subject: str
) -> None:
    account_id = owner.account.account_id
    await owner.database.transaction(lambda tx: set_mail_language(tx, account_id, tag))
    await ask(owner)
    await write(owner)

    (message,) = await mail_all(owner, server)

    assert str(message["Subject"]).replace("\xa0", " ") == subject
    # Chinese has no space between sentences.
    assert not any("。 " in part.get_content() for part in message.iter_parts())
