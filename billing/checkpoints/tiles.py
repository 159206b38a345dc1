"""A checkpoint's tree in pieces of 256 hashes, so that a proof reads two of them.

Level 0 has the leaves and IDs in order; level 1 the roots of level 0's tiles. Above are the roots of level
1's tiles: 153 for ten million transfers.
"""

import asyncio
from collections.abc import Sequence
from typing import Final, NamedTuple

import msgspec

from billing.checkpoints.merkle import HASH_BYTES, audit_path, root_of
from store.database import Database, Transaction

TILE: Final = 256
_COLUMNS: Final = (
    "environment",
    "day_start_at",
    "level",
    "number",
    "first_id",
    "last_id",
    "ids",
    "hashes",
    "root",
)
_DAY: Final = "environment = :environment AND day_start_at = :day"
_REMOVED_AT_ONCE: Final = 200


class Leaf(NamedTuple):
    id: str
    hash: bytes


class Tile(NamedTuple):
    number: int
    ids: Sequence[str]
    hashes: Sequence[bytes]
    root: bytes


class Inclusion(NamedTuple):
    number: int
    path: Sequence[bytes]


async def insert_leaves(
    tx: Transaction, environment: str, day: int, tiles: Sequence[tuple[int, Sequence[Leaf]]]
) -> None:
    rows = [_leaf_row(environment, day, number, leaves) for number, leaves in tiles]
    await tx.insert("checkpoint_tiles", _COLUMNS, rows)


async def insert_roots(
    tx: Transaction, environment: str, day: int, roots: Sequence[bytes]
) -> bytes:
    """Insert level 1 over all roots of level 0; return the whole tree's root."""
    pieces = [roots[at : at + TILE] for at in range(0, len(roots), TILE)]
    rows = [
        (environment, day, 1, number, "", "", b"", b"".join(piece), root_of(piece))
        for number, piece in enumerate(pieces)
    ]
    await tx.insert("checkpoint_tiles", _COLUMNS, rows)
    return root_of([row[-1] for row in rows])


async def remove_some(tx: Transaction, environment: str, day: int) -> int:
    return await tx.execute(
        f"""DELETE FROM checkpoint_tiles WHERE {_DAY} AND number * 2 + level IN (
                SELECT number * 2 + level FROM checkpoint_tiles WHERE {_DAY}
                LIMIT {_REMOVED_AT_ONCE})""",
        environment=environment,
        day=day,
    )


async def sealed_ids(
    tx: Transaction, environment: str, *, days: tuple[int, int], ids: tuple[str, str]
) -> set[str]:
    """Return the sealed IDs between those two, and possibly others. days: the second excluded."""
    rows = await tx.fetch(
        """SELECT ids FROM checkpoint_tiles WHERE environment = :environment
             AND day_start_at >= :first_day AND day_start_at < :end_day AND level = 0
             AND last_id >= :low AND first_id <= :high""",
        environment=environment,
        first_day=days[0],
        end_day=days[1],
        low=ids[0],
        high=ids[1],
    )
    return {one for row in rows for one in _ids(row[0])}


async def last_id(tx: Transaction, environment: str, *, days: tuple[int, int]) -> str:
    row = await tx.fetch_one(
        """SELECT MAX(last_id) AS last_id FROM checkpoint_tiles WHERE environment = :environment
             AND day_start_at >= :first_day AND day_start_at < :end_day AND level = 0""",
        environment=environment,
        first_day=days[0],
        end_day=days[1],
    )
    return "" if row is None or row[0] is None else str(row[0])


async def leaf_tiles(
    tx: Transaction, environment: str, day: int, *, from_number: int, limit: int
) -> Sequence[Tile]:
    rows = await tx.fetch(
        f"""SELECT number, ids, hashes, root FROM checkpoint_tiles
            WHERE {_DAY} AND level = 0 AND number >= :from_number ORDER BY number LIMIT :limit""",
        environment=environment,
        day=day,
        from_number=from_number,
        limit=limit,
    )
    return [Tile(row[0], _ids(row[1]), split(bytes(row[2])), bytes(row[3])) for row in rows]


async def inclusion(
    tx: Transaction, environment: str, day: int, transfer_id: str
) -> Inclusion | None:
    row = await tx.fetch_one(
        f"""SELECT number, ids, hashes FROM checkpoint_tiles WHERE {_DAY} AND level = 0
            AND first_id <= :id AND last_id >= :id ORDER BY number LIMIT 1""",
        environment=environment,
        day=day,
        id=transfer_id,
    )
    if row is None or transfer_id not in (ids := _ids(row[1])):
        return None
    number, place = int(row[0]), ids.index(transfer_id)
    above = await tx.fetch(
        f"""SELECT number, root, CASE WHEN number = :number THEN hashes END AS hashes
            FROM checkpoint_tiles WHERE {_DAY} AND level = 1 ORDER BY number""",
        environment=environment,
        day=day,
        number=number // TILE,
    )
    path = audit_path(split(bytes(row[2])), place)
    path += audit_path(split(bytes(above[number // TILE][2])), number % TILE)
    path += audit_path([bytes(one[1]) for one in above], number // TILE)
    return Inclusion(number * TILE + place, path)


def split(joined: bytes) -> list[bytes]:
    return [joined[at : at + HASH_BYTES] for at in range(0, len(joined), HASH_BYTES)]


async def remove(database: Database, environment: str, day: int) -> None:
    found = -1
    while found:
        found = await database.transaction(
            lambda tx: remove_some(tx, environment, day), durable=False
        )
        await asyncio.sleep(0)


def _leaf_row(
    environment: str, day: int, number: int, leaves: Sequence[Leaf]
) -> tuple[object, ...]:
    ids, hashes = [leaf.id for leaf in leaves], [leaf.hash for leaf in leaves]
    listed = msgspec.msgpack.encode(ids)
    joined = b"".join(hashes)
    return environment, day, 0, number, ids[0], ids[-1], listed, joined, root_of(hashes)


def _ids(encoded: bytes) -> list[str]:
    return msgspec.msgpack.decode(bytes(encoded), type=list[str])
