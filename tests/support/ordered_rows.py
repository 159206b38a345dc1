"""An ordered endpoint, what goes to it now, and what comes of that; each function is one transaction or more."""

from collections.abc import Sequence
from typing import Any

from kernel.clock import FixedClock
from kernel.tenant import Tenant
from keys.account import lock_tenants
from store.database import Database, Row, Transaction
from tests.support.webhook_rows import claim_all, given_account, given_endpoint
from webhooks.deliveries import delivery
from webhooks.deliveries.message import settlement_of
from webhooks.deliveries.stage import Claimed
from webhooks.http.transport import SendResult

TAKEN = SendResult(200, None, None, {}, b"", False, "203.0.113.1", {}, 0, 1)
REFUSED = SendResult(500, "http", None, {}, b"", False, "203.0.113.1", {}, 0, 1)
A, B = "txn_a", "txn_b"


async def given_ordered(
    database: Database, clock: FixedClock, **endpoint: Any
) -> tuple[Tenant, str]:
    tenant = Tenant(await given_account(database, clock), "staging")
    made, _ = await given_endpoint(database, clock, tenant, ordered=True, **endpoint)
    return tenant, made.id


async def claimed(database: Database, clock: FixedClock) -> list[Claimed]:
    """What goes now: looks until no look says that there may be more."""
    found: list[Claimed] = []
    for _ in range(50):
        claim = await claim_all(database, clock)
        found += claim.claimed
        if not (claim.has_more or claim.was_contended):
            return found
    raise AssertionError("the looks do not end")


async def answered(
    database: Database, clock: FixedClock, one: Claimed, result: SendResult = TAKEN
) -> None:
    settlement = settlement_of(one, result, [], ended_at_us=clock.now_us())
    await database.transaction(lambda tx: delivery.settle(tx, [settlement]), durable=False)


async def replayed(database: Database, clock: FixedClock, tenant: Tenant, id_: str) -> str:
    async def work(tx: Transaction) -> str:
        await lock_tenants(tx, [tenant])
        return await delivery.replay(tx, tenant, id_, now_us=clock.now_us())

    return await database.transaction(work)


async def rows(database: Database, text: str, **values: object) -> Sequence[Row]:
    async def work(tx: Transaction) -> Sequence[Row]:
        return await tx.fetch(text, **values)

    return await database.read(work)


async def ready_at(database: Database, endpoint_id: str) -> int | None:
    [row] = await rows(
        database, "SELECT ready_at FROM endpoint_queue WHERE endpoint_id = :id", id=endpoint_id
    )
    return None if row["ready_at"] is None else int(row["ready_at"])


def names(found: Sequence[Claimed], events: Sequence[str]) -> list[int]:
    """Which of these events, in the order in which they were claimed."""
    return [events.index(one.event_id) for one in found]
