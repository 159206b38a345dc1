"""Store the ledger's daily checkpoints. A checkpoint is a signed statement about one UTC day of an environment's
ledger.

A worker claims a day and then seals it. No day is skipped. Each statement contains the previous statement's digest.

A day's Merkle tree is stored in tiles of 256 hashes. A proof reads only two tiles. Level 0 contains the leaves, and
level 1 contains the roots of the tiles of level 0.
"""

import asyncio
import hashlib
import secrets
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Final, NamedTuple

import msgspec

from billing.checkpoints.jws import NOT_JSON, StatementRefused, verify
from billing.checkpoints.merkle import HASH_BYTES, audit_path, root_of
from kernel.clock import DAY_US, SECOND_US, day_start_us, parse_rfc3339, rfc3339
from store.database import Database, Transaction
from store.row_mapping import RowMapping

TYP: Final = "topup-checkpoint+jws"
# How long a worker may keep its claim on a day without writing.
CLAIMED_US: Final = 120 * SECOND_US
SEED_BYTES: Final = 32


class ClaimLost(RuntimeError):
    pass


class Checkpoint(msgspec.Struct, frozen=True):
    environment: str
    day_start_at: int
    seed: bytes  # secret
    size: int  # transfers
    late: int  # transfers written after their own day was sealed
    root: bytes
    digest: bytes  # the statement's digest
    jws: str
    sealed_at: int

    @property
    def day(self) -> str:
        return day_text(self.day_start_at)


class Statement(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The content of a checkpoint. Hashes are in hex. `previous` is None in an environment's first statement."""

    environment: str
    day: str
    size: int
    late: int
    root: str
    previous: str | None
    sealed_at: str
    version: int = 1

    def encoded(self) -> bytes:
        return msgspec.json.encode(self, order="sorted")


_ROWS = RowMapping(Checkpoint)


def day_text(day_start_at: int) -> str:
    return datetime.fromtimestamp(day_start_at // SECOND_US, UTC).strftime("%Y-%m-%d")


def day_start_of(text: str) -> int:
    if len(text) != len("2026-11-22"):
        raise ValueError("a day is written as 2026-11-22")
    return parse_rfc3339(f"{text}T00:00:00Z")


def digest_of(statement: bytes) -> bytes:
    return hashlib.sha256(statement).digest()


def statement_of(jws: str, keys: Mapping[str, bytes]) -> tuple[Statement, bytes]:
    payload = verify(jws, typ=TYP, keys=keys).payload
    try:
        return msgspec.json.decode(payload, type=Statement), payload
    except NOT_JSON:
        raise StatementRefused("The statement is signed, but it isn't a checkpoint.") from None


async def last_sealed(tx: Transaction, environment: str) -> Checkpoint | None:
    found = await page(tx, environment, before=None, limit=1)
    return found[0] if found else None


async def find(tx: Transaction, environment: str, day_start_at: int) -> Checkpoint | None:
    row = await tx.fetch_one(
        f"""SELECT {_ROWS.listed} FROM checkpoints WHERE environment = :environment
            AND day_start_at = :day AND jws IS NOT NULL""",
        environment=environment,
        day=day_start_at,
    )
    return None if row is None else _ROWS.read(row)


async def page(
    tx: Transaction, environment: str, *, before: int | None, limit: int
) -> Sequence[Checkpoint]:
    rows = await tx.fetch(
        f"""SELECT {_ROWS.listed} FROM checkpoints WHERE environment = :environment
            AND jws IS NOT NULL AND day_start_at < :before
            ORDER BY day_start_at DESC LIMIT :limit""",
        environment=environment,
        before=before if before is not None else 1 << 62,
        limit=limit,
    )
    return [_ROWS.read(row) for row in rows]


async def after(
    tx: Transaction, environment: str, *, day_start_at: int, limit: int
) -> Sequence[Checkpoint]:
    rows = await tx.fetch(
        f"""SELECT {_ROWS.listed} FROM checkpoints WHERE environment = :environment
            AND jws IS NOT NULL AND day_start_at > :day ORDER BY day_start_at LIMIT :limit""",
        environment=environment,
        day=day_start_at,
        limit=limit,
    )
    return [_ROWS.read(row) for row in rows]


async def next_day(tx: Transaction, environment: str) -> int | None:
    last = await last_sealed(tx, environment)
    if last is not None:
        return last.day_start_at + DAY_US
    row = await tx.fetch_one("SELECT created_at FROM transfers ORDER BY id LIMIT 1")
    return None if row is None else day_start_us(row[0])


async def claim(
    tx: Transaction, environment: str, day_start_at: int, *, by: str, now_us: int
) -> bytes:
    await tx.insert(
        "checkpoints",
        ("environment", "day_start_at", "seed", "claimed_until"),
        [(environment, day_start_at, secrets.token_bytes(SEED_BYTES), 0)],
        on_conflict="ON CONFLICT (environment, day_start_at) DO NOTHING",
    )
    taken = await tx.execute(
        """UPDATE checkpoints SET claimed_by = :by, claimed_until = :until
           WHERE environment = :environment AND day_start_at = :day AND jws IS NULL
             AND claimed_until < :now""",
        by=by,
        until=now_us + CLAIMED_US,
        environment=environment,
        day=day_start_at,
        now=now_us,
    )
    if not taken:
        raise ClaimLost("another process seals that day, or has sealed it")
    row = await tx.fetch_one(
        "SELECT seed FROM checkpoints WHERE environment = :environment AND day_start_at = :day",
        environment=environment,
        day=day_start_at,
    )
    assert row is not None, "it was taken just now"
    return bytes(row[0])


async def extend_claim(
    tx: Transaction, environment: str, day_start_at: int, *, by: str, until: int
) -> None:
    """Extend the worker's claim on a day. Raise ClaimLost if another process has claimed or sealed the day."""
    kept = await tx.execute(
        """UPDATE checkpoints SET claimed_until = :until
           WHERE environment = :environment AND day_start_at = :day AND jws IS NULL
             AND claimed_by = :by""",
        until=until,
        environment=environment,
        day=day_start_at,
        by=by,
    )
    if not kept:
        raise ClaimLost("another process seals that day, or has sealed it")


async def seal(tx: Transaction, sealed: Checkpoint) -> None:
    changed = await tx.execute(
        """UPDATE checkpoints SET size = :size, late = :late, root = :root, digest = :digest,
               jws = :jws, sealed_at = :sealed_at, claimed_by = NULL
           WHERE environment = :environment AND day_start_at = :day AND jws IS NULL""",
        size=sealed.size,
        late=sealed.late,
        root=sealed.root,
        digest=sealed.digest,
        jws=sealed.jws,
        sealed_at=sealed.sealed_at,
        environment=sealed.environment,
        day=sealed.day_start_at,
    )
    assert changed == 1, "a day is sealed once"


def shape_of(one: Checkpoint) -> dict[str, object]:
    return {
        "environment": one.environment,
        "day": one.day,
        "size": one.size,
        "late": one.late,
        "root": one.root.hex(),
        "digest": one.digest.hex(),
        "sealed_at": rfc3339(one.sealed_at),
        "jws": one.jws,
    }


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
    """Return the IDs of sealed transfers between two IDs. The result may include other IDs. `days` excludes its end day."""
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
