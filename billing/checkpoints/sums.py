"""Each ledger account's debits and credits in all checkpoints together.

A step's sums are written in a transaction that moves the mark, or changes nothing if another process moved
it; so each sealed transfer counts once. A row keeps its value without its last day, so readers see whole
days. A transfer that differs from its sealed leaf stops the sums at its day.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from billing.checkpoints import checkpoint, tiles
from billing.checkpoints.checkpoint import Checkpoint
from billing.checkpoints.leaf import (
    COLUMNS,
    HASHED_AT_ONCE,
    SealedTransfer,
    hash_of,
    of_row,
    salt_of,
)
from billing.checkpoints.tiles import Tile
from store.database import Transaction

# Few: SQLite has one writer, and a send waits while a step is written.
TILES_PER_STEP: Final = 2
_MARK: Final = "SELECT summed_day, tiles FROM sealed_sums WHERE environment = :environment"
_MOVE: Final = """
UPDATE sealed_sums SET summed_day = :to_day, tiles = :to_tiles
WHERE environment = :environment AND COALESCE(summed_day, -1) = :day AND tiles = :tiles
"""
_TRANSFERS: Final = f"SELECT {COLUMNS} FROM transfers WHERE id IN :ids[text]"
_COLUMNS: Final = (
    *("account_id", "environment", "ledger_account_id", "day_start_at"),
    *("debits_micros", "credits_micros", "before_debits_micros", "before_credits_micros"),
)


def _kept(side: str) -> str:
    return f"""before_{side}_micros = CASE
        WHEN sealed_balances.day_start_at = excluded.day_start_at THEN sealed_balances.before_{side}_micros
        ELSE sealed_balances.{side}_micros END,
    {side}_micros = sealed_balances.{side}_micros + excluded.{side}_micros"""


_ADD: Final = f"""ON CONFLICT (account_id, environment, ledger_account_id) DO UPDATE SET
    {_kept("debits")},
    {_kept("credits")},
    day_start_at = excluded.day_start_at"""

_Side = tuple[str, str, str]


class SealedChanged(RuntimeError):
    """A transfer differs from its seal: check what `topup checkpoints verify` names first."""


class SumsMark(NamedTuple):
    """The last whole day, -1 before the first, and the next one's tiles."""

    day: int
    tiles: int


class SumsStep(NamedTuple):
    """Some tiles of a day: between which marks, and what they add to each ledger account."""

    environment: str
    mark: SumsMark
    to: SumsMark
    day: int
    sums: Mapping[_Side, tuple[int, int]]


async def summed_day(tx: Transaction, environment: str) -> int | None:
    row = await tx.fetch_one(_MARK, environment=environment)
    return None if row is None or row[0] is None else int(row[0])


async def read_step(tx: Transaction, *, environment: str) -> SumsStep | None:
    mark = await _mark(tx, environment)
    found = await checkpoint.after(tx, environment, day_start_at=mark.day, limit=1)
    if not found:
        return None
    day = found[0]
    some = await tiles.leaf_tiles(
        tx, environment, day.day_start_at, from_number=mark.tiles, limit=TILES_PER_STEP
    )
    is_whole = len(some) < TILES_PER_STEP
    to = SumsMark(day.day_start_at, 0) if is_whole else SumsMark(mark.day, mark.tiles + len(some))
    return SumsStep(environment, mark, to, day.day_start_at, _sums(await _sealed(tx, day, some)))


async def write_step(tx: Transaction, *, step: SumsStep) -> None:
    """Add what was read, unless another process did."""
    await tx.insert(
        "sealed_sums",
        ("environment", "summed_day", "tiles"),
        [(step.environment, None, 0)],
        on_conflict="ON CONFLICT (environment) DO NOTHING",
    )
    moved = await tx.execute(
        _MOVE,
        to_day=None if step.to.day < 0 else step.to.day,
        to_tiles=step.to.tiles,
        environment=step.environment,
        day=step.mark.day,
        tiles=step.mark.tiles,
    )
    if moved:
        rows = [(*side, step.day, *both, 0, 0) for side, both in sorted(step.sums.items())]
        await tx.insert("sealed_balances", _COLUMNS, rows, on_conflict=_ADD)


async def _mark(tx: Transaction, environment: str) -> SumsMark:
    row = await tx.fetch_one(_MARK, environment=environment)
    return SumsMark(-1, 0) if row is None else SumsMark(-1 if row[0] is None else row[0], row[1])


async def _sealed(
    tx: Transaction, day: Checkpoint, some: Sequence[Tile]
) -> Sequence[SealedTransfer]:
    """Return the tiles' transfers; a missing one counts nowhere, as its staging account was erased."""
    rows = await tx.fetch(_TRANSFERS, ids=[one for tile in some for one in tile.ids])
    found = {str(row[0]): of_row(row) for row in rows}
    leaves = [leaf for tile in some for leaf in zip(tile.ids, tile.hashes, strict=True)]
    for place, (transfer_id, sealed) in enumerate(leaves):
        if place % HASHED_AT_ONCE == 0:
            await tx.pause()
        transfer = found.get(transfer_id)
        is_gone = transfer is None and day.environment == "staging"
        if not is_gone and not _is_as_sealed(transfer, day, sealed):
            raise SealedChanged(f"{transfer_id} of {day.environment} {day.day}")
    return list(found.values())


def _is_as_sealed(transfer: SealedTransfer | None, day: Checkpoint, sealed: bytes) -> bool:
    return transfer is not None and hash_of(transfer, salt_of(day.seed, transfer.id)) == sealed


def _sums(transfers: Sequence[SealedTransfer]) -> Mapping[_Side, tuple[int, int]]:
    sums: Counter[tuple[_Side, int]] = Counter()
    for one in transfers:
        sums[(one.account_id, one.environment, one.debit_id), 0] += one.amount_micros
        sums[(one.account_id, one.environment, one.credit_id), 1] += one.amount_micros
    return {side: (sums[side, 0], sums[side, 1]) for side, _ in list(sums)}
