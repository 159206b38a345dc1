"""Store the record log: how far it reaches, its leaves, the seeds of its salts, and open deliveries.

A row of the table holds 256 leaves. Each head covers the leaves of the day's earlier heads, followed by newer ones.
"""

import secrets
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple

import msgspec

from billing.checkpoints.merkle import HASH_BYTES, root_of
from billing.records.kind import PERIOD_US, SEED_BYTES, SOURCES, RecordLeaf
from kernel.clock import day_start_us
from store.database import Transaction
from store.row_mapping import RowMapping, as_json

TILE: Final = 256
_COLUMNS: Final = (
    *("day_start_at", "number", "first_id", "last_id", "sealed_at", "root", "leaves"),
)


class RecordTile(NamedTuple):
    day_start_at: int
    number: int
    leaves: Sequence[RecordLeaf]


class _Packed(msgspec.Struct, array_like=True):
    words: list[str]
    kinds: list[int]
    owners: list[int]
    environments: list[int]
    ids: list[str]
    times: list[int]
    digests: bytes


async def write(
    tx: Transaction, day: int, first: int, leaves: Sequence[RecordLeaf], *, now_us: int
) -> None:
    rows = []
    for number, at in enumerate(range(0, len(leaves), TILE), start=first):
        piece = leaves[at : at + TILE]
        ids = [one.id for one in piece]
        root = root_of([one.hash() for one in piece])
        rows.append((day, number, min(ids), max(ids), now_us, root, _pack(piece)))
    await tx.insert(
        "record_tiles",
        _COLUMNS,
        rows,
        on_conflict="""ON CONFLICT (day_start_at, number) DO UPDATE SET first_id = excluded.first_id,
            last_id = excluded.last_id, sealed_at = excluded.sealed_at, root = excluded.root,
            leaves = excluded.leaves""",
    )


async def page(tx: Transaction, *, day: int, from_number: int, limit: int) -> Sequence[RecordTile]:
    rows = await tx.fetch(
        """SELECT day_start_at, number, leaves FROM record_tiles
           WHERE day_start_at = :day AND number >= :from_number ORDER BY number LIMIT :rows""",
        day=day,
        from_number=from_number,
        rows=limit,
    )
    return [RecordTile(row[0], row[1], _unpack(row[2])) for row in rows]


async def roots(tx: Transaction, day: int) -> Sequence[bytes]:
    rows = await tx.fetch(
        "SELECT root FROM record_tiles WHERE day_start_at = :day ORDER BY number", day=day
    )
    return [bytes(row[0]) for row in rows]


async def days(tx: Transaction, *, since_day: int) -> Sequence[int]:
    rows = await tx.fetch(
        """SELECT DISTINCT day_start_at FROM record_tiles WHERE day_start_at >= :since_day
           ORDER BY day_start_at""",
        since_day=since_day,
    )
    return [row[0] for row in rows]


async def sealed_ids(tx: Transaction, *, ids: tuple[str, str], days: tuple[int, int]) -> set[str]:
    """Return all IDs that were sealed on these days and lie between two IDs. IDs outside that range may be included."""
    found = await _holding(tx, ids=ids, days=days)
    return {one for leaves in found for one in leaves.ids}


async def find(tx: Transaction, id_: str, *, days: tuple[int, int]) -> RecordLeaf | None:
    for packed in await _holding(tx, ids=(id_, id_), days=days):
        if id_ in packed.ids:
            return _leaf(packed, packed.ids.index(id_))
    return None


async def _holding(
    tx: Transaction, *, ids: tuple[str, str], days: tuple[int, int]
) -> Sequence[_Packed]:
    rows = await tx.fetch(
        """SELECT leaves FROM record_tiles WHERE day_start_at >= :first_day
             AND day_start_at <= :last_day AND last_id >= :low AND first_id <= :high""",
        first_day=days[0],
        last_day=days[1],
        low=ids[0],
        high=ids[1],
    )
    return [msgspec.msgpack.decode(bytes(row[0]), type=_Packed) for row in rows]


def _pack(leaves: Sequence[RecordLeaf]) -> bytes:
    words: dict[str, int] = {}

    def place(word: str) -> int:
        return words.setdefault(word, len(words))

    kinds = [place(one.kind) for one in leaves]
    owners = [place(one.account_id) for one in leaves]
    environments = [place(one.environment) for one in leaves]
    return msgspec.msgpack.encode(
        _Packed(
            list(words),
            kinds,
            owners,
            environments,
            [one.id for one in leaves],
            [one.created_at for one in leaves],
            b"".join(one.digest for one in leaves),
        )
    )


def _unpack(stored: bytes) -> Sequence[RecordLeaf]:
    packed = msgspec.msgpack.decode(bytes(stored), type=_Packed)
    return [_leaf(packed, place) for place in range(len(packed.ids))]


def _leaf(packed: _Packed, place: int) -> RecordLeaf:
    return RecordLeaf(
        packed.words[packed.kinds[place]],
        packed.ids[place],
        packed.words[packed.owners[place]],
        packed.words[packed.environments[place]],
        packed.times[place],
        packed.digests[place * HASH_BYTES : (place + 1) * HASH_BYTES],
    )


_ID: Final = "records"


class RecordMark(msgspec.Struct, frozen=True):
    """How far the record log reaches. Rows before `began_at` have no leaf.

    `after_ids` contains the last ID that was read from each source.
    """

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
    """Move the mark and return True. If another sealer has moved it, return False."""
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
