"""Items that are due: one that hangs delays its own place alone, one that breaks is held back alone."""

import asyncio
import logging
from collections.abc import Sequence
from functools import partial

import pytest

from kernel.clock import FixedClock
from store.database import Database, Transaction
from store.errors import StoreError
from worker.woken_loop import DueItem, DueLoop, Poll, place_of

pytestmark = pytest.mark.one_database
BROKEN = place_of("live", "broken")
SILENT = place_of("live", "silent")
WELL = place_of("live", "well")


class Told(DueLoop):
    """Over items in memory that are due until they went well; the silent place answers when let."""

    name = "told"
    subject = "item"
    under_way_max = 4
    at_one_place_max = 2
    beat_s = 60.0

    def __init__(self, database: Database, clock: FixedClock, items: dict[str, str]) -> None:
        super().__init__(database, clock)
        self.items = items
        self.begun: list[str] = []
        self.answer = asyncio.Event()
        self.progress = asyncio.Event()

    async def _due(self, tx: Transaction, look: Poll) -> Sequence[DueItem]:
        found = [
            DueItem(item, place, partial(self._go, item, place))
            for item, place in self.items.items()
            if item not in look.exclude_ids and place not in look.exclude_keys
        ]
        return found[: look.limit]

    async def _next_at(self, tx: Transaction, look: Poll) -> int | None:
        return look.now_us if await self._due(tx, look) else None

    async def _go(self, item: str, place: str) -> None:
        self.begun.append(item)
        self.progress.set()
        if place == SILENT:
            await self.answer.wait()
        if place == BROKEN:
            raise StoreError("away") if item == "b0" else KeyError("a fault of ours")
        del self.items[item]


async def until_begun(loop: Told, number: int) -> None:
    async with asyncio.timeout(10):
        while len(loop.begun) < number:
            await loop.progress.wait()
            loop.progress.clear()


async def test_a_place_that_hangs_has_its_share_and_hides_nobody_elses(
    database: Database, clock: FixedClock
) -> None:
    silent = {f"s{number}": SILENT for number in range(9)}
    loop = Told(database, clock, {**silent, "w0": WELL, "w1": WELL, "w2": WELL})
    running = asyncio.create_task(loop.run())

    await until_begun(loop, 5)

    # Nine of the silent place are due first: two are asked, and all of the other's, two at a time.
    assert sorted(loop.begun) == ["s0", "s1", "w0", "w1", "w2"]
    loop.answer.set()
    await until_begun(loop, 12)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert sorted(loop.begun) == [*sorted(silent), "w0", "w1", "w2"]


async def test_what_fails_or_breaks_is_told_and_held_back_alone(
    database: Database, clock: FixedClock, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    loop = Told(database, clock, {"b0": BROKEN, "b1": BROKEN, "w0": WELL})

    assert await loop.step() == 3
    assert await loop.step() == 0  # both that failed wait for their second

    assert loop.items == {"b0": BROKEN, "b1": BROKEN}
    assert sorted(one.getMessage() for one in caplog.records) == ["told.broke", "told.delayed"]


class Endless(Told):
    """Whatever it does, its items stay due."""

    async def _go(self, item: str, place: str) -> None:
        await super()._go(item, place)
        self.items[item] = place


async def test_what_stays_due_although_it_went_well_is_not_done_in_a_circle(
    database: Database, clock: FixedClock
) -> None:
    loop = Endless(database, clock, {"w0": WELL})

    assert await loop.step() == 1  # a step handles an item once
    wait_s = await loop._poll()

    assert loop.begun == ["w0"]
    assert 0.0 < wait_s <= 1.0
