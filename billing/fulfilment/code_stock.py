"""Hand out codes that the operator uploaded, by platform and face value.

Unique constraints ensure that each top-up gets only one code, and that no code is assigned twice. A code never returns
to the stock. Codes are stored encrypted, and a keyed digest prevents adding a code twice.
"""

from collections.abc import Iterable, Sequence
from typing import Annotated, Any, Final, NamedTuple

import msgspec

from billing.fulfilment.protocol import (
    Delivered,
    Health,
    Options,
    Outcome,
    Refused,
    Registration,
    Request,
    Supplier,
    Tools,
    Unknown,
    sample_text,
)
from billing.topups.fulfilment import lock_turn
from billing.topups.topup import Deliverable, hint_of, visible
from kernel.ids import new_id
from kernel.tenant import Tenant
from keys.account import lock_tenants
from keys.vault import Vault
from store.database import Transaction
from store.row_mapping import RowMapping
from webhooks.events.event import Outbox

PURPOSE: Final = "stock code"
ADDED_AT_ONCE_MAX: Final = 1_000
LOW_BELOW: Final = 10


class StockKind(NamedTuple):
    environment: str
    supplier: str
    platform: str
    amount_cents: int


class NewCode(NamedTuple):
    kind: StockKind
    code: str
    expires_at: int | None = None

    def __repr__(self) -> str:
        return f"NewCode({self.kind})"


class StockCode(msgspec.Struct, frozen=True, kw_only=True):
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


class TakenCode(NamedTuple):
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
) -> TakenCode | None:
    """Return the top-up's code, or assign the oldest one in stock. Concurrent transactions get different codes
    without waiting.
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


async def held(tx: Transaction, vault: Vault, transaction_id: str) -> TakenCode | None:
    row = await tx.fetch_one(
        "SELECT id, sealed, expires_at FROM stock_codes WHERE transaction_id = :id",
        id=transaction_id,
    )
    if row is None:
        return None
    plain = vault.open(bytes(row["sealed"]), purpose=PURPOSE, subject=row["id"])
    return TakenCode(plain.decode(), row["expires_at"])


async def levels(tx: Transaction, environment: str, *, now_us: int) -> Sequence[StockLevel]:
    rows = await tx.fetch(_LEVELS, environment=environment, now=now_us)
    return [StockLevel(StockKind(row[0], row[1], row[2], row[3]), row[5], row[4]) for row in rows]


async def became_low(tx: Transaction, kind: StockKind, *, now_us: int) -> StockLevel | None:
    """Return the stock level if it has become low since the last refill, and mark it as reported."""
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


STOCK_LOW = "stock.low"
_OPERATORS = """
SELECT e.account_id FROM accounts a
JOIN account_environments e ON e.account_id = a.id AND e.environment = :environment
WHERE a.is_operator = 1 ORDER BY e.account_id
"""


async def notify_low_stock(tx: Transaction, level: StockLevel, *, now_us: int) -> None:
    rows = await tx.fetch(_OPERATORS, environment=level.kind.environment)
    tenants = [Tenant(row["account_id"], level.kind.environment) for row in rows]
    if not tenants:
        return
    await lock_tenants(tx, tenants)
    outbox = await Outbox.load(tx, tenants)
    data = {
        "supplier": level.kind.supplier,
        "platform": level.kind.platform,
        "amount_cents": level.kind.amount_cents,
        "remaining": level.left,
        "low_threshold": level.low_threshold,
    }
    for tenant in tenants:
        outbox.publish(tenant, type=STOCK_LOW, data=data, now_us=now_us)
    await outbox.flush(tx)


class CodeStockOptions(Options, frozen=True, kw_only=True):
    """Options of a supplier of kind code_stock. The event stock.low is published when fewer than `low_threshold` codes
    for a platform and amount are left.
    """

    redeem_url: Annotated[str, msgspec.Meta(max_length=500)] | None = None
    instructions: Annotated[str, msgspec.Meta(max_length=1_000)] | None = None
    low_threshold: Annotated[int, msgspec.Meta(ge=0, le=1_000_000)] = LOW_BELOW


class CodeStock(Supplier):
    def __init__(self, options: CodeStockOptions, tools: Tools) -> None:
        self._options = options
        self._tools = tools

    async def fulfil(self, request: Request) -> Outcome:
        tools = self._tools
        now_us = tools.clock.now_us()
        kind = StockKind(
            tools.environment, tools.supplier_id, request.platform, request.amount_cents
        )

        async def take_in_turn(tx: Transaction) -> TakenCode | Unknown | None:
            if not await lock_turn(tx, request.transaction_id, tools.supplier_id, request.attempt):
                return Unknown("asked again meanwhile")
            return await take(tx, tools.vault, kind, request.transaction_id, now_us=now_us)

        async def check_level(tx: Transaction) -> None:
            low = await became_low(tx, kind, now_us=now_us)
            if low is not None:
                await notify_low_stock(tx, low, now_us=now_us)

        taken = await tools.database.transaction(take_in_turn)
        # Use a second transaction. Locking accounts in the first one could cause a deadlock.
        await tools.database.transaction(check_level)
        if isinstance(taken, Unknown):
            return taken
        if taken is None:
            return Refused("no code of this amount is in stock")
        options = self._options
        return Delivered(
            Deliverable(
                "code", taken.code, options.redeem_url, options.instructions, taken.expires_at
            )
        )

    async def probe(self) -> Health:
        tools = self._tools

        async def work(tx: Transaction) -> list[StockLevel]:
            found = await levels(tx, tools.environment, now_us=tools.clock.now_us())
            return [one for one in found if one.kind.supplier == tools.supplier_id]

        found = await tools.database.read(work)
        if not found:
            return Health(is_well=False, detail="no code was ever uploaded")
        low = [f"{one.kind.platform} {one.kind.amount_cents}" for one in found if one.is_low]
        return Health(
            is_well=not low,
            detail=f"few are left of {', '.join(low)}" if low else "enough of each kind",
        )


def _make(options: CodeStockOptions, tools: Tools) -> CodeStock:
    return CodeStock(options, tools)


SUPPLIER = Registration(
    name="code_stock",
    text="Codes that you upload, one for each top-up, by platform and amount.",
    options=CodeStockOptions,
    make=_make,
    sample=lambda request: Deliverable("code", f"SANDBOX-{sample_text(request)}"),
    asked_again="repeat",
)
