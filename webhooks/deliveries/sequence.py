"""Send the deliveries about one object to an ordered endpoint in the order of their events.

A delivery is claimed only if its endpoint has no earlier open delivery about the same object, and no delivery about it
is being sent. The order is by event number and ID.

A claim postpones deliveries that have to wait. The transaction that ends a delivery lets the next one continue.
Two numbers in endpoint_queue keep this correct between statements. again_no grows when an earlier event's
delivery is inserted, and change_no before a delivery ends. After PUT_OFF_US, a postponed delivery is checked anyway.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from kernel.clock import HOUR_US
from store.database import Row, Transaction
from webhooks.deliveries.stage import OPEN

PUT_OFF_US: Final = HOUR_US
# How many waiting deliveries are released at once. The rest follow within PUT_OFF_US.
LET_GO_MAX: Final = 10_000

# SQLite only uses a partial index if its condition is repeated exactly. Compare rows with > and >=. With =,
# PostgreSQL may read all of an endpoint's open deliveries.
_FIRST: Final = f"""(
    SELECT f.id FROM (
        SELECT b.id, b.endpoint_id, b.object_id FROM deliveries b
        WHERE b.{OPEN} AND b.object_id IS NOT NULL
          AND (b.endpoint_id, b.object_id, b.event_no) > (d.endpoint_id, d.object_id, 0)
        ORDER BY b.endpoint_id, b.object_id, b.event_no, b.id LIMIT 1) AS f
    WHERE f.endpoint_id = d.endpoint_id AND f.object_id = d.object_id)"""
_SENDING: Final = """(
    SELECT f.{column} FROM (
        SELECT b.{column}, b.endpoint_id, b.object_id FROM deliveries b
        WHERE b.status = 'sending' AND b.object_id IS NOT NULL AND b.id <> d.id{only}
          AND (b.endpoint_id, b.object_id) >= (d.endpoint_id, d.object_id)
        ORDER BY b.endpoint_id, b.object_id LIMIT 1) AS f
    WHERE f.endpoint_id = d.endpoint_id AND f.object_id = d.object_id)"""
_SENDING_ID: Final = _SENDING.format(column="id", only="")
_SENDING_UNTIL: Final = _SENDING.format(
    column="next_attempt_at", only=" AND b.next_attempt_at > :now_us"
)
# The delivery that d waits for at an ordered endpoint, or NULL if it waits for none.
BLOCKED_BY: Final = f"""
CASE WHEN d.object_id IS NULL OR d.status <> 'pending' THEN NULL
    WHEN (SELECT p.ordered FROM endpoints p WHERE p.id = d.endpoint_id) = 0 THEN NULL
    ELSE COALESCE({_SENDING_ID}, NULLIF({_FIRST}, d.id)) END"""

_LOOK = f"""
SELECT v.id, v.claim_no, d.endpoint_id, q.change_no, q.again_no,
    CASE WHEN d.object_id IS NULL THEN d.id ELSE {_FIRST} END AS first_id,
    {_SENDING_UNTIL} AS sending_until_at
FROM :rows[id text, claim_no bigint] AS v
JOIN deliveries d ON d.id = v.id
JOIN endpoint_queue q ON q.endpoint_id = d.endpoint_id
"""
# A delivery whose lease has ended is counted as lost, just as in a claim.
_PUT_OFF = """
UPDATE deliveries SET status = 'pending', claim_no = deliveries.claim_no + 1,
    lost_claims = deliveries.lost_claims + CASE WHEN status = 'sending' THEN 1 ELSE 0 END,
    blocked_since_at = COALESCE(deliveries.blocked_since_at, next_attempt_at),
    next_attempt_at = w.until_at
FROM (
    SELECT v.id, v.claim_no, v.until_at
    FROM :rows[id text, claim_no bigint, endpoint_id text, change_no bigint, until_at bigint] AS v
    JOIN endpoint_queue q ON q.endpoint_id = v.endpoint_id
    WHERE q.change_no = v.change_no
    FOR NO KEY UPDATE OF q SKIP LOCKED) AS w
