"""Recharges at Stripe's stand-in: a fall of the balance is charged once, whatever is lost, late or repeated."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from msgspec.structs import replace

from billing.payments.recharging.customer_deletion import list_forgotten
from billing.payments.recharging.setting import SetRecharge
from billing.recharges import recharge
from billing.recharges.recharge import Recharge
from billing.recipients import owner_mail
from kernel.clock import DAY_US, FixedClock
from kernel.tenant import Tenant
from store.database import Row, Transaction
from store.erase import ChargeUnderWay, erase_account
from tests.support.gateway import running, settings_of
from tests.support.stripe_api import customers, refunds
from tests.support.stripe_api.faults import Fault
from tests.support.stripe_api.params import decoded
from tests.support.stripe_api.server import serving
from tests.support.stripe_life import WEBHOOK, Lives
from worker.chores import erase_idle
from worker.money.chores import forgetting_chore
from worker.money.provider_calls import Recharger, Reconciler


@dataclass(slots=True)
class Payer:
    """An account in live, whose wallet begins empty; below $5.00 it buys $10.00."""

    lives: Lives
    tenant: Tenant

    async def begin(self, card: str = customers.PAYS) -> None:
        """The card is saved at Stripe, and the recharge set: a fall."""
        stripe = self.lives.stripe
        customer = customers.make_customer(stripe.account, decoded(""))
        saved = customers.save_card(stripe.account, customer["id"], card)
        wanted = Recharge(
            account_id=self.tenant.account_id,
            environment="live",
            provider="stripe",
            customer_ref=customer["id"],
            method_ref=saved["id"],
            brand="visa",
            last4=card[-4:],
            below_cents=500,
            amount_cents=1000,
            monthly_max_cents=3000,
            changed_at=0,
        )
        await self.lives.gateway.context.engine.submit(SetRecharge(wanted))

    async def work(self, seconds: float = 0) -> None:
        """The worker's looks so much later."""
        self.lives.clock.advance_s(seconds)
        self.lives.stripe.pass_time(int(seconds))
        context = self.lives.gateway.context
        recharger = Recharger(context.database, context.clock, context.payments.charging)
        for _ in range(3):
            await recharger.step()
        await Reconciler(context.database, context.clock, context.payments).step()

    async def hear(self) -> None:
        """All that Stripe told so far, the newest first and each twice."""
        events = list(reversed(self.lives.stripe.account.events))
        url = self.lives.gateway.url + WEBHOOK
        await self.lives.stripe.deliver(self.lives.gateway.client, url, [*events, *events])

    async def micros(self) -> int:
        async def read(tx: Transaction) -> int:
            row = await tx.fetch_one(
                """SELECT balance_micros FROM ledger_accounts WHERE account_id = :account_id
                   AND environment = 'live' AND kind = 'wallet'""",
                account_id=self.tenant.account_id,
            )
            return 0 if row is None else int(row["balance_micros"])

        return await self.lives.gateway.context.database.read(read)

    async def recharge(self) -> Recharge:
        database = self.lives.gateway.context.database
        found = await database.read(lambda tx: recharge.find(tx, self.tenant))
        assert found is not None
        return found

    async def told(self, event_type: str) -> list[dict[str, Any]]:
        """The data of the account's events of that type, the oldest first."""

        async def read(tx: Transaction) -> Sequence[Row]:
            return await tx.fetch(
                """SELECT body FROM events WHERE account_id = :account_id AND type = :type
                   ORDER BY id""",
                account_id=self.tenant.account_id,
                type=event_type,
            )

        rows = await self.lives.gateway.context.database.read(read)
        return [dict(json.loads(row["body"])["data"]) for row in rows]

    def taken_cents(self) -> int:
        """What Stripe took from the card."""
        charges = self.lives.stripe.account.every("charge", status="succeeded")
        return sum(int(one["amount"]) for one in charges)


@pytest_asyncio.fixture
async def payer(database_url: str, tmp_path: Path, clock: FixedClock) -> AsyncIterator[Payer]:
    async with serving(clock) as stripe:
        settings = settings_of(database_url, tmp_path, **stripe.settings("live"))
        async with running(settings, clock) as gateway:
            lives = Lives(gateway, stripe, clock, {})
            yield Payer(lives, Tenant(await gateway.account(email="a@example.com"), "live"))


async def test_a_recharge_whose_answer_was_lost_is_charged_and_credited_once(payer: Payer) -> None:
    await recharge_amid(payer, "lost")


@pytest.mark.one_database
@pytest.mark.parametrize("fault", ["error_after", "error", "busy"])
async def test_so_is_one_that_stripe_could_not_answer(payer: Payer, fault: Fault) -> None:
    await recharge_amid(payer, fault)


