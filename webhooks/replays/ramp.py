"""Ramp a replay up: one delivery first, then twice as many each time all of them have arrived.

Only deliveries show whether a receiver works again. The first refusal pauses the replay before anything else
is sent. Resuming starts with one again.
"""

from typing import Final, NamedTuple

from store.database import Transaction

# At this size the receiver has proved itself, and only the rate limits the replay.
SIZE_MAX: Final = 512
# The reason of an automatic pause.
FAILING: Final = "failing"

# A delivery that waits for its second try was refused once.
_UNDER_WAY: Final = """
SELECT COALESCE(SUM(CASE WHEN d.status IN ('pending', 'sending') THEN 1 ELSE 0 END), 0) AS open,
    COALESCE(SUM(CASE WHEN d.status = 'failed' OR d.status = 'pending' AND d.attempts_made > 0
        THEN 1 ELSE 0 END), 0) AS refused
FROM deliveries d
WHERE d.replay_id = :id AND d.replay_id IS NOT NULL AND d.status IN ('pending', 'sending', 'failed')
  AND d.created_at >= :ramp_at
"""


class UnderWay(NamedTuple):
    """Deliveries since the ramp began: how many have no response yet, and how many were refused."""

    open: int
    refused: int


async def under_way(tx: Transaction, replay_id: str, ramp_at: int) -> UnderWay:
    """Count the replay's deliveries that were made at ramp_at (microseconds) or later."""
    row = await tx.fetch_one(_UNDER_WAY, id=replay_id, ramp_at=ramp_at)
    assert row is not None, "a sum is a row"
    return UnderWay(row["open"], row["refused"])


def grown(size: int, seen: UnderWay) -> int:
    """Return how many may be under way now. size is the number so far; 0 at the beginning."""
    return size if seen.open else max(1, 2 * size)


def kept(size: int) -> int | None:
    """Return the size to store; null means that the ramp is over."""
    return size if size <= SIZE_MAX else None
