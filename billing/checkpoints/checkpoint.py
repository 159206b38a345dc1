"""A checkpoint: one sealed UTC day of one environment's ledger.

A day is claimed by a worker, then sealed by its JWS. A sealed day never changes, days have no gap, and each
statement names the digest of the one before.
"""

import hashlib
import secrets
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Final

import msgspec

from billing.checkpoints.jws import NOT_JSON, StatementRefused, verify
from kernel.clock import DAY_US, SECOND_US, day_start_us, parse_rfc3339, rfc3339
from store.database import Transaction
from store.row_mapping import RowMapping

TYP: Final = "topup-checkpoint+jws"
# How long a worker may hold a day without writing anything of it.
CLAIMED_US: Final = 120 * SECOND_US
SEED_BYTES: Final = 32


class ClaimLost(RuntimeError):
    pass


class Checkpoint(msgspec.Struct, frozen=True):
    environment: str
    day_start_at: int
    seed: bytes  # of the leaves' salts; never shown
    size: int  # transfers
    late: int  # of them, of an earlier day: written after that one was sealed
    root: bytes
    digest: bytes  # of the statement's bytes; the next one names it
    jws: str
    sealed_at: int

    @property
    def day(self) -> str:
        return day_text(self.day_start_at)


class Statement(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Hashes in hex; previous null in an environment's first one."""

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
    """Check the signature; return the statement and its bytes."""
    payload = verify(jws, typ=TYP, keys=keys).payload
    try:
        return msgspec.json.decode(payload, type=Statement), payload
    except NOT_JSON:
        raise StatementRefused("It is signed, but no checkpoint.") from None


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


async def keep_claim(
    tx: Transaction, environment: str, day_start_at: int, *, by: str, until: int
) -> None:
    """Extend the claim before each write, so a process that lost it writes nothing."""
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
