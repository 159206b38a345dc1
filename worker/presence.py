"""Record that a worker runs and what it does; workers beside each other share hints."""

import asyncio
import contextlib
import logging
import os
import socket
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Final

from kernel import version
from kernel.clock import Clock
from kernel.ids import new_id
from runtime.processes.presence import (
    NOTED_S,
    WorkerPresence,
    forget_presence,
    has_others,
    note_presence,
)
from store.database import Database, Transaction
from store.errors import StoreError
from worker.slots import Slots

_MACHINE_CHARACTERS_MAX: Final = 200
# A worker that is to stop waits no longer for a database that doesn't respond.
_ENDED_S_MAX: Final = 2.0
# Workers that start together soon know of each other.
_NOTED_AGAIN_S: Final = 2.0
# Beside other workers: how long after its last look a worker looks for hinted work, by its webhooks under
# way, and after a look that came too late. Each hint wakes every worker, and an empty look costs as much as
# another.
SHARED_S: Final = 0.01
SHARED_FROM: Final = 8
LATE_S: Final = 0.05

logger = logging.getLogger(__name__)


class HintSharing:
    """When a worker looks for hinted work, in seconds on the event loop's clock.

    Alone: at once. Beside others, a worker whose look found nothing leaves hints to them and looks LATE_S
    later, in case they are busy, hang or died. Timers and waits for a slot aren't delayed.
    """

    def __init__(self) -> None:
        self.has_others = False
        self._looked_s = self._took_s = float("-inf")
        self._found_nothing = False

    @property
    def is_late(self) -> bool:
        return self.has_others and self._found_nothing

    def note_others(self, has_others: bool) -> None:  # noqa: FBT001
        self.has_others = has_others

    def note_look(self, now_s: float) -> None:
        self._looked_s = now_s

    def note_taken(self, count: int, now_s: float) -> None:
        if count:
            self._took_s = now_s
            self._found_nothing = False
        elif now_s - self._took_s >= SHARED_S:
            # Sooner, the hint may be about what was just taken here.
            self._found_nothing = True

    def next_look_s(self, sending: int) -> float:
        """Return the earliest time of a look for hints, with that many webhooks under way."""
        if self.is_late:
            return self._looked_s + LATE_S
        if self.has_others and sending >= SHARED_FROM:
            return self._looked_s + SHARED_S
        return float("-inf")


async def be_present(
    database: Database,
    clock: Clock,
    slots: Slots,
    tell: Callable[[bool], None],
) -> None:
    """Write the worker's row every NOTED_S, and delete it when cancelled. tell: whether others are there."""
    id_, started_at = new_id("wrk"), clock.now_us()
    pause_s = _NOTED_AGAIN_S
    try:
        while True:
            presence = WorkerPresence(
                id=id_,
                machine=socket.gethostname()[:_MACHINE_CHARACTERS_MAX],
                process_id=os.getpid(),
                version=version.running(),
                started_at=started_at,
                seen_at=clock.now_us(),
                sending=slots.held,
                slots=slots.total,
            )
            try:
                tell(await _kept(database.transaction(partial(_note, presence=presence))))
            except StoreError as error:
                logger.warning("worker.not_noted", extra={"error": str(error)})
            await asyncio.sleep(pause_s)
            pause_s = NOTED_S
    finally:
        with contextlib.suppress(StoreError):
            await database.transaction(partial(forget_presence, worker_id=id_))


async def _note(tx: Transaction, presence: WorkerPresence) -> bool:
    await note_presence(tx, presence)
    return await has_others(tx, presence)


async def _kept(noting: Awaitable[bool]) -> bool:
    """Wait even if cancelled: a commit under way could land after the row was deleted."""
    task = asyncio.ensure_future(noting)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait([task], timeout=_ENDED_S_MAX)
        task.add_done_callback(_see)
        raise


def _see(ended: "asyncio.Future[bool]") -> None:
    """Take an error that nobody awaits: the database is away, and the worker ends."""
    if not ended.cancelled():
        ended.exception()
