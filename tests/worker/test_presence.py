"""A worker beside others: hints are for who takes what is due, and nobody waits for one that does not."""

import asyncio
import gc
import time
from dataclasses import replace
from typing import Any, cast

import pytest

from kernel.clock import SECOND_US
from runtime.processes.presence import WorkerPresence, has_others, note_presence
from store.database import Database, Transaction
from store.errors import ConnectionLost
from tests.support.dispatcher import CLOCK, dispatching, given_tenant, until
from tests.support.recording_receiver import receiver
from tests.support.webhook_rows import given_endpoint, given_events
from worker.dispatch import BEAT_S, HintSharing, Slots, be_present


@pytest.mark.parametrize(
    ("has_others", "looks", "sending", "earliest_s"),
    [
        # Alone: at once, whatever the last look found and however much is under way.
        (False, [(5.0, 0)], 500, None),
        # Beside others: at once with little under way, 10 ms after the last look with much.
        (True, [(5.0, 3)], 7, None),
        (True, [(5.0, 3)], 8, 5.01),
        # It came too late: 50 ms after that look, until a look finds something.
        (True, [(5.0, 0)], 0, 5.05),
        (True, [(5.0, 0), (6.0, 0)], 500, 6.05),
        (True, [(5.0, 0), (6.0, 1)], 0, None),
        # What it has just taken may be what the next hint told of.
        (True, [(5.0, 1), (5.009, 0)], 0, None),
        (True, [(5.0, 1), (5.02, 0)], 0, 5.07),
    ],
)
def test_when_hints_call_for_the_next_look(
    has_others: bool,
    looks: list[tuple[float, int]],
    sending: int,
    earliest_s: float | None,
) -> None:
    sharing = HintSharing()
    sharing.note_others(has_others)
    for at_s, taken in looks:
        sharing.note_look(at_s)
        sharing.note_taken(taken, at_s)

    found_s = sharing.next_look_s(sending)

    assert found_s == pytest.approx(float("-inf") if earliest_s is None else earliest_s)


@pytest.mark.one_database
async def test_a_worker_knows_of_others_that_said_something_lately(database: Database) -> None:
    now_us = CLOCK.now_us()
    ours = WorkerPresence("wrk_1", "a.example.com", 17, "1.0", now_us, now_us, 0, 1000)
    gone = replace(ours, id="wrk_2", seen_at=now_us - 91 * SECOND_US)
    other = replace(ours, id="wrk_3", seen_at=now_us - 89 * SECOND_US)

    async def knows(tx: Transaction, *noted: WorkerPresence) -> bool:
        for one in noted:
            await note_presence(tx, one)
        return await has_others(tx, ours)

    assert not await database.transaction(lambda tx: knows(tx, ours, gone))
    assert await database.transaction(lambda tx: knows(tx, other))


async def test_a_worker_that_came_too_late_sends_what_the_others_do_not(
    database: Database,
) -> None:
    tenant = await given_tenant(database)
    took_s = []
    async with receiver() as hook, dispatching(database) as (dispatcher, settled):
        await given_endpoint(database, CLOCK, tenant, url=hook.url)
        dispatcher.sharing.note_others(True)
        for count in (1, 2, 3):
            dispatcher.wake()
            await until(lambda: dispatcher.sharing.is_late)
            await given_events(database, CLOCK, tenant)
            began_s = time.monotonic()
            dispatcher.wake()
            await until(lambda count=count: len(settled) == count)  # type: ignore[misc]
            took_s.append(time.monotonic() - began_s)

    # Well before the beat, which finds what no hint told of; a machine may be slow once.
    assert min(took_s) < BEAT_S / 4


async def test_an_end_while_the_database_is_away_is_no_error_that_nobody_hears_of() -> None:
    unheard: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _loop, told: unheard.append(told))
    asked, told = asyncio.Event(), asyncio.Event()

    class Away:
        async def transaction(self, _work: Any, **_options: Any) -> Any:
            asked.set()
            await told.wait()
            raise ConnectionLost("ConnectionDoesNotExistError")

    database = cast(Database, Away())
    task = asyncio.create_task(be_present(database, CLOCK, Slots(1), lambda _others: None))
    await asked.wait()
    task.cancel()
    await asyncio.sleep(0)
    told.set()
    await asyncio.wait([task])
    assert task.cancelled()
    del task
    gc.collect()

    assert unheard == []
