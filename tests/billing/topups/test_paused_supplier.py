"""A paused supplier delivers nothing, whatever its kind and whatever door a send comes by."""

from dataclasses import replace

import msgspec
import pytest
import pytest_asyncio

from billing.fulfilment.registry import discover
from billing.fulfilment.suppliers import Suppliers
from billing.manual_review.supplier_acts import PAUSE_SUPPLIER, RESUME_SUPPLIER
from billing.topups import platform_rows
from billing.topups.platform_rows import PlatformRow, SupplierRow
from billing.topups.settlement import Release
from billing.topups.topup import TopUp, load
from kernel.clock import SECOND_US, FixedClock
from store.database import Database, Transaction
from tests.support.funded_account import FundedAccount, open_engine, open_funded_account
from tests.support.operator_acts import act_in
from tests.support.plain_http import http_client
from tests.support.suppliers import VAULT
from worker.topups import Fulfiller


class Counter:
    """An account with `claude` from `wallet` and `gpt` from a simulated stock of codes, and a worker."""

    def __init__(self, account: FundedAccount, suppliers: Suppliers) -> None:
        rules = replace(account.rules, platforms=suppliers.book)
        self.account = replace(account, engine=open_engine(account.database, account.clock, rules))
        self.suppliers = suppliers
        self.worker = Fulfiller(account.database, account.clock, self.account.engine, suppliers)

    async def pause(self, supplier: str) -> None:
        database, now_us = self.account.database, self.account.clock.now_us()
        await database.transaction(
            lambda tx: act_in(tx, PAUSE_SUPPLIER, supplier, reason="stop", now_us=now_us)
        )
        await self.suppliers.refresh()

    async def resume(self, supplier: str) -> None:
        database, now_us = self.account.database, self.account.clock.now_us()
        await database.transaction(
            lambda tx: act_in(tx, RESUME_SUPPLIER, supplier, reason="go on", now_us=now_us)
        )
        await self.suppliers.refresh()

    async def work(self) -> None:
        await self.worker.step()

    async def now(self, topup_id: str) -> TopUp:
        return (await self.account.database.read(lambda tx: load(tx, [topup_id])))[topup_id]


@pytest_asyncio.fixture
async def counter(database: Database, clock: FixedClock) -> Counter:
    account, now_us = await open_funded_account(database, clock), clock.now_us()

    async def enter(tx: Transaction) -> None:
        for kind, is_simulated in (("wallet", False), ("code_stock", True)):
            row = SupplierRow(
                environment="staging",
                id=kind,
                kind=kind,
                is_simulated=is_simulated,
                created_at=now_us,
                changed_at=now_us,
            )
            await platform_rows.put_supplier(tx, row, is_new=True)
        for platform, supplier in (("claude", "wallet"), ("gpt", "code_stock")):
            named = PlatformRow(
                environment="staging", id=platform, name=platform, created_at=now_us
            )
            await platform_rows.put_platform(tx, named, is_new=True)
            await platform_rows.set_suppliers(tx, "staging", platform, [supplier])

    await database.transaction(enter)
    suppliers = Suppliers(database, VAULT, discover(), client=http_client(), clock=clock)
    await suppliers.refresh()
    return Counter(account, suppliers)


@pytest.mark.parametrize(("platform", "supplier"), [("claude", "wallet"), ("gpt", "code_stock")])
async def test_a_send_waits_while_its_supplier_is_paused_and_is_delivered_after(
    counter: Counter, platform: str, supplier: str
) -> None:
    await counter.pause(supplier)

    sent = await counter.account.send(1000, platform=platform)
    await counter.work()

    assert (sent.topup.status, sent.topup.supplier) == ("pending", supplier)
    assert sent.voucher_code is None
    assert (await counter.now(sent.topup.id)).status == "pending"
    assert (await counter.account.balance())["balance_cents"] == 999_000
    await counter.resume(supplier)
    await counter.work()
    delivered = await counter.now(sent.topup.id)
    assert (delivered.status, delivered.supplier) == ("delivered", supplier)
    assert (await counter.account.balance())["balance_cents"] == 999_000
    assert await counter.account.findings() == []


async def test_what_a_resumed_wallet_delivers_lies_in_the_wallet_with_its_voucher(
    counter: Counter,
) -> None:
    await counter.pause("wallet")
    sent = await counter.account.send(1000)
    await counter.resume("wallet")
    await counter.work()

    topup = await counter.now(sent.topup.id)

    assert topup.lies_here
    assert (topup.new_balance_cents, topup.fulfilment) == (1000, "wallet")
    assert (await counter.account.send(500)).topup.status == "delivered"  # at once again


async def test_a_scheduled_send_and_one_that_was_approved_wait_as_well(
    counter: Counter, clock: FixedClock
) -> None:
    at = clock.now_us() + 60 * SECOND_US
    timed = (await counter.account.send(1000, send_at=at)).topup
    asking = await counter.account.send(1000, to="approval@sandbox.test")
    assert asking.approval is not None
    await counter.pause("wallet")

    clock.advance_s(61)
    release = Release(timed.id, timed.tenant, spent_by=timed.spent_by)
    released = (await counter.account.engine.submit(release)).topup
    approved = (await counter.account.decide(asking.topup.id, asking.approval.id, "approved")).topup
    await counter.work()

    assert [(one.status, one.supplier) for one in (released, approved)] == [
        ("pending", "wallet"),
        ("pending", "wallet"),
    ]
    assert (await counter.now(timed.id)).status == "pending"
    await counter.resume("wallet")
    await counter.work()
    assert [(await counter.now(one.id)).status for one in (timed, asking.topup)] == [
        "delivered",
        "delivered",
    ]


async def test_a_supplier_that_workers_leave_alone_or_that_is_switched_off_delivers_nothing(
    counter: Counter, clock: FixedClock
) -> None:
    database, now_us = counter.account.database, clock.now_us()

    async def leave_alone(tx: Transaction) -> None:
        await platform_rows.note_health(
            tx, "staging", "wallet", breaker_opened_at=now_us, error=None, now_us=now_us
        )
        await platform_rows.raise_version(tx)

    await database.transaction(leave_alone)
    await counter.suppliers.refresh()
    resting = (await counter.account.send(1000)).topup

    async def switch_off(tx: Transaction) -> None:
        row = await platform_rows.get_supplier(tx, "staging", "wallet")
        await platform_rows.put_supplier(
            tx, msgspec.structs.replace(row, is_active=False), is_new=False
        )

    await database.transaction(switch_off)
    await counter.suppliers.refresh()
    await counter.work()

    assert resting.status == "pending"
    assert (await counter.now(resting.id)).status == "pending"
