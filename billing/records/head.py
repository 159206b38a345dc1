"""Sign the record log every hour. Each day's log only grows. A head is the log's signed root.

Each head contains the digests of the previous head and of each environment's newest checkpoint.
"""

from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from billing.checkpoints.checkpoint import day_text, digest_of, last_sealed
from billing.checkpoints.jws import NOT_JSON, StatementRefused, sign, verify
from billing.checkpoints.signing_keys import signing_seed
from kernel.clock import rfc3339
from keys.principal import ENVIRONMENTS
from keys.vault import Vault
from store.database import Transaction
from store.row_mapping import RowMapping

TYP: Final = "topup-record-head+jws"


class RecordHead(msgspec.Struct, frozen=True):
    """A signed head of the record log. It covers the rows made before `sealed_to`, except those committed late."""

    number: int
    day_start_at: int
    size: int
    root: bytes
    digest: bytes  # the statement's digest
    jws: str
    sealed_to: int
    sealed_at: int

    def shape(self) -> dict[str, object]:
        return {
            "number": self.number,
            "day": day_text(self.day_start_at),
            "size": self.size,
            "root": self.root.hex(),
            "digest": self.digest.hex(),
            "sealed_to": rfc3339(self.sealed_to),
            "sealed_at": rfc3339(self.sealed_at),
            "jws": self.jws,
        }


class HeadStatement(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The content of a head. Hashes are in hex. `checkpoints` maps each environment to its newest checkpoint's digest."""

    number: int
    day: str
    size: int
    root: str
    previous: str | None
    checkpoints: Mapping[str, str | None]
    sealed_to: str
    sealed_at: str
    version: int = 1


_ROWS = RowMapping(RecordHead)


def statement_of(jws: str, keys: Mapping[str, bytes]) -> tuple[HeadStatement, bytes]:
    payload = verify(jws, typ=TYP, keys=keys).payload
    try:
        return msgspec.json.decode(payload, type=HeadStatement), payload
    except NOT_JSON:
        raise StatementRefused(
            "The statement is signed, but it isn't a head of the record log."
        ) from None


async def last(tx: Transaction) -> RecordHead | None:
    found = await page(tx, before=None, limit=1)
    return found[0] if found else None


async def page(tx: Transaction, *, before: int | None, limit: int) -> Sequence[RecordHead]:
    rows = await tx.fetch(
        f"""SELECT {_ROWS.listed} FROM record_heads WHERE number < :before
            ORDER BY number DESC LIMIT :rows""",
        before=before if before is not None else 1 << 62,
        rows=limit,
    )
    return [_ROWS.read(row) for row in rows]


async def of_day(tx: Transaction, day: int) -> Sequence[RecordHead]:
    rows = await tx.fetch(
        f"SELECT {_ROWS.listed} FROM record_heads WHERE day_start_at = :day ORDER BY number",
        day=day,
    )
    return [_ROWS.read(row) for row in rows]


async def days(tx: Transaction, *, since_day: int) -> Sequence[int]:
    rows = await tx.fetch(
        """SELECT DISTINCT day_start_at FROM record_heads WHERE day_start_at >= :since_day
           ORDER BY day_start_at""",
        since_day=since_day,
    )
    return [row[0] for row in rows]


async def insert(
    tx: Transaction,
    vault: Vault,
    *,
    day: int,
    size: int,
    root: bytes,
    sealed_to: int,
    now_us: int,
) -> RecordHead:
    before = await last(tx)
    newest = {one: await last_sealed(tx, one) for one in ENVIRONMENTS}
    number = 1 if before is None else before.number + 1
    statement = msgspec.json.encode(
        HeadStatement(
            number=number,
            day=day_text(day),
            size=size,
            root=root.hex(),
            previous=None if before is None else before.digest.hex(),
            checkpoints={
                name: None if one is None else one.digest.hex() for name, one in newest.items()
            },
            sealed_to=rfc3339(sealed_to),
            sealed_at=rfc3339(now_us),
        ),
        order="sorted",
    )
    seed = await signing_seed(tx, vault, now_us=now_us)
    jws = sign(statement, typ=TYP, seed=seed)
    head = RecordHead(number, day, size, root, digest_of(statement), jws, sealed_to, now_us)
    await tx.insert("record_heads", _ROWS.columns, [_ROWS.write(head)])
    return head
