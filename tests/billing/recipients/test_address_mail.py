"""An address is asked by mail to verify itself; what counts no more is not sent."""

import re

import pytest

from billing.recipients import account_mail
from kernel.clock import FixedClock
from kernel.errors import NotFound
from kernel.tenant import Tenant
from keys.account import get_account, lock_tenants
from keys.sign_in import email_verification
from keys.sign_in.email_verification import OPEN_MAX, EmailVerification
from store.database import Database, Transaction
from tests.support.funded_account import FundedAccount, open_funded_account
from tests.support.mail_server import open_mail_server
from tests.support.owner_mail import mail_all, statuses, words

OVER = "it was paid, decided, used or ended meanwhile"


async def ask(owner: FundedAccount) -> EmailVerification | None:
    """A link, which is mailed."""

    async def work(tx: Transaction) -> EmailVerification | None:
        await lock_tenants(tx, [Tenant(owner.account_id, "staging")])
        account = await get_account(tx, owner.account_id)
        made = await email_verification.begin(tx, account, now_us=owner.clock.now_us())
        if made is not None:
            await account_mail.write_verification(tx, made)
        return made

    return await owner.database.transaction(work)


async def use(owner: FundedAccount, verification_id: str) -> None:
    now_us = owner.clock.now_us()
    await owner.database.transaction(
        lambda tx: email_verification.use(tx, verification_id, now_us=now_us)
    )


@pytest.mark.one_database
async def test_the_link_arrives_verifies_once_and_ends_the_others(
    database: Database, clock: FixedClock
) -> None:
    owner = await open_funded_account(database, clock, email="boss@acme.com")
    async with open_mail_server() as server:
        first = await ask(owner)
        (message,) = await mail_all(owner, server)
        second = await ask(owner)
        assert first is not None
        assert second is not None
        await use(owner, first.id)
        late = await mail_all(owner, server)

    assert (message["To"], message["Subject"]) == ("boss@acme.com", "Verify your address")
    link = re.search(r"https://pay\.acme\.com/verify-address/([0-9A-Za-z_-]{22})\s", words(message))
    assert link is not None
    assert owner.rules.links.id_of("address", link[1]) == first.id
    # Somebody may have typed an address that is not theirs: the account's name is not told.
    assert "Acme" not in words(message)
    for used in (first, second):
        with pytest.raises(NotFound):
            await use(owner, used.id)
    assert late == []
    assert await statuses(owner) == [("address", "failed", OVER), ("address", "sent", None)]
    account = await database.read(lambda tx: get_account(tx, owner.account_id))
    assert account.email_verified_at == clock.now_us()
    # There is nothing left to verify.
    assert await ask(owner) is None


@pytest.mark.one_database
async def test_five_links_count_at_a_time_for_an_hour_and_for_no_other_address(
    database: Database, clock: FixedClock
) -> None:
    owner = await open_funded_account(database, clock, email="boss@acme.com")
    made = [await ask(owner) for _ in range(OPEN_MAX + 1)]
    assert [one is None for one in made] == [False] * OPEN_MAX + [True]
    assert made[0] is not None
    clock.advance_s(3_600)
    with pytest.raises(NotFound):
        await use(owner, made[0].id)
    again = await ask(owner)
    assert again is not None

    await database.transaction(
        lambda tx: tx.execute(
            "UPDATE accounts SET email = 'new@acme.com' WHERE id = :id", id=owner.account_id
        )
    )

    with pytest.raises(NotFound):
        await use(owner, again.id)
