"""Measure how long due deliveries have waited, and whether any worker claims them.

An endpoint is overlooked if it has had a delivery due for DUE_US_MAX, and no worker has claimed from it in that time.
An endpoint waiting for its own rate limit isn't overlooked, nor is one whose backlog is shrinking. Failing endpoints
share slots, so they are overlooked only if no worker claims anything.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from kernel.clock import MINUTE_US
from store.database import Transaction
from store.row_mapping import RowMapping
from webhooks.deliveries.endpoint_queue import CLAIMED_US_MAX, TURN_US_MAX
from webhooks.deliveries.stage import OPEN

DUE_US_MAX: Final = MINUTE_US
ENDPOINTS_MAX: Final = 200
COUNTED_MAX: Final = 100

# Endpoints waiting for their rate limit are included. LIMIT is a literal, because PostgreSQL then plans better.
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
    """How long the oldest due delivery has waited, overall and at overlooked endpoints, or 0 if none is due."""

    oldest_due_us: int
    overlooked_us: int


async def count_due(tx: Transaction, *, now_us: int) -> int:
    """Count deliveries that are due now, up to COUNTED_MAX for each endpoint."""
    row = await tx.fetch_one(_COUNT, now_us=now_us, turn_until_us=now_us + TURN_US_MAX)
    return 0 if row is None else row["due"]


async def measure(tx: Transaction, *, now_us: int, attempt_us_max: int) -> Backlog:
    """Measure the backlog. attempt_us_max is how long one attempt may occupy an endpoint's only slot."""
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


@dataclass(frozen=True, slots=True)
class DueEndpoint:
    """An endpoint with due deliveries, and the last result of the delivery with the most attempts."""

    endpoint_id: str
    account_id: str
    account_name: str
    environment: str
    url: str
    due: int
    due_at: int
    claimed_at: int | None
    failing_since_at: int | None
    http_status: int | None
    error: str | None

    @property
    def address(self) -> str:
        """Return the URL without its query, which may contain a secret."""
        return self.url.partition("?")[0]


async def list_due(tx: Transaction, *, now_us: int) -> Sequence[DueEndpoint]:
    """List endpoints with due deliveries in both environments, the most overdue first."""
    rows = await tx.fetch(_LIST, now_us=now_us, turn_until_us=now_us + TURN_US_MAX)
    return [_ROWS.read(row) for row in rows]


_ROWS: Final = RowMapping(DueEndpoint)
_DUE: Final = f"d.{OPEN} AND d.endpoint_id = q.endpoint_id AND d.next_attempt_at <= :now_us"
_LIST: Final = f"""
SELECT q.endpoint_id, q.account_id, c.name AS account_name, q.environment, q.url,
    (SELECT COUNT(*) FROM (
        SELECT d.id FROM deliveries d WHERE {_DUE}
        ORDER BY d.next_attempt_at LIMIT {COUNTED_MAX}) AS n) AS due,
    q.due_at, q.claimed_at, q.failing_since_at, a.http_status, a.error
FROM (
    SELECT p.id AS endpoint_id, p.account_id, p.environment, p.url, p.claimed_at, p.failing_since_at,
        (SELECT MIN(d.next_attempt_at) FROM deliveries d
         WHERE d.{OPEN} AND d.endpoint_id = p.id) AS due_at,
        (SELECT f.id FROM (
            SELECT d.id, d.attempts_made FROM deliveries d
            WHERE d.{OPEN} AND d.endpoint_id = p.id AND d.next_attempt_at <= :now_us
            ORDER BY d.next_attempt_at LIMIT {COUNTED_MAX}) AS f
         ORDER BY f.attempts_made DESC LIMIT 1) AS tried_id
    FROM ({HEADS}) AS h JOIN endpoints p ON p.id = h.endpoint_id
    WHERE p.status = 'enabled' AND p.deleted_at IS NULL AND h.ready_at + 0 = h.ready_at
) AS q
JOIN accounts c ON c.id = q.account_id
LEFT JOIN deliveries t ON t.id = q.tried_id
LEFT JOIN attempts a ON a.delivery_id = t.id AND a.number = t.attempts_made
WHERE q.due_at <= :now_us
ORDER BY q.due_at, q.endpoint_id
"""
