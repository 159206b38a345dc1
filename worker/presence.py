"""A worker says that it is there, and what it does, until it ends."""

import asyncio
import contextlib
import logging
import os
import socket
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
                await database.transaction(partial(note_presence, presence=presence))
            except StoreError as error:
                logger.warning("worker.not_noted", extra={"error": str(error)})
            await asyncio.sleep(NOTED_S)
    finally:
        with contextlib.suppress(StoreError):
            await database.transaction(partial(forget_presence, worker_id=id_))
