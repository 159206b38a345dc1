"""Run a replay's steps. Each step queues a limited number of deliveries and moves the job's cursor.

Both happen in one transaction, so a crash neither skips nor repeats a delivery. The transaction checks that the
job is due, so only one of two workers runs the step.

A step queues at most the deliveries that the rate allows in 0.1 s. It queues none while the endpoint already has
that many due. A ramp starts with one delivery, and doubles each time all have succeeded. The first failure pauses the
replay.
"""

import dataclasses
from typing import Final, NamedTuple

from kernel.clock import SECOND_US
from kernel.ids import ReplayId
from kernel.tenant import Tenant
from keys.account import lock_tenants
from store.database import Row, Transaction
from webhooks.deliveries import delivery, sequence
from webhooks.deliveries.stage import CANCELLED, OPEN
from webhooks.endpoints.endpoint import DISABLED
from webhooks.replays.replay import DONE, ROWS, Replay, counts_of, next_rows, settled

# Beyond this size, a replay is limited only by its rate_per_s.
SIZE_MAX: Final = 512
FAILING: Final = "failing"

# A delivery that is waiting for its second attempt has already failed once.
_UNDER_WAY: Final = """
SELECT COALESCE(SUM(CASE WHEN d.status IN ('pending', 'sending') THEN 1 ELSE 0 END), 0) AS open,
    COALESCE(SUM(CASE WHEN d.status = 'failed' OR d.status = 'pending' AND d.attempts_made > 0
        THEN 1 ELSE 0 END), 0) AS refused
FROM deliveries d
WHERE d.replay_id = :id AND d.replay_id IS NOT NULL AND d.status IN ('pending', 'sending', 'failed')
  AND d.created_at >= :ramp_at
"""
STEPS_PER_S: Final = 10
STEP_US: Final = SECOND_US // STEPS_PER_S
OPEN_MAX: Final = 1_000
LOOKED_AT_MAX: Final = 500
FULL_WAIT_US: Final = SECOND_US
DISABLED_WAIT_US: Final = 5 * SECOND_US
SETTLE_WAIT_US: Final = SECOND_US // 2
SETTLE_WAIT_US_MAX: Final = 30 * SECOND_US
_DUE = """
SELECT id, account_id, environment, next_step_at FROM replays
WHERE status <> 'paused' AND next_step_at IS NOT NULL
ORDER BY next_step_at LIMIT :rows
"""
_TAKE = f"""
SELECT {ROWS.listed} FROM replays
WHERE id = :id AND status <> 'paused' AND next_step_at <= :now_us
FOR NO KEY UPDATE
"""
# Deliveries in flight count only as open, not as due.
_BACKLOG = f"""
SELECT p.status, p.deleted_at, p.rate_limit_per_s, p.ordered,
    (SELECT COUNT(*) FROM (
        SELECT d.id FROM deliveries d
        WHERE d.{OPEN} AND d.endpoint_id = p.id AND d.next_attempt_at <= :now_us
        LIMIT :due_max) AS some_due) AS due,
    (SELECT COUNT(*) FROM (
        SELECT d.id FROM deliveries d
        WHERE d.{OPEN} AND d.endpoint_id = p.id LIMIT :open_max) AS some_open) AS open
FROM endpoints p WHERE p.id = :endpoint_id
"""
_MOVE = """
UPDATE replays SET queued = :queued, matched = :matched, after_at = :after_at,
    after_id = :after_id, is_queued = :is_queued, next_step_at = :next_step_at,
    ramp_size = :ramp_size, ramp_at = :ramp_at
WHERE id = :id
"""
_PAUSE = "UPDATE replays SET status = 'paused', paused_reason = :reason WHERE id = :id"
_WAIT = "UPDATE replays SET next_step_at = :next_step_at WHERE id = :id"
_WIND_UP = """
UPDATE replays SET status = :status, ended_at = :ended_at, next_step_at = :next_step_at
WHERE id = :id
"""
_END = """
UPDATE replays SET status = :status, ended_at = :ended_at, next_step_at = NULL, done = :done,
    failed = :failed
WHERE id = :id
"""
_STILL_OPEN = f"""
SELECT COUNT(*) AS n,
    MIN(CASE WHEN d.status = 'sending' THEN :now_us ELSE d.next_attempt_at END) AS next_at
FROM deliveries d WHERE d.replay_id = :id AND d.{OPEN}
"""


