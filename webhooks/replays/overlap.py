"""Find another replay of the endpoint that may be sending the same deliveries now. Reads only.

Two replays that walk the same deliveries at once would send each twice: neither walk leaves out what the
other queued after it was made. A replay that has queued all its matches blocks none, even with open
deliveries, because a later walk leaves out its rows. Two replays for different responses never collide.
"""

from kernel.errors import DomainError
from store.database import Row, Transaction
from webhooks.replays.match import Wanted

# The second condition finds rows queued between the count and this look, even by a job that has ended.
_OTHERS = """
SELECT r.id, r.event_types, r.like_status, r.like_error, r.like_phrase FROM replays r
WHERE r.account_id = :account_id AND r.environment = :environment
  AND r.endpoint_id = :endpoint_id AND r.delivery_status = :status
  AND r.since_at < :until_us AND r.until_at > :since_us
  AND (r.status IN ('running', 'paused') AND r.is_queued = 0
    OR (r.ended_at IS NULL OR r.ended_at >= :as_of_us) AND EXISTS (
      SELECT 1 FROM deliveries d
      WHERE d.endpoint_id = :endpoint_id AND d.created_at >= :as_of_us
        AND d.replay_id = r.id AND d.replay_id IS NOT NULL))
ORDER BY r.id LIMIT 20
"""


class ReplayOverlaps(DomainError):
    """Another replay, which is still queueing, may send some of the same deliveries."""


async def check_others(tx: Transaction, wanted: Wanted) -> None:
    """Raise ReplayOverlaps, which names the other replay. The caller holds the account's lock."""
    rows = await tx.fetch(
        _OTHERS,
        account_id=wanted.account_id,
        environment=wanted.environment,
        endpoint_id=wanted.endpoint_id,
        status=wanted.status,
        since_us=wanted.since_us,
        until_us=wanted.until_us,
        as_of_us=wanted.as_of_us,
    )
    for row in rows:
        if _may_share(row, wanted):
            raise ReplayOverlaps(
                "Another replay of this webhook sends some of the same deliveries. Wait for "
                "it, or cancel it and try again.",
                reason="replay_running",
                extra={"replay_id": row["id"]},
            )


def _may_share(row: Row, wanted: Wanted) -> bool:
    types = set(row["event_types"].split())
    if types and wanted.event_types and types.isdisjoint(wanted.event_types):
        return False
    if row["like_phrase"] is None or wanted.answer is None:
        return True
    return wanted.answer == (row["like_status"], row["like_error"], row["like_phrase"])
