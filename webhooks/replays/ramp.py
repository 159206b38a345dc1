"""How a replay begins gently: one delivery, and twice as many each time all of them have arrived.

Whether a receiver is mended is known only by what it takes. The first one that it does not take pauses the
replay, before anything else is sent to it; whoever resumes it begins with one again.
"""

from typing import Final, NamedTuple

from store.database import Transaction

# More than so many at once are no trial any more: from then on the replay has its rate alone.
SIZE_MAX: Final = 512
# Why a replay is paused that nobody has paused.
FAILING: Final = "failing"

# One that waits for its second try was refused once.
_UNDER_WAY: Final = """
SELECT COALESCE(SUM(CASE WHEN d.status IN ('pending', 'sending') THEN 1 ELSE 0 END), 0) AS open,
    COALESCE(SUM(CASE WHEN d.status = 'failed' OR d.status = 'pending' AND d.attempts_made > 0
        THEN 1 ELSE 0 END), 0) AS refused
FROM deliveries d
WHERE d.replay_id = :id AND d.replay_id IS NOT NULL AND d.status IN ('pending', 'sending', 'failed')
  AND d.created_at >= :ramp_at
"""


class UnderWay(NamedTuple):
    """Of what was sent since the ramp began: how many have no answer yet, how many were not taken."""

    open: int
    refused: int


async def under_way(tx: Transaction, replay_id: str, ramp_at: int) -> UnderWay:
    """Of the replay's deliveries that were made at ramp_at, microseconds, or later."""
    row = await tx.fetch_one(_UNDER_WAY, id=replay_id, ramp_at=ramp_at)
    assert row is not None, "a sum is a row"
    return UnderWay(row["open"], row["refused"])


def grown(size: int, seen: UnderWay) -> int:
    """How many may be under way now; size: how many might be before, 0 at the beginning."""
    return size if seen.open else max(1, 2 * size)


def kept(size: int) -> int | None:
    """The size as it is stored; null: the ramp is over."""
    return size if size <= SIZE_MAX else None
