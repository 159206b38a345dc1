"""What numbering looks at every few seconds is a few index entries, however many orders were paid."""

import re

import pytest

from billing.documents import numbering
from kernel.clock import FixedClock
from store.database import Database, Transaction
from store.schema import orders
from store.sqlite.database import SqliteDatabase
from tests.billing.engine.test_query_plans import Recorder, Said
from tests.support.buyer import Buyer, open_live_counter

pytestmark = pytest.mark.new_database
ROWS = 20_000
# Reading the orders takes more than a thousand.
PAGES_MAX = 20
_MEASURED = "EXPLAIN (ANALYZE, BUFFERS)"
_INDEX = re.compile(r"\b(?:ix|ux)_(?:orders|subscription_periods)_\w+")
# Behind what was found.
_BY_ID = {"ux_subscription_periods_id"}
_WHOLE = re.compile(r"SCAN [op]\b|SCAN orders|Seq Scan on (?:orders|subscription_periods)")
_PAGES = re.compile(r"shared hit=(\d+)(?: read=(\d+))?")
# The columns in which rows differ.
NAMED = {"id": "ord_0", "order_no": "no_", "reference": "txn_0"}


def copies(count: int) -> str:
    """Orders like the one that is there: paid, with a receipt, refunded and noted."""
    columns = [one.name for one in orders.columns if one.name != "request_digest"]
    values = [
        f"'{NAMED[name]}' || (10000000 + i)" if name in NAMED else f"o.{name}" for name in columns
    ]
    return f"""WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {count})
        INSERT INTO orders ({", ".join(columns)})
        SELECT {", ".join(values)} FROM n CROSS JOIN orders o WHERE o.receipt_id = 'doc_1'"""


async def sold(database: Database, clock: FixedClock, *, rows: int = ROWS) -> Buyer:
    """A counter that has sold, and whose documents are made."""
    buyer = await open_live_counter(database, clock)
    order = await buyer.order()
    await buyer.pay(order)
    await buyer.refund(order, 500)

    async def work(tx: Transaction) -> None:
        await tx.execute(
            "UPDATE orders SET receipt_id = 'doc_1', noted_amount = 500 WHERE id = :id", id=order.id
        )
        await tx.execute(copies(rows))

    await database.transaction(work)
    return buyer


async def looks(database: Database) -> Said:
    """The statements of one look that finds nothing."""
    said: Said = []

    async def work(tx: Transaction) -> None:
        seen = Recorder(tx, said)
        assert await numbering.payments(seen, "live", limit=1) == []
        assert await numbering.returned_since(seen, "live", after_id="", limit=100) == ((), "")

    await database.read(work)
    assert len(said) == 4
    return said


async def plans(database: Database, said: Said) -> list[str]:
    """Each statement's, in the database's own words."""
    asked = "EXPLAIN QUERY PLAN" if isinstance(database, SqliteDatabase) else _MEASURED
    found = []
    for text, values in said:
        rows = await database.read(
            lambda tx, text=text, values=values: tx.fetch(f"{asked} {text}", **values)  # type: ignore[misc]
        )
        found.append("\n".join(str(row[-1]) for row in rows))
    return found


async def test_a_look_that_finds_nothing_probes_four_partial_indexes(
    database: Database, clock: FixedClock
) -> None:
    await sold(database, clock)
    # Before a vacuum no page is known to be seen by all, so that an index alone answers nothing.
    await probes_alone(database, "ANALYZE orders")
    await probes_alone(database, "VACUUM ANALYZE orders")


async def probes_alone(database: Database, after: str) -> None:
    """after: what PostgreSQL did with the orders before."""
    if not isinstance(database, SqliteDatabase):
        await database.autocommit(lambda tx: tx.execute(after))

    found = await plans(database, await looks(database))

    # They hold what is waiting and nothing else.
    assert [set(_INDEX.findall(plan)) - _BY_ID for plan in found] == [
        {"ix_orders_unnumbered"},
        {"ix_subscription_periods_unnumbered"},
        {"ix_orders_unnoted"},
        {"ix_subscription_periods_unnoted"},
    ], found
    assert [plan for plan in found if _WHOLE.search(plan)] == []
    pages = [
        sum(int(each or 0) for each in pair) for plan in found for pair in _PAGES.findall(plan)
    ]
    assert max(pages, default=0) <= PAGES_MAX, found