class UnderWay(NamedTuple):
    """Counts of the deliveries since the ramp began: `open` are open, and `refused` have failed at least once."""

    open: int
    refused: int


async def under_way(tx: Transaction, replay_id: str, ramp_at: int) -> UnderWay:
    row = await tx.fetch_one(_UNDER_WAY, id=replay_id, ramp_at=ramp_at)
    assert row is not None, "a sum is a row"
    return UnderWay(row["open"], row["refused"])


def grown_ramp(size: int, seen: UnderWay) -> int:
    """Return how many deliveries may be under way now. `size` is 0 at the start."""
    return size if seen.open else max(1, 2 * size)


def ramp_to_store(size: int) -> int | None:
    return size if size <= SIZE_MAX else None


class Due(NamedTuple):
    id: ReplayId
    tenant: Tenant
    next_step_at: int


class Room(NamedTuple):
    """What a step may do. It may queue `rows` deliveries. If ramp_size is set, at most that many may be under way."""

    rows: int
    rate_per_s: int
    is_ordered: bool
    ramp_size: int | None = None


class Step(NamedTuple):
    """A step's result. is_over means that the replay has its final counts."""

    queued: int
    is_over: bool


async def due(tx: Transaction, *, limit: int) -> list[Due]:
    return [
        Due(ReplayId(row["id"]), Tenant(row["account_id"], row["environment"]), row["next_step_at"])
        for row in await tx.fetch(_DUE, rows=limit)
    ]


async def step(tx: Transaction, job: Due, *, now_us: int) -> Step | None:
    """Run the job's next step. Return None if the job isn't due."""
    # The lock prevents a concurrent deletion of the endpoint.
    await lock_tenants(tx, [job.tenant])
    row = await tx.fetch_one(_TAKE, id=job.id, now_us=now_us)
    if row is None:
        return None
    replay = ROWS.read(row)
    backlog = await tx.fetch_one(
        _BACKLOG,
        endpoint_id=replay.endpoint_id,
        now_us=now_us,
        due_max=_burst(replay.rate_per_s),
        open_max=OPEN_MAX,
    )
    if replay.status == CANCELLED or backlog is None or backlog["deleted_at"] is not None:
        return await _wind_up(tx, replay, CANCELLED, now_us=now_us, wait_us=SETTLE_WAIT_US)
    is_disabled = backlog["status"] == DISABLED
    if replay.is_queued:
        wait_us = DISABLED_WAIT_US if is_disabled else SETTLE_WAIT_US
        return await _wind_up(tx, replay, DONE, now_us=now_us, wait_us=wait_us)
    if is_disabled:
        return await _wait(tx, replay, now_us + DISABLED_WAIT_US)
    return await _queue_next(tx, replay, backlog, now_us=now_us)


async def _queue_next(tx: Transaction, replay: Replay, backlog: Row, *, now_us: int) -> Step:
    rate_per_s = min(replay.rate_per_s, backlog["rate_limit_per_s"] or replay.rate_per_s)
    to_due, to_full = _burst(rate_per_s) - backlog["due"], OPEN_MAX - backlog["open"]
    if min(to_due, to_full) <= 0:
        return await _wait(tx, replay, now_us + (STEP_US if to_full > 0 else FULL_WAIT_US))
    is_ordered = backlog["ordered"] == 1
    room = Room(min(to_due, to_full), rate_per_s, is_ordered)
    ramp_size = replay.ramp_size
    if ramp_size is None:
        return await _queue(tx, replay, room, now_us=now_us)
    if ramp_size == 0:
        # The ramp begins now, on this process's clock. Deliveries that were created earlier don't count.
        replay = dataclasses.replace(replay, ramp_at=max(now_us, replay.created_at))
    seen = await under_way(tx, replay.id, replay.ramp_at or 0)
    if seen.refused:
        await tx.execute(_PAUSE, id=replay.id, reason=FAILING)
        return Step(0, is_over=False)
    size = grown_ramp(ramp_size, seen)
    if seen.open >= size:
        return await _wait(tx, replay, now_us + STEP_US)
    room = Room(min(room.rows, size - seen.open), rate_per_s, is_ordered, size)
    return await _queue(tx, replay, room, now_us=now_us)


