"""Hints from process to process without Redis: through the server, or beside the file."""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import asyncpg
import pytest

from store.database import ANYTHING, Store
from store.open import file_of, open_database

PATIENCE_S = 10


class Ear:
    """What one process hears of another's hints."""

    def __init__(self, database: Store) -> None:
        self.names: list[str] = []
        self._heard = asyncio.Event()
        self._task = asyncio.create_task(database.hear_hints(self._take))

    def _take(self, names: Sequence[str]) -> None:
        self.names += names
        self._heard.set()

    async def until(self, name: str) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while name not in self.names:
                self._heard.clear()
                await self._heard.wait()

    async def close(self) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)


@contextlib.asynccontextmanager
async def listening(database_url: str) -> AsyncIterator[Ear]:
    database = open_database(database_url)
    ear = Ear(database)
    await ear.until(ANYTHING)
    yield ear
    await ear.close()
    await database.close()


async def test_a_hint_reaches_every_process_that_hears(database: Store, database_url: str) -> None:
    async with listening(database_url) as one, listening(database_url) as other:
        await database.send_hints(["deliveries:we_1", "topups"])

        for ear in (one, other):
            await ear.until("topups")

    assert one.names == other.names == [ANYTHING, "deliveries:we_1", "topups"]


async def test_more_names_than_fit_wake_everybody(database: Store, database_url: str) -> None:
    async with listening(database_url) as ear:
        ear.names.clear()
        await database.send_hints([f"deliveries:we_{number}" for number in range(2_000)])
        await ear.until(ANYTHING)

    assert ear.names == [ANYTHING]


async def test_hints_that_nobody_hears_are_dropped(database: Store) -> None:
    for _ in range(3):
        await database.send_hints(["topups"])


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_the_pipe_of_a_process_that_is_gone_is_taken_away(
    database: Store, database_url: str
) -> None:
    path = file_of(database_url)
    assert path is not None
    left, no_pipe = Path(f"{path}.hints-left"), Path(f"{path}.hints-file")
    os.mkfifo(left)
    no_pipe.write_text("of somebody else")
    async with listening(database_url) as ear:
        await database.send_hints(["topups"])
        await ear.until("topups")

    assert not left.exists()
    assert no_pipe.read_text() == "of somebody else"
    assert list(path.parent.glob(f"{path.name}.hints-*")) == [no_pipe]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_a_pipe_that_nobody_empties_keeps_nobody_waiting(
    database: Store, database_url: str
) -> None:
    async with listening(database_url) as ear:
        # Without a turn of the loop in between nothing is read: 64 KiB are full after 300.
        for _ in range(300):
            coroutine = database.send_hints(["deliveries:" + "x" * 400])
            with pytest.raises(StopIteration):
                coroutine.send(None)
        await ear.until("deliveries:" + "x" * 400)


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
async def test_an_ear_whose_connection_ends_hears_again(database: Store, database_url: str) -> None:
    async with listening(database_url) as ear:
        ear.names.clear()
        connection = await asyncpg.connect(database_url)
        ended = await connection.fetch(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND query LIKE 'LISTEN%'"
        )
        await connection.close()
        await ear.until(ANYTHING)
        await database.send_hints(["topups"])
        await ear.until("topups")

    assert len(ended) == 1
