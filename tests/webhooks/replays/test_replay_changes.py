"""Replay jobs as an account changes them: paused, resumed, cancelled, their endpoint gone."""

from functools import partial

import pytest

from kernel.clock import FixedClock
from kernel.errors import NotFound
from keys.account import lock_tenants
from store.database import Database, Transaction
from tests.support.replay_history import (
    NOON,
    SECOND,
    Past,
    answer_all,
    at,
    changed,
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
from tests.support.webhook_rows import claim_all, new_vault
from webhooks.endpoints import endpoint
from webhooks.endpoints.fields import EndpointChanges
from webhooks.replays import replay
from webhooks.replays.replay import NewReplay, Replay, ReplayEnded, TooManyReplays


async def test_a_paused_job_takes_no_step_until_it_is_resumed(
    database: Database, clock: FixedClock
) -> None:
    tenant, endpoint_id = await given_scene(database, clock)
    await given_past(database, tenant, endpoint_id, [Past() for _ in range(8)])
    job = await start(database, clock, tenant, endpoint_id)
    [due] = await jobs(database)
    await next_step(database, clock)

    for _ in range(2):
        paused = await changed(database, job, partial(_pause, job))
    clock.advance_s(3600)
    skipped = await take(database, due, clock.now_us())
    held, resumed_us = await jobs(database), clock.now_us()
    resumed = await changed(database, job, partial(_resume, job, clock))
    again = await changed(database, job, partial(_resume, job, clock))
    await run_to_the_end(database, clock)

    assert (paused.status, paused.queued) == ("paused", 5)
    assert (skipped, held) == (None, [])
    assert (resumed.status, again.next_step_at) == ("running", resumed.next_step_at)
    # An hour's pause is not made up for.
    assert resumed.next_step_at == resumed_us
    assert len(await sent_again(database, job)) == 8


async def _pause(job: Replay, tx: Transaction) -> Replay:
    return await replay.pause(tx, job.tenant, job.id)


async def _resume(job: Replay, clock: FixedClock, tx: Transaction) -> Replay:
    return await replay.resume(tx, job.tenant, job.id, now_us=clock.now_us())


async def _cancel(job: Replay, clock: FixedClock, tx: Transaction) -> Replay:
    return await replay.cancel(tx, job.tenant, job.id, now_us=clock.now_us())


async def test_a_cancel_takes_back_what_waits_and_counts_what_was_sent(
    database: Database, clock: FixedClock
) -> None:
    tenant, endpoint_id = await given_scene(database, clock)
    await given_past(database, tenant, endpoint_id, [Past() for _ in range(8)])
    job = await start(database, clock, tenant, endpoint_id)
    await next_step(database, clock)
    await claim_all(database, clock, ids_max=2)
    [sent, failing] = await rows(database, "SELECT id FROM deliveries WHERE status = 'sending'")

    cancelled = await changed(database, job, partial(_cancel, job, clock))
    again = await changed(database, job, partial(_cancel, job, clock))
    ended = "UPDATE deliveries SET status = 'delivered', settled_at = 1 WHERE id = :id"
    await execute(database, ended, id=sent["id"])
    # The other one failed, and is put off to another attempt.
    await execute(
        database, "UPDATE deliveries SET status = 'pending' WHERE id = :id", id=failing["id"]
    )
    await next_step(database, clock)
    over = await next_step(database, clock)

    assert (cancelled.status, cancelled.done) == ("cancelled", 0)
    assert again == cancelled
    final = await found(database, job)
    counts = await rows(
        database,
        """SELECT status, COUNT(*) AS n FROM deliveries WHERE replay_id = :id
           GROUP BY status ORDER BY status""",
        id=job.id,
    )
    assert over is None
    assert (final.status, final.matched, final.done, final.failed) == ("cancelled", 8, 1, 0)
    assert [(row["status"], row["n"]) for row in counts] == [("cancelled", 4), ("delivered", 1)]
    assert await jobs(database) == []


async def test_an_ended_job_is_not_changed_any_more(database: Database, clock: FixedClock) -> None:
    tenant, endpoint_id = await given_scene(database, clock)
    await given_past(database, tenant, endpoint_id, [Past() for _ in range(2)])
    done = await start(database, clock, tenant, endpoint_id, NewReplay(until_us=at(200)))
    cancelled = await start(database, clock, tenant, endpoint_id)
    await changed(database, cancelled, partial(_cancel, cancelled, clock))
    await run_to_the_end(database, clock)

    for job, work in (
        (done, partial(_pause, done)),
        (done, partial(_resume, done, clock)),
        (done, partial(_cancel, done, clock)),
        (cancelled, partial(_pause, cancelled)),
        (cancelled, partial(_resume, cancelled, clock)),
    ):
        with pytest.raises(ReplayEnded):
            await changed(database, job, work)


async def test_deleting_the_endpoint_ends_its_replays(
    database: Database, clock: FixedClock
) -> None:
    tenant, endpoint_id = await given_scene(database, clock)
    await given_past(database, tenant, endpoint_id, [Past() for _ in range(8)])
    job = await start(database, clock, tenant, endpoint_id)
    await next_step(database, clock)

    async def delete(tx: Transaction) -> None:
        await lock_tenants(tx, [tenant])
        await endpoint.delete(tx, new_vault(), tenant, endpoint_id, now_us=clock.now_us())

    await database.transaction(delete)
    await next_step(database, clock)

    ended = await found(database, job)
    assert (ended.status, ended.queued, ended.done) == ("cancelled", 5, 0)
    assert await jobs(database) == []
    with pytest.raises(NotFound, match="Webhook not found"):
        await start(database, clock, tenant, endpoint_id)


async def test_a_disabled_endpoint_gets_nothing_until_it_is_enabled(
    database: Database, clock: FixedClock
) -> None:
    tenant, endpoint_id = await given_scene(database, clock)
    ids = await given_past(database, tenant, endpoint_id, [Past() for _ in range(3)])

    async def set_status(tx: Transaction, status: str) -> None:
        changes = EndpointChanges(status=status)
        now_us = clock.now_us()
        await endpoint.patch(tx, new_vault(), tenant, endpoint_id, changes=changes, now_us=now_us)

    await database.transaction(lambda tx: set_status(tx, "disabled"))
    job = await start(database, clock, tenant, endpoint_id)
    for _ in range(3):
        await next_step(database, clock)
    queued = await sent_again(database, job)
    await database.transaction(lambda tx: set_status(tx, "enabled"))
    await run_to_the_end(database, clock)

    assert queued == []
    assert await sent_again(database, job) == ids


async def test_an_account_has_at_most_ten_unfinished_replays(
    database: Database, clock: FixedClock
) -> None:
    tenant, endpoint_id = await given_scene(database, clock)
    seconds = range(100, 111)
    await given_past(database, tenant, endpoint_id, [Past(created_s=one) for one in seconds])
    *ten, last = [NewReplay(since_us=at(one), until_us=at(one - 1)) for one in seconds]
    made = [await start(database, clock, tenant, endpoint_id, one) for one in ten]

    with pytest.raises(TooManyReplays) as refused:
        await start(database, clock, tenant, endpoint_id, last)
    await changed(database, made[0], partial(_cancel, made[0], clock))
    another = await start(database, clock, tenant, endpoint_id, last)

    assert refused.value.extra == {"limit": 10, "remaining": 0}
    assert another.status == "running"


async def test_replays_are_listed_newest_first_with_their_counts(
    database: Database, clock: FixedClock
) -> None:
    tenant, endpoint_id = await given_scene(database, clock)
    await given_past(database, tenant, endpoint_id, [Past() for _ in range(4)])
    first = await start(database, clock, tenant, endpoint_id)
    await next_step(database, clock)
    await answer_all(database, clock, "failed")
    clock.advance_s(0.5)
    second = await start(database, clock, tenant, endpoint_id)

    async def listed(tx: Transaction, before_id: str | None = None) -> list[Replay]:
        return await replay.list_replays(tx, tenant, before_id=before_id, limit=5)

    whole = await database.read(listed)
    rest = await database.read(partial(listed, before_id=second.id))

    assert [(one.id, one.done, one.failed) for one in whole] == [
        (second.id, 0, 0),
        (first.id, 4, 4),
    ]
    assert [one.id for one in rest] == [first.id]
    assert NOON <= clock.now_us() < NOON + SECOND
