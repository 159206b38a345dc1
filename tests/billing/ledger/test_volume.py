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
from worker.money.count_volume import count_volume


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
