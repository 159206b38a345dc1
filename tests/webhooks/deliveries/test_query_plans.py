"""The hot statements of deliveries walk indexes only, whatever lies beside."""

from typing import Any

import pytest

from kernel.clock import FixedClock
from kernel.tenant import Tenant
from store.database import Database, Transaction
from tests.support.webhook_rows import claim_all, given_account, given_endpoint, given_events
from webhooks.deliveries import claim, delivery, sequence

pytestmark = pytest.mark.new_database
SCAN_VALUES = {
    "now_us": 1_781_352_000_000_000,
    "ids_max": 50,
    "full": [("we_1",)],
    "failing_max": 200,
    "after_at": -1,
    "after_id": "",
}
LOOK_VALUES = {"rows": [("dlv_1", 0)], "now_us": 1_781_352_000_000_000}
PUT_OFF_VALUES = {"rows": [("dlv_1", 0, "we_1", 0, 1)]}
NEXT_VALUES = {"rows": [("we_1", "txn_1", 1)]}
LET_GO_VALUES = {"endpoint_id": "we_1", "now_us": 1}
CLAIM_ORDERED_VALUES = {"rows": [("dlv_1", 0, "we_1", 0)], "lease_until_us": 1}
CLAIM_VALUES = {"rows": [("dlv_1", 0, "we_1")], "lease_until_us": 1}
AT_ONCE_VALUES = {
    "endpoint_id": "we_1",
    "now_us": 1_781_352_000_000_000,
    "stale_us": 1,
    "rows_max": 4,
    "lease_until_us": 1,
}
SETTLE_DELIVERED_VALUES = {"rows": [("dlv_1", 1, 1, 1, "we_1")]}
SETTLE_VALUES = {"rows": [("dlv_1", 1, "delivered", 1, None, 1)]}


STATEMENTS: dict[str, tuple[str, dict[str, Any]]] = {
    "scan": (claim._SCAN, SCAN_VALUES),
    "claim": (claim._CLAIM, CLAIM_VALUES),
    "claim at once": (claim._CLAIM_AT_ONCE, AT_ONCE_VALUES),
    "settle": (delivery._SETTLE, SETTLE_VALUES),
    "settle what arrived": (delivery._SETTLE_DELIVERED, SETTLE_DELIVERED_VALUES),
    "claim of an ordered one": (claim._CLAIM_ORDERED, CLAIM_ORDERED_VALUES),
    "look at an object": (sequence._LOOK, LOOK_VALUES),
    "put off": (sequence._PUT_OFF, PUT_OFF_VALUES),
    "next of an object": (sequence._NEXT, NEXT_VALUES),
    "let go": (sequence._LET_GO, LET_GO_VALUES),
}


async def test_no_statement_reads_the_whole_table(database: Database, clock: FixedClock) -> None:
    tenant = Tenant(await given_account(database, clock), "staging")
    await given_endpoint(database, clock, tenant)
    await given_endpoint(database, clock, tenant, ordered=True)
    for _ in range(10):
        await given_events(database, clock, tenant, count=500)
    await claim_all(database, clock, ids_max=2500)

    async def explain(tx: Transaction) -> dict[str, str]:
        await tx.execute("ANALYZE")
        is_sqlite = "sqlite" in type(tx).__name__.lower()
        verb = "EXPLAIN QUERY PLAN" if is_sqlite else "EXPLAIN"
        return {
            name: "\n".join(str(row[-1]) for row in await tx.fetch(f"{verb} {text}", **values))
            for name, (text, values) in STATEMENTS.items()
        }

    plans = await database.transaction(explain)

    # SQLite names a table by its alias: "SCAN d"; small tables may be read whole.
    for name, plan in plans.items():
        for alias, table in (("d", "deliveries"), ("e", "events")):
            assert f"SCAN {alias}\n" not in plan + "\n", name
            assert f"SCAN {table}\n" not in plan + "\n", name
            assert f"Seq Scan on {table} " not in plan, name
    # An object is found in its own indexes, which have it at their beginning.
    for name in ("look at an object", "next of an object"):
        assert "ix_deliveries_object" in plans[name], name
        assert "ix_deliveries_due" not in plans[name], name
