"""Add sealed days to the sums of their ledger accounts, in small transactions that lock no ledger row."""

import asyncio
import logging
from functools import partial

from billing.checkpoints.sums import SealedChanged, read_step, write_step
from keys.principal import ENVIRONMENTS
from store.database import Database

_log = logging.getLogger(__name__)


async def add_sealed(database: Database, *, pause_s: float = 0.0) -> None:
    """Add every sealed day; a day whose transfers were changed ends its environment there. pause_s: between
    two steps.
    """
    for environment in ENVIRONMENTS:
        has_more = True
        while has_more:
            has_more = await _add_some(database, environment)
            await asyncio.sleep(pause_s)


async def add_some(database: Database, environment: str) -> bool:
    step = await database.read(partial(read_step, environment=environment))
    if step is not None:
        await database.transaction(partial(write_step, step=step), durable=False)
    return step is not None


async def _add_some(database: Database, environment: str) -> bool:
    try:
        return await add_some(database, environment)
    except SealedChanged as error:
        fields = {"environment": environment, "at": str(error)}
        _log.error("checkpoint.changed", extra=fields)
        return False
