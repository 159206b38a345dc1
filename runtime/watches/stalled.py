"""End sessions that hold locks and that no time-out of the server ends; see Store.end_stalled.

Every running process does it for all, so any other, even a gateway alone, ends a stopped one's. It takes one
statement each LOOK_S, on none of the connections reserved for sends and credentials. Whatever goes wrong, the
next check is made.
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
            # Logged once: an outage lasts, and other parts report it as well.
            if not has_failed:
                logger.warning("database.stalled_unknown", extra={"error": str(error)})
            has_failed = True
            continue
        has_failed = False
        if ended:
            logger.warning("database.stalled_ended", extra={"count": ended})
