"""List the endpoints that have deliveries due, for operators. Writes nothing."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from store.database import Transaction
from store.row_mapping import RowMapping
from webhooks.deliveries.backlog import COUNTED_MAX, HEADS
from webhooks.deliveries.candidate import TURN_US_MAX
from webhooks.deliveries.stage import OPEN


@dataclass(frozen=True, slots=True)
class DueEndpoint:
    """due: how many, at most COUNTED_MAX; due_at: of the longest. http_status and error: of the last attempt
    of the delivery tried most; both null: there was none, or it was delivered.
    """

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
        """Drop the query, which may hold a receiver's secret."""
        return self.url.partition("?")[0]


async def list_due(tx: Transaction, *, now_us: int) -> Sequence[DueEndpoint]:
    """Return those of both environments, the longest due first; as many as the backlog reads."""
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
