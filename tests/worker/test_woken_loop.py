"""A loop looks when it is woken or its time has come, whatever became of the look before."""

import asyncio
import logging
from collections.abc import Sequence

import pytest

from store.errors import StoreError
from worker.woken_loop import WokenLoop


class Looking(WokenLoop):
    """Each look ends as the next word says: in so many seconds, or by that fault."""

    name = "looking"

    def __init__(self, ends: Sequence[float | Exception]) -> None:
        super().__init__()
        self.left = list(ends)
        self.looked = asyncio.Event()
        self.has_stopped = False

    async def _poll(self) -> float:
        end = self.left.pop(0)
        if not self.left:
            self.looked.set()
        if isinstance(end, Exception):
            raise end
        return end

    async def _stop(self) -> None:
        self.has_stopped = True


async def after(loop: Looking) -> None:
    """Runs it until its last look, and cancels it."""
    running = asyncio.create_task(loop.run())
    async with asyncio.timeout(10):
        await loop.looked.wait()
    await asyncio.sleep(0)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running


async def test_a_look_that_fails_or_breaks_is_told_and_made_again(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.WARNING)
    loop = Looking([StoreError("away"), KeyError("a fault of ours"), 60.0])

    await after(loop)

    assert loop.left == []
    assert [one.getMessage() for one in caplog.records] == ["looking.delayed", "looking.broke"]
    assert loop.has_stopped


async def test_it_looks_at_its_time_and_at_once_when_it_is_woken() -> None:
    loop = Looking([0.0, 60.0, 60.0])
    running = asyncio.create_task(loop.run())
    while len(loop.left) > 1:  # noqa: ASYNC110 nobody is told of the look before the last
        await asyncio.sleep(0)

    loop.wake()

    async with asyncio.timeout(10):
        await loop.looked.wait()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert loop.has_stopped
