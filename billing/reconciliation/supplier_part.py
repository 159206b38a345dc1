"""Compare deliveries with supplier attempts, and suppliers' balances with delivery costs.

If a balance has dropped by more than the deliveries cost, something else was bought.
"""

from collections.abc import AsyncIterator, Sequence
from functools import partial
from typing import Final

import msgspec

from billing.fulfilment.suppliers import ReadySupplier, Suppliers
from billing.ledger.money import CURRENCY
from billing.reconciliation.differences import TIMES, Comparison, DifferenceKind, FoundDifference
from kernel.ids import least_id
from store.database import Database, Row, Transaction

ROWS: Final = 500
# Deliveries of these kinds have no attempt, because no supplier is called.
_INSIDE: Final = "'wallet', 'approval', 'sandbox'"


class BalanceMark(msgspec.Struct, frozen=True):
    cents: int
    at: int


class SupplierComparison:
    def __init__(self, database: Database, suppliers: Suppliers) -> None:
        self._database = database
        self._suppliers = suppliers

    async def compare(
        self, comparison: Comparison, known_mark: str | None
    ) -> AsyncIterator[FoundDifference]:
        after_id = least_id("txn", comparison.since)
        while True:
            rows = await self._database.read(partial(_page, after=after_id))
            own = [row for row in rows if row["environment"] == comparison.environment]
            for one in _judged(own):
                yield one
            comparison.checked += len(own)
            if len(rows) < ROWS:
                break
            after_id = rows[-1]["id"]
        again = await self._database.read(lambda tx: _again(tx, comparison))
        for one in _judged(again):
            yield one
        async for one in self._balances(comparison, known_mark):
            yield one

    async def _balances(
        self, comparison: Comparison, known_mark: str | None
    ) -> AsyncIterator[FoundDifference]:
        marks = {} if known_mark is None else msgspec.json.decode(known_mark, type=_Marks)
        fresh: dict[str, BalanceMark] = {}
        for supplier in self._suppliers.known():
            if supplier.environment != comparison.environment or not supplier.is_active:
                continue
            cents = await supplier.asked.balance_cents()
            before = marks.get(supplier.id)
            if cents is None:
                if before is not None:
                    fresh[supplier.id] = before
                continue
            fresh[supplier.id] = BalanceMark(cents, comparison.now_us)
            comparison.checked += 1
            if before is not None:
                difference = await self._fallen(comparison, supplier, before, cents)
                if difference is not None:
                    fresh[supplier.id] = before
                    yield difference
        comparison.mark = msgspec.json.encode(fresh).decode()

    async def _fallen(
        self, comparison: Comparison, supplier: ReadySupplier, before: BalanceMark, cents: int
    ) -> FoundDifference | None:
        cost = await self._database.read(
            lambda tx: _cost(tx, comparison.environment, supplier.id, before.at)
        )
        gone = before.cents - cents
        if cost is None or gone <= cost:
            return None
        detail = f"the balance of {supplier.id} fell by more than its deliveries cost"
        return FoundDifference("supplier_balance", supplier.id, cost, gone, CURRENCY, detail)


_Marks = dict[str, BalanceMark]


async def _page(tx: Transaction, *, after: str) -> Sequence[Row]:
    return await tx.fetch(
        f"{_SELECT} WHERE t.id > :after ORDER BY t.id LIMIT :rows", after=after, rows=ROWS
    )


async def _again(tx: Transaction, comparison: Comparison) -> Sequence[Row]:
    return await tx.fetch(
        f"""{_SELECT} WHERE t.id IN :ids[text] AND t.environment = :environment
            ORDER BY t.id""",
        ids=sorted(comparison.subjects),
        environment=comparison.environment,
    )


def _judged(rows: Sequence[Row]) -> list[FoundDifference]:
    found: list[FoundDifference] = []
    for row in rows:
        times, status = int(row["times"]), row["status"]
        if status == "delivered" and row["is_outside"] and times == 0:
            found.append(_difference("delivered_without_supplier", row, 1, times))
        if status in {"failed", "cancelled"} and times:
            found.append(_difference("supplied_not_delivered", row, 0, times))
        if times > 1:
            found.append(_difference("supplied_twice", row, 1, times))
    return found


def _difference(kind: DifferenceKind, row: Row, expected: int, times: int) -> FoundDifference:
    detail = (
        f"the top-up is {row['status']}; its supplier {row['supplier']} delivered {times} times"
    )
    return FoundDifference(kind, row["id"], expected, times, TIMES, detail, row["account_id"])


async def _cost(tx: Transaction, environment: str, supplier: str, since: int) -> int | None:
    row = await tx.fetch_one(
        """SELECT COALESCE(SUM(cost_cents), 0) AS cost,
               SUM(CASE WHEN cost_cents IS NULL THEN 1 ELSE 0 END) AS unknown
           FROM fulfilment_attempts
           WHERE environment = :environment AND supplier = :supplier
             AND last_requested_at >= :since AND outcome IN ('delivered', 'requested', 'unknown', 'waiting')""",
        environment=environment,
        supplier=supplier,
        since=since,
    )
    assert row is not None, "a sum has one row"
    return None if row["unknown"] else int(row["cost"])


_SELECT: Final = f"""
SELECT t.id, t.account_id, t.environment, t.status, t.supplier,
    CASE WHEN t.supplier IS NOT NULL AND t.fulfilment NOT IN ({_INSIDE}) THEN 1 ELSE 0 END
        AS is_outside,
    (SELECT COUNT(*) FROM fulfilment_attempts a
     WHERE a.transaction_id = t.id AND a.outcome = 'delivered') AS times
FROM topups t"""
