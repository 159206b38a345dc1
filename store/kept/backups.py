"""Record each copy of the database: when and by which build it was taken, and where it is.

The row is written before the copy is taken, so the copy contains it. A restore can then find out which build
made the copy.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from kernel.ids import new_id
from store.database import Transaction

BackupPlace = Literal["local", "elsewhere"]
# How many rows are stored for each place. The row of the last finished copy is never deleted.
BACKUPS_KEPT: Final = 100
LISTED_MAX: Final = 20

_END: Final = "UPDATE backups SET ended_at = :ended_at, size = :size WHERE id = :id"
_FORGET: Final = """
DELETE FROM backups
WHERE place = :place
  AND id NOT IN (SELECT b.id FROM backups b WHERE b.place = :place
                 ORDER BY b.began_at DESC, b.id DESC LIMIT :kept)
  AND began_at <> COALESCE((SELECT MAX(b.began_at) FROM backups b
                            WHERE b.place = :place AND b.ended_at IS NOT NULL), -1)
"""
_LAST: Final = """
SELECT place, MAX(began_at) AS began_at FROM backups WHERE ended_at IS NOT NULL GROUP BY place
"""


@dataclass(frozen=True, slots=True)
class Backup:
    """A copy of the database. Times are in microseconds. The size is in bytes.

    `place` is "elsewhere" if an operator reported the copy. `ended_at` is None if the copy failed or isn't
    finished.
    """

    id: str
    place: BackupPlace
    began_at: int
    ended_at: int | None
    code_version: str
    size: int | None


_COLUMNS: Final = Backup.__slots__


async def begin(tx: Transaction, *, now_us: int, code_version: str) -> str:
    return await _insert(tx, Backup(new_id("bck"), "local", now_us, None, code_version, None))


async def end(tx: Transaction, backup_id: str, *, now_us: int, size: int) -> None:
    await tx.execute(_END, id=backup_id, ended_at=now_us, size=size)


async def record_elsewhere(tx: Transaction, *, now_us: int, code_version: str) -> str:
    return await _insert(tx, Backup(new_id("bck"), "elsewhere", now_us, now_us, code_version, None))


async def newest(tx: Transaction) -> Sequence[Backup]:
    rows = await tx.fetch(
        f"SELECT {', '.join(_COLUMNS)} FROM backups ORDER BY began_at DESC, id DESC LIMIT {LISTED_MAX}"
    )
    return [Backup(*row) for row in rows]


async def last_finished(tx: Transaction) -> Mapping[str, int]:
    return {row["place"]: row["began_at"] for row in await tx.fetch(_LAST)}


async def _insert(tx: Transaction, backup: Backup) -> str:
    await tx.insert("backups", _COLUMNS, [tuple(getattr(backup, name) for name in _COLUMNS)])
    await tx.execute(_FORGET, place=backup.place, kept=BACKUPS_KEPT)
    return backup.id
