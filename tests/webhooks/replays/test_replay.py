"""Replay jobs: what they match, that they send each once, and that they begin and end as asked."""

import pytest
from msgspec.structs import asdict

from kernel.clock import FixedClock
from kernel.errors import InvalidInput
from kernel.tenant import Tenant
from store.database import Database
from tests.support.replay_history import (
    NOON,
    Past,
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
)
from tests.support.webhook_rows import claim_all, given_endpoint
from webhooks.replays import replay
from webhooks.replays.acts import Replay as ReplayShape
from webhooks.replays.replay import NewReplay


async def test_each_failed_delivery_is_sent_again_once_and_nothing_else(
    database: Database, clock: FixedClock
) -> None:
    tenant, endpoint_id = await given_scene(database, clock)
    other, _ = await given_endpoint(database, clock, tenant)
    await given_past(database, tenant, other.id, [Past()])
    ids = await given_past(
        database,
        tenant,
        endpoint_id,
        [
            Past(created_s=30),
            Past(created_s=40),
            Past("delivered"),
            Past("cancelled"),
            Past("pending"),
            Past("sending"),
        ],
    )

    job = await start(database, clock, tenant, endpoint_id)
    await run_to_the_end(database, clock)

    assert await sent_again(database, job) == [ids[1], ids[0]]
    ended = await found(database, job)
    assert asdict(ReplayShape.at(ended, NOON)) == {
        "id": job.id,
        "status": "done",
        "paused_reason": None,
        "matched": 2,
        "queued": 2,
        "done": 2,
        "delivered": 2,
        "failed": 0,
        "rate_per_s": 50,
        "ramp": False,
        "endpoint_id": endpoint_id,
        "delivery_status": "failed",
        "events": [],
        "like": None,
        "since": "1970-01-01T00:00:00Z",
        "until": "2026-06-13T12:00:00Z",
        "created_at": "2026-06-13T12:00:00Z",
        "expected_end_at": None,
        "ended_at": "2026-06-13T12:00:00Z",
    }


async def test_a_new_delivery_is_of_the_same_event_and_bytes_with_the_usual_retries(
    database: Database, clock: FixedClock
) -> None:
    tenant, endpoint_id = await given_scene(database, clock)
    [id_] = await given_past(database, tenant, endpoint_id, [Past()])

    job = await start(database, clock, tenant, endpoint_id)
    await next_step(database, clock)
    [claimed] = (await claim_all(database, clock)).claimed

    assert claimed.event_id == await event_of(database, id_)
    assert claimed.body == b"{}"
    assert (claimed.number, claimed.target.schedule_s) == (1, (0, 5, 30))
    [row] = await rows(database, "SELECT * FROM deliveries WHERE id = :id", id=claimed.id)
    assert (row["replay_of"], row["replay_id"]) == (id_, job.id)


async def test_the_time_range_includes_its_start_and_not_its_end(
    database: Database, clock: FixedClock
) -> None:
    tenant, endpoint_id = await given_scene(database, clock)
    past = [Past(created_s=seconds) for seconds in (90.000001, 90, 80, 70.000001, 70)]
    ids = await given_past(database, tenant, endpoint_id, past)

    new = NewReplay(since_us=at(90), until_us=at(70))
    job = await start(database, clock, tenant, endpoint_id, new)
    await run_to_the_end(database, clock)

    assert await sent_again(database, job) == ids[1:4]


async def test_event_types_and_status_narrow_it(database: Database, clock: FixedClock) -> None:
    tenant, endpoint_id = await given_scene(database, clock)
    past = [
        Past("delivered", 90, type="balance.low"),
        Past("delivered", 80, type="topup.failed"),
        Past("delivered", 70),
        Past("failed", 60, type="balance.low"),
    ]
    ids = await given_past(database, tenant, endpoint_id, past)

    new = NewReplay(status="delivered", events=("topup.failed", "balance.low"))
    job = await start(database, clock, tenant, endpoint_id, new)
    await run_to_the_end(database, clock)

    assert await sent_again(database, job) == ids[:2]


