"""Chores of money: the daily comparison, sums of volume and usage, sealing, erased customers; each in one of
all workers.
"""

import asyncio
import logging
from collections.abc import Sequence
from functools import partial
from typing import Final

from billing.checkpoints.sealing import Sealer
from billing.checkpoints.sums import add_sealed
from billing.ledger import volume
from billing.payments.recharging.forgotten import Forgetting, ForgottenCustomer, due_customers
from billing.reconciliation.daily import DailyReconciliation
from billing.records.sealing import RecordSealer
from billing.usage import usage_day
from kernel.clock import Clock
from kernel.tenant import Tenant
from runtime.context import Context
from store.database import Database
from store.errors import StoreError
from worker.chores import PAUSE_S, Chore

# A due part begins at most this much later; one that failed is due again in an hour.
RECONCILE_S: Final = 60.0
VOLUME_S: Final = 30
USAGE_S: Final = 60
_log = logging.getLogger(__name__)
SEAL_S: Final = 600.0
# A day of ten million transfers takes ten minutes, while deliveries are as quick as without.
SEALING_PAUSE_S: Final = 0.02
FORGET_S: Final = 60.0
FORGET_MAX: Final = 100


def reconciliation_chore(context: Context) -> Chore:
    run = partial(_reconcile, context.part(DailyReconciliation))
    return Chore("money.reconcile", RECONCILE_S, run, first_s=RECONCILE_S)


async def _reconcile(daily: DailyReconciliation) -> None:
    await daily.run_due()


def volume_chore(database: Database, clock: Clock) -> Chore:
    """Count twice a minute: four small statements if nothing was sent."""
    return Chore("volume.count", VOLUME_S, partial(count_volume, database, clock))


async def count_volume(database: Database, clock: Clock) -> None:
    has_more = True
    while has_more:
        step = await database.read(partial(volume.read_step, now_us=clock.now_us()))
        await database.transaction(partial(volume.write_step, step=step), durable=False)
        has_more = step.is_full
        await asyncio.sleep(PAUSE_S)


def usage_chore(database: Database) -> Chore:
    """Count every minute: one statement without such usage."""
    return Chore("usage.count", USAGE_S, partial(count_usage, database))


async def count_usage(database: Database) -> None:
    after = Tenant("", "")
    while True:
        found = await database.read(partial(usage_day.next_tenant, after=after))
        if found is None:
            return
        try:
            await _count_tenant(database, found)
        except StoreError as error:
            fields = {"account_id": found.account_id, "error": str(error)}
            _log.warning("usage.not_counted", extra={"fields": fields})
        after = found


async def _count_tenant(database: Database, tenant: Tenant) -> None:
    counted = -1
    while counted:
        step = partial(usage_day.count_step, tenant=tenant)
        counted = await database.transaction(step)
        await asyncio.sleep(PAUSE_S)


def sealing_chores(context: Context) -> Sequence[Chore]:
    """Seal each day once, in one of all workers; the record log in whichever comes first."""
    parts = (context.database, context.vault, context.clock)
    sealer = Sealer(*parts, pause_s=SEALING_PAUSE_S)
    records = RecordSealer(*parts, pause_s=SEALING_PAUSE_S)

    async def seal() -> None:
        await sealer.seal_due()
        await add_sealed(context.database, pause_s=PAUSE_S)

    return (
        Chore("checkpoints.seal", SEAL_S, seal),
        Chore("records.seal", SEAL_S, records.seal_due),
    )


def forgetting_chore(database: Database, clock: Clock, forgetting: Forgetting) -> Chore:
    async def of_one(due: Sequence[ForgottenCustomer]) -> None:
        for one in due:
            if await forgetting.forget(one) == "waits":
                return

    async def run() -> None:
        now_us = clock.now_us()
        due = await database.read(partial(due_customers, now_us=now_us, limit=FORGET_MAX))
        by_place: dict[tuple[str, str], list[ForgottenCustomer]] = {}
        for one in due:
            by_place.setdefault((one.provider, one.environment), []).append(one)
        await asyncio.gather(*map(of_one, by_place.values()))

    return Chore("customers.forget", FORGET_S, run)
