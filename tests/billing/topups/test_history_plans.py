"""The filters of the top-ups' list that find few rows walk an index of their own."""

from typing import Any, cast

import pytest

from billing.topups import queries as history
from billing.topups.queries import TopUpFilter
from kernel.clock import DAY_US
from kernel.tenant import Tenant
from store.database import Database, Row, Transaction
from store.keyset import Begin, ListPlace

pytestmark = pytest.mark.new_database
TENANT = Tenant("acc_1", "staging")
ROWS = 6_000
OLDEST = ListPlace("created")
# Each page's filter and place, and by which index its rows are found.
WALKS: tuple[tuple[TopUpFilter, Begin, str], ...] = (
    (TopUpFilter(status="failed"), None, "ix_topups_status"),
    (TopUpFilter(status="failed"), OLDEST, "ix_topups_status"),
    (TopUpFilter(reference="a"), None, "ux_topups_reference"),
)


def is_sqlite(tx: Transaction) -> bool:
    return "sqlite" in type(tx).__name__.lower()


class Explained:
    """A transaction that answers with no rows, and keeps how the database would find them."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx
        self.plans: list[str] = []

    async def fetch(self, text: str, **values: Any) -> list[Row]:
        verb = "EXPLAIN QUERY PLAN" if is_sqlite(self._tx) else "EXPLAIN"
        rows = await self._tx.fetch(f"{verb} {text}", **values)
        self.plans.append("\n".join(str(row[-1]) for row in rows))
        return []

    async def fetch_one(self, text: str, **values: Any) -> None:
        await self.fetch(text, **values)


async def write(tx: Transaction) -> None:
    columns = ("id", "account_id", "environment", "status", "platform", "amount_cents")
    rows = [
        (
            *(
                f"txn_{number:016d}",
                f"acc_{number % 20}",
                "staging",
                "failed" if number % 50 == 1 else "delivered",
            ),
            *("claude", 100, f"r{number}@example.com", "{}", "voucher", number * DAY_US // 100),
        )
        for number in range(ROWS)
    ]
    names = ("recipient_email", "metadata", "fulfilment", "created_at")
    await tx.insert("topups", (*columns, *names), rows)
    await tx.execute("ANALYZE")


async def test_each_filter_walks_the_index_that_was_meant(database: Database) -> None:
    await database.transaction(write)

    async def explain(tx: Transaction) -> list[str]:
        findings = []
        # Of so few rows PostgreSQL would rather read all than walk an index.
        for name in ("seqscan", "bitmapscan") if not is_sqlite(tx) else ():
            await tx.fetch(f"SELECT set_config('enable_{name}', 'off', TRUE)")
        for wanted, begin, index in WALKS:
            asked = Explained(tx)
            await history.page(cast("Any", asked), TENANT, wanted, before_id=begin, limit=51)
            if not all(index in plan for plan in asked.plans):
                findings.append(f"{wanted} {begin}: {asked.plans}")
        return findings

    found = await database.transaction(explain)
    assert found == [], "\n\n".join(found)
