"""What ends by time alone is ended by the worker: by our clock, and by a tenant's own."""

import asyncio

import pytest

from kernel.clock import FixedClock
from keys.sandbox_clock import advance, now_of
from store.database import Database, Transaction
from tests.support.funded_account import FundedAccount, open_funded_account
from tests.support.usage import balances, find, grant, hold, sweep
from worker.money.due import SWEPT_MAX, Expirer

HOUR_US = 3_600_000_000
LOOKS_MAX = 400


async def go_on(account: FundedAccount, seconds: int) -> None:
    tenant = account.principal.tenant
    await account.database.transaction(lambda tx: advance(tx, tenant, advance_s=seconds))


async def test_by_its_own_clock_a_tenants_things_end_and_no_other_tenants(
    database: Database, clock: FixedClock
) -> None:
    ahead = await open_funded_account(database, clock)
    other = await open_funded_account(database, clock, email="other@example.com")
    for account in (ahead, other):
        await grant(account, 500, expires_at=clock.now_us() + HOUR_US)
        await account.send(1000, to="approval@sandbox.test")
    held = [await hold(account, 200, ttl_s=3600) for account in (ahead, other)]
    await go_on(ahead, 86_400)

    while await sweep(ahead):
        pass

    ended, still = await find(ahead, held[0].hold.id), await find(other, held[1].hold.id)
    assert (ended.status, still.status) == ("expired", "held")
    assert await ahead.events() == [
        "topup.pending",
        "approval.requested",
        "approval.expired",
        "topup.cancelled",
        "credit.expired",
    ]
    assert await other.events() == ["topup.pending", "approval.requested"]
    mine, theirs = await balances(ahead), await balances(other)
    assert (mine["expired"], mine["grant"], mine["held"]) == (500, 0, 0)
    # 10,000,000 micros wait for approval, 200 of the grant for their capture.
    assert (theirs.get("expired", 0), theirs["held"]) == (0, 10_000_200)
    assert await ahead.findings() == await other.findings() == []


async def test_a_hold_is_ended_once_by_two_workers_and_not_early(
    database: Database, clock: FixedClock
) -> None:
    account = await open_funded_account(database, clock)
    held = await hold(account, 200, ttl_s=60)
    clock.advance_s(59)

    assert await sweep(account) == 0
    clock.advance_s(1)
    await asyncio.gather(sweep(account), sweep(account))

    assert (await find(account, held.hold.id)).status == "expired"
    assert (await balances(account))["wallet"] == 10_000_000_000
    assert await account.findings() == []


async def test_the_loop_ends_a_hold_when_it_is_woken(database: Database, clock: FixedClock) -> None:
    account = await open_funded_account(database, clock)
    held = await hold(account, 200, ttl_s=3600)
    expirer = Expirer(database, clock, account.engine)
    running = asyncio.create_task(expirer.run())
    clock.advance_s(3600)

    expirer.wake()

    for _ in range(LOOKS_MAX):
        if (await find(account, held.hold.id)).status == "expired":
            break
        await asyncio.sleep(0.01)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert (await balances(account))["wallet"] == 10_000_000_000


async def test_the_sandbox_clock_moves_staging_alone(database: Database, clock: FixedClock) -> None:
    account = await open_funded_account(database, clock)
    live = await account.in_live()
    await go_on(account, 60)

    async def work(tx: Transaction) -> list[int]:
        tenants = (account.principal.tenant, live.tenant)
        return [await now_of(tx, tenant, now_us=clock.now_us()) for tenant in tenants]

    staging, ours = await database.read(work)
    assert (staging - clock.now_us(), ours - clock.now_us()) == (60_000_000, 0)


async def spoil(database: Database, topup_ids: list[str]) -> None:
    """Rows that no version of ours wrote: whoever loads one breaks."""

    async def work(tx: Transaction) -> None:
        await tx.execute("UPDATE topups SET metadata = '{' WHERE id IN :ids[text]", ids=topup_ids)

    await database.transaction(work)


async def test_approvals_that_cannot_be_ended_keep_none_behind_them_waiting(
    database: Database, clock: FixedClock, caplog: pytest.LogCaptureFixture
) -> None:
    account = await open_funded_account(database, clock)
    other = await open_funded_account(database, clock, email="other@example.com")
    sends = [account.send(100, to="approval@sandbox.test") for _ in range(SWEPT_MAX)]
    broken = [sent.topup.id for sent in await asyncio.gather(*sends)]
    clock.advance_s(1)
    behind = await other.send(1000, to="approval@sandbox.test")
    await grant(other, 500, expires_at=clock.now_us() + HOUR_US)
    await spoil(database, broken)
    clock.advance_s(86_400)
    expirer = Expirer(database, clock, account.engine, now_s=lambda: 0.0)

    first, second = await expirer.sweep(), await expirer.sweep()

    assert (first, second) == (SWEPT_MAX + 1, 1)  # the grant was ended with the first
    assert await other.events() == [
        "topup.pending",
        "approval.requested",
        "credit.expired",
        "approval.expired",
        "topup.cancelled",
    ]
    assert behind.approval is not None
    told = [one for one in caplog.records if one.message == "expiry.broke"]
    assert len(told) == SWEPT_MAX
    items = {one.__dict__["fields"]["item"] for one in told}
    assert items == set(await approvals_of(database, broken))


async def approvals_of(database: Database, topup_ids: list[str]) -> list[str]:
    async def work(tx: Transaction) -> list[str]:
        rows = await tx.fetch(
            "SELECT id FROM approvals WHERE transaction_id IN :ids[text]", ids=topup_ids
        )
        return [row["id"] for row in rows]

    return await database.read(work)


async def test_a_hold_that_cannot_be_ended_keeps_none_of_its_account_waiting(
    database: Database, clock: FixedClock
) -> None:
    account = await open_funded_account(database, clock)
    held = [await hold(account, 200, ttl_s=60) for _ in range(3)]

    async def work(tx: Transaction) -> None:
        await tx.execute("UPDATE holds SET sources = '[' WHERE id = :id", id=held[0].hold.id)

    await database.transaction(work)
    clock.advance_s(60)
    expirer = Expirer(database, clock, account.engine, now_s=lambda: 0.0)

    await expirer.sweep()

    assert [(await find(account, one.hold.id)).status for one in held[1:]] == ["expired"] * 2
    assert await expirer.sweep() == 0  # held back, not looked at each second
