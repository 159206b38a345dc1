"""Codes that the operator uploaded, handed out one by one.

Unique keys give a code to one top-up, and a top-up one code; a code never returns to the stock. It is stored
sealed and known by a keyed digest, so it isn't added twice.
"""

from collections.abc import Iterable, Sequence
from typing import Any, Final, NamedTuple

import msgspec

from billing.topups.topup import hint_of, visible
from kernel.ids import new_id
from keys.vault import Vault
from store.database import Transaction
from store.row_mapping import RowMapping

PURPOSE: Final = "stock code"
ADDED_AT_ONCE_MAX: Final = 1_000
LOW_BELOW: Final = 10


class StockKind(NamedTuple):
    """amount_cents in US cents."""

    environment: str
    supplier: str
    platform: str
    amount_cents: int


class NewCode(NamedTuple):
    """expires_at null: never."""

    kind: StockKind
    code: str
    expires_at: int | None = None

    def __repr__(self) -> str:
        return f"NewCode({self.kind})"


class StockCode(msgspec.Struct, frozen=True, kw_only=True):
    """transaction_id null: in stock."""

    id: str
    environment: str
    supplier: str
    platform: str
    amount_cents: int
    hint: str
    expires_at: int | None = None
    added_at: int
    transaction_id: str | None = None
    taken_at: int | None = None


class Taken(NamedTuple):
    code: str
    expires_at: int | None

    def __repr__(self) -> str:
        return "Taken"


class StockLevel(NamedTuple):
    kind: StockKind
    left: int
    low_threshold: int

    @property
    def is_low(self) -> bool:
        return self.left < self.low_threshold


async def add(
    tx: Transaction, vault: Vault, codes: Sequence[NewCode], *, low_threshold: int, now_us: int
) -> int:
    """Add codes that are new to the environment, ADDED_AT_ONCE_MAX at most; return how many."""
    assert len(codes) <= ADDED_AT_ONCE_MAX, "codes are taken in step by step"
    rows = [_row(vault, one, now_us) for one in codes]
    added = await tx.insert("stock_codes", _COLUMNS, rows, on_conflict="ON CONFLICT DO NOTHING")
    await tx.insert(
        "stock_levels",
        ("environment", "supplier", "platform", "amount_cents", "low_threshold"),
        [(*kind, low_threshold) for kind in sorted({one.kind for one in codes})],
        on_conflict="""ON CONFLICT (environment, supplier, platform, amount_cents)
                       DO UPDATE SET low_threshold = excluded.low_threshold""",
    )
    await _rearm(tx, {one.kind for one in codes}, now_us)
    return added


async def take(
    tx: Transaction, vault: Vault, kind: StockKind, transaction_id: str, *, now_us: int
) -> Taken | None:
    """Return the top-up's code, else the oldest in stock, or None. Two transactions at once get different
    codes, without waiting.
    """
    has = await held(tx, vault, transaction_id)
    if has is not None:
        return has
    row = await tx.fetch_one(_OLDEST, **kind._asdict(), now=now_us)
    if row is None:
        return None
    taken = await tx.execute(_TAKE, id=row["id"], transaction_id=transaction_id, now=now_us)
    assert taken == 1, "the row was locked, or nobody else writes"
    return await held(tx, vault, transaction_id)


async def held(tx: Transaction, vault: Vault, transaction_id: str) -> Taken | None:
    row = await tx.fetch_one(
        "SELECT id, sealed, expires_at FROM stock_codes WHERE transaction_id = :id",
        id=transaction_id,
    )
    if row is None:
        return None
    plain = vault.open(bytes(row["sealed"]), purpose=PURPOSE, subject=row["id"])
    return Taken(plain.decode(), row["expires_at"])


async def levels(tx: Transaction, environment: str, *, now_us: int) -> Sequence[StockLevel]:
    """Return the levels of every kind that was ever in stock, also 0."""
    rows = await tx.fetch(_LEVELS, environment=environment, now=now_us)
    return [StockLevel(StockKind(row[0], row[1], row[2], row[3]), row[5], row[4]) for row in rows]


async def became_low(tx: Transaction, kind: StockKind, *, now_us: int) -> StockLevel | None:
    """Return the level the first time that it is low since it was filled, and record that."""
    found = await _level(tx, kind, now_us)
    if found is None or not found.is_low:
        return None
    told = await tx.execute(
        f"UPDATE stock_levels SET is_low = 1 {_OF_KIND} AND is_low = 0", **kind._asdict()
    )
    return found if told == 1 else None


async def list_codes(
    tx: Transaction, environment: str, *, before_id: str | None = None, limit: int
) -> Sequence[StockCode]:
    older = "" if before_id is None else "AND id < :before_id"
    named = {} if before_id is None else {"before_id": before_id}
    rows = await tx.fetch(
        f"""SELECT {_ROWS.listed} FROM stock_codes WHERE environment = :environment {older}
            ORDER BY id DESC LIMIT :limit""",
        environment=environment,
        limit=limit,
        **named,
    )
    return [_ROWS.read(row) for row in rows]


async def _rearm(tx: Transaction, kinds: Iterable[StockKind], now_us: int) -> None:
    for kind in sorted(kinds):
        found = await _level(tx, kind, now_us)
        if found is not None and not found.is_low:
            await tx.execute(f"UPDATE stock_levels SET is_low = 0 {_OF_KIND}", **kind._asdict())


async def _level(tx: Transaction, kind: StockKind, now_us: int) -> StockLevel | None:
    row = await tx.fetch_one(
        f"SELECT low_threshold, ({_LEFT}) AS number FROM stock_levels {_OF_KIND}",
        **kind._asdict(),
        now=now_us,
    )
    return None if row is None else StockLevel(kind, int(row["number"]), int(row["low_threshold"]))


def _row(vault: Vault, new: NewCode, now_us: int) -> tuple[Any, ...]:
    code_id = new_id("stk")
    digest = vault.sign(visible(new.code), purpose=PURPOSE)
    sealed = vault.seal(new.code.encode(), purpose=PURPOSE, subject=code_id)
    return (code_id, *new.kind, digest, sealed, hint_of(new.code), new.expires_at, now_us)


_COLUMNS = (
    *("id", "environment", "supplier", "platform", "amount_cents"),
    *("digest", "sealed", "hint", "expires_at", "added_at"),
)
_ROWS = RowMapping(StockCode)
_OF_KIND = """WHERE environment = :environment AND supplier = :supplier
    AND platform = :platform AND amount_cents = :amount_cents"""
_FREE = "transaction_id IS NULL AND (expires_at IS NULL OR expires_at > :now)"
_LEFT = f"SELECT COUNT(*) FROM stock_codes {_OF_KIND} AND {_FREE}"
_OLDEST = f"""
SELECT id FROM stock_codes {_OF_KIND} AND {_FREE} ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED
"""
_TAKE = """
UPDATE stock_codes SET transaction_id = :transaction_id, taken_at = :now
WHERE id = :id AND transaction_id IS NULL
"""
_LEVELS = """
SELECT l.environment, l.supplier, l.platform, l.amount_cents, l.low_threshold, (
    SELECT COUNT(*) FROM stock_codes c
    WHERE c.environment = l.environment AND c.supplier = l.supplier AND c.platform = l.platform
      AND c.amount_cents = l.amount_cents AND c.transaction_id IS NULL
      AND (c.expires_at IS NULL OR c.expires_at > :now)
) AS number
FROM stock_levels l WHERE l.environment = :environment
ORDER BY l.supplier, l.platform, l.amount_cents
"""
