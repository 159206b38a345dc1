"""Enter uncounted usage into the sums of its day (billing/usage/usage_day.py).

An account that can't be counted waits for the next round. Reads are right meanwhile.
"""

import asyncio
import logging
from functools import partial
from typing import Final

from billing.usage import usage_day
from kernel.tenant import Tenant
from store.database import Database
from store.errors import StoreError
from worker.chores import PAUSE_S, Chore

COUNT_S: Final = 60

_log = logging.getLogger(__name__)


def counting_chore(database: Database) -> Chore:
    """Count every minute: one statement without such usage."""
    return Chore("usage.count", COUNT_S, partial(count_usage, database))


async def count_usage(database: Database) -> None:
    after = Tenant("", "")
    while True:
        found = await database.read(partial(usage_day.next_tenant, after=after))
        if found is None:
            return
        try:
            await _count(database, found)
        except StoreError as error:
            fields = {"account_id": found.account_id, "error": str(error)}
            _log.warning("usage.not_counted", extra={"fields": fields})
        after = found


async def _count(database: Database, tenant: Tenant) -> None:
    counted = -1
    while counted:
        step = partial(usage_day.count_step, tenant=tenant)
        counted = await database.transaction(step)
        await asyncio.sleep(PAUSE_S)
