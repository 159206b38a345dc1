"""The steps of a replay: exactly once through restarts and rivals, paced, of a bounded size."""

import asyncio
import math

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from kernel.clock import FixedClock
from store.database import Database, Transaction
from store.open import open_database
from store.postgresql.database import PostgresqlDatabase
from tests.support.replay_history import (
    NOON,
    SECOND,
    Past,
    answer_all,
    at,
    event_of,
    execute,
    found,
    given_past,
    given_scene,
    jobs,
    next_step,
    rows,
    run_to_the_end,
    sent_again,
    start,
    take,
)
from tests.support.webhook_rows import given_endpoint
from webhooks.replays import replay as replay_match, step as replay_step
from webhooks.replays.replay import NewReplay, Replay, ReplayCursor
from worker.endpoints import Replayer


class Broken(Exception):
    """The process ends here."""


async def test_a_step_that_dies_is_as_if_it_had_not_begun(
    database: Database, clock: FixedClock
) -> None:
    tenant, endpoint_id = await given_scene(database, clock)
    ids = await given_past(database, tenant, endpoint_id, [Past() for _ in range(12)])
    job = await start(database, clock, tenant, endpoint_id)
    await next_step(database, clock)
    await answer_all(database, clock)
    before = await found(database, job)
    [due] = await jobs(database)
    clock.advance_s(1)

    async def die(tx: Transaction) -> None:
        taken = await replay_step.step(tx, due, now_us=clock.now_us())
        assert taken is not None
        assert taken.queued == 5
        raise Broken

    with pytest.raises(Broken):
        await database.transaction(die)

    assert await found(database, job) == before
    await run_to_the_end(database, clock)
    assert sorted(await sent_again(database, job)) == ids


async def test_another_process_goes_on_where_one_ended(
    database: Database, database_url: str, clock: FixedClock
) -> None:
    tenant, endpoint_id = await given_scene(database, clock)
    ids = await given_past(database, tenant, endpoint_id, [Past() for _ in range(12)])
    job = await start(database, clock, tenant, endpoint_id)
    [due] = await jobs(database)
    first = await take(database, due, clock.now_us())

    other = open_database(database_url)
    try:
        repeated = await take(other, due, clock.now_us())
        await answer_all(other, clock)
        await run_to_the_end(other, clock)
    finally:
        await other.close()

    assert first is not None
    assert (first.queued, repeated) == (5, None)
    assert sorted(await sent_again(database, job)) == ids
    assert (await found(database, job)).status == "done"


async def test_rival_workers_send_nothing_twice(
    database: Database, database_url: str, clock: FixedClock
) -> None:
    tenant, endpoint_id = await given_scene(database, clock)
    old, new = [Past(created_s=100)] * 200, [Past(created_s=60)] * 300
    ids = await given_past(database, tenant, endpoint_id, old + new)
    before, since = (
        NewReplay(until_us=at(80), rate_per_s=100),
        NewReplay(since_us=at(80), rate_per_s=1_000),
    )
    slow = await start(database, clock, tenant, endpoint_id, before)
    fast = await start(database, clock, tenant, endpoint_id, since)
    others = [open_database(database_url) for _ in range(2)]
    replayers = [Replayer(one, clock) for one in (database, *others) for _ in range(2)]
    try:
        for _ in range(400):
            await asyncio.gather(*(replayer.poll() for replayer in replayers))
            await answer_all(database, clock)
            clock.advance_s(0.05)
            if not await jobs(database):
                break
    finally:
        for one in others:
            await one.close()

    for job, its_own in ((slow, ids[:200]), (fast, ids[200:])):
        assert sorted(await sent_again(database, job)) == sorted(its_own)
        ended = await found(database, job)
        assert (ended.status, ended.matched, ended.done) == ("done", len(its_own), len(its_own))