async def recharge_amid(payer: Payer, fault: Fault) -> None:
    payer.lives.stripe.faults.add(fault, "/v1/payment_intents", times=3, method="POST")
    await payer.begin()
    await payer.work()
    await payer.hear()
    for seconds in (20, 70, 400, 1000, 4000):
        await payer.work(seconds)
    await payer.hear()

    assert (payer.taken_cents(), await payer.micros()) == (1000, 10_000_000)
    assert await payer.lives.findings() == []


@pytest.mark.one_database
@pytest.mark.parametrize("card", [customers.DECLINED_LATER, customers.ASKS_EACH_TIME])
async def test_a_card_that_its_bank_refuses_costs_and_credits_nothing(
    payer: Payer, card: str
) -> None:
    await payer.begin(card)
    for seconds in (0, 4000, 90_000):
        await payer.work(seconds)
        await payer.hear()

    assert (payer.taken_cents(), await payer.micros()) == (0, 0)
    assert await payer.lives.findings() == []


@pytest.mark.one_database
async def test_an_erased_account_is_deleted_at_stripe_with_its_cards(payer: Payer) -> None:
    await payer.begin()
    await payer.work()
    stripe, context = payer.lives.stripe, payer.lives.gateway.context
    customer = stripe.account.every("customer")[0]["id"]
    customers.save_card(stripe.account, customer)
    forget = forgetting_chore(context.database, context.clock, context.payments.forgetting)

    await erase_account(context.database, payer.tenant.account_id, now_us=context.clock.now_us())
    stripe.faults.add("error", f"/v1/customers/{customer}", times=9, method="GET")
    await forget.run()
    waiting = await context.database.read(list_forgotten)
    stripe.faults.clear()
    payer.lives.clock.advance_s(60)
    await asyncio.gather(forget.run(), forget.run())

    assert [(one.customer_ref, one.attempts, one.last_error) for one in waiting] == [
        (customer, 1, "stripe isn't responding. Try again in a moment.")
    ]
    assert await context.database.read(list_forgotten) == []
    assert stripe.account.find("customer", customer)["deleted"] is True
    assert stripe.account.every("payment_method", customer=customer) == []


@pytest.mark.one_database
async def test_an_account_is_not_erased_while_its_card_is_charged(payer: Payer) -> None:
    payer.lives.stripe.faults.add("lost", "/v1/payment_intents", times=3, method="POST")
    await payer.begin()
    await payer.work()
    database, account_id = payer.lives.gateway.context.database, payer.tenant.account_id
    with pytest.raises(ChargeUnderWay):
        await erase_account(database, account_id, now_us=1)
    later = FixedClock(payer.lives.clock.now_us() + 30 * DAY_US)
    idle = await payer.lives.gateway.account(is_sandbox=True)
    await database.transaction(
        lambda tx: tx.execute("UPDATE accounts SET is_sandbox = 1 WHERE id = :id", id=account_id)
    )
    # It is the longest idle, and not in the way of the other.
    await erase_idle(database, later, at_once=1)
    left = await database.read(lambda tx: tx.fetch("SELECT id FROM accounts"))
    assert account_id in {row["id"] for row in left}
    assert idle not in {row["id"] for row in left}
    await payer.work(20)
    credited = await payer.micros()

    await erase_account(database, account_id, now_us=1)

    assert credited == 10_000_000
    assert [one.provider for one in await database.read(list_forgotten)] == ["stripe"]


@pytest.mark.one_database
async def test_a_disputed_recharge_charges_no_more_until_a_person_says_so(payer: Payer) -> None:
    await payer.begin()
    await payer.work()
    stripe, context = payer.lives.stripe, payer.lives.gateway.context
    await payer.hear()
    refunds.dispute(stripe.account, stripe.account.every("charge")[0]["id"])
    await payer.hear()
    await payer.work(90_000)
    off = await payer.recharge()
    told = await payer.told("recharge.failed")
    mails = await context.database.read(lambda tx: owner_mail.latest(tx, payer.tenant, limit=9))

    # The $10.00 went back with the dispute, and nothing was bought instead.
    assert (len(stripe.account.every("charge")), off.disabled_reason) == (1, "dispute")
    assert [(one["reason"], one["disabled"]) for one in told] == [("disputed", True)]
    assert [(one.kind, one.data["reason"]) for one in mails] == [("recharge_failed", "disputed")]

    await context.engine.submit(SetRecharge(replace(off, disabled_reason=None)))
    await payer.hear()
    await payer.work()

    assert (await payer.recharge()).is_on
    assert len(stripe.account.every("charge")) == 2