WHERE deliveries.id = w.id AND deliveries.claim_no = w.claim_no
"""
# Deliveries that were held while the endpoint was disabled are sent at the rate for held deliveries.
_GOES_ON = """
UPDATE deliveries SET claim_no = claim_no + 1, blocked_since_at = NULL,
    next_attempt_at = CASE WHEN blocked_since_at <=
        (SELECT p.enabled_at FROM endpoints p WHERE p.id = deliveries.endpoint_id)
        THEN blocked_since_at ELSE w.at_us END
FROM ({waiting}) AS w
WHERE deliveries.id = w.id AND status = 'pending' AND blocked_since_at IS NOT NULL
RETURNING deliveries.endpoint_id
"""
_NEXT = _GOES_ON.format(
    waiting=f"""
    SELECT {_FIRST} AS id, d.at_us
    FROM :rows[endpoint_id text, object_id text, at_us bigint] AS d"""
)
_LET_GO = _GOES_ON.format(
    waiting=f"""
    SELECT later.id, later.at_us FROM (
        SELECT b.id, CAST(:now_us AS BIGINT) AS at_us FROM deliveries b
        WHERE b.{OPEN} AND b.endpoint_id = :endpoint_id AND b.next_attempt_at > :now_us
        LIMIT {LET_GO_MAX}) AS later"""
)
_PLACES = """
SELECT d.id, COALESCE(d.object_id, d.transaction_id) AS object_id, e.event_no
FROM deliveries d JOIN events e ON e.id = d.event_id
WHERE d.id IN :ids[text]
"""


class ObjectPlace(NamedTuple):
    """A delivery's position among the deliveries about one object. object_id is None if unknown."""

    object_id: str | None
    event_no: int


class HeldBack(NamedTuple):
    ids: Collection[str] = frozenset()
    put_off: int = 0
    again_nos: Mapping[str, int] = {}


def place_of(
    transaction_id: str | None, data: Mapping[str, Any], event_no: int
) -> ObjectPlace | None:
    """Return an event's position, or None if its data describes no object."""
    object_id = transaction_id or data.get("id")
    return ObjectPlace(object_id, event_no) if isinstance(object_id, str) else None


async def hold_back(tx: Transaction, due: Mapping[str, int], *, now_us: int) -> HeldBack:
    """Defer the due deliveries that have to wait for an earlier one.

    A later claim must check the returned again_nos.
    """
    if not due:
        return HeldBack()
    rows = await tx.fetch(_LOOK, rows=sorted(due.items()), now_us=now_us)
    waiting = [row for row in rows if _waits(row)]
    put_off = 0
    if waiting:
        wanted = [
            (row["id"], row["claim_no"], row["endpoint_id"], row["change_no"], _until(row, now_us))
            for row in waiting
        ]
        put_off = await tx.execute(_PUT_OFF, rows=sorted(wanted))
    again_nos = {row["endpoint_id"]: row["again_no"] for row in rows}
    return HeldBack(frozenset(row["id"] for row in waiting), put_off, again_nos)


async def resume(tx: Transaction, ended: Iterable[tuple[str, str, int]]) -> Sequence[str]:
    """Let each object's first waiting delivery continue. Return the endpoints that now have something to send.

    The caller has already increased the endpoints' change_no.
    """
    rows = sorted(set(ended))
    if not rows:
        return ()
    found = await tx.fetch(_NEXT, rows=rows)
    return sorted({row["endpoint_id"] for row in found})


async def let_go(tx: Transaction, endpoint_id: str, *, now_us: int) -> None:
    """Release up to LET_GO_MAX waiting deliveries of an endpoint that is no longer ordered."""
    await tx.execute(_LET_GO, endpoint_id=endpoint_id, now_us=now_us)


async def places_of(tx: Transaction, delivery_ids: Sequence[str]) -> dict[str, ObjectPlace]:
    rows = await tx.fetch(_PLACES, ids=list(delivery_ids)) if delivery_ids else ()
    return {row["id"]: ObjectPlace(row["object_id"], row["event_no"]) for row in rows}


def _waits(row: Row) -> bool:
    return row["first_id"] != row["id"] or row["sending_until_at"] is not None


def _until(row: Row, now_us: int) -> int:
    is_first = row["first_id"] == row["id"]
    return int(row["sending_until_at"]) if is_first else now_us + PUT_OFF_US