async def _queue(tx: Transaction, replay: Replay, room: Room, *, now_us: int) -> Step:
    found = await next_rows(
        tx, replay.wanted, replay.after, looked_at_max=LOOKED_AT_MAX, rows_max=room.rows
    )
    ids = [row["id"] for row in found.rows] if room.is_ordered else ()
    places = await sequence.places_of(tx, ids)
    new = [_sent_again(replay, row, places.get(row["id"]), now_us=now_us) for row in found.rows]
    await delivery.insert_of_job(tx, new, replay_id=replay.id)
    queued = replay.queued + len(found.rows)
    next_step_at = now_us
    if found.rows:
        assert replay.next_step_at is not None, "it was due"
        # A step that runs late queues at most one step's deliveries.
        began_us = max(replay.next_step_at, now_us - STEP_US)
        next_step_at = began_us + len(found.rows) * SECOND_US // room.rate_per_s
    # The ramp only grows if something was sent.
    is_grown = room.ramp_size is not None and bool(found.rows)
    await tx.execute(
        _MOVE,
        id=replay.id,
        queued=queued,
        matched=queued if found.is_end else replay.matched,
        after_at=found.after.created_at,
        after_id=found.after.id,
        is_queued=int(found.is_end),
        next_step_at=next_step_at,
        ramp_size=ramp_to_store(room.ramp_size or 0) if is_grown else replay.ramp_size,
        ramp_at=replay.ramp_at,
    )
    return Step(len(found.rows), is_over=False)


async def _wind_up(
    tx: Transaction, replay: Replay, status: str, *, now_us: int, wait_us: int
) -> Step:
    if status == CANCELLED:
        # This also cancels deliveries that were in flight when the job was cancelled, and that have since been
        # rescheduled.
        await delivery.cancel_of_job(tx, replay.id, replay.endpoint_id, now_us=now_us)
    still = await tx.fetch_one(_STILL_OPEN, id=replay.id, now_us=now_us)
    assert still is not None, "a count is a row"
    if still["n"] == 0:
        done, failed = settled(replay.queued, (await counts_of(tx, [replay.id]))[replay.id])
        ended_at = replay.ended_at or now_us
        await tx.execute(
            _END, id=replay.id, status=status, ended_at=ended_at, done=done, failed=failed
        )
        return Step(0, is_over=True)
    is_cancelled = status == CANCELLED
    soonest_us = min(still["next_at"], now_us + SETTLE_WAIT_US_MAX)
    await tx.execute(
        _WIND_UP,
        id=replay.id,
        status=CANCELLED if is_cancelled else replay.status,
        ended_at=(replay.ended_at or now_us) if is_cancelled else None,
        next_step_at=max(now_us + wait_us, soonest_us),
    )
    return Step(0, is_over=False)


async def _wait(tx: Transaction, replay: Replay, next_step_at: int) -> Step:
    await tx.execute(_WAIT, id=replay.id, next_step_at=next_step_at)
    return Step(0, is_over=False)


def _burst(rate_per_s: int) -> int:
    return max(1, rate_per_s // STEPS_PER_S)


def _sent_again(
    replay: Replay, row: Row, place: sequence.ObjectPlace | None, *, now_us: int
) -> delivery.NewDelivery:
    return delivery.NewDelivery(
        event_id=row["event_id"],
        endpoint_id=replay.endpoint_id,
        account_id=replay.account_id,
        environment=replay.environment,
        event_type=row["event_type"],
        transaction_id=row["transaction_id"],
        next_attempt_at=now_us,
        # A delivery must not be older than the job. Otherwise, if two clocks differ, the job would match its own
        # deliveries.
        created_at=max(now_us, replay.created_at, replay.ramp_at or 0),
        replay_of=row["id"],
        code_at=row["code_at"],
        place=place,
    )
