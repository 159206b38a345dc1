"""The chore that ends what is older than its environment's retention, account by account.

Invariant: short transactions of a bounded number of rows, with pauses in between that let others
write; an environment with nothing old costs a look at two index entries.
"""

import asyncio
import logging
from collections.abc import Mapping
from functools import partial
from typing import Final

from kernel.clock import Clock
from keys.principal import Scope
from store.db import Database, Transaction
from webhooks import retention
from webhooks.log_page import Place
from worker.chores import PAUSE_S, Chore

RETENTION_S: Final = 3600

logger = logging.getLogger(__name__)


def retention_chore(
    database: Database, clock: Clock, kept_us: Mapping[str, int], *, pause_s: float = PAUSE_S
) -> Chore:
    """kept_us: how long each environment's rows are kept, in microseconds."""

    async def run() -> None:
        last: Scope | None = retention.FIRST_SCOPE
        while last is not None:
            olds = await database.read(partial(_scopes_after, scope=last))
            for old in olds:
                before_us = clock.now_us() - kept_us[old.scope[1]]
                if old.is_before(before_us):
                    await _prune(database, old.scope, before_us, pause_s)
            last = olds[-1].scope if olds else None

    return Chore("retention.prune", RETENTION_S, run)


async def _prune(database: Database, scope: Scope, before_us: int, pause_s: float) -> None:
    place: Place | None = retention.FIRST_PLACE
    while place is not None:
        place = await database.transaction(
            partial(_deliveries, scope=scope, before_us=before_us, after=place), durable=False
        )
        await asyncio.sleep(pause_s)
    events, found = 0, -1
    while found:
        found = await database.transaction(
            partial(_events, scope=scope, before_us=before_us), durable=False
        )
        events += found
        await asyncio.sleep(pause_s)
    await database.transaction(partial(_notices, scope=scope, before_us=before_us), durable=False)
    if events:
        fields = {"account_id": scope[0], "environment": scope[1], "events": events}
        logger.info("retention.pruned", extra=fields)


async def _scopes_after(tx: Transaction, scope: Scope) -> list[retention.Old]:
    return list(await retention.scopes_after(tx, scope))


async def _deliveries(tx: Transaction, scope: Scope, before_us: int, after: Place) -> Place | None:
    return await retention.prune_deliveries(tx, scope, before_us=before_us, after=after)


async def _events(tx: Transaction, scope: Scope, before_us: int) -> int:
    return await retention.prune_events(tx, scope, before_us=before_us)


async def _notices(tx: Transaction, scope: Scope, before_us: int) -> int:
    return await retention.prune_notices(tx, scope, before_us=before_us)
