"""Hand out a code that the operator uploaded (`topup stock add`), by platform and face value.

A code belongs to a top-up from the transaction that takes it, and a repeated call returns it, so a dying
worker loses nothing. A worker whose turn is over takes none.
"""

from typing import Annotated

import msgspec

from billing.fulfilment import stock
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
)
from billing.fulfilment.simulated import sample_text
from billing.fulfilment.stock import StockKind, StockLevel, Taken
from billing.topups.attempt import lock_turn
from billing.topups.topup import Deliverable
from kernel.tenant import Tenant
from keys.account import lock_tenants
from store.database import Transaction
from webhooks.events.event import Outbox

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
    """low_threshold: stock.low is published below this many codes of a platform and amount; 0: never."""

    redeem_url: Annotated[str, msgspec.Meta(max_length=500)] | None = None
    instructions: Annotated[str, msgspec.Meta(max_length=1_000)] | None = None
    low_threshold: Annotated[int, msgspec.Meta(ge=0, le=1_000_000)] = stock.LOW_BELOW


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

        async def take(tx: Transaction) -> Taken | Unknown | None:
            if not await lock_turn(tx, request.transaction_id, tools.supplier_id, request.attempt):
                return Unknown("asked again meanwhile")
            return await stock.take(tx, tools.vault, kind, request.transaction_id, now_us=now_us)

        async def look_at_level(tx: Transaction) -> None:
            low = await stock.became_low(tx, kind, now_us=now_us)
            if low is not None:
                await notify_low_stock(tx, low, now_us=now_us)

        taken = await tools.database.transaction(take)
        # A transaction of its own: it locks accounts, whose holders may wait for the turn.
        await tools.database.transaction(look_at_level)
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
            found = await stock.levels(tx, tools.environment, now_us=tools.clock.now_us())
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
