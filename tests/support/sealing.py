"""Transfers of chosen times for tests of checkpoints, and what seals them."""

from collections.abc import Sequence
from functools import partial
from typing import Any

from billing.checkpoints import checkpoint
from billing.checkpoints.checkpoint import Checkpoint
from billing.checkpoints.proving import SealedDifference, prove_checkpoints
from billing.checkpoints.sealing import Sealer
from kernel.clock import DAY_US, HOUR_US, FixedClock
from kernel.ids import least_id
from keys.vault import Vault
from store.database import Database, Transaction

DAY = 1_782_777_600_000_000  # 2026-06-30
VAULT = Vault([bytes(32)])
_COLUMNS = (
    *("id", "account_id", "environment", "debit_id", "credit_id"),
    *("amount_micros", "code", "transaction_id", "subject_id", "created_at"),
)


def transfer_at(at_us: int, number: int = 0) -> str:
    """The id that a transfer of that moment has."""
    return least_id("trf", at_us)[:-4] + f"{number:04d}"


async def add_transfers(
    database: Database, *times: int, environment: str = "live", first: int = 0, **fields: Any
) -> list[str]:
    """One transfer for each moment; fields: what all of them have."""
    rows = []
    for number, at_us in enumerate(times, start=first):
        own = {
            "id": transfer_at(at_us, number),
            "account_id": "acc_a",
            "environment": environment,
            "debit_id": "lac_a",
            "credit_id": "lac_b",
            "amount_micros": 1_000_000 + number,
            "code": "send",
            "transaction_id": None,
            "subject_id": None,
            "created_at": at_us,
            **fields,
        }
        rows.append(tuple(own[name] for name in _COLUMNS))

    async def work(tx: Transaction) -> None:
        for at in range(0, len(rows), 1000):
            await tx.insert("transfers", _COLUMNS, rows[at : at + 1000])

    await database.transaction(work)
    return [str(row[0]) for row in rows]


def sealer_at(database: Database, at_us: int) -> Sealer:
    return Sealer(database, VAULT, FixedClock(at_us))


async def seal_days(database: Database, days: int = 1) -> Sequence[Checkpoint]:
    """Seals what is due when so many days are over, both environments; returns live's."""
    at_us = DAY + days * DAY_US + HOUR_US
    sealed = await sealer_at(database, at_us).seal_due()
    return [one for one in sealed if one.environment == "live"]


async def findings_of(database: Database) -> list[SealedDifference]:
    return [one async for one in prove_checkpoints(database)]


async def sealed_ids_of(database: Database, day: int) -> list[str]:
    """The transfers of live's checkpoint, in their order."""
    found: list[str] = []
    number = 0
    while some := await database.read(partial(_tiles, day=day, number=number)):
        found += [one for tile in some for one in tile.ids]
        number += len(some)
    return found


async def _tiles(tx: Transaction, *, day: int, number: int) -> Sequence[checkpoint.Tile]:
    return await checkpoint.leaf_tiles(tx, "live", day, from_number=number, limit=4)


async def find_checkpoint(database: Database, day: int) -> Checkpoint | None:
    return await database.read(lambda tx: checkpoint.find(tx, "live", day))
