"""A day's leaves of the record log, 256 in a row, in sealing order.

A day's tree only grows, so the tree under an earlier head is a prefix of each later one of the day.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

import msgspec

from billing.checkpoints.merkle import HASH_BYTES, root_of
from billing.records.kind import RecordLeaf
from store.database import Transaction

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
    """Return the roots of the day's tiles: 32 bytes for 256 leaves."""
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
    """Return the sealed IDs of these days between the two, and a few others."""
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
