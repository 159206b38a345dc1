"""Somebody holds an endpoint's row: its own outcomes wait, the others' are written meanwhile."""

import asyncio

import asyncpg
import pytest

from store.database import Database
from tests.support.dispatcher import CLOCK, dispatching, given_tenant, rows, until
from tests.support.recording_receiver import receiver
from tests.support.webhook_rows import given_endpoint, given_events

pytestmark = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)


async def test_outcomes_of_others_are_written_while_one_endpoints_row_is_held(
    database: Database, database_url: str
) -> None:
    one, other = await given_tenant(database), await given_tenant(database)
    holder = await asyncpg.connect(database_url)
    async with (
        receiver(lambda _number: (500, 0.0)) as failing,
        receiver() as well,
        dispatching(database) as (dispatcher, settled),
    ):
        failing.held = asyncio.Event()
        held, _ = await given_endpoint(database, CLOCK, one, url=failing.url)
        await given_endpoint(database, CLOCK, other, url=well.url)
        await given_events(database, CLOCK, one)
        dispatcher.wake()
        await failing.wait_for(1)
        await holder.execute("BEGIN")
        await holder.execute("SELECT 1 FROM endpoints WHERE id = $1 FOR UPDATE", held.id)
        # A first failure is noted in the endpoint's row.
        failing.held.set()
        await given_events(database, CLOCK, other, count=5)
        dispatcher.wake()
        await until(lambda: len(settled) == 5)
        await given_events(database, CLOCK, other, count=5)
        dispatcher.wake()
        await until(lambda: len(settled) == 10)
        during = await rows(database, "SELECT status FROM deliveries ORDER BY id")
        await holder.close()
        await until(lambda: len(settled) == 11)

    after = await rows(database, "SELECT status, attempts_made FROM deliveries ORDER BY id")
    assert sorted(row["status"] for row in during) == ["delivered"] * 10 + ["sending"]
    assert sorted((row["status"], row["attempts_made"]) for row in after) == [
        *[("delivered", 1)] * 10,
        ("pending", 1),
    ]
    assert len(well.requests) == 10
