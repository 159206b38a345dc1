"""A worker says that it is there, and what it does, until it ends."""

import asyncio
import contextlib
import logging
import os
import socket
from collections.abc import Awaitable
from functools import partial
from importlib.metadata import version
from typing import Final

from kernel.clock import Clock
from kernel.ids import new_id
from runtime.processes.presence import NOTED_S, WorkerPresence, forget_presence, note_presence
from store.database import Database
from store.errors import StoreError
from worker.slots import Slots

_MACHINE_CHARACTERS_MAX: Final = 200
# A worker that is to stop does not wait longer for a database that does not answer.
_ENDED_S_MAX: Final = 2.0

logger = logging.getLogger(__name__)


async def be_present(database: Database, clock: Clock, slots: Slots) -> None:
    """Every NOTED_S; when it is cancelled it takes its row away."""
    id_, started_at = new_id("wrk"), clock.now_us()
    try:
        while True:
            presence = WorkerPresence(
                id=id_,
                machine=socket.gethostname()[:_MACHINE_CHARACTERS_MAX],
                process_id=os.getpid(),
                version=version("topup-gateway"),
                started_at=started_at,
                seen_at=clock.now_us(),
                sending=slots.held,
                slots=slots.total,
            )
            try:
                await _kept(database.transaction(partial(note_presence, presence=presence)))
            except StoreError as error:
                logger.warning("worker.not_noted", extra={"error": str(error)})
            await asyncio.sleep(NOTED_S)
    finally:
        with contextlib.suppress(StoreError):
            await database.transaction(partial(forget_presence, worker_id=id_))


async def _kept(noting: Awaitable[None]) -> None:
    """Waits for it, also when cancelled: a commit under way could land after the row was taken away."""
    task = asyncio.ensure_future(noting)
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait([task], timeout=_ENDED_S_MAX)
        raise
