"""A payer is told of a receipt by mail: once, by a link that leads to this document, unless it is not wanted."""

import re
from dataclasses import replace

import pytest

from billing.documents import document
from billing.documents.facts import Party, Seller
from billing.documents.numbering import number_step
from billing.recipients import owner_mail
from billing.topups.mail import MailRules
from kernel.clock import DAY_US, FixedClock
from keys.notifications import choose_mail
from store.database import Database
from tests.support.buyer import Buyer, open_live_counter
from tests.support.mail_server import open_mail_server
from tests.support.mailing_account import FROM
from worker.mail import OwnerMailer

pytestmark = pytest.mark.one_database
SELLER = Seller(Party("Acme GmbH"), {"receipt": "R", "credit_note": "CN", "debit_note": "DN"})


async def numbered(buyer: Buyer, clock: FixedClock, seller: Seller = SELLER) -> None:
    """Pays an order, at this moment, and numbers what is due."""
    await buyer.pay(await buyer.order(), f"pi_{clock.now_us()}")
    await number(buyer, clock, seller)


async def number(buyer: Buyer, clock: FixedClock, seller: Seller = SELLER) -> None:
    database, sent_in = buyer.account.database, {"live"}
    await number_step(database, "live", seller, now_us=clock.now_us(), mail_sent_in=sent_in)


async def statuses(buyer: Buyer) -> list[str]:
    found = await buyer.account.database.read(
        lambda tx: owner_mail.latest(tx, buyer.tenant, limit=9)
    )
    return [one.status for one in found]


async def test_a_receipt_is_told_once_by_a_link_of_its_own(
    database: Database, clock: FixedClock
) -> None:
    buyer = await open_live_counter(database, clock)
    rules = replace(
        buyer.account.rules,
        public_url="https://pay.acme.com",
        mail=MailRules(frozenset({"live"})),
    )
    async with open_mail_server() as server:
        sender = server.sender()

        def mailer() -> OwnerMailer:
            return OwnerMailer(database, clock, rules, sender, FROM, label=str.capitalize)

        await numbered(buyer, clock)
        await number(buyer, clock)
        sent = [await mailer().step() for _ in range(2)]
        await database.transaction(
            lambda tx: choose_mail(
                tx, buyer.tenant.account_id, "receipt", is_on=False, now_us=clock.now_us()
            )
        )
        clock.advance_s(60)
        await numbered(buyer, clock)
        await mailer().step()
        messages = list(server.messages)

    assert sent == [1, 0]
    (message,) = messages
    assert message["Subject"] == "Your receipt R-2026-000001: $20.00"
    part = message.get_body(("plain",))
    assert part is not None
    text = str(part.get_content())
    assert "You paid $20.00 for Pro Pack with Stripe on June 13, 2026." in " ".join(text.split())
    link = re.search(r"https://pay\.acme\.com/receipts/([0-9A-Za-z_-]{22})\s", text)
    assert link is not None
    found = await database.read(
        lambda tx: document.find(tx, rules.links.id_of("receipt", link[1]) or "", "live")
    )
    assert (found.number, found.account_id) == ("R-2026-000001", buyer.tenant.account_id)
    # Its reader can end mail of this kind, as mail programs do (RFC 8058) and by hand.
    no_mail = rules.links.token_of("no_receipt", buyer.tenant.account_id)
    assert message["List-Unsubscribe"] == f"<https://pay.acme.com/no-mail/{no_mail}>"
    assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert f"https://pay.acme.com/no-mail/{no_mail}?lang=en" in text
    # The second was switched off.
    assert await statuses(buyer) == ["unwanted", "sent"]


async def test_a_payment_of_long_ago_and_a_seller_who_mails_none_are_not_told(
    database: Database, clock: FixedClock
) -> None:
    buyer = await open_live_counter(database, clock)
    await buyer.pay(await buyer.order(), "pi_old")
    clock.advance_s(3 * DAY_US // 1_000_000)

    await number(buyer, clock)
    await numbered(buyer, clock, replace(SELLER, mails_receipts=False))

    made = await database.read(lambda tx: document.page(tx, buyer.tenant, before_id=None, limit=9))
    assert len(made) == 2
    assert await statuses(buyer) == []
