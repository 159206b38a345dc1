"""What was sent and sold on a day, counted once, whoever counts."""

import asyncio
from functools import partial

from billing.ledger.ledger import Code, Ledger, LedgerAccountKind
from billing.ledger.volume import VolumeDay, read_step, volume_since, write_step
from kernel.clock import DAY_US, MINUTE_US, FixedClock
from kernel.tenant import Tenant
from keys.account import lock_tenants
from store.database import Database, Transaction
from tests.support.funded_account import open_funded_account
from worker.money.chores import count_volume


async def sell(tx: Transaction, tenant: Tenant, cents: int, now_us: int) -> None:
    """Credit that a provider took money for."""
    await lock_tenants(tx, [tenant])
    ledger, place = Ledger(), (*tenant, LedgerAccountKind.PROVIDER, "stripe")
    await ledger.load(tx, [tenant], [place])
    ledger.post(
        debit=ledger.account(tenant, LedgerAccountKind.PROVIDER, "stripe"),
        credit=ledger.account(tenant, LedgerAccountKind.WALLET),
        amount_micros=cents * 10_000,
        code=Code.PURCHASE,
        now_us=now_us,
    )
    await ledger.flush(tx, now_us)


async def test_sends_and_sold_credit_count_once_on_their_day(
    database: Database, clock: FixedClock
) -> None:
    account = await open_funded_account(database, clock)
    tenant, now_us = account.principal.tenant, clock.now_us()
    await account.send(100)
    await account.send(250)
    await account.send(500, platform="slow")
    await database.transaction(partial(sell, tenant=tenant, cents=2_000, now_us=now_us))
    clock.advance_s(120)
    await account.send(4_000)  # too young: others may still be on their way
    later_us = clock.now_us()

    # Three that read the same rows, and one that comes behind.
    read = partial(read_step, now_us=later_us)
    steps = [await database.read(read) for _ in range(3)]
    writes = (database.transaction(partial(write_step, step=step)) for step in steps)
    await asyncio.gather(*writes)
    await count_volume(database, FixedClock(later_us))
    today = now_us - now_us % DAY_US
    days, counted_at = await database.read(partial(volume_since, since_us=today))
    await count_volume(database, FixedClock(later_us + 2 * MINUTE_US))
    all_days, _ = await database.read(partial(volume_since, since_us=today))

    assert sorted(days) == [
        VolumeDay("staging", today, "sent", "", 3, 8_500_000),
        VolumeDay("staging", today, "sold", "stripe", 1, 20_000_000),
    ]
    assert counted_at == later_us - MINUTE_US
    assert min(all_days) == VolumeDay("staging", today, "sent", "", 4, 48_500_000)


async def send_from_two(tx: Transaction, tenant: Tenant, sends: int, now_us: int) -> None:
    """Sends of two cents that each took one cent from two places."""
    await lock_tenants(tx, [tenant])
    ledger, place = Ledger(), (*tenant, LedgerAccountKind.RECIPIENT, "claude")
    await ledger.load(tx, [tenant], [place])
    for number in range(2 * sends):
        ledger.post(
            debit=ledger.account(tenant, LedgerAccountKind.WALLET),
            credit=ledger.account(tenant, LedgerAccountKind.RECIPIENT, "claude"),
            amount_micros=10_000,
            code=Code.TOPUP_SEND,
            now_us=now_us,
            transaction_id=f"txn_{number // 2}",
        )
    await ledger.flush(tx, now_us)


async def test_a_send_from_two_places_counts_once_at_the_end_of_a_step_too(
    database: Database, clock: FixedClock
) -> None:
    account = await open_funded_account(database, clock)
    tenant, now_us = account.principal.tenant, clock.now_us()
    # Behind the account's own credit, so that one send has the last row of 500 and the first behind them.
    await database.transaction(partial(send_from_two, tenant=tenant, sends=260, now_us=now_us))

    await count_volume(database, FixedClock(now_us + 2 * MINUTE_US))
    days, _ = await database.read(partial(volume_since, since_us=0))

    today = now_us - now_us % DAY_US
    assert days == [VolumeDay("staging", today, "sent", "", 260, 5_200_000)]
