"""Compare sealed checkpoints with the ledger.

In staging, a missing transfer isn't reported, because idle sandboxes are erased with their transfers.
"""

from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from functools import partial
from typing import Final, NamedTuple

from billing.checkpoints import checkpoint
from billing.checkpoints.checkpoint import (
    TILE,
    Checkpoint,
    Tile,
    digest_of,
    last_sealed,
    statement_of,
)
from billing.checkpoints.jws import StatementRefused
from billing.checkpoints.merkle import COLUMNS, SealedTransfer, hash_of, of_row, root_of, salt_of
from billing.checkpoints.sealing import LOOK_BACK_US, PAGE
from billing.checkpoints.signing_keys import by_kid
from kernel.clock import DAY_US, day_start_us
from kernel.ids import least_id
from keys.principal import ENVIRONMENTS
from store.database import Database, Transaction

_TILES_AT_ONCE: Final = 8
_CHECKPOINTS_AT_ONCE: Final = 50
_OF_IDS: Final = f"SELECT {COLUMNS} FROM transfers WHERE id IN :ids[text]"
_PAGE: Final = f"""
SELECT id, environment, created_at FROM transfers WHERE id > :after AND id < :before
ORDER BY id LIMIT {PAGE}
"""


class SealedDifference(NamedTuple):
    rule: str
    environment: str
    day: str
    row_id: str


async def prove_checkpoints(
    database: Database, environment: str = "", *, since_day: int = 0
) -> AsyncIterator[SealedDifference]:
    """Yield differences between the ledger and the checkpoints since `since_day` (in microseconds)."""
    for one in ENVIRONMENTS:
        if environment in {"", one}:
            async for finding in _environment(database, one, since_day):
                yield finding


async def _environment(
    database: Database, environment: str, since_day: int
) -> AsyncIterator[SealedDifference]:
    keys = await database.read(by_kid)
    last: Checkpoint | None = None
    after = since_day - 1
    while found := await database.read(
        partial(_checkpoints_after, environment=environment, after=after)
    ):
        for one in found:
            for rule in _statement_faults(one, last, keys, is_first=since_day == 0):
                yield SealedDifference(rule, environment, one.day, one.day)
            async for finding in _leaves(database, one):
                yield finding
            last = one
        after = found[-1].day_start_at
    if last is not None:
        async for finding in _unsealed(database, last, since_day):
            yield finding


async def _checkpoints_after(
    tx: Transaction, *, environment: str, after: int
) -> Sequence[Checkpoint]:
    return await checkpoint.after(tx, environment, day_start_at=after, limit=_CHECKPOINTS_AT_ONCE)


def _statement_faults(
    one: Checkpoint, last: Checkpoint | None, keys: Mapping[str, bytes], *, is_first: bool
) -> list[str]:
    try:
        said, payload = statement_of(one.jws, keys)
    except StatementRefused:
        return ["a checkpoint's signature holds"]
    is_row_signed = (said.environment, said.day, said.size, said.root) == (
        one.environment,
        one.day,
        one.size,
        one.root.hex(),
    )
    faults = [] if is_row_signed else ["a checkpoint is what was signed"]
    if digest_of(payload) != one.digest:
        faults.append("a checkpoint is what was signed")
    if last is None:
        is_chained = said.previous is None or not is_first
    else:
        is_next = one.day_start_at == last.day_start_at + DAY_US
        is_chained = is_next and said.previous == last.digest.hex()
    return faults if is_chained else [*faults, "a checkpoint follows the one before it"]


async def _leaves(database: Database, one: Checkpoint) -> AsyncIterator[SealedDifference]:
    roots: list[bytes] = []
    size = 0
    while some := await database.read(
        partial(_tiles, environment=one.environment, day=one.day_start_at, number=len(roots))
    ):
        found = await database.read(partial(_transfers, some=some))
        for tile in some:
            size += len(tile.ids)
            roots.append(root_of(tile.hashes))
            for rule, row_id in _tile_faults(tile, one, found):
                yield SealedDifference(rule, one.environment, one.day, row_id)
    pieces = [root_of(roots[at : at + TILE]) for at in range(0, len(roots), TILE)]
    if root_of(pieces) != one.root or size != one.size:
        yield SealedDifference(
            "a checkpoint's leaves make its root", one.environment, one.day, one.day
        )