@pytest.mark.parametrize(
    ("new", "param"),
    [
        (NewReplay(status="pending"), "status"),
        (NewReplay(status="everything"), "status"),
        (NewReplay(events=("no.such",)), "events"),
        (NewReplay(rate_per_s=0), "rate_per_s"),
        (NewReplay(rate_per_s=1_001), "rate_per_s"),
        (NewReplay(since_us=at(10), until_us=at(10)), "since"),
        (NewReplay(since_us=NOON), "since"),
    ],
)
def test_what_no_replay_can_be_is_refused(new: NewReplay, param: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        replay.wanted_of(Tenant("acc_1", "staging"), "we_1", new, now_us=NOON)

    assert refused.value.param == param


async def test_a_replay_of_nothing_is_done_at_once(database: Database, clock: FixedClock) -> None:
    tenant, endpoint_id = await given_scene(database, clock)

    job = await start(database, clock, tenant, endpoint_id)

    assert (job.status, job.matched, job.done, job.ended_at) == ("done", 0, 0, NOON)
    assert await jobs(database) == []


async def test_what_fails_again_is_counted_and_not_matched_by_its_own_job(
    database: Database, clock: FixedClock
) -> None:
    tenant, endpoint_id = await given_scene(database, clock)
    ids = await given_past(database, tenant, endpoint_id, [Past() for _ in range(12)])

    job = await start(database, clock, tenant, endpoint_id)
    clock.advance_s(-3600)  # a worker whose clock is behind
    await run_to_the_end(database, clock, status="failed")

    ended = await found(database, job)
    assert sorted(await sent_again(database, job)) == ids
    assert (ended.status, ended.matched, ended.done, ended.failed) == ("done", 12, 12, 12)


async def test_an_event_is_sent_once_however_often_it_was_sent_again(
    database: Database, clock: FixedClock
) -> None:
    tenant, endpoint_id = await given_scene(database, clock)
    ids = await given_past(database, tenant, endpoint_id, [Past() for _ in range(3)])
    first = await start(database, clock, tenant, endpoint_id)
    await run_to_the_end(database, clock, status="failed")
    clock.advance_s(1)

    second = await start(database, clock, tenant, endpoint_id)
    await run_to_the_end(database, clock)
    clock.advance_s(1)
    third = await start(database, clock, tenant, endpoint_id)

    again = [
        row["id"]
        for row in await rows(
            database, "SELECT id FROM deliveries WHERE replay_id = :id", id=first.id
        )
    ]
    events = await rows(
        database, "SELECT event_id FROM deliveries WHERE replay_id = :id", id=second.id
    )
    assert sorted(await sent_again(database, second)) == sorted(again)
    assert {row["event_id"] for row in events} == {await event_of(database, id_) for id_ in ids}
    assert (first.matched, second.matched, third.matched) == (3, 3, 0)


@pytest.mark.parametrize(
    ("later", "is_matched"),
    [
        (Past("delivered", 40, 30), False),  # it arrived
        (Past("pending", 40), False),  # it is on its way
        (Past("failed", 40, -1), False),  # it was, at the time
        (Past("failed", 40, 30), False),  # it stands for the first
        (Past("failed", 10, 5), True),  # outside the range, so the first stands for itself
        (Past("cancelled", 40, 30), True),
    ],
)
async def test_a_later_replay_decides_whether_a_failed_one_is_missing(
    database: Database, clock: FixedClock, later: Past, is_matched: bool
) -> None:
    tenant, endpoint_id = await given_scene(database, clock)
    [id_] = await given_past(database, tenant, endpoint_id, [Past()])
    event_id = await event_of(database, id_)
    [replayed] = await given_past(
        database, tenant, endpoint_id, [later._replace(event_id=event_id, replay_of=id_)]
    )

    job = await start(database, clock, tenant, endpoint_id, NewReplay(until_us=at(20)))
    await run_to_the_end(database, clock)

    expected = [replayed] if later == Past("failed", 40, 30) else [id_] if is_matched else []
    assert await sent_again(database, job) == expected


async def test_what_was_delivered_twice_is_sent_again_once(
    database: Database, clock: FixedClock
) -> None:
    tenant, endpoint_id = await given_scene(database, clock)
    [id_] = await given_past(database, tenant, endpoint_id, [Past("delivered")])
    event_id = await event_of(database, id_)
    later = Past("delivered", 40, 30, event_id=event_id, replay_of=id_)
    [again] = await given_past(database, tenant, endpoint_id, [later])

    whole = await start(database, clock, tenant, endpoint_id, NewReplay(status="delivered"))
    await run_to_the_end(database, clock)
    clock.advance_s(1)
    early = NewReplay(status="delivered", until_us=at(60))
    part = await start(database, clock, tenant, endpoint_id, early)
    await run_to_the_end(database, clock)

    assert await sent_again(database, whole) == [again]
    assert await sent_again(database, part) == [id_]


async def test_what_fails_after_the_job_was_made_is_not_matched(
    database: Database, clock: FixedClock
) -> None:
    tenant, endpoint_id = await given_scene(database, clock)
    await given_past(database, tenant, endpoint_id, [Past(), Past("pending")])

    job = await start(database, clock, tenant, endpoint_id)
    clock.advance_s(0.5)
    await execute(
        database,
        "UPDATE deliveries SET status = 'failed', settled_at = :now_us WHERE status = 'pending'",
        now_us=clock.now_us(),
    )
    await given_past(database, tenant, endpoint_id, [Past(created_s=-0.1, settled_s=-0.2)])
    await run_to_the_end(database, clock)

    assert (await found(database, job)).matched == len(await sent_again(database, job)) == 1


async def test_an_event_whose_body_was_pruned_is_not_sent(
    database: Database, clock: FixedClock
) -> None:
    tenant, endpoint_id = await given_scene(database, clock)
    ids = await given_past(database, tenant, endpoint_id, [Past(), Past()])
    gone = await event_of(database, ids[0])
    await execute(database, "DELETE FROM events WHERE id = :id", id=gone)

    job = await start(database, clock, tenant, endpoint_id)
    await run_to_the_end(database, clock)

    assert await sent_again(database, job) == [ids[1]]
