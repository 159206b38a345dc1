"""End the deliveries of a deleted or disabled endpoint, in short steps.

A deleted endpoint's open deliveries are cancelled. A disabled endpoint's deliveries are held, and fail HELD_US_MAX
after they were due. A replay can then find them. A step may be repeated. After a crash, the steps continue until
endpoint_queue.ending_at says that nothing is left.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

from kernel.clock import DAY_US, MINUTE_US
from store.database import Row, Transaction
from webhooks.deliveries import endpoint_queue
from webhooks.deliveries.stage import OPEN, SENDING

HELD_US_MAX: Final = 7 * DAY_US
ROWS_PER_STEP: Final = 500
ENDPOINTS_PER_LOOK: Final = 200
# No lease lasts longer, because webhook_timeout_s is at most a minute.
LEASE_US_MAX: Final = 2 * MINUTE_US
_EVER_US: Final = 1 << 62

_STATE = """
SELECT p.status, p.deleted_at, q.change_no
FROM endpoint_queue q LEFT JOIN endpoints p ON p.id = q.endpoint_id
WHERE q.endpoint_id = :endpoint_id
"""
_SOME_OPEN = f"""
SELECT d.id, d.status, d.claim_no, d.next_attempt_at FROM deliveries d
WHERE d.{OPEN} AND d.endpoint_id = :endpoint_id AND d.next_attempt_at >= :from_us
  AND d.next_attempt_at <= :until_us
ORDER BY d.next_attempt_at LIMIT :rows_max
"""
_CANCEL = """
UPDATE deliveries SET status = 'cancelled', claim_no = v.claim_no + 1, next_attempt_at = NULL,
    settled_at = :now_us
FROM :rows[id text, claim_no bigint] AS v
WHERE deliveries.id = v.id AND deliveries.claim_no = v.claim_no
"""
_HOLD = """
UPDATE deliveries SET status = 'pending', claim_no = v.claim_no + 1
FROM :rows[id text, claim_no bigint] AS v
WHERE deliveries.id = v.id AND deliveries.claim_no = v.claim_no
"""
_DISABLED = f"""
SELECT p.id, p.disabled_at,
    (SELECT MIN(d.next_attempt_at) FROM deliveries d
     WHERE d.{OPEN} AND d.endpoint_id = p.id) AS due_at
FROM endpoints p
WHERE p.status = 'disabled' AND p.deleted_at IS NULL AND p.disabled_at < :before_us
  AND (p.disabled_at, p.id) > (:after_at, :after_id)
ORDER BY p.disabled_at, p.id LIMIT {ENDPOINTS_PER_LOOK}
"""
_EXPIRE = f"""
UPDATE deliveries SET status = 'failed', claim_no = claim_no + 1, next_attempt_at = NULL,
    settled_at = :now_us
WHERE id IN (
    SELECT d.id FROM endpoints p JOIN deliveries d ON d.endpoint_id = p.id
    WHERE p.id = :endpoint_id AND p.status = 'disabled' AND p.deleted_at IS NULL
      AND p.disabled_at < :before_us AND d.{OPEN} AND d.next_attempt_at < :before_us
    ORDER BY d.next_attempt_at LIMIT :rows_max)
"""


class EndingCursor(NamedTuple):
    """Where the next step continues. lease_until_us is the latest end of a running lease."""

    from_us: int = 0
    lease_until_us: int | None = None
    change_no: int | None = None


class Disabled(NamedTuple):
    at_us: int
    id: str


BEGINNING: Final = Disabled(-1, "")


async def step(
    tx: Transaction, endpoint_id: str, place: EndingCursor, *, now_us: int
) -> tuple[EndingCursor | None, int]:
    """Cancel or hold some deliveries. Return where to continue (None at the end) and how many changed."""
    state = await tx.fetch_one(_STATE, endpoint_id=endpoint_id)
    if state is None or (state["deleted_at"] is None and state["status"] == "enabled"):
        # The endpoint is enabled again, so workers claim its lost deliveries.
        return None, 0
    if place.change_no is None:
        place = place._replace(change_no=state["change_no"])
    is_deleted = state["deleted_at"] is not None
    rows = await tx.fetch(
        _SOME_OPEN,
        endpoint_id=endpoint_id,
        from_us=place.from_us,
        until_us=_EVER_US if is_deleted else now_us + LEASE_US_MAX,
        rows_max=ROWS_PER_STEP,
    )
    if is_deleted:
        return await _cancel(tx, endpoint_id, place, rows, now_us=now_us)
    return await _hold(tx, endpoint_id, place, rows, now_us=now_us)


async def disabled_after(
    tx: Transaction, after: Disabled, *, now_us: int
) -> tuple[list[str], Disabled | None]:
    """Return the next disabled endpoints whose deliveries were held too long, and where to continue."""
    before_us = now_us - HELD_US_MAX
    rows = await tx.fetch(_DISABLED, before_us=before_us, after_at=after.at_us, after_id=after.id)
    late = [row["id"] for row in rows if row["due_at"] is not None and row["due_at"] < before_us]
    if len(rows) < ENDPOINTS_PER_LOOK:
        return late, None
    return late, Disabled(rows[-1]["disabled_at"], rows[-1]["id"])


async def expire_held(tx: Transaction, endpoint_id: str, *, now_us: int) -> int:
    """Fail a batch of deliveries that were held too long for a disabled endpoint. Return how many failed."""
    return await tx.execute(
        _EXPIRE,
        endpoint_id=endpoint_id,
        now_us=now_us,
        before_us=now_us - HELD_US_MAX,
        rows_max=ROWS_PER_STEP,
    )


async def _cancel(
    tx: Transaction, endpoint_id: str, place: EndingCursor, rows: Sequence[Row], *, now_us: int
) -> tuple[EndingCursor | None, int]:
    if not rows and not place.from_us:
        # No delivery is open, and a deleted endpoint gets no new ones.
        await endpoint_queue.remove(tx, endpoint_id)
        return None, 0
    wanted = sorted((row["id"], row["claim_no"]) for row in rows)
    cancelled = await tx.execute(_CANCEL, rows=wanted, now_us=now_us) if wanted else 0
    # After the last delivery, start again, because some deliveries may have changed in the meantime.
    is_end = len(rows) < ROWS_PER_STEP
    return place._replace(from_us=0 if is_end else rows[-1]["next_attempt_at"]), cancelled


async def _hold(
    tx: Transaction, endpoint_id: str, place: EndingCursor, rows: Sequence[Row], *, now_us: int
) -> tuple[EndingCursor | None, int]:
    flying = [row for row in rows if row["status"] == SENDING]
    lost = sorted(
        (row["id"], row["claim_no"]) for row in flying if row["next_attempt_at"] <= now_us
    )
    held = await tx.execute(_HOLD, rows=lost) if lost else 0
    running = [row["next_attempt_at"] for row in flying if row["next_attempt_at"] > now_us]
    lease_until_us = max([*running, place.lease_until_us or 0]) or None
    if len(rows) < ROWS_PER_STEP:
        assert place.change_no is not None, "known since the first step"
        # If the endpoint was enabled and disabled again in the meantime, change_no differs, so this statement changes
        # nothing.
        await endpoint_queue.ended(
            tx, endpoint_id, change_no=place.change_no, ending_at=lease_until_us
        )
        return None, held
    # More deliveries may be due in the last microsecond. Read that microsecond again, unless it alone fills a whole
    # step.
    from_us = rows[-1]["next_attempt_at"]
    from_us = from_us if from_us > place.from_us else from_us + 1
    return place._replace(from_us=from_us, lease_until_us=lease_until_us), held