def _tile_faults(
    tile: Tile, one: Checkpoint, found: Mapping[str, SealedTransfer]
) -> list[tuple[str, str]]:
    faults: list[tuple[str, str]] = []
    for transfer_id, sealed in zip(tile.ids, tile.hashes, strict=False):
        transfer = found.get(transfer_id)
        if transfer is None:
            if one.environment != "staging":
                faults.append(("a sealed transfer is still there", transfer_id))
        elif hash_of(transfer, salt_of(one.seed, transfer_id)) != sealed:
            faults.append(("a sealed transfer is as it was", transfer_id))
    return faults


async def _unsealed(
    database: Database, last: Checkpoint, since_day: int
) -> AsyncIterator[SealedDifference]:
    after = "" if since_day == 0 else least_id("trf", since_day)
    before = least_id("trf", last.day_start_at + DAY_US - LOOK_BACK_US)
    days = (since_day - 3 * DAY_US, last.day_start_at + DAY_US)
    while found := await database.read(partial(_ids, after=after, before=before)):
        after = found[-1][0]
        known = await database.read(
            partial(
                checkpoint.sealed_ids,
                environment=last.environment,
                days=days,
                ids=(found[0][0], after),
            )
        )
        for transfer_id, environment, created_at in found:
            is_due = environment == last.environment and created_at < days[1]
            if is_due and transfer_id not in known:
                day = checkpoint.day_text(day_start_us(created_at))
                yield SealedDifference(
                    "a transfer of a sealed day is sealed", environment, day, transfer_id
                )


async def _tiles(tx: Transaction, *, environment: str, day: int, number: int) -> Sequence[Tile]:
    return await checkpoint.leaf_tiles(
        tx, environment, day, from_number=number, limit=_TILES_AT_ONCE
    )


async def _transfers(tx: Transaction, *, some: Sequence[Tile]) -> Mapping[str, SealedTransfer]:
    rows = await tx.fetch(_OF_IDS, ids=[one for tile in some for one in tile.ids])
    return {row[0]: of_row(row) for row in rows}


async def _ids(tx: Transaction, *, after: str, before: str) -> list[tuple[str, str, int]]:
    rows = await tx.fetch(_PAGE, after=after, before=before)
    return [(row[0], row[1], row[2]) for row in rows]


DIFFERENCES_MAX: Final = 10_000

_ROWS: Final = "SELECT environment, day_start_at, began_at, findings FROM checkpoint_proofs"


class LastVerified(NamedTuple):
    day_start_at: int
    began_at: int
    findings: int


async def note_verified(tx: Transaction, environment: str, verified: LastVerified) -> None:
    await tx.insert(
        "checkpoint_proofs",
        ("environment", "day_start_at", "began_at", "findings"),
        [(environment, *verified)],
        on_conflict="""ON CONFLICT (environment) DO UPDATE SET day_start_at = excluded.day_start_at,
            began_at = excluded.began_at, findings = excluded.findings""",
    )


async def last_verified(tx: Transaction) -> Mapping[str, LastVerified]:
    return {str(row[0]): LastVerified(row[1], row[2], row[3]) for row in await tx.fetch(_ROWS)}


async def verify_all(
    database: Database, environment: str = "", *, began_at: int
) -> tuple[Sequence[SealedDifference], Mapping[str, LastVerified]]:
    days: dict[str, int] = {}
    for one in ENVIRONMENTS:
        last = await database.read(partial(last_sealed, environment=one))
        if last is not None and environment in {"", one}:
            days[one] = last.day_start_at
    found: list[SealedDifference] = []
    async for difference in prove_checkpoints(database, environment):
        found.append(difference)
        if len(found) >= DIFFERENCES_MAX:
            break
    numbers = Counter(one.environment for one in found)
    noted = {one: LastVerified(day, began_at, numbers[one]) for one, day in days.items()}
    return found, noted


async def note_all(tx: Transaction, noted: Mapping[str, LastVerified]) -> None:
    for environment, verified in noted.items():
        await note_verified(tx, environment, verified)
