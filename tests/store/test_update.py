"""An update of only the columns that are given."""

from kernel.clock import FixedClock
from kernel.tenant import Tenant
from store.database import Database, Transaction
from store.row_mapping import update
from tests.support.webhook_rows import given_account, given_endpoint


async def test_a_column_of_the_key_may_change_and_is_then_found_no_more(
    database: Database, clock: FixedClock
) -> None:
    tenant = Tenant(await given_account(database, clock), "staging")
    endpoint, _ = await given_endpoint(database, clock, tenant)
    other, _ = await given_endpoint(database, clock, tenant)
    key = {"id": endpoint.id, "status": "enabled"}

    async def work(tx: Transaction) -> list[int]:
        changed = {"status": "disabled", "description": "old"}
        return [await update(tx, "endpoints", key, changed) for _ in range(2)]

    assert await database.transaction(work) == [1, 0]
    rows = await database.read(
        lambda tx: tx.fetch("SELECT id, status, description FROM endpoints ORDER BY id")
    )
    assert [tuple(row) for row in rows] == sorted(
        [(endpoint.id, "disabled", "old"), (other.id, "enabled", other.description)]
    )
