"""The chore by which a worker says that it is there, and what it does."""

import os
import socket
from importlib.metadata import version
from typing import Final

from kernel.clock import Clock
from kernel.ids import new_id
from runtime.processes.presence import NOTED_S, WorkerPresence, note_presence
from store.database import Database
from worker.chores import Chore
from worker.slots import Slots

_MACHINE_CHARACTERS_MAX: Final = 200


def presence_chore(database: Database, clock: Clock, slots: Slots) -> Chore:
    """Every NOTED_S, from the start on."""
    id_, started_at = new_id("wrk"), clock.now_us()

    async def note() -> None:
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
        await database.transaction(lambda tx: note_presence(tx, presence))

    return Chore("workers.note", NOTED_S, note)
