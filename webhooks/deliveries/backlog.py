"""Measure how long accepted deliveries wait, and whether any worker claims them: for readiness and alarms.

An endpoint is overlooked if it has had something due for DUE_US_MAX while no worker has claimed for it. One
that is served, however slowly, isn't: no pace of its own and no draining week of held events turns a service
red. Failing endpoints count only if nothing at all is claimed for any: they share their slots, so many dead
ones of one tenant wait for each other. Disabled ones hold their deliveries on purpose, and one just enabled
again gets the same time.

It reads, by a few index probes for each, the ENDPOINTS_MAX endpoints that have waited longest for a turn, of
the healthy and of the failing ones. Writes nothing.
"""

from typing import Final, NamedTuple

from kernel.clock import MINUTE_US
from store.database import Transaction
from webhooks.deliveries.candidate import CLAIMED_US_MAX, TURN_US_MAX
from webhooks.deliveries.stage import OPEN

DUE_US_MAX: Final = MINUTE_US
ENDPOINTS_MAX: Final = 200
# How many of one endpoint's due deliveries are counted.
COUNTED_MAX: Final = 100

# By time, over the index of the line; the limits are literal for the planner. Endpoints that wait for their
# pace's next turn are put off until then, and still wait.
HEADS = f"""
    SELECT * FROM (
        SELECT q.endpoint_id, q.ready_at FROM endpoint_queue q
        WHERE q.is_failing = 0 AND q.ready_at <= :turn_until_us
        ORDER BY q.ready_at, q.endpoint_id LIMIT {ENDPOINTS_MAX}) AS well
    UNION ALL
    SELECT * FROM (
        SELECT q.endpoint_id, q.ready_at FROM endpoint_queue q
        WHERE q.is_failing = 1 AND q.ready_at <= :turn_until_us
        ORDER BY q.ready_at, q.endpoint_id LIMIT {ENDPOINTS_MAX}) AS failing
"""
_LOOK = f"""
SELECT MIN(o.due_at) AS due_at,
    MIN(CASE WHEN o.is_late = 1 THEN o.due_at END) AS late_at,
    MIN(CASE WHEN o.is_late = 1 AND o.failing_since_at IS NULL THEN o.due_at END) AS well_late_at
FROM (
    SELECT q.due_at, q.failing_since_at,
        CASE WHEN q.due_at < :due_before AND COALESCE(q.claimed_at, 0) < :claimed_before
              AND COALESCE(q.enabled_at, 0) < :claimed_before
             THEN 1 ELSE 0 END AS is_late
    FROM (
        SELECT p.claimed_at, p.enabled_at, p.failing_since_at,
            (SELECT MIN(d.next_attempt_at) FROM deliveries d
             WHERE d.{OPEN} AND d.endpoint_id = p.id) AS due_at
        FROM ({HEADS}) AS h JOIN endpoints p ON p.id = h.endpoint_id
        WHERE p.status = 'enabled' AND p.deleted_at IS NULL AND h.ready_at + 0 = h.ready_at
    ) AS q
    WHERE q.due_at <= :now_us
) AS o
"""
# The limits bound the work, however many deliveries wait.
_COUNT = f"""
SELECT CAST(COALESCE(SUM(o.due), 0) AS BIGINT) AS due FROM (
    SELECT (SELECT COUNT(*) FROM (
        SELECT d.id FROM deliveries d
        WHERE d.{OPEN} AND d.endpoint_id = p.id AND d.next_attempt_at <= :now_us
        ORDER BY d.next_attempt_at LIMIT {COUNTED_MAX}) AS c) AS due
    FROM ({HEADS}) AS h JOIN endpoints p ON p.id = h.endpoint_id
    WHERE p.status = 'enabled' AND p.deleted_at IS NULL AND h.ready_at + 0 = h.ready_at
) AS o
"""
_IS_ANYBODY_THERE = """
SELECT 1 AS found FROM endpoints WHERE claimed_at >= :claimed_before AND deleted_at IS NULL LIMIT 1
"""


class Backlog(NamedTuple):
    """Microseconds that the longest due delivery has waited: of any enabled endpoint, and of an overlooked
    one; 0 if none.
    """

    oldest_due_us: int
    overlooked_us: int


async def count_due(tx: Transaction, *, now_us: int) -> int:
    """Count deliveries that are due and may go, at most COUNTED_MAX of an endpoint."""
    row = await tx.fetch_one(_COUNT, now_us=now_us, turn_until_us=now_us + TURN_US_MAX)
    return 0 if row is None else row["due"]


async def look(tx: Transaction, *, now_us: int, attempt_us_max: int) -> Backlog:
    """Read it in one statement, or two if failing endpoints are late.

    attempt_us_max: how long one attempt may hold an endpoint's only slot.
    """
    claimed_before = now_us - DUE_US_MAX - CLAIMED_US_MAX - attempt_us_max
    row = await tx.fetch_one(
        _LOOK,
        now_us=now_us,
        turn_until_us=now_us + TURN_US_MAX,
        due_before=now_us - DUE_US_MAX,
        claimed_before=claimed_before,
    )
    if row is None or row["due_at"] is None:
        return Backlog(0, 0)
    late_at = row["well_late_at"]
    if row["late_at"] != late_at:
        found = await tx.fetch_one(_IS_ANYBODY_THERE, claimed_before=claimed_before)
        late_at = row["late_at"] if found is None else None
    return Backlog(
        max(0, now_us - row["due_at"]), 0 if late_at is None else max(0, now_us - late_at)
    )
