"""How far the record log has come, the seeds of its salts, and deliveries waiting for their end.

A step moves the mark from the number it was read with, or changes nothing: it is written whole or not at all.
"""

import secrets
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import msgspec

from billing.records.kind import PERIOD_US, SEED_BYTES, SOURCES
from kernel.clock import day_start_us
from store.database import Transaction
from store.row_mapping import RowMapping, as_json

_ID: Final = "records"


class RecordMark(msgspec.Struct, frozen=True):
    """began_at: earlier rows are in no leaf. after_ids: the last ID passed, by source."""

    id: str
    step_no: int
    began_at: int
    day_start_at: int
    size: int
    after_ids: Mapping[str, str]


_ROWS = RowMapping(RecordMark, stored={"after_ids": as_json(Mapping[str, str])})


async def read(tx: Transaction) -> RecordMark | None:
    row = await tx.fetch_one(f"SELECT {_ROWS.listed} FROM record_marks WHERE id = :id", id=_ID)
    return None if row is None else _ROWS.read(row)


async def begin(tx: Transaction, *, began_at: int, now_us: int) -> None:
    after_ids = {one.name: one.least(began_at) for one in SOURCES}
    mark = RecordMark(_ID, 0, began_at, day_start_us(now_us), 0, after_ids)
    await tx.insert(
        "record_marks",
        _ROWS.columns,
        [_ROWS.write(mark)],
        on_conflict="ON CONFLICT (id) DO NOTHING",
    )


async def move(tx: Transaction, seen: RecordMark, to: RecordMark) -> bool:
    """Return False if another sealer has moved it."""
    stored = dict(zip(_ROWS.columns, _ROWS.write(to), strict=True))
    moved = await tx.execute(
        """UPDATE record_marks SET step_no = step_no + 1, day_start_at = :day, size = :size,
               after_ids = :after_ids
           WHERE id = :id AND step_no = :step_no""",
        day=to.day_start_at,
        size=to.size,
        after_ids=stored["after_ids"],
        id=_ID,
        step_no=seen.step_no,
    )
    return moved == 1


async def seeds(tx: Transaction, names: Iterable[tuple[str, int]]) -> dict[tuple[str, int], bytes]:
    wanted = sorted(set(names))
    if not wanted:
        return {}
    rows = await tx.fetch(
        """SELECT s.account_id, s.period, s.seed
           FROM :names[account_id text, period bigint] AS v
           JOIN record_seeds s ON s.account_id = v.account_id AND s.period = v.period""",
        names=wanted,
    )
    return {(row[0], row[1]): bytes(row[2]) for row in rows}


def new_seed() -> bytes:
    return secrets.token_bytes(SEED_BYTES)


async def insert_seeds(tx: Transaction, made: Mapping[tuple[str, int], bytes]) -> None:
    rows = [(*name, seed) for name, seed in sorted(made.items())]
    await tx.insert("record_seeds", ("account_id", "period", "seed"), rows)


async def forget_seeds(tx: Transaction, *, pruned_until: int) -> None:
    await tx.execute(
        """DELETE FROM record_seeds WHERE account_id IN (
               SELECT r.subject FROM record_removals r WHERE r.kind = 'account'
                 AND NOT EXISTS (SELECT 1 FROM accounts a WHERE a.id = r.subject))"""
    )
    await tx.execute(
        "DELETE FROM record_seeds WHERE period >= 0 AND period < :period",
        period=pruned_until // PERIOD_US,
    )


async def wait_for(tx: Transaction, rows: Sequence[tuple[str, str]]) -> None:
    await tx.insert(
        "record_waiting",
        ("id", "account_id"),
        rows,
        on_conflict="ON CONFLICT (id) DO NOTHING",
    )


async def waiting_after(tx: Transaction, after: str, *, limit: int) -> Sequence[str]:
    rows = await tx.fetch(
        "SELECT id FROM record_waiting WHERE id > :after ORDER BY id LIMIT :rows",
        after=after,
        rows=limit,
    )
    return [row[0] for row in rows]


async def waiting_among(tx: Transaction, ids: tuple[str, str]) -> set[str]:
    rows = await tx.fetch(
        "SELECT id FROM record_waiting WHERE id >= :low AND id <= :high", low=ids[0], high=ids[1]
    )
    return {row[0] for row in rows}


async def count_waiting(tx: Transaction) -> int:
    row = await tx.fetch_one("SELECT COUNT(*) AS number FROM record_waiting")
    return 0 if row is None else int(row[0])


async def end_waiting(tx: Transaction, ids: Sequence[str]) -> None:
    if ids:
        await tx.execute("DELETE FROM record_waiting WHERE id IN :ids[text]", ids=sorted(ids))
