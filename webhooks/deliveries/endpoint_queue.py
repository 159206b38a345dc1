"""Queue endpoints by the time of their next delivery, so that due endpoints are found without reading all endpoints.

An endpoint's ready_at is never later than the time when its first open delivery may be sent. A time that is too early
costs one needless check. A time that is too late would hide a delivery. Any writer may make ready_at earlier, or
replace a past time with now. Only put_off makes it later, and only if neither the account's event number nor change_no
has grown. Failing endpoints are queued separately.

Publishing an event writes here only if its delivery is due before ready_at, so steady traffic needs no writes.
Locks are taken in this order: account, endpoint, queue row, deliveries.
"""

from collections.abc import Collection, Mapping, Sequence
from itertools import islice
from typing import Final, NamedTuple

from kernel.clock import SECOND_US
from store.database import Row, Transaction
from webhooks.deliveries.stage import OPEN, Later

# claimed_at is updated only if it is older than this, because each update costs a write.
CLAIMED_US_MAX: Final = 10 * SECOND_US
Paces = tuple[str, int, int]  # The endpoint's ID and the states of its two limiters.


class Pace(NamedTuple):
    """A rate limiter that uses the generic cell rate algorithm (ITU-T I.371).

    One delivery may be sent every interval_us, and `burst` deliveries at once after a pause. The only state is
    tat_us, the theoretical arrival time in microseconds.
    """

    interval_us: int
    burst: int

    def next_turn_us(self, tat_us: int) -> int:
        return tat_us - (self.burst - 1) * self.interval_us

    def take(self, tat_us: int, *, now_us: int, wanted: int) -> tuple[int, int]:
        """Return how many of `wanted` are allowed now, and the limiter's new state."""
        start_us = max(tat_us, now_us)
        room_us = now_us + (self.burst - 1) * self.interval_us - start_us
        if room_us < 0 or not wanted:
            return 0, tat_us
        count = min(wanted, room_us // self.interval_us + 1)
        return count, start_us + count * self.interval_us


def per_second(rate: int) -> Pace:
    """Return a limiter for `rate` deliveries per second. A burst is a tenth of `rate`, so that claims are batched."""
    assert rate >= 1, "a pace is at least one a second"
    return Pace(interval_us=SECOND_US // rate, burst=max(1, rate // 10))


def slower(one: Pace, other: Pace) -> Pace:
    return Pace(max(one.interval_us, other.interval_us), min(one.burst, other.burst))


# A sandbox account has two endpoints. Each one may get 15 deliveries at once, then one every four seconds.
# Together they get at most 60 in any minute.
SANDBOX_PACE: Final = Pace(interval_us=4 * SECOND_US, burst=15)
# The longest wait until a limiter allows another delivery.
TURN_US_MAX: Final = SANDBOX_PACE.interval_us

# The rate for held deliveries. It keeps a recovered receiver from getting a week of events at once.
DRAIN_PACE: Final = per_second(50)
# One more than a burst, to find out whether more are due.
HELD_IDS_MAX: Final = DRAIN_PACE.burst + 1


class Candidate(NamedTuple):
    """An endpoint's due deliveries, with their claim numbers. Those in `held` were due before enabled_at."""

    endpoint_id: str
    account_id: str
    is_failing: bool
    due: dict[str, int]
    held: dict[str, int]
    enabled_at: int | None


def candidates_of(
    rows: Sequence[Row], *, exclude_ids: Collection[str] = (), now_us: int
) -> tuple[list[Candidate], int | None]:
    """Return the deliveries that may be claimed now, and when the next one may be claimed."""
    candidates = []
    next_at_us = None
    for row in rows:
        next_at_us = earliest(next_at_us, row["next_at"])
        due, held = numbers_of(row["due"], exclude_ids), numbers_of(row["held"], exclude_ids)
        if not due and not held:
            continue
        # Offering more would reserve slots for deliveries that can't be sent yet.
        allowed, _, turn_us = _allowed(row, len(due), len(held), now_us=now_us)
        next_at_us = earliest(next_at_us, turn_us)
        due, held = _first(due, allowed[0]), _first(held, allowed[1])
        if due or held:
            is_failing = row["failing_since_at"] is not None
            candidates.append(
                Candidate(row["id"], row["account_id"], is_failing, due, held, row["enabled_at"])
            )
    return candidates, next_at_us


def numbers_of(due: str | None, exclude_ids: Collection[str] = ()) -> dict[str, int]:
    if not due:
        return {}
    pairs = (pair.split(":") for pair in due.split(" "))
    found = {id_: int(number) for id_, number in pairs}
    return {id_: found[id_] for id_ in found if id_ not in exclude_ids} if exclude_ids else found


def within_pace(
    by_endpoint: Mapping[str, list[str]],
    endpoints: Mapping[str, Row],
    held_ids: Collection[str],
    *,
    now_us: int,
) -> tuple[list[str], list[Paces], int | None]:
    """Return the allowed IDs, the limiters' new states, and the next allowed time."""
    ids: list[str] = []
    paces: list[Paces] = []
    next_turn_us = None
    for endpoint_id, row in endpoints.items():
        due = [id_ for id_ in by_endpoint[endpoint_id] if id_ not in held_ids]
        held = [id_ for id_ in by_endpoint[endpoint_id] if id_ in held_ids]
        allowed, tats, turn_us = _allowed(row, len(due), len(held), now_us=now_us)
        next_turn_us = earliest(next_turn_us, turn_us)
        ids += [*due[: allowed[0]], *held[: allowed[1]]]
        claimed_at = row["claimed_at"]
        is_stale = claimed_at is None or now_us - claimed_at >= CLAIMED_US_MAX
        if is_stale or tats != (row["rate_tat_us"], row["drain_tat_us"]):
            paces.append((endpoint_id, *tats))
    return ids, paces, next_turn_us


def ready_at_of(row: Row, *, fresh_at: int | None, held_at: int | None) -> int | None:
    """Return the earliest time at which one of an endpoint's deliveries may be sent.

    held_at is when the first held delivery is due. fresh_at is when the first other delivery is due.
    """
    if held_at is not None:
        held_at = max(held_at, DRAIN_PACE.next_turn_us(row["drain_tat_us"]))
    first_at = earliest(fresh_at, held_at)
    own = _pace_of(row)
    if first_at is None or own is None:
        return first_at
    return max(first_at, own.next_turn_us(row["rate_tat_us"]))


def not_before(rate_limit_per_s: int | None, rate_tat_us: int) -> int:
    if rate_limit_per_s is None:
        return 0
    own = per_second(rate_limit_per_s)
    # A sandbox's limiter allows larger bursts, so its state lies further in the future.
    as_sandbox = slower(own, SANDBOX_PACE)
    return min(own.next_turn_us(rate_tat_us), as_sandbox.next_turn_us(rate_tat_us))


def earliest(one: int | None, other: int | None) -> int | None:
    if one is None or other is None:
        return other if one is None else one
    return min(one, other)


def _allowed(
    row: Row, due: int, held: int, *, now_us: int
) -> tuple[tuple[int, int], tuple[int, int], int | None]:
    """Return how many new and held deliveries may be sent, the limiters' states, and the next allowed time."""
    turn_us = None
    rate_tat_us, drain_tat_us = row["rate_tat_us"], row["drain_tat_us"]
    may_drain, _ = DRAIN_PACE.take(drain_tat_us, now_us=now_us, wanted=held)
    if (own := _pace_of(row)) is not None:
        count, rate_tat_us = own.take(rate_tat_us, now_us=now_us, wanted=due + may_drain)
        if count < due + may_drain:
            turn_us = own.next_turn_us(rate_tat_us)
        due = min(due, count)
        may_drain = count - due
    drained, drain_tat_us = DRAIN_PACE.take(drain_tat_us, now_us=now_us, wanted=may_drain)
    if drained < held and turn_us is None:
        turn_us = DRAIN_PACE.next_turn_us(drain_tat_us)
    return (due, drained), (rate_tat_us, drain_tat_us), turn_us


def _first(numbers: dict[str, int], count: int) -> dict[str, int]:
    return numbers if count >= len(numbers) else dict(islice(numbers.items(), count))


def _pace_of(row: Row) -> Pace | None:
    own = None
    if row["rate_limit_per_s"] is not None:
        own = per_second(row["rate_limit_per_s"])
    if row["is_sandbox"]:
        return SANDBOX_PACE if own is None else slower(own, SANDBOX_PACE)
    return own


# This hint is sent after a commit that starts to end deliveries (webhooks/deliveries/ending.py).
ENDING_HINT: Final = "ending"
# How many endpoints `repair` checks in one call.
MEND_ENDPOINTS: Final = 500
# How far another process's clock may be ahead of ours.
_MEND_AHEAD_US: Final = SECOND_US
_COLUMNS = ("endpoint_id", "account_id", "environment", "ready_at")
_BRING_FORWARD = """
ON CONFLICT (endpoint_id) DO UPDATE SET ready_at = EXCLUDED.ready_at
WHERE endpoint_queue.ready_at IS NULL OR endpoint_queue.ready_at > EXCLUDED.ready_at
"""
_BRING_FORWARD_COUNTED = """
ON CONFLICT (endpoint_id) DO UPDATE SET change_no = endpoint_queue.change_no + 1,
    again_no = endpoint_queue.again_no + 1,
    ready_at = CASE WHEN endpoint_queue.ready_at <= EXCLUDED.ready_at
        THEN endpoint_queue.ready_at ELSE EXCLUDED.ready_at END
"""
# Lock rows in order of ID, as publishing does, to prevent deadlocks.
_SETTLED = """
UPDATE endpoint_queue SET change_no = endpoint_queue.change_no + 1,
    is_failing = COALESCE(w.is_failing, endpoint_queue.is_failing),
    ready_at = CASE
        WHEN endpoint_queue.ready_at <= w.turn_at THEN w.turn_at
        WHEN w.due_at IS NULL THEN endpoint_queue.ready_at
        WHEN endpoint_queue.ready_at <= w.due_at THEN endpoint_queue.ready_at
        ELSE w.due_at END
FROM (
    SELECT v.endpoint_id, v.turn_at, v.due_at, v.is_failing
    FROM :rows[endpoint_id text, turn_at bigint, due_at bigint, is_failing bigint] AS v
    JOIN endpoint_queue q ON q.endpoint_id = v.endpoint_id
    ORDER BY q.endpoint_id FOR NO KEY UPDATE OF q) AS w
WHERE endpoint_queue.endpoint_id = w.endpoint_id
"""
_PUT_OFF = """
UPDATE endpoint_queue SET ready_at = w.ready_at
FROM (
    SELECT v.endpoint_id, v.ready_at
    FROM :rows[endpoint_id text, change_no bigint, event_no bigint, ready_at bigint] AS v
    JOIN endpoint_queue q ON q.endpoint_id = v.endpoint_id
    JOIN account_environments e
      ON e.account_id = q.account_id AND e.environment = q.environment
    WHERE q.change_no = v.change_no AND e.event_no = v.event_no
    FOR NO KEY UPDATE OF q SKIP LOCKED FOR NO KEY UPDATE OF e SKIP LOCKED) AS w
WHERE endpoint_queue.endpoint_id = w.endpoint_id
"""
_TAKE_TURNS = """
UPDATE endpoint_queue SET ready_at = :now_us
FROM (
    SELECT q.endpoint_id FROM endpoint_queue q
    WHERE q.endpoint_id IN :ids[text] AND q.ready_at <= :now_us
    FOR NO KEY UPDATE OF q SKIP LOCKED) AS w
WHERE endpoint_queue.endpoint_id = w.endpoint_id
"""
_BEGIN_AGAIN = """
UPDATE endpoint_queue SET change_no = change_no + 1, ready_at = :now_us, is_failing = 0,
    ending_at = NULL
WHERE endpoint_id = :endpoint_id
"""
_END = """
UPDATE endpoint_queue SET change_no = change_no + 1, ready_at = NULL,
    ending_at = CASE WHEN ending_at < :ending_at THEN ending_at ELSE :ending_at END
WHERE endpoint_id = :endpoint_id
"""
# Endpoints that have open deliveries but aren't queued in time. Only processes of older versions, which don't know
# about the queue, leave such endpoints.
_HIDDEN = f"""
WITH RECURSIVE waiting(endpoint_id) AS (
    SELECT MIN(d.endpoint_id) FROM deliveries d WHERE d.{OPEN} AND d.endpoint_id > :after_id
    UNION ALL
    SELECT (SELECT MIN(d.endpoint_id) FROM deliveries d
            WHERE d.{OPEN} AND d.endpoint_id > w.endpoint_id)
    FROM waiting w WHERE w.endpoint_id IS NOT NULL
)
SELECT s.endpoint_id, p.account_id, p.environment, q.ready_at, q.ending_at, a.is_sandbox,
    p.rate_limit_per_s, p.rate_tat_us, p.drain_tat_us,
    CASE WHEN q.endpoint_id IS NULL THEN 0 ELSE 1 END AS is_known,
    CASE WHEN p.status = 'enabled' AND p.deleted_at IS NULL THEN 1 ELSE 0 END AS is_served,
    CASE WHEN p.deleted_at IS NULL THEN 0 ELSE 1 END AS is_deleted,
    (SELECT MIN(d.next_attempt_at) FROM deliveries d
     WHERE d.{OPEN} AND d.endpoint_id = s.endpoint_id
       AND d.next_attempt_at > COALESCE(p.enabled_at, 0)) AS fresh_at,
    (SELECT MIN(d.next_attempt_at) FROM deliveries d
     WHERE d.{OPEN} AND d.endpoint_id = s.endpoint_id
       AND d.next_attempt_at <= p.enabled_at) AS held_at
FROM (SELECT w.endpoint_id FROM waiting w WHERE w.endpoint_id IS NOT NULL LIMIT {MEND_ENDPOINTS}) s
JOIN endpoints p ON p.id = s.endpoint_id
JOIN accounts a ON a.id = p.account_id
LEFT JOIN endpoint_queue q ON q.endpoint_id = s.endpoint_id
ORDER BY s.endpoint_id
"""

QueueRow = tuple[str, str, str, int]  # endpoint id, account id, environment, ready_at


class SettledTurn(NamedTuple):
    """A change to an endpoint's queue row. The retry is due at due_at. If is_failing is None, it stays unchanged."""

    endpoint_id: str
    turn_at: int
    due_at: int | None
    is_failing: int | None


async def bring_forward(tx: Transaction, rows: Sequence[QueueRow]) -> None:
    """Set ready_at earlier for deliveries of events that this transaction publishes."""
    await tx.insert_deferred("endpoint_queue", _COLUMNS, sorted(rows), _BRING_FORWARD)


async def bring_forward_counted(tx: Transaction, rows: Sequence[QueueRow]) -> None:
    await tx.insert_deferred("endpoint_queue", _COLUMNS, sorted(rows), _BRING_FORWARD_COUNTED)


async def note_settled(tx: Transaction, turns: Sequence[SettledTurn]) -> None:
    if turns:
        await tx.execute(_SETTLED, rows=sorted(turns))


async def put_off(tx: Transaction, laters: Sequence[Later]) -> int:
    """Set endpoints' ready_at later, unless their change_no or event number has grown. Return how many were set.

    The statement skips locked rows, so it never waits.
    """
    return await tx.execute(_PUT_OFF, rows=sorted(laters)) if laters else 0


async def take_turns(tx: Transaction, endpoint_ids: Sequence[str], *, now_us: int) -> None:
    if endpoint_ids:
        await tx.execute(_TAKE_TURNS, ids=sorted(endpoint_ids), now_us=now_us)


async def begin(tx: Transaction, endpoint_id: str, account_id: str, environment: str) -> None:
    await tx.insert("endpoint_queue", _COLUMNS, [(endpoint_id, account_id, environment, None)])


async def begin_again(tx: Transaction, endpoint_id: str, *, now_us: int) -> None:
    await tx.execute(_BEGIN_AGAIN, endpoint_id=endpoint_id, now_us=now_us)


async def end(tx: Transaction, endpoint_id: str, *, ending_at: int) -> None:
    """Take a disabled or deleted endpoint off the queue. webhooks/deliveries/ending.py then ends its deliveries."""
    await tx.execute(_END, endpoint_id=endpoint_id, ending_at=ending_at)


async def ending(tx: Transaction, *, now_us: int, limit: int) -> list[str]:
    rows = await tx.fetch(
        "SELECT endpoint_id FROM endpoint_queue WHERE ending_at <= :now_us"
        " ORDER BY ending_at LIMIT :rows_max",
        now_us=now_us,
        rows_max=limit,
    )
    return [row["endpoint_id"] for row in rows]


async def ended(
    tx: Transaction, endpoint_id: str, *, change_no: int, ending_at: int | None
) -> None:
    """Set the time of the next ending step, or None for never. Do nothing if change_no has grown."""
    await tx.execute(
        "UPDATE endpoint_queue SET ending_at = :ending_at"
        " WHERE endpoint_id = :endpoint_id AND change_no = :change_no",
        ending_at=ending_at,
        endpoint_id=endpoint_id,
        change_no=change_no,
    )


async def remove(tx: Transaction, endpoint_id: str) -> None:
    await tx.execute(
        "DELETE FROM endpoint_queue WHERE endpoint_id = :endpoint_id", endpoint_id=endpoint_id
    )


async def repair(tx: Transaction, *, after_id: str, now_us: int) -> tuple[str | None, int]:
    """Queue endpoints that have open deliveries but aren't queued in time.

    Each call reads the next MEND_ENDPOINTS endpoints. Return the last ID and how many were queued.
    """
    rows = await tx.fetch(_HIDDEN, after_id=after_id)
    hidden: list[QueueRow] = []
    unended: list[str] = []
    for row in rows:
        key = (row["endpoint_id"], row["account_id"], row["environment"])
        if row["is_served"]:
            ready_at = ready_at_of(row, fresh_at=row["fresh_at"], held_at=row["held_at"])
            latest_us = max(ready_at or 0, now_us + _MEND_AHEAD_US)
            is_shown = row["ready_at"] is not None and row["ready_at"] <= latest_us
            hidden += [] if is_shown else [(*key, now_us)]
        elif row["is_deleted"] and row["ending_at"] is None:
            hidden += [] if row["is_known"] else [(*key, now_us)]
            unended.append(row["endpoint_id"])
    await bring_forward_counted(tx, hidden)
    for endpoint_id in unended:
        await end(tx, endpoint_id, ending_at=now_us)
    return (rows[-1]["endpoint_id"] if len(rows) == MEND_ENDPOINTS else None), len(hidden)
