"""Commands that wait apart: however many tenants' rows are held, one that is free soon goes on."""

import asyncio
import gc
import time
from collections.abc import Sequence

import pytest

from kernel.errors import Unavailable
from store.batch import BlockedCommands, Tenants, Waiting
from store.errors import ConnectionLost, LockTimeout

HELD = 40


class Rows:
    """Whose rows somebody holds; a commit waits for them as long as it may."""

    def __init__(self) -> None:
        self.held: set[str] = set()
        self.done: list[str] = []

    async def commit(self, batch: Sequence[Waiting[str, str]], lock_wait_s: float) -> None:
        if any(_tenant(one) in self.held for one in batch):
            await asyncio.sleep(lock_wait_s)
            raise LockTimeout("55P03")
        for one in batch:
            self.done.append(one.command)
            if not one.future.done():
                one.future.set_result(one.command.upper())


def _tenant(waiting: Waiting[str, str]) -> str:
    return waiting.command.partition("/")[0]


def _tenants_of(waiting: Waiting[str, str]) -> Tenants:
    return frozenset({_tenant(waiting)})


def _waiting(command: str) -> Waiting[str, str]:
    return Waiting(command, time.monotonic(), asyncio.get_running_loop().create_future())


async def test_a_tenant_whose_rows_are_free_does_not_wait_for_those_whose_are_not() -> None:
    rows = Rows()
    apart: BlockedCommands[str, str] = BlockedCommands(
        _tenants_of, rows.commit, batch_max=256, age_max_s=5.0
    )
    rows.held = {f"held{number}" for number in range(HELD)}
    held = [_waiting(f"held{number}/send") for number in range(HELD)]
    apart.put(held)
    # All of them were tried once, and wait for their next turns.
    await asyncio.sleep(1.5)

    comes_late = _waiting("free/send")
    began_s = time.monotonic()
    apart.put([comes_late])
    assert await comes_late.future == "FREE/SEND"
    assert time.monotonic() - began_s < 1.0

    # Rows that are given back are found within a round.
    rows.held.clear()
    began_s = time.monotonic()
    await asyncio.gather(*(one.future for one in held))
    assert time.monotonic() - began_s < 1.5
    assert not apart


async def test_the_commands_of_a_tenant_keep_their_order_over_tries() -> None:
    rows = Rows()
    apart: BlockedCommands[str, str] = BlockedCommands(
        _tenants_of, rows.commit, batch_max=2, age_max_s=5.0
    )
    rows.held = {"a"}
    first = [_waiting(f"a/{number}") for number in range(3)]
    apart.put(first)
    await asyncio.sleep(0.1)
    later = _waiting("a/3")
    apart.put([later])

    rows.held.clear()
    await later.future
    assert rows.done == ["a/0", "a/1", "a/2", "a/3"]


async def test_a_long_command_is_written_alone() -> None:
    written: list[list[str]] = []

    async def commit(batch: Sequence[Waiting[str, str]], _lock_wait_s: float) -> None:
        written.append([one.command for one in batch])
        for one in batch:
            one.future.set_result("")

    apart: BlockedCommands[str, str] = BlockedCommands(
        _tenants_of, commit, batch_max=256, age_max_s=5.0
    )
    waiting = [_waiting(f"a/{number}") for number in range(5)]
    for number in (2, 3):
        waiting[number].is_long = True
    apart.put(waiting)
    await asyncio.gather(*(one.future for one in waiting))

    assert written == [["a/0", "a/1"], ["a/2"], ["a/3"], ["a/4"]]


async def test_one_that_is_being_written_for_too_long_is_told_that_nobody_knows_yet() -> None:
    asked, never = asyncio.Event(), asyncio.Event()

    async def commit(_batch: Sequence[Waiting[str, str]], _lock_wait_s: float) -> None:
        asked.set()
        await never.wait()

    apart: BlockedCommands[str, str] = BlockedCommands(
        _tenants_of, commit, batch_max=256, age_max_s=0.2, answer_max_s=0.5
    )
    waiting = _waiting("a/send")
    apart.put([waiting])
    await asked.wait()

    with pytest.raises(Unavailable, match="isn't known yet"):
        await waiting.future

    assert time.monotonic() - waiting.since_s > 0.4
    never.set()
    await asyncio.wait(apart.tasks)


async def test_whatever_breaks_a_write_is_no_task_that_nobody_hears_of() -> None:
    unheard: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _loop, told: unheard.append(told))

    async def commit(batch: Sequence[Waiting[str, str]], _lock_wait_s: float) -> None:
        if batch[0].command == "a/send":
            raise ConnectionLost("ConnectionDoesNotExistError")
        batch[0].future.set_result("done")

    apart: BlockedCommands[str, str] = BlockedCommands(
        _tenants_of, commit, batch_max=1, age_max_s=5.0
    )
    broken, next_ = _waiting("a/send"), _waiting("b/send")
    apart.put([broken, next_])

    with pytest.raises(Unavailable, match="not reachable"):
        await broken.future
    assert await next_.future == "done"
    await asyncio.sleep(0)
    gc.collect()
    assert unheard == []
