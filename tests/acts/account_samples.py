"""Samples of accounts by operators; see samples.py."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from billing.payments.recharging.setting import SetRecharge
from billing.recharges.recharge import Recharge
from billing.topups.mail import ROWS, Mail
from kernel.ids import new_id
from keys import member
from store.database import Transaction
from tests.acts.sample import Sample
from tests.support.gateway import Gateway


async def account(gateway: Gateway, _account_id: str, _token: str) -> str:
    """An account that signs in with an address of its own."""
    return await gateway.account(email=f"{new_id('acc')}@example.com")


async def account_with_recharge(gateway: Gateway, _account_id: str, _token: str) -> str:
    """An account that buys $10.00 by itself."""
    account_id = await account(gateway, "", "")
    wanted = Recharge(
        account_id=account_id,
        environment="staging",
        provider="stripe",
        customer_ref="cus_1",
        method_ref="pm_1",
        brand="visa",
        last4="4242",
        below_cents=500,
        amount_cents=1_000,
        monthly_max_cents=3_000,
        changed_at=0,
    )
    await gateway.context.engine.submit(SetRecharge(wanted))
    return account_id


async def mail(gateway: Gateway, account_id: str, _token: str) -> str:
    """A mail that a server refused."""
    refused = Mail(
        id=new_id("mal"),
        account_id=account_id,
        environment="staging",
        transaction_id=new_id("txn"),
        recipient_email="user@example.com",
        status="bounced",
        created_at=1,
    )

    async def work(tx: Transaction) -> None:
        await tx.insert("mails", ROWS.columns, [ROWS.write(refused)])

    await gateway.context.database.transaction(work)
    return refused.id


async def colleague(gateway: Gateway, account_id: str, _token: str) -> str:
    """A colleague who joined with an account of their own."""
    email = f"{new_id('acc')}@example.com"
    person_id = await gateway.account(email=email)

    async def work(tx: Transaction) -> str:
        made = await member.invite(
            tx,
            account_id=account_id,
            email=email,
            role="reader",
            invited_by=account_id,
            now_us=gateway.context.clock.now_us(),
        )
        await member.accept(tx, made, person_id, now_us=gateway.context.clock.now_us())
        return made.id

    return await gateway.context.database.transaction(work)


# By an act or by a subject.
MAKERS: Final = {
    "team": colleague,
    "accounts": account,
    "mail": mail,
    "accounts.recharge": account_with_recharge,
    "accounts.recharge-off": account_with_recharge,
}
GOOD: Final[Mapping[str, Sequence[Sample]]] = {
    "accounts.create": (
        Sample({"name": "Of {door}", "email": "of-{door}@example.com"}),
        Sample({"name": "Nobody's"}),
    ),
    "accounts.list": (Sample({"matching": "merchant"}), Sample({"limit": 1})),
    "accounts.show": (Sample(),),
    "accounts.set": (Sample({"time_zone": "Asia/Kuwait"}, is_again=True),),
    "accounts.suspend": (Sample({"reason": "fraud"}, is_again=True),),
    "accounts.resume": (
        Sample(is_again=True, after="accounts.suspend", first={"reason": "fraud"}),
    ),
    "accounts.open-live": (Sample(is_again=True, after="accounts.close-live"),),
    "accounts.close-live": (Sample(is_again=True),),
    "accounts.verify-email": (Sample(is_again=True),),
    "team.list": (Sample(),),
    "team.show": (Sample(),),
    "team.remove": (Sample(),),
    "team.end-work": (Sample(is_again=True),),
    "accounts.notifications": (Sample(),),
    "accounts.limits": (Sample(),),
    "accounts.limit": (
        Sample({"per_day_cents": 5_000}, is_again=True),
        Sample({"per_day_cents": None}),
    ),
    "accounts.log": (Sample({"limit": 1}),),
    "accounts.adjust": (
        Sample({"amount": 1_000, "reason": "gift"}),
        Sample({"amount": -500, "reason": "too much"}),
        Sample(
            {
                "amount": 5,
                "reason": "gift",
                "promotional": True,
                "expires_at": "2090-01-01T00:00:00Z",
            }
        ),
    ),
    "audit-log.list": (Sample({"action": "token"}), Sample({"account": "merchant@example.com"})),
    "mail.list": (Sample({"status": "bounced"}), Sample({"to": "user@example.com"})),
    "mail.retry": (Sample(),),
    "mail.stop": (Sample({"address": "{door}@example.com"}, is_again=True),),
    "mail.allow": (Sample({"address": "{door}@example.com"}, is_again=True),),
    "accounts.recharge": (Sample(),),
    "accounts.recharge-off": (Sample({"reason": "the card is stolen"}),),
}
BAD: Final[Mapping[str, Sequence[Mapping[str, Any]]]] = {
    "accounts.create": (
        {"name": ""},
        {"name": "Two", "email": "nobody"},
        {"name": "Two", "email": "MERCHANT@example.com"},
    ),
    "accounts.list": ({"cursor": "key_1"},),
    "accounts.set": ({"time_zone": "Mars/Base"},),
    "accounts.suspend": ({"reason": " "}, {"reason": "x" * 201}),
    "accounts.limit": ({"per_day_cents": -1}, {"per_day_cents": 10**14}),
    "accounts.log": ({"cursor": "key_1"},),
    "accounts.adjust": (
        {"amount": 0, "reason": "gift"},
        {"amount": 5, "reason": " "},
        {"amount": 10**12, "reason": "gift"},
        {"amount": -(10**9), "reason": "too much"},
        {"amount": 5, "reason": "gift", "expires_at": "2090-01-01T00:00:00Z"},
    ),
    "audit-log.list": (
        {"cursor": "key_1"},
        {"created_after": "soon"},
        {"account": "nobody@example.com"},
    ),
    "mail.list": ({"status": "lost"}, {"cursor": "key_1"}, {"to": "nobody"}),
    "mail.stop": ({"address": "nobody"},),
    "mail.allow": ({"address": "nobody"},),
    "accounts.recharge-off": ({"reason": ""}, {"reason": "x" * 501}),
}
