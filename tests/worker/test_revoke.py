"""A top-up that a supplier delivered comes back only once that supplier said so, whoever dies meanwhile."""

import asyncio
import json
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import pytest

from billing.fulfilment.protocol import (
    Delivered,
    NotRevoked,
    Options,
    Outcome,
    Registration,
    Request,
    Revocation,
    Revoked,
    Supplier,
    Unknown,
)
from billing.fulfilment.suppliers import Suppliers
from billing.manual_review.supplier_acts import PAUSE_SUPPLIER, RESUME_SUPPLIER
from billing.manual_review.waiting import ReviewFilter, page
from billing.topups.fulfilment import StillOpen
from billing.topups.reverse import AlreadyUsed, EndReversal, Reverse, ReversedOutcome
from billing.topups.topup import AlreadyDelivered, Deliverable, TopUp, load
from kernel.clock import FixedClock
from keys.audit_log import Actor
from store.database import Database, Transaction
from tests.support.funded_account import FundedAccount, open_engine, open_funded_account
from tests.support.operator_acts import act_in
from tests.support.suppliers import open_suppliers
from worker.topups import Fulfiller, Revoker

pytestmark = pytest.mark.one_database
AGAIN_S = 76


@dataclass
class Vendor(Supplier):
    """Delivers a code, and takes back as it is told; None: it hangs."""

    words: list[Any] = field(default_factory=list)
    asked: list[tuple[Request, str | None]] = field(default_factory=list)
    begun: asyncio.Event = field(default_factory=asyncio.Event)

    async def fulfil(self, request: Request) -> Outcome:
        return Delivered(Deliverable("code", "GIFT-1234-5678"), left="key-7")

    async def revoke(self, request: Request, value: str | None) -> Revocation:
        self.asked.append((request, value))
        self.begun.set()
        word = self.words.pop(0)
        if word is None:
            await asyncio.Event().wait()
        assert isinstance(word, Revoked | NotRevoked | Unknown)
        return word


@dataclass
class Shop:
    account: FundedAccount
    suppliers: Suppliers
    vendor: Vendor
    topup_id: str

    def revoker(self) -> Revoker:
        """A worker of its own, with its own engine."""
        account = self.account
        engine = open_engine(account.database, account.clock, account.rules)
        return Revoker(account.database, account.clock, engine, self.suppliers)

    async def reverse(self) -> ReversedOutcome:
        return await self.account.engine.submit(
            Reverse(
                self.topup_id,
                self.account.principal.tenant,
                reason="wrong person",
                requested_by="key_1",
                can_revoke=True,
            )
        )

    async def topup(self) -> TopUp:
        async def work(tx: Transaction) -> TopUp:
            return (await load(tx, [self.topup_id]))[self.topup_id]

        return await self.account.database.read(work)

    async def balance_cents(self) -> int:
        return int((await self.account.balance())["balance_cents"])

    async def reverse_by_hand(self, reason: str, *, is_revoked: bool) -> ReversedOutcome:
        account = self.account
        return await account.engine.submit(
            EndReversal(
                self.topup_id,
                account.principal.tenant,
                is_revoked=is_revoked,
                reason=reason,
                actor=Actor(),
                by_name="ann",
            )
        )

    async def noted(self) -> list[dict[str, Any]]:
        """What the audit log says of people who reversed."""

        async def work(tx: Transaction) -> list[str]:
            query = "SELECT after FROM audit_log WHERE action = 'topup.reverse'"
            return [row["after"] for row in await tx.fetch(query)]

        return [json.loads(text) for text in await self.account.database.read(work)]

    async def listed(self) -> list[tuple[str, bool]]:
        """State and whether it is overdue, of what manual review says is being taken back."""
        wanted = ReviewFilter("staging", "reversing")
        now_us = self.account.clock.now_us()
        found = await self.account.database.read(
            lambda tx: page(tx, wanted, limit=9, now_us=now_us)
        )
        return [(one.state, one.is_overdue) for one in found]


async def open_shop(database: Database, clock: FixedClock, *words: Any) -> Shop:
    """An account with one top-up of $10.00 that the vendor delivered."""
    account = await open_funded_account(database, clock)
    vendor = Vendor(list(words))
    kind = Registration(
        name="vendor",
        text="",
        options=Options,
        make=lambda _options, _tools: vendor,
        sample=lambda _request: Deliverable("credit"),
        asked_again="repeat",
    )
    suppliers = await open_suppliers(account, {"vendor": kind}, {"gpt": ["vendor"]})
    account.rules.platforms.by_environment = suppliers.book.by_environment
    sent = await account.send(1000, platform="gpt")
    assert await Fulfiller(database, clock, account.engine, suppliers).step() == 1
    return Shop(account, suppliers, vendor, sent.topup.id)


