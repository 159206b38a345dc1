"""Two replays of one endpoint: together they send each event once, however they are asked for."""

import asyncio
from functools import partial

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from kernel.clock import FixedClock
from kernel.errors import DomainError
from store.database import Database, Transaction
from store.open import open_database
from tests.support.replay_history import (
    NOON,
    SECOND,
    Past,
    answer_all,
    at,
    changed,
    execute,
    given_past,
    given_scene,
    next_step,
    rows,
    run_to_the_end,
    sent_again,
    start,
)
from webhooks.replays import replay
from webhooks.replays.replay import NewReplay, Replay, ReplayOverlaps


async def _pause(job: Replay, tx: Transaction) -> Replay:
    return await replay.pause(tx, job.tenant, job.id)


async def _resume(job: Replay, tx: Transaction) -> Replay:
    return await replay.resume(tx, job.tenant, job.id, now_us=NOON + SECOND)


async def test_one_that_overlaps_is_refused_until_the_first_has_queued_all(
    database: Database, clock: FixedClock
) -> None:
    tenant, endpoint_id = await given_scene(database, clock)
    ids = await given_past(database, tenant, endpoint_id, [Past()] * 8)
    first = await start(database, clock, tenant, endpoint_id)
    others: list[str] = []

    async def ask_again() -> None:
        with pytest.raises(ReplayOverlaps) as refused:
            await start(database, clock, tenant, endpoint_id, NewReplay(since_us=at(110)))
        others.append(refused.value.extra["replay_id"])

    await ask_again()
    await next_step(database, clock)
    clock.advance_s(0.01)
    await ask_again()
    await changed(database, first, partial(_pause, first))
    await ask_again()
    await changed(database, first, partial(_resume, first))
    await answer_all(database, clock)
    await next_step(database, clock)
    # Queued in this very moment, so that a count made in it did not see them.
    await ask_again()
    clock.advance_s(0.01)
    second = await start(database, clock, tenant, endpoint_id)
    await run_to_the_end(database, clock)

    assert others == [first.id] * 4
    assert sorted(await sent_again(database, first)) == ids
    assert (second.matched, await sent_again(database, second)) == (0, [])


async def test_other_times_types_states_and_endpoints_are_in_nobodys_way(
    database: Database, clock: FixedClock
) -> None:
    tenant, endpoint_id = await given_scene(database, clock)
    await given_past(database, tenant, endpoint_id, [Past(), Past(type="topup.failed")])
    failed = NewReplay(events=("topup.failed",), until_us=at(50))
    first = await start(database, clock, tenant, endpoint_id, failed)
    others = [
        NewReplay(events=("topup.delivered",), until_us=at(50)),
        NewReplay(since_us=at(50)),
        NewReplay(status="delivered", until_us=at(50)),
    ]

    made = [await start(database, clock, tenant, endpoint_id, one) for one in others]
    with pytest.raises(ReplayOverlaps):
        await start(database, clock, tenant, endpoint_id, NewReplay(until_us=at(50)))

    assert first.status == "running"
    assert [one.matched for one in made] == [1, 0, 0]


async def test_two_faults_of_a_receiver_are_mended_side_by_side(
    database: Database, clock: FixedClock
) -> None:
    tenant, endpoint_id = await given_scene(database, clock)
    gone, busy = (500, "http", b"Gone"), (503, "http", b"Busy")
    past = [Past(answer=gone), Past(answer=busy), Past(answer=gone), Past(answer=busy)]
    ids = await given_past(database, tenant, endpoint_id, past)

    first = await start(database, clock, tenant, endpoint_id, NewReplay(like=ids[0]))
    second = await start(database, clock, tenant, endpoint_id, NewReplay(like=ids[1]))
    for new in (NewReplay(like=ids[2]), NewReplay()):
        with pytest.raises(ReplayOverlaps):
            await start(database, clock, tenant, endpoint_id, new)
    await run_to_the_end(database, clock)

    assert sorted(await sent_again(database, first)) == [ids[0], ids[2]]
    assert sorted(await sent_again(database, second)) == [ids[1], ids[3]]


async def test_of_two_at_once_one_is_made(
    database: Database, database_url: str, clock: FixedClock
) -> None:
    tenant, endpoint_id = await given_scene(database, clock)
    ids = await given_past(database, tenant, endpoint_id, [Past()] * 12)
    other = open_database(database_url)
    try:
        made = await asyncio.gather(
            *(start(one, clock, tenant, endpoint_id) for one in (database, other) * 4),
            return_exceptions=True,
        )
    finally:
        await other.close()
    await run_to_the_end(database, clock)

    jobs = [one for one in made if isinstance(one, Replay)]
    assert [type(one) for one in made if one not in jobs] == [ReplayOverlaps] * 7
    assert sorted(await sent_again(database, jobs[0])) == ids


STARTS = {
    "start": NewReplay(),
    "start a part": NewReplay(since_us=at(93)),
    "start a type": NewReplay(events=("topup.delivered",)),
}
# Most of what happens is work: a step, and what it sent is delivered.
MOVES = (*STARTS, "work", "work", "work", "step", "fail", "pause", "resume", "cancel")


@pytest.mark.one_database
@given(
    moves=st.lists(st.tuples(st.sampled_from(MOVES), st.integers(0, 3)), min_size=10, max_size=30)
)
@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
async def test_no_event_is_ever_on_its_way_twice(
    database: Database, moves: list[tuple[str, int]]
) -> None:
    clock = FixedClock(NOON)
    # No steps for the jobs of an earlier example.
    await execute(database, "UPDATE replays SET next_step_at = NULL")
    tenant, endpoint_id = await given_scene(database, clock)
    types = ("topup.delivered", "topup.failed")
    past = [Past(created_s=100 - number, type=types[number % 2]) for number in range(14)]
    await given_past(database, tenant, endpoint_id, past)
    jobs: list[Replay] = []
    changes = {"pause": _pause, "resume": _resume, "cancel": _cancel}

    for move, number in moves:
        clock.advance_s(number / 100)
        try:
            if move in STARTS:
                jobs.append(await start(database, clock, tenant, endpoint_id, STARTS[move]))
            elif move in {"step", "work"}:
                await next_step(database, clock)
            elif move in changes and jobs:
                job = jobs[number % len(jobs)]
                await changed(database, job, partial(changes[move], job))
            if move in {"work", "fail"}:
                await answer_all(database, clock, "failed" if move == "fail" else "delivered")
        except DomainError:
            pass  # A refusal is an answer as good as another.
        twice = await rows(
            database,
            """SELECT event_id FROM deliveries
               WHERE account_id = :account_id AND replay_of IS NOT NULL
                 AND status IN ('pending', 'sending', 'delivered')
               GROUP BY event_id HAVING COUNT(*) > 1""",
            account_id=tenant.account_id,
        )
        assert twice == []


async def _cancel(job: Replay, tx: Transaction) -> Replay:
    return await replay.cancel(tx, job.tenant, job.id, now_us=NOON + SECOND)
