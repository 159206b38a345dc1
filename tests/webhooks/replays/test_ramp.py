"""A replay with a ramp: one first, more while they arrive, and none after the first that is not taken."""

from functools import partial

import pytest

from kernel.clock import FixedClock
from store.database import Database, Transaction
from tests.support.replay_history import (
    Past,
    answer_all,
    changed,
    execute,
    found,
    given_past,
    given_scene,
    next_step,
    run_to_the_end,
    sent_again,
    start,
)
from webhooks.replays import replay
from webhooks.replays.replay import NewReplay, Replay

FAST = NewReplay(ramp=True, rate_per_s=1_000)


async def resume(database: Database, clock: FixedClock, job: Replay) -> Replay:
    async def work(tx: Transaction) -> Replay:
        return await replay.resume(tx, job.tenant, job.id, now_us=clock.now_us())

    return await changed(database, job, work)


async def queued_by_step(database: Database, clock: FixedClock, steps: int) -> list[int]:
    queued = []
    for _ in range(steps):
        step = await next_step(database, clock)
        queued.append(-1 if step is None else step.queued)
    return queued


async def test_it_doubles_each_time_all_have_arrived(database: Database, clock: FixedClock) -> None:
    tenant, endpoint_id = await given_scene(database, clock)
    ids = await given_past(database, tenant, endpoint_id, [Past()] * 40)
    job = await start(database, clock, tenant, endpoint_id, FAST)

    seen = []
    for _ in range(6):
        # The second step finds the first ones still on their way.
        seen.append(await queued_by_step(database, clock, 2))
        await answer_all(database, clock)
    await run_to_the_end(database, clock)

    assert seen == [[1, 0], [2, 0], [4, 0], [8, 0], [16, 0], [9, 0]]
    assert sorted(await sent_again(database, job)) == ids
    ended = await found(database, job)
    assert (ended.status, ended.done, ended.failed, ended.paused_reason) == ("done", 40, 0, None)


@pytest.mark.parametrize("comes_to", ["fails", "is to be tried again"])
async def test_the_first_that_is_not_taken_pauses_it_and_whoever_resumes_begins_with_one(
    database: Database, clock: FixedClock, comes_to: str
) -> None:
    tenant, endpoint_id = await given_scene(database, clock)
    await given_past(database, tenant, endpoint_id, [Past()] * 12)
    job = await start(database, clock, tenant, endpoint_id, FAST)
    await queued_by_step(database, clock, 1)
    await answer_all(database, clock)
    await queued_by_step(database, clock, 1)
    if comes_to == "fails":
        await answer_all(database, clock, "failed")
    else:
        await execute(database, "UPDATE deliveries SET attempts_made = 1 WHERE status = 'pending'")

    refused = await queued_by_step(database, clock, 2)
    paused = await found(database, job)
    resumed = await resume(database, clock, job)
    after = await queued_by_step(database, clock, 2)
    await answer_all(database, clock)
    rest = await queued_by_step(database, clock, 1)

    # A paused job has no step to take.
    assert refused == [0, -1]
    assert (paused.status, paused.paused_reason, paused.queued) == ("paused", "failing", 3)
    assert (resumed.status, resumed.paused_reason) == ("running", None)
    assert (after, rest) == ([1, 0], [2])


async def test_who_pauses_it_himself_is_told_nothing_else(
    database: Database, clock: FixedClock
) -> None:
    tenant, endpoint_id = await given_scene(database, clock)
    await given_past(database, tenant, endpoint_id, [Past()] * 12)
    job = await start(database, clock, tenant, endpoint_id, FAST)
    await queued_by_step(database, clock, 1)

    async def pause(job: Replay, tx: Transaction) -> Replay:
        return await replay.pause(tx, job.tenant, job.id)

    paused = await changed(database, job, partial(pause, job))

    assert (paused.status, paused.paused_reason) == ("paused", None)


async def test_a_big_one_goes_on_at_its_rate_once_five_hundred_were_under_way(
    database: Database, clock: FixedClock
) -> None:
    tenant, endpoint_id = await given_scene(database, clock)
    ids = await given_past(database, tenant, endpoint_id, [Past()] * 900)
    job = await start(database, clock, tenant, endpoint_id, FAST)

    sizes = []
    while (now := await found(database, job)).status == "running":
        sizes.append(now.ramp_size)
        await next_step(database, clock)
        await answer_all(database, clock)

    # A step of this rate queues a hundred at most.
    assert sizes[:11] == [0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 512]
    assert sizes[11] is None
    assert sorted(await sent_again(database, job)) == ids


@pytest.mark.parametrize(
    ("passed_s", "done", "status", "left_s"),
    [
        (10, 5, "running", 30),
        (10, 0, "running", None),
        (10, 5, "paused", None),
        (10, 20, "running", None),
    ],
)
async def test_its_end_is_foretold_by_the_pace_so_far(
    database: Database, clock: FixedClock, passed_s: int, done: int, status: str, left_s: int | None
) -> None:
    tenant, endpoint_id = await given_scene(database, clock)
    await given_past(database, tenant, endpoint_id, [Past()] * 20)
    job = await start(database, clock, tenant, endpoint_id)
    await execute(
        database,
        "UPDATE replays SET done = :done, failed = 0, status = :status WHERE id = :id",
        done=done,
        status=status,
        id=job.id,
    )
    now_us = clock.now_us() + passed_s * 1_000_000

    told = (await found(database, job)).expected_end_us(now_us)

    # Five in ten seconds, so fifteen in thirty.
    assert told == (None if left_s is None else now_us + left_s * 1_000_000)
