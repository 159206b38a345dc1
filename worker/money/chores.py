"""Run chores about money: reconciliation, volume and usage statistics, sealing, and customer deletion.

Only one worker runs each chore.
"""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from functools import partial
from itertools import groupby
from typing import Final

from billing.checkpoints.sealing import Sealer
from billing.checkpoints.sums import add_sealed
from billing.ledger import volume
from billing.payments.recharging.customer_deletion import (
    CustomerDeleter,
    ForgottenCustomer,
    due_customers,
)
from billing.reconciliation.daily import DailyReconciliation
from billing.records.sealing import RecordSealer
from billing.usage import usage_day
from kernel.clock import DAY_US, MINUTE_US, SECOND_US, Clock
from kernel.tenant import Tenant
from keys.staging_quota import Counting, Quotas, active_accounts, add
from runtime.context import Context
from store.database import Database, Transaction
from store.errors import DataRefused, StoreError
from store.stored import StoredAmount, count_by_time, count_stored
from worker.chores import PAUSE_S, Chore

# Work starts at most this long after it becomes due. Failed work is retried after an hour.
RECONCILE_S: Final = 60.0
VOLUME_S: Final = 30
USAGE_S: Final = 60
_log = logging.getLogger(__name__)
SEAL_S: Final = 600.0
# At this pace, sealing a day of ten million transfers takes ten minutes and doesn't slow deliveries.
SEALING_PAUSE_S: Final = 0.02
FORGET_S: Final = 60.0
FORGET_MAX: Final = 100

COUNT_S: Final = 30
ACCOUNTS_AT_ONCE: Final = 200
# A row's ID is generated at most this long before the row is committed.
LATE_US: Final = 15 * SECOND_US
# The length of the first step. It doubles if a step counts fewer rows than STEP_ROWS.
STEP_US: Final = MINUTE_US
STEP_ROWS: Final = 5_000
_ByTime = dict[tuple[int, int], Mapping[str, StoredAmount]]


def reconciliation_chore(context: Context) -> Chore:
    run = partial(_reconcile, context.part(DailyReconciliation))
    return Chore("money.reconcile", RECONCILE_S, run, first_s=RECONCILE_S)


async def _reconcile(daily: DailyReconciliation) -> None:
    await daily.run_due()


def volume_chore(database: Database, clock: Clock) -> Chore:
    return Chore("volume.count", VOLUME_S, partial(count_volume, database, clock))


async def count_volume(database: Database, clock: Clock) -> None:
    has_more = True
    while has_more:
        step = await database.read(partial(volume.read_step, now_us=clock.now_us()))
        await database.transaction(partial(volume.write_step, step=step), durable=False)
        has_more = step.is_full
        await asyncio.sleep(PAUSE_S)


def usage_chore(database: Database) -> Chore:
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
    """Return the chores that seal each day's transfers and the record log. Only one worker runs each chore."""
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


def forgetting_chore(database: Database, clock: Clock, forgetting: CustomerDeleter) -> Chore:
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


def staging_chore(database: Database, clock: Clock, quotas: Quotas) -> Chore:
    return Chore("staging.count", COUNT_S, partial(count_staging, database, clock, quotas))


async def count_staging(
    database: Database, clock: Clock, quotas: Quotas, *, late_us: int = LATE_US
) -> None:
    """Count what today's active accounts have stored in staging, if there is a quota."""
    if quotas.are_open:
        return
    after: str | None = ""
    now_us = clock.now_us() - late_us
    day_us = now_us // DAY_US * DAY_US
    by_time: _ByTime = {}
    while after is not None:
        accounts = await database.read(
            partial(_page, after=after, day_us=day_us, limit=ACCOUNTS_AT_ONCE)
        )
        # Accounts that were last counted at the same time are counted together.
        in_order = sorted(accounts, key=lambda one: (one.until_us, one.account_id))
        for _, group in groupby(in_order, key=lambda one: one.until_us):
            try:
                await _count(database, list(group), quotas, by_time, day_us=day_us, now_us=now_us)
            except DataRefused:
                # A failure doesn't affect the other groups.
                _log.exception("staging.not_counted")
        after = accounts[-1].account_id if len(accounts) == ACCOUNTS_AT_ONCE else None


async def _count(
    database: Database,
    accounts: Sequence[Counting],
    quotas: Quotas,
    by_time: "_ByTime",
    *,
    day_us: int,
    now_us: int,
) -> None:
    """Count, in steps of time, what these accounts have stored since their last count.

    All were last counted at the same time. by_time: cached counts of all accounts, by the start and end of a step.
    """
    step_us = STEP_US
    while accounts and accounts[0].until_us < now_us:
        from_us = accounts[0].until_us
        until_us = min(now_us, from_us + step_us)
        account_ids = [one.account_id for one in accounts]
        step = (from_us, until_us)
        if step not in by_time:
            by_time[step] = await database.read(
                partial(count_by_time, from_us=from_us, until_us=until_us)
            )
        grown = await database.read(
            partial(_grown, account_ids=account_ids, step=step, by_time=by_time[step])
        )
        were_full = {one.account_id for one in accounts if one.full_until == day_us + DAY_US}
        accounts = await database.transaction(
            partial(
                _add, counted=accounts, grown=grown, day_us=day_us, until_us=until_us, quotas=quotas
            ),
            durable=False,
        )
        for one in accounts:
            if one.full_until is not None and one.account_id not in were_full:
                _log.info("staging.full", extra={"account_id": one.account_id})
        few = sum(each.rows for each in grown.values()) < STEP_ROWS
        step_us = 2 * step_us if few else STEP_US
        await asyncio.sleep(PAUSE_S)


async def _grown(
    tx: Transaction,
    account_ids: Sequence[str],
    step: tuple[int, int],
    by_time: Mapping[str, StoredAmount],
) -> dict[str, StoredAmount]:
    from_us, until_us = step
    grown = await count_stored(tx, account_ids, from_us=from_us, until_us=until_us)
    for account_id in by_time.keys() & set(account_ids):
        grown[account_id] = grown.get(account_id, StoredAmount()) + by_time[account_id]
    return grown


async def _add(
    tx: Transaction,
    counted: Sequence[Counting],
    grown: Mapping[str, StoredAmount],
    day_us: int,
    until_us: int,
    quotas: Quotas,
) -> list[Counting]:
    return await add(tx, counted, grown, day_us=day_us, until_us=until_us, quotas=quotas)


async def _page(tx: Transaction, after: str, day_us: int, limit: int) -> list[Counting]:
    return await active_accounts(tx, after=after, day_us=day_us, limit=limit)