async def test_a_job_keeps_its_rate(database: Database, clock: FixedClock) -> None:
    tenant, endpoint_id = await given_scene(database, clock)
    await given_past(database, tenant, endpoint_id, [Past() for _ in range(100)])
    await start(database, clock, tenant, endpoint_id, NewReplay(rate_per_s=40))

    queued: list[tuple[int, int]] = []
    while sum(count for _, count in queued) < 100:
        step = await next_step(database, clock)
        assert step is not None
        queued.append((clock.now_us() - NOON, step.queued))
        await answer_all(database, clock)

    # Four at a time, each tenth of a second: 40 in every second.
    assert queued == [(number * SECOND // 10, 4) for number in range(25)]


async def test_a_late_worker_makes_up_for_one_step_only(
    database: Database, clock: FixedClock
) -> None:
    tenant, endpoint_id = await given_scene(database, clock)
    await given_past(database, tenant, endpoint_id, [Past() for _ in range(100)])
    await start(database, clock, tenant, endpoint_id, NewReplay(rate_per_s=10))
    await next_step(database, clock)
    await answer_all(database, clock)
    clock.advance_s(60)

    in_a_second = 0
    until_us = clock.now_us() + SECOND
    while (waiting := await jobs(database))[0].next_step_at < until_us:
        assert await next_step(database, clock)
        in_a_second += 1
        await answer_all(database, clock)

    assert waiting[0].next_step_at >= until_us
    assert in_a_second == 11


@pytest.mark.parametrize("limit", [None, 20])
async def test_nothing_more_is_queued_while_enough_is_due(
    database: Database, clock: FixedClock, limit: int | None
) -> None:
    tenant, _ = await given_scene(database, clock)
    endpoint, _ = await given_endpoint(database, clock, tenant, rate_limit_per_s=limit)
    await given_past(database, tenant, endpoint.id, [Past() for _ in range(100)])
    job = await start(database, clock, tenant, endpoint.id, NewReplay(rate_per_s=70))

    for _ in range(20):
        await next_step(database, clock)
    stuck = len(await sent_again(database, job))
    await answer_all(database, clock)
    await next_step(database, clock)

    # A tenth of the job's rate, or of what the endpoint takes where that is less.
    tenth = 7 if limit is None else 2
    assert stuck == tenth
    assert len(await sent_again(database, job)) == 2 * tenth


async def test_no_more_than_a_thousand_rows_wait_for_their_retries(
    database: Database, clock: FixedClock
) -> None:
    tenant, endpoint_id = await given_scene(database, clock)
    await given_past(database, tenant, endpoint_id, [Past() for _ in range(1_200)])
    job = await start(database, clock, tenant, endpoint_id, NewReplay(rate_per_s=1_000))

    for _ in range(15):
        await next_step(database, clock)
        # All of them fail and are put off.
        await execute(
            database,
            "UPDATE deliveries SET next_attempt_at = :later WHERE status = 'pending'",
            later=NOON + 3600 * SECOND,
        )
    waiting = (await found(database, job)).queued
    await run_to_the_end(database, clock)

    assert waiting == 1_000
    assert (await found(database, job)).done == 1_200


async def test_ten_thousand_cost_the_same_statements_and_memory_in_each_step(
    database: Database, clock: FixedClock
) -> None:
    tenant, endpoint_id = await given_scene(database, clock)
    others, _ = await given_endpoint(database, clock, tenant)
    # In between lie those of another endpoint, which no step may read all of at once.
    await given_past(database, tenant, others.id, [Past(created_s=70) for _ in range(5_000)])
    for seconds in (80, 60):
        past = [Past(created_s=seconds) for _ in range(5_000)]
        await given_past(database, tenant, endpoint_id, past)
    job = await start(database, clock, tenant, endpoint_id, NewReplay(rate_per_s=1_000))

    costs, sizes = set(), set()
    while waiting := await jobs(database):
        clock.advance_s(max(0, waiting[0].next_step_at - clock.now_us()) / SECOND)
        before = database.statements_run
        step = await take(database, waiting[0], clock.now_us())
        assert step is not None
        # With no rows there is no INSERT, nor on SQLite a statement for the endpoint's place in line.
        spared = 1 if isinstance(database, PostgresqlDatabase) else 2
        spared *= step.queued == 0 and not step.is_over
        costs.add(database.statements_run - before + spared)
        sizes.add(step.queued)
        await answer_all(database, clock)

    ended = await found(database, job)
    assert (ended.matched, ended.done) == (10_000, 10_000)
    assert len(set(await sent_again(database, job))) == 10_000
    # BEGIN, account, job, backlog, piece, rows, INSERT, place, cursor, COMMIT; the last has fewer. On
    # PostgreSQL the INSERT and the place are one.
    assert costs <= ({8, 9} if isinstance(database, PostgresqlDatabase) else {8, 10})
    assert max(sizes) == 100


PAST = st.builds(
    Past,
    status=st.sampled_from(["failed", "delivered", "pending", "cancelled"]),
    created_s=st.integers(-3, 12),
    settled_s=st.integers(-3, 3),
    type=st.sampled_from(["topup.delivered", "balance.low"]),
    event_id=st.none(),
    replay_of=st.none(),
    answer=st.none(),
)
HISTORY = st.lists(PAST, max_size=30)
WANTED = st.builds(
    NewReplay,
    since_us=st.sampled_from([None, at(9), at(4)]),
    until_us=st.sampled_from([None, at(2), at(1)]),
    status=st.sampled_from(["failed", "delivered"]),
    events=st.sampled_from([(), ("balance.low",)]),
    rate_per_s=st.sampled_from([10, 50, 1_000]),
)


def matches(one: Past, new: NewReplay) -> bool:
    """As the fields of a request for a replay say it, in seconds."""
    since_s = math.inf if new.since_us is None else (NOON - new.since_us) / SECOND
    until_s = 0 if new.until_us is None else (NOON - new.until_us) / SECOND
    return (
        one.status == new.status
        and until_s < one.created_s <= since_s
        and one.settled_s >= 0
        and (not new.events or one.type in new.events)
    )


@given(history=HISTORY, new=WANTED, piece=st.integers(1, 7))
@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
async def test_the_cursor_finds_each_match_exactly_once_whatever_the_history(
    database: Database, history: list[Past], new: NewReplay, piece: int
) -> None:
    clock = FixedClock(NOON)
    tenant, endpoint_id = await given_scene(database, clock)
    ids = await given_past(database, tenant, endpoint_id, history)
    expected = sorted(id_ for id_, one in zip(ids, history, strict=True) if matches(one, new))

    job = await start(database, clock, tenant, endpoint_id, new)
    walked = await walk(database, job, piece)
    await run_to_the_end(database, clock)

    assert job.matched == len(expected)
    assert sorted(walked) == expected
    assert sorted(await sent_again(database, job)) == expected


async def walk(database: Database, job: Replay, piece: int) -> list[str]:
    """The matches by pieces of a few rows."""
    after, is_end = replay_match.first_cursor(job.wanted), False
    walked: list[str] = []
    while not is_end:

        async def look(tx: Transaction, after: ReplayCursor = after) -> replay_match.Found:
            return await replay_match.next_rows(
                tx, job.wanted, after, looked_at_max=piece, rows_max=2
            )

        rows_, after, is_end = await database.read(look)
        walked += [row["id"] for row in rows_]
    return walked


@given(chain=st.lists(PAST, min_size=1, max_size=6), new=WANTED)
@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
async def test_a_chain_of_replays_is_one_event_and_is_sent_at_most_once(
    database: Database, chain: list[Past], new: NewReplay
) -> None:
    clock = FixedClock(NOON)
    tenant, endpoint_id = await given_scene(database, clock)
    ids = await given_past(database, tenant, endpoint_id, [chain[0]])
    event_id = await event_of(database, ids[0])
    for one in chain[1:]:
        again = one._replace(event_id=event_id, replay_of=ids[-1], type=chain[0].type)
        ids += await given_past(database, tenant, endpoint_id, [again])

    job = await start(database, clock, tenant, endpoint_id, new)
    await run_to_the_end(database, clock)

    sent = await sent_again(database, job)
    assert len(sent) == job.matched <= 1
    if sent:
        newest = max(
            id_
            for id_, one in zip(ids, chain, strict=True)
            if matches(one._replace(type=chain[0].type), new)
        )
        assert sent == [newest]


@pytest.mark.parametrize("status", ["failed", "delivered"])
async def test_no_statement_of_a_step_reads_a_whole_table(
    database: Database, clock: FixedClock, status: str
) -> None:
    tenant, endpoint_id = await given_scene(database, clock)
    for _ in range(10):
        await given_past(database, tenant, endpoint_id, [Past("delivered") for _ in range(450)])
        await given_past(database, tenant, endpoint_id, [Past("failed") for _ in range(50)])
    job = await start(database, clock, tenant, endpoint_id, NewReplay(status=status))
    await next_step(database, clock)
    wanted = job.wanted
    walk = replay_match._values(wanted, job.after, ReplayCursor(NOON, ""))
    statements = [
        (replay_match._PIECE[status], {**walk, "skipped": 499}),
        (replay_match._COUNT[status], walk),
        (replay_match._ROWS[status], {**walk, "rows_max": 100}),
        (
            replay_step._BACKLOG,
            {"endpoint_id": endpoint_id, "now_us": NOON, "due_max": 100, "open_max": 1_000},
        ),
        (replay_step._STILL_OPEN, {"id": job.id, "now_us": NOON}),
        (replay_step._DUE, {"rows": 64}),
    ]

    async def explain(tx: Transaction) -> str:
        await tx.execute("ANALYZE")
        is_sqlite = "sqlite" in type(tx).__name__.lower()
        verb = "EXPLAIN QUERY PLAN" if is_sqlite else "EXPLAIN"
        lines: list[str] = []
        for text, values in statements:
            lines += [str(row[-1]) for row in await tx.fetch(f"{verb} {text}", **values)]
        return "\n".join(lines)

    plan = await database.transaction(explain)

    assert "ix_deliveries_status" in plan or status != "failed"
    assert "ix_deliveries_endpoint" in plan or status != "delivered"
    # Either of the two indexes that begin with the job.
    assert "x_deliveries_job" in plan
    assert "ix_deliveries_replays" in plan
    for table in ("d", "r", "e", "deliveries", "events"):
        assert f"SCAN {table}\n" not in plan
        assert f"Seq Scan on {table} " not in plan
    # The order comes from the index too.
    assert "TEMP B-TREE" not in plan
    assert len(await rows(database, "SELECT id FROM replays")) == 1
