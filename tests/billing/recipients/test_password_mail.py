"""A link for a new password is mailed once, to the account's address; one that counts no more is not."""

import re
from collections.abc import AsyncIterator

import pytest

from billing.recipients import account_mail
from kernel.clock import FixedClock
from kernel.errors import NotFound
from kernel.tenant import Tenant
from keys.account import get_account, lock_tenants
from keys.notifications import set_mail_language
from keys.sign_in import password_reset
from keys.sign_in.password_reset import OPEN_MAX, PasswordReset
from store.database import Database, Transaction
from tests.support.funded_account import FundedAccount, open_funded_account
from tests.support.mail_server import MailServer, open_mail_server
from tests.support.owner_mail import MAIL, mail_all, statuses, words

OVER = "it was paid, decided, used or ended meanwhile"


@pytest.fixture
async def owner(database: Database, clock: FixedClock) -> FundedAccount:
    return await open_funded_account(database, clock, email="boss@acme.com")


@pytest.fixture
async def server() -> AsyncIterator[MailServer]:
    async with open_mail_server() as opened:
        yield opened


async def forget(owner: FundedAccount) -> PasswordReset | None:
    """The owner asks for a link, which is mailed."""
    now_us = owner.clock.now_us()

    async def work(tx: Transaction) -> PasswordReset | None:
        account = await get_account(tx, owner.account_id)
        await lock_tenants(tx, [Tenant(account.id, "staging")])
        made = await password_reset.begin(tx, account, now_us=now_us)
        if made is not None:
            await account_mail.write_password_link(tx, made)
        return made

    return await owner.database.transaction(work)


async def change(owner: FundedAccount) -> None:
    async def work(tx: Transaction) -> None:
        account = await get_account(tx, owner.account_id)
        await password_reset.change_password(
            tx, account.id, "argon2's text", now_us=owner.clock.now_us()
        )
        await account_mail.write_password_changed(tx, MAIL, account, now_us=owner.clock.now_us())

    await owner.database.transaction(work)


async def test_the_link_arrives_once_and_the_change_is_told(
    owner: FundedAccount, server: MailServer
) -> None:
    made = await forget(owner)
    (message,) = await mail_all(owner, server)
    more = await mail_all(owner, server)
    await change(owner)
    (told,) = await mail_all(owner, server)

    assert made is not None
    assert more == []
    assert (message["To"], message["Subject"]) == ("boss@acme.com", "Choose a new password")
    link = re.search(r"https://pay\.acme\.com/new-password/([0-9A-Za-z_-]{22})\s", words(message))
    assert link is not None
    assert owner.rules.links.id_of("password", link[1]) == made.id
    # An account's name is free text of whoever opened it.
    assert "Acme" not in words(message)
    assert told["Subject"] == "Your password was changed"
    assert "https://pay.acme.com/forgot-password" in words(told)
    assert await statuses(owner) == [
        ("password_changed", "sent", None),
        ("password", "sent", None),
    ]


async def test_what_counts_no_more_is_not_sent(owner: FundedAccount, server: MailServer) -> None:
    """The password was changed before the worker came to it; and an hour went by."""
    await forget(owner)
    await owner.database.transaction(
        lambda tx: password_reset.change_password(
            tx, owner.account_id, "argon2's text", now_us=owner.clock.now_us()
        )
    )
    await forget(owner)
    owner.clock.advance_s(3_600)
    late = await mail_all(owner, server)

    assert late == []
    assert await statuses(owner) == [("password", "failed", OVER)] * 2


async def test_a_server_that_repeats_the_link_leaves_none_in_the_reason(
    owner: FundedAccount, server: MailServer
) -> None:
    made = await forget(owner)
    assert made is not None
    token = owner.rules.links.token_of("password", made.id)
    server.to_data = f"550 we take no /new-password/{token}"

    await mail_all(owner, server)

    ((_, status, reason),) = await statuses(owner)
    assert (status, token in str(reason), "****" in str(reason)) == ("bounced", False, True)


@pytest.mark.one_database
async def test_ten_links_count_at_a_time_and_none_for_another_address(
    owner: FundedAccount, server: MailServer
) -> None:
    made = [await forget(owner) for _ in range(OPEN_MAX + 1)]
    first = made[0]
    assert first is not None
    assert [one is None for one in made] == [False] * OPEN_MAX + [True]

    await owner.database.transaction(
        lambda tx: tx.execute(
            "UPDATE accounts SET email = 'new@acme.com' WHERE id = :id", id=owner.account_id
        )
    )
    with pytest.raises(NotFound):
        await owner.database.read(
            lambda tx: password_reset.find(tx, first.id, now_us=owner.clock.now_us())
        )
    assert await mail_all(owner, server) == []


@pytest.mark.one_database
async def test_it_speaks_the_language_that_its_owner_chose(
    owner: FundedAccount, server: MailServer
) -> None:
    await owner.database.transaction(lambda tx: set_mail_language(tx, owner.account_id, "es"))
    await forget(owner)

    (message,) = await mail_all(owner, server)

    assert message["Subject"] == "Elige una contraseña nueva"
    assert message["Content-Language"] == "es"