async def test_supplier_confirms_and_the_funds_come_back_once(
    database: Database, clock: FixedClock
) -> None:
    shop = await open_shop(database, clock, Revoked())

    asked = await shop.reverse()
    assert (asked.topup.status, asked.wallet_balance_cents) == ("reversing", 999_000)
    workers = shop.revoker(), shop.revoker()
    await asyncio.gather(*(worker.step() for worker in workers))

    assert [(request.recipient_left, value) for request, value in shop.vendor.asked] == [
        ("key-7", "GIFT-1234-5678")
    ]
    assert (await shop.topup()).status == "reversed"
    assert await shop.balance_cents() == 1_000_000
    assert (await shop.reverse()).wallet_balance_cents == 1_000_000
    assert await shop.account.findings() == []


async def test_no_of_the_supplier_leaves_it_delivered_and_stands(
    database: Database, clock: FixedClock
) -> None:
    shop = await open_shop(database, clock, NotRevoked("the code was redeemed"))

    await shop.reverse()
    await shop.revoker().step()

    assert (await shop.topup()).status == "delivered"
    with pytest.raises(AlreadyUsed) as refusal:
        await shop.reverse()
    assert refusal.value.reason == "kept"
    assert "the code was redeemed" in str(refusal.value)
    assert await shop.balance_cents() == 999_000
    assert await shop.account.findings() == []


async def test_no_word_is_asked_for_again_also_after_a_worker_died(
    database: Database, clock: FixedClock
) -> None:
    shop = await open_shop(database, clock, None, Unknown("HTTP 502"), Revoked())
    await shop.reverse()

    dying = asyncio.create_task(shop.revoker().run())
    await shop.vendor.begun.wait()
    dying.cancel()
    await asyncio.gather(dying, return_exceptions=True)
    assert await shop.revoker().step() == 0  # the one that died may still be asking

    with pytest.raises(AlreadyDelivered):
        await shop.account.cancel(shop.topup_id)
    with pytest.raises(AlreadyDelivered):
        await shop.account.settle(shop.topup_id, "failed")
    with pytest.raises(StillOpen):
        await shop.reverse_by_hand("looked", is_revoked=False)
    assert await shop.listed() == [("reversing", False)]
    for _ in range(2):
        assert (await shop.topup()).status == "reversing"
        clock.advance_s(2 * AGAIN_S)
        assert await shop.revoker().step() == 1
    assert [request.attempt for request, _ in shop.vendor.asked] == [1, 2, 3]
    assert await shop.listed() == []
    assert (await shop.topup()).status == "reversed"
    assert await shop.balance_cents() == 1_000_000
    assert await shop.account.findings() == []


async def test_person_decides_where_the_supplier_cannot(
    database: Database, clock: FixedClock
) -> None:
    shop = await open_shop(database, clock, NotRevoked("ask our support"))
    await shop.reverse()
    await shop.revoker().step()

    done = await shop.reverse_by_hand("support did it", is_revoked=True)

    assert (done.topup.status, done.wallet_balance_cents) == ("reversed", 1_000_000)
    assert await shop.noted() == [{"status": "reversed", "reason": "support did it", "by": "ann"}]
    assert await shop.account.findings() == []


async def test_paused_supplier_is_not_asked_to_take_back_until_it_is_resumed(
    database: Database, clock: FixedClock
) -> None:
    shop = await open_shop(database, clock, Revoked())
    now_us = clock.now_us()
    for change in (PAUSE_SUPPLIER, RESUME_SUPPLIER):
        asked = len(shop.vendor.asked)
        await database.transaction(
            partial(act_in, act=change, object_id="vendor", reason="they call", now_us=now_us)
        )
        await shop.suppliers.refresh()
        if change is PAUSE_SUPPLIER:
            await shop.reverse()
        clock.advance_s(AGAIN_S)
        await shop.revoker().step()
        assert len(shop.vendor.asked) == asked + (change is RESUME_SUPPLIER)

    assert (await shop.topup()).status == "reversed"
