"""Holds."""

from collections.abc import Sequence

from billing.usage import hold
from billing.usage.hold import Hold
from kernel.tenant import Tenant
from keys import sandbox_clock
from store.database import Transaction


async def open_holds(tx: Transaction, tenant: Tenant, *, limit: int, now_us: int) -> Sequence[Hold]:
    held = await hold.page(tx, tenant, is_open_only=True, limit=limit)
    account_now_us = await sandbox_clock.now_of(tx, tenant, now_us=now_us)
    return [one.at(account_now_us) for one in held]


async def every_hold(
    tx: Transaction, tenant: Tenant, *, before_id: str | None, limit: int, now_us: int
) -> Sequence[Hold]:
    held = await hold.page(tx, tenant, before_id=before_id, limit=limit)
    account_now_us = await sandbox_clock.now_of(tx, tenant, now_us=now_us)
    return [one.at(account_now_us) for one in held]
