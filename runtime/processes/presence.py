"""Record which workers are running."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from kernel.clock import DAY_US, SECOND_US
from store.database import Transaction
from store.row_mapping import RowMapping

NOTED_S: Final = 20.0
# A worker that hasn't reported for this long has stopped or can't reach the database.
ALIVE_US: Final = 90 * SECOND_US
_KEPT_US: Final = DAY_US
SHOWN_MAX: Final = 200


@dataclass(frozen=True, slots=True)
class WorkerPresence:
    """What a worker last reported. `sending` is how many webhooks it was sending, of at most `slots`."""

    id: str
    machine: str
    process_id: int
    version: str
    started_at: int
    seen_at: int
    sending: int
    slots: int

    def is_alive(self, now_us: int) -> bool:
        return self.seen_at > now_us - ALIVE_US


async def note_presence(tx: Transaction, presence: WorkerPresence) -> None:
    await tx.insert("workers", _ROWS.columns, [_ROWS.write(presence)], on_conflict=_AGAIN)
    before_us = presence.seen_at - _KEPT_US
    await tx.execute("DELETE FROM workers WHERE seen_at < :before", before=before_us)


async def has_others(tx: Transaction, presence: WorkerPresence) -> bool:
    alive_us = presence.seen_at - ALIVE_US
    return await tx.fetch_one(_OTHER, id=presence.id, alive_us=alive_us) is not None


async def forget_presence(tx: Transaction, worker_id: str) -> None:
    await tx.execute("DELETE FROM workers WHERE id = :id", id=worker_id)


async def list_workers(tx: Transaction) -> Sequence[WorkerPresence]:
    rows = await tx.fetch(_LIST)
    return [_ROWS.read(row) for row in rows]


_ROWS: Final = RowMapping(WorkerPresence)
_AGAIN: Final = """ON CONFLICT (id) DO UPDATE SET
    seen_at = excluded.seen_at, sending = excluded.sending, slots = excluded.slots"""
_OTHER: Final = "SELECT id FROM workers WHERE id <> :id AND seen_at > :alive_us LIMIT 1"
_LIST: Final = f"SELECT {_ROWS.listed} FROM workers ORDER BY seen_at DESC, id LIMIT {SHOWN_MAX}"
