"""Adds sealed days to the sums of their ledger accounts: each as it is sealed, and older ones that have none yet.

In small transactions, which lock no row of the ledger; harmless when two processes do it at once.
"""

import asyncio
import logging
from functools import partial

from billing.checkpoints.sums import SealedChanged, add_step
from keys.principal import ENVIRONMENTS
from store.database import Database

_log = logging.getLogger(__name__)


async def add_sealed(database: Database, *, pause_s: float = 0.0) -> None:
    """Until every sealed day is in; pause_s: between two steps, for who has other work. A day whose transfers were changed since ends its environment there."""
    for environment in ENVIRONMENTS:
        step = partial(add_step, environment=environment)
        has_more = True
        while has_more:
            try:
                has_more = await database.transaction(step, durable=False)
            except SealedChanged as error:
                fields = {"environment": environment, "at": str(error)}
                _log.error("checkpoint.changed", extra=fields)
                has_more = False
            await asyncio.sleep(pause_s)
