"""Each filter of the delivery log walks its own index, and says so when asked for its plan."""

import pytest
from hypothesis import given, strategies as st

from kernel.clock import FixedClock
from kernel.errors import InvalidInput
from kernel.tenant import Tenant
from store.database import Database, Transaction
from tests.support.webhook_rows import claim_all, given_account, given_endpoint, given_events
from webhooks.deliveries import log
from webhooks.deliveries.log import DeliveryCursor, DeliveryFilter, place_of, query_of

pytestmark = pytest.mark.new_database
FILTERS = [
    (DeliveryFilter(), "ix_deliveries_account"),
    (DeliveryFilter(created_after=5, created_before=9), "ix_deliveries_account"),
    (DeliveryFilter(status="delivered"), "ix_deliveries_account"),
    (DeliveryFilter(event_type="topup.delivered"), "ix_deliveries_account"),
    (DeliveryFilter(status="failed"), "ix_deliveries_status"),
    (DeliveryFilter(status="failed", created_before=9), "ix_deliveries_status"),
    (DeliveryFilter(endpoint_id="we_1"), "ix_deliveries_endpoint"),
    (DeliveryFilter(endpoint_id="we_1", status="delivered"), "ix_deliveries_endpoint"),
    (DeliveryFilter(endpoint_id="we_1", status="failed"), "ix_deliveries_status"),
    (DeliveryFilter(event_type="order.paid"), "ix_deliveries_type"),
    (DeliveryFilter(event_type="order.paid", endpoint_id="we_1"), "ix_deliveries_type"),
    (DeliveryFilter(transaction_id="txn_1"), "ix_deliveries_transaction"),
    (DeliveryFilter(transaction_id="txn_1", status="failed"), "ix_deliveries_transaction"),
]


async def plan_of(
    tx: Transaction, tenant: Tenant, wanted: DeliveryFilter, place: DeliveryCursor | None
) -> tuple[str, bool]:
    """The plan of the walk, and whether it may need sorting: one top-up has few deliveries."""
    query = query_of(wanted, place, columns="id, created_at, status")
    # Where a page has an edge, that walk bounds it, and a few rows are read in whatever way.
    text, values = query.page, {**query.values, "rows": 50}
    if query.edge is not None:
        text, values = query.edge, dict(query.edge_values)
    is_sqlite = "sqlite" in type(tx).__name__.lower()
    verb = "EXPLAIN QUERY PLAN" if is_sqlite else "EXPLAIN"
    found = await tx.fetch(
        f"{verb} {text}", **values, account_id=tenant.account_id, environment=tenant.environment
    )
    return "\n".join(str(row[-1]) for row in found), wanted.transaction_id is not None


async def test_each_filter_walks_the_index_that_was_meant(
    database: Database, clock: FixedClock
) -> None:
    tenant = Tenant(await given_account(database, clock), "staging")
    await given_endpoint(database, clock, tenant)
    await given_events(database, clock, tenant, count=6000)

    async def explain(tx: Transaction) -> list[str]:
        await tx.execute("UPDATE deliveries SET transaction_id = id")
        await tx.execute("ANALYZE")
        findings = []
        for wanted, index in FILTERS:
            for place in (None, DeliveryCursor(7, "dlv_1")):
                plan, may_sort = await plan_of(tx, tenant, wanted, place)
                is_sorted = "Sort" in plan or "TEMP B-TREE" in plan
                if index not in plan or (is_sorted and not may_sort):
                    findings.append(f"{wanted} {place}: {plan}")
        return findings

    assert await database.transaction(explain) == []


async def test_what_has_no_index_is_looked_for_in_pieces_and_all_found(
    database: Database, clock: FixedClock
) -> None:
    tenant: Tenant = Tenant(await given_account(database, clock), "staging")
    await given_endpoint(database, clock, tenant)
    size = log.SCANNED_ROWS_MAX
    await given_events(database, clock, tenant, count=3)
    [first, *_] = (await claim_all(database, clock, ids_max=1)).claimed
    clock.advance_s(1)
    await given_events(database, clock, tenant, count=size)

    async def mark(tx: Transaction) -> None:
        # Delivered, the oldest of all.
        await tx.execute("UPDATE deliveries SET status = 'delivered' WHERE id = :id", id=first.id)

    await database.transaction(mark)
    wanted = DeliveryFilter(status="delivered")

    async def read(tx: Transaction) -> tuple[log.DeliveryPage, log.DeliveryPage]:
        head = await log.list_deliveries(tx, tenant, wanted=wanted)
        return head, await log.list_deliveries(tx, tenant, wanted=wanted, before=head.next)

    head, rest = await database.read(read)

    assert (head.deliveries, head.next is None) == ([], False)
    assert ([one.id for one in rest.deliveries], rest.next) == ([first.id], None)


@given(st.integers(0, 10**18 - 1), st.from_regex(r"[0-9A-Za-z]{16}", fullmatch=True))
def test_a_cursor_names_its_place(created_at: int, number: str) -> None:
    place = DeliveryCursor(created_at, f"dlv_{number}")

    assert place_of(place.cursor()) == place


@pytest.mark.parametrize(
    "text",
    ["dlv_1", "12", "12.evt_0000000000000000", "x.dlv_0000000000000000", "1" * 19, "1.dlv_1", "."],
)
def test_another_form_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput, match="belong to this list"):
        place_of(text)
