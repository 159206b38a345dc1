"""Ends what holds locks on the server and no time-out of the server ends; see Store.end_stalled.

Promise: every process that is running looks for all of them, so one that was stopped is ended by any
other, be it a gateway alone. One statement each LOOK_S, beside the work and on none of the connections
that sends and credentials have to themselves; whatever goes wrong with it, the next look is made.
"""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator
from typing import Final

from store.database import Store

LOOK_S: Final = 2.0

logger = logging.getLogger(__name__)


@contextlib.asynccontextmanager
async def ending_stalled(database: Store, *, every_s: float = LOOK_S) -> AsyncIterator[None]:
    """Looks as long as it is open."""
    looking = asyncio.create_task(_keep_looking(database, every_s))
    try:
        yield
    finally:
        looking.cancel()
        await asyncio.gather(looking, return_exceptions=True)


async def _keep_looking(database: Store, every_s: float) -> None:
    has_failed = False
    while True:
        await asyncio.sleep(every_s)
        try:
            ended = await database.end_stalled()
        except Exception as error:
            # Said once: an outage lasts, and who needs the database says so as well.
            if not has_failed:
                logger.warning("database.stalled_unknown", extra={"error": str(error)})
            has_failed = True
            continue
        has_failed = False
        if ended:
            logger.warning("database.stalled_ended", extra={"count": ended})
