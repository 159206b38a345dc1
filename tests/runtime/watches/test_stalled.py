"""A statement whose end never comes is ended by any process that runs, without a worker."""

import asyncio
from pathlib import Path

import pytest

from kernel.clock import FixedClock
from runtime.context import open_context
from runtime.settings import load_settings
from runtime.watch import ending_stalled
from store.database import Database
from store.postgresql.database import PostgresqlDatabase
from tests.support.database_proxy import proxied
from tests.support.stalled_statement import held_by_stalled

pytestmark = [
    pytest.mark.long,
    pytest.mark.parametrize("database_url", ["postgresql"], indirect=True),
]


async def test_a_gateway_alone_ends_what_is_stalled(
    database: Database, database_url: str, tmp_path: Path, clock: FixedClock
) -> None:
    settings = load_settings(database_url=database_url, data_dir=tmp_path, secret_key="5f" * 32)

    async with (
        held_by_stalled(database, database_url) as write,
        open_context(settings, clock=clock),
    ):
        assert await write(20.0) == 1


async def test_a_look_that_fails_is_told_once_and_the_next_ones_are_made(
    database: Database, database_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with (
        held_by_stalled(database, database_url) as write,
        proxied(database_url) as (door, url),
    ):
        door.refusals = 3
        looking = PostgresqlDatabase(url)
        async with ending_stalled(looking, every_s=0.05):
            assert await write(20.0) == 1
            # The session is ended before the look that ended it has its answer.
            async with asyncio.timeout(20):
                while "database.stalled_ended" not in caplog.messages:  # noqa: ASYNC110
                    await asyncio.sleep(0.01)
        await looking.close()

    assert door.refusals == 0
    assert caplog.messages.count("database.stalled_unknown") == 1
