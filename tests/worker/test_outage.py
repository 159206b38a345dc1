"""The database goes away, refuses or breaks in the middle of deliveries."""

from collections.abc import Sequence
from typing import Any

from kernel.tenant import Tenant
from store.database import Database, T, Transaction, Work
from store.errors import ConnectionLost
from tests.support.dispatcher import CLOCK, dispatching, given_tenant, rows, until
from tests.support.recording_receiver import receiver
from tests.support.webhook_rows import (
    given_endpoint,
    given_events,
)
from webhooks.deliveries.message import Headers
from webhooks.http.guard import Policy
from webhooks.http.transport import SendResult


class Unsteady:
    """A database that is away for transactions while told so."""

    def __init__(self, real: Database) -> None:
        self._real = real
        self.is_away = False
        self.is_away_for_durable = False
        self.refused = 0

    @property
    def statements_run(self) -> int:
        return self._real.statements_run

    async def transaction(self, work: Work[T], **options: Any) -> T:
        is_durable = options.get("durable", True)
        if self.is_away or (is_durable and self.is_away_for_durable):
            self.refused += 1
            raise ConnectionLost("away")
        return await self._real.transaction(work, **options)

    async def read(self, work: Work[T], *, is_single: bool = False) -> T:
        return await self._real.read(work, is_single=is_single)

    async def autocommit(self, work: Work[T]) -> T:
        if self.is_away:
            self.refused += 1
            raise ConnectionLost("away")
        return await self._real.autocommit(work)

    async def close(self) -> None:
        await self._real.close()


async def test_outcomes_wait_for_a_database_that_is_away(database: Database) -> None:
    tenant = await given_tenant(database)
    unsteady = Unsteady(database)

    def go_away(_number: int) -> tuple[int, float]:
        unsteady.is_away = True
        return 200, 0.0

    async with receiver(go_away) as hook, dispatching(unsteady) as (dispatcher, settled):
        await given_endpoint(database, CLOCK, tenant, url=hook.url)
        await given_events(database, CLOCK, tenant, count=4)
        dispatcher.wake()
        await hook.wait_for(4)
        await until(lambda: unsteady.refused >= 2)
        before = [row["status"] for row in await rows(database, "SELECT status FROM deliveries")]
        unsteady.is_away = False
        await until(lambda: len(settled) == 4)

    after = [row["status"] for row in await rows(database, "SELECT status FROM deliveries")]
    assert before == ["sending"] * 4
    assert after == ["delivered"] * 4
    assert len(hook.requests) == 4


async def test_claims_go_on_when_a_database_that_was_away_is_back(database: Database) -> None:
    tenant = await given_tenant(database)
    unsteady = Unsteady(database)
    unsteady.is_away = True
    async with receiver() as hook, dispatching(unsteady):
        await given_endpoint(database, CLOCK, tenant, url=hook.url)
        await given_events(database, CLOCK, tenant)
        await until(lambda: unsteady.refused >= 3)
        unsteady.is_away = False

        await hook.wait_for(1)


async def test_an_endpoint_that_cannot_be_disabled_now_costs_no_outcome(
    database: Database,
) -> None:
    tenant = await given_tenant(database)
    unsteady = Unsteady(database)
    async with (
        receiver(lambda _number: (410, 0.0)) as hook,
        dispatching(unsteady) as (dispatcher, settled),
    ):
        await given_endpoint(database, CLOCK, tenant, url=hook.url)
        await given_events(database, CLOCK, tenant)
        # Outcomes need not be durable; disabling an endpoint is.
        unsteady.is_away_for_durable = True
        dispatcher.wake()
        await until(lambda: unsteady.refused >= 1)
        await until(lambda: len(settled) == 1)

    [row] = await rows(database, "SELECT status, attempts_made FROM deliveries")
    [endpoint] = await rows(database, "SELECT status FROM endpoints")
    assert (row["status"], row["attempts_made"]) == ("pending", 1)
    assert endpoint["status"] == "enabled"


async def test_a_delivery_that_breaks_us_does_not_stop_the_others(database: Database) -> None:
    tenant = await given_tenant(database)
    calls: list[str] = []

    async def post(
        url: str,
        headers: Headers,
        body: bytes,
        timeout_s: float,
        *,
        policy: Policy | None,
        account_id: str,
    ) -> SendResult:
        calls.append(url)
        if len(calls) == 1:
            raise LookupError
        return SendResult(200, None, None, {}, b"", False, None, {}, 0, 0)

    async with dispatching(database, slots=1, post=post) as (dispatcher, settled):
        await given_endpoint(database, CLOCK, tenant)
        await given_events(database, CLOCK, tenant, count=2)
        dispatcher.wake()
        await until(lambda: len(settled) == 1)

    found = await rows(database, "SELECT status FROM deliveries ORDER BY id")
    # The first one's lease runs out, and then it is sent again.
    assert [row["status"] for row in found] == ["sending", "delivered"]


async def test_an_outcome_that_the_database_refuses_costs_its_neighbours_nothing(
    database: Database,
) -> None:
    tenant = await given_tenant(database)
    async with receiver() as hook, dispatching(database) as (dispatcher, settled):
        await given_endpoint(database, CLOCK, tenant, url=hook.url)
        await given_events(database, CLOCK, tenant, count=4)
        ids = [row["id"] for row in await rows(database, "SELECT id FROM deliveries ORDER BY id")]

        async def poison(tx: Transaction) -> None:
            await tx.insert("attempts", ATTEMPT_COLUMNS, [_attempt_row(ids[1], tenant)])

        await database.transaction(poison)
        dispatcher.wake()
        await until(lambda: len(settled) == 4)

    found = await rows(database, "SELECT id, status FROM deliveries ORDER BY id")
    assert [row["status"] for row in found] == ["delivered", "sending", "delivered", "delivered"]


ATTEMPT_COLUMNS = (
    "delivery_id",
    "number",
    "id",
    "account_id",
    "environment",
    "started_at",
    "duration_us",
    "timings_ms",
    "request_headers",
    "response_body",
)


def _attempt_row(delivery_id: str, tenant: Tenant) -> Sequence[object]:
    return (delivery_id, 1, "att_1", *tenant, 0, 0, "{}", "{}", b"")
