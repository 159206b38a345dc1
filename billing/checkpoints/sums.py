"""Add up each ledger account's transfers in all checkpoints, as the basis of an audit.

A step writes its sums and its progress in one transaction, so each transfer is added once. A row also stores its sum
without the newest day, which may be incomplete, so that readers always get sums of whole days.
"""

import asyncio
import logging
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Final, NamedTuple

from billing.checkpoints import checkpoint
from billing.checkpoints.checkpoint import Checkpoint, Tile
from billing.checkpoints.merkle import (
    COLUMNS,
    HASHED_AT_ONCE,
    SealedTransfer,
    hash_of,
    of_row,
    salt_of,
)
from billing.checkpoints.sealing import DAYS_BEFORE, LOOK_BACK_US, PAGE
from billing.ledger.audit import SETTLED_US, SealedPart
from billing.ledger.proof import last_good
from kernel.clock import DAY_US
from kernel.ids import least_id
from kernel.tenant import Tenant
from keys.principal import ENVIRONMENTS
from store.database import Database, Transaction

# SQLite has only one writer, so sends wait while a step is written. Small steps keep that wait short.
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


def _accumulated(side: str) -> str:
    return f"""before_{side}_micros = CASE
        WHEN sealed_balances.day_start_at = excluded.day_start_at THEN sealed_balances.before_{side}_micros
        ELSE sealed_balances.{side}_micros END,
    {side}_micros = sealed_balances.{side}_micros + excluded.{side}_micros"""


_ADD: Final = f"""ON CONFLICT (account_id, environment, ledger_account_id) DO UPDATE SET
    {_accumulated("debits")},
    {_accumulated("credits")},
    day_start_at = excluded.day_start_at"""

_Side = tuple[str, str, str]


class SealedChanged(RuntimeError):
    pass


class SumsMark(NamedTuple):
    """How far the sums reach.

    `day` is the last whole day, or -1. `tiles` is the number of tiles that were added for the next day.
    """

    day: int
    tiles: int


class SumsStep(NamedTuple):
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
    some = await checkpoint.leaf_tiles(
        tx, environment, day.day_start_at, from_number=mark.tiles, limit=TILES_PER_STEP
    )
    is_whole = len(some) < TILES_PER_STEP
    to = SumsMark(day.day_start_at, 0) if is_whole else SumsMark(mark.day, mark.tiles + len(some))
    return SumsStep(environment, mark, to, day.day_start_at, _sums(await _sealed(tx, day, some)))


async def write_step(tx: Transaction, *, step: SumsStep) -> None:
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
    """Return a day's transfers. Raise SealedChanged if one differs from its leaf.

    Missing transfers of erased staging accounts are skipped.
    """
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


# Older sums aren't used, because one snapshot would have to read too many transfers.
BEHIND_US_MAX: Final = 4 * DAY_US
_PAGE: Final = f"""
SELECT id, account_id, environment, created_at FROM transfers WHERE id > :after AND id < :before
ORDER BY id LIMIT {PAGE}
"""
_Row = tuple[str, str, str, int]


async def read_sealed_part(
    database: Database, environment: str, *, now_us: int
) -> SealedPart | None:
    """Return what the sealed sums cover, or None if the sums are too old."""
    day = await database.read(partial(summed_day, environment=environment))
    if day is None or day + DAY_US < now_us - BEHIND_US_MAX:
        return None
    from_id = least_id("trf", max(0, day + DAY_US - LOOK_BACK_US))
    late = await _late(database, environment, day, from_id)
    return SealedPart(environment, day, from_id, late)


async def _late(
    database: Database, environment: str, day: int, after: str
) -> Mapping[Tenant, Sequence[str]]:
    late: defaultdict[Tenant, list[str]] = defaultdict(list)
    days = (day - DAYS_BEFORE * DAY_US, day + 1)
    before = least_id("trf", day + 2 * DAY_US)
    while found := await database.read(partial(_page, after=after, before=before)):
        span = (found[0][0], found[-1][0])
        after = span[1]
        sealed = await database.read(
            partial(checkpoint.sealed_ids, environment=environment, days=days, ids=span)
        )
        for transfer_id, account_id, of, created_at in found:
            is_due = of == environment and created_at < day + DAY_US
            if is_due and transfer_id not in sealed:
                late[Tenant(account_id, of)].append(transfer_id)
    return late


async def _page(tx: Transaction, *, after: str, before: str) -> list[_Row]:
    rows = await tx.fetch(_PAGE, after=after, before=before)
    return [(row[0], row[1], row[2], row[3]) for row in rows]


class ProofBasis:
    def __init__(self, database: Database, *, since_us: int, now_us: int) -> None:
        self._database = database
        self._now_us = now_us
        self._parts: dict[str, SealedPart | None] = {}
        self.since_us: Final = since_us

    @property
    def is_full(self) -> bool:
        return not self.since_us

    @property
    def days(self) -> Mapping[str, int]:
        return {name: part.day_start_at for name, part in self._parts.items() if part is not None}

    async def sealed_part(self, environment: str, *, is_anew: bool) -> SealedPart | None:
        if is_anew or environment not in self._parts:
            self._parts[environment] = await read_sealed_part(
                self._database, environment, now_us=self._now_us
            )
        return self._parts[environment]


async def open_basis(database: Database, *, is_full: bool, now_us: int) -> ProofBasis:
    proved_at = None if is_full else await database.read(partial(last_good, until=now_us))
    since_us = max(0, (proved_at or 0) - SETTLED_US)
    return ProofBasis(database, since_us=since_us, now_us=now_us)


_log = logging.getLogger(__name__)


async def add_sealed(database: Database, *, pause_s: float = 0.0) -> None:
    for environment in ENVIRONMENTS:
        has_more = True
        while has_more:
            has_more = await _add_some(database, environment)
            await asyncio.sleep(pause_s)


async def add_some(database: Database, environment: str) -> bool:
    step = await database.read(partial(read_step, environment=environment))
    if step is not None:
        await database.transaction(partial(write_step, step=step), durable=False)
    return step is not None


async def _add_some(database: Database, environment: str) -> bool:
    try:
        return await add_some(database, environment)
    except SealedChanged as error:
        fields = {"environment": environment, "at": str(error)}
        _log.error("checkpoint.changed", extra=fields)
        return False
