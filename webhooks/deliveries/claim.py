"""Claim due deliveries for one worker, for the duration of a lease.

A claim runs a fixed number of statements, each of which may be its own transaction. A delivery that changes
between two statements gets a new claim number, so it is skipped. A claim reads at most HEADS_MAX healthy and
HEADS_MAX failing endpoints. All workers together stay within an endpoint's rate limit.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Final

from store.database import Row, Transaction
from webhooks.deliveries import sequence
from webhooks.deliveries.endpoint_queue import (
    CLAIMED_US_MAX,
    HELD_IDS_MAX,
    Candidate,
    Paces,
    candidates_of,
    earliest,
    numbers_of,
    ready_at_of,
    within_pace,
)
from webhooks.deliveries.stage import (
    OPEN,
    TARGET_COLUMNS,
    Claim,
    Claimed,
    Head,
    Later,
    Line,
    Target,
)

HEADS_MAX: Final = 200
FIRST_HEAD: Final = Head(-1, "")
# `free` already has the endpoint's columns, so no subqueries are needed.
_TARGET = ", ".join(
    f"[[free.{column} |"
    f" (SELECT p.{column} FROM endpoints p WHERE p.id = deliveries.endpoint_id) AS {column}]]"
    for column in TARGET_COLUMNS
)
_TARGET_COLUMNS = ", ".join(f"p.{column}" for column in TARGET_COLUMNS)
# Select the endpoints that have been ready longest. A few index probes find each endpoint's deliveries. Deliveries
# held while an endpoint was disabled are listed separately, because they are sent slowly. The limits are literals
# and the last condition is always true. This keeps PostgreSQL from reading whole tables.
_SCAN = f"""
WITH heads AS (
    SELECT h.endpoint_id, h.ready_at, h.is_failing, h.change_no FROM (
        SELECT * FROM (
            SELECT q.endpoint_id, q.ready_at, q.is_failing, q.change_no FROM endpoint_queue q
            WHERE q.is_failing = 0 AND q.ready_at <= :now_us
              AND (q.ready_at, q.endpoint_id) > (:after_at, :after_id)
              AND q.endpoint_id NOT IN (SELECT f.id FROM :full[id text] AS f)
            ORDER BY q.ready_at, q.endpoint_id LIMIT {HEADS_MAX}) AS well
        UNION ALL
        SELECT * FROM (
            SELECT * FROM (
                SELECT q.endpoint_id, q.ready_at, q.is_failing, q.change_no FROM endpoint_queue q
                WHERE q.is_failing = 1 AND q.ready_at <= :now_us
                  AND q.endpoint_id NOT IN (SELECT f.id FROM :full[id text] AS f)
                ORDER BY q.ready_at, q.endpoint_id LIMIT {HEADS_MAX}) AS front
            LIMIT :failing_max) AS failing
    ) AS h
    WHERE h.ready_at + 0 = h.ready_at
)
SELECT t.next_at AS line_next_at, h.endpoint_id AS id, h.ready_at, h.is_failing, h.change_no,
    e.event_no, p.account_id, p.ordered, p.rate_limit_per_s, p.rate_tat_us, p.drain_tat_us, p.claimed_at,
    a.is_sandbox, {_TARGET_COLUMNS},
    CASE WHEN p.status = 'enabled' AND p.deleted_at IS NULL THEN 1 ELSE 0 END AS is_served,
    (SELECT MIN(d.next_attempt_at) FROM deliveries d
     WHERE d.{OPEN} AND d.endpoint_id = p.id AND d.next_attempt_at > :now_us) AS next_at,
    (SELECT STRING_AGG(due.id, ' ') FROM (
        SELECT d.id || ':' || d.claim_no AS id FROM deliveries d
        WHERE d.{OPEN} AND d.endpoint_id = p.id AND d.next_attempt_at <= :now_us
          AND d.next_attempt_at > COALESCE(p.enabled_at, 0)
        ORDER BY d.next_attempt_at LIMIT :ids_max) AS due) AS due,
    CASE WHEN p.enabled_at IS NULL THEN NULL ELSE
        (SELECT STRING_AGG(held.id, ' ') FROM (
            SELECT d.id || ':' || d.claim_no AS id FROM deliveries d
            WHERE d.{OPEN} AND d.endpoint_id = p.id AND d.next_attempt_at <= p.enabled_at
            ORDER BY d.next_attempt_at LIMIT {HELD_IDS_MAX}) AS held) END AS held
FROM (
    SELECT MIN(n.ready_at) AS next_at FROM (
        SELECT MIN(q.ready_at) AS ready_at FROM endpoint_queue q
        WHERE q.is_failing = 0 AND q.ready_at > :now_us
        UNION ALL
        SELECT MIN(q.ready_at) FROM endpoint_queue q WHERE q.is_failing = 1 AND q.ready_at > :now_us
    ) AS n
) AS t
LEFT JOIN heads h ON 1 = 1
LEFT JOIN endpoints p ON p.id = h.endpoint_id
LEFT JOIN accounts a ON a.id = p.account_id
LEFT JOIN account_environments e
  ON e.account_id = p.account_id AND e.environment = p.environment
"""
# Skip rows that another worker has locked, or whose state has changed since the scan.
_KEEP_PACE = """
UPDATE endpoints SET rate_tat_us = w.rate_tat_us, drain_tat_us = w.drain_tat_us,
    claimed_at = :now_us
FROM (
    SELECT v.id, v.rate_tat_us, v.drain_tat_us
    FROM :rows[id text, seen_rate_us bigint, seen_drain_us bigint, rate_tat_us bigint,
        drain_tat_us bigint] AS v
    JOIN endpoints p ON p.id = v.id
    WHERE p.rate_tat_us = v.seen_rate_us AND p.drain_tat_us = v.seen_drain_us
    ORDER BY p.id FOR NO KEY UPDATE OF p SKIP LOCKED) AS w
WHERE endpoints.id = w.id
RETURNING endpoints.id
"""
# The columns are in the order of Claimed's fields. Endpoints that another worker has locked are skipped, so two
# workers never claim from one endpoint at once. Rows are found by primary key and claim number only. If the
# status were compared, PostgreSQL might scan the partial index.
_TAKE = """
UPDATE deliveries SET status = 'sending', claim_no = deliveries.claim_no + 1,
    lost_claims = deliveries.lost_claims + CASE WHEN status = 'sending' THEN 1 ELSE 0 END,
    due_at = CASE WHEN status = 'sending' THEN due_at ELSE next_attempt_at END,
    next_attempt_at = :lease_until_us, blocked_since_at = NULL
FROM free
WHERE deliveries.id = free.id AND deliveries.claim_no = free.claim_no
RETURNING deliveries.id, event_id, event_type, account_id, environment,
    attempts_made + 1 AS number, deliveries.claim_no, lost_claims,
    (SELECT e.body FROM events e WHERE e.id = deliveries.event_id) AS body,
    deliveries.transaction_id, code_at,
    CASE WHEN code_at IS NOT NULL THEN
        (SELECT e.code_sealed FROM events e WHERE e.id = deliveries.event_id) END AS code_sealed,
    deliveries.created_at, due_at,
    (SELECT e.trace FROM events e WHERE e.id = deliveries.event_id) AS trace,
    object_id, endpoint_id
"""
_CLAIM = f"""
WITH free AS (
    SELECT v.id, v.claim_no FROM :rows[id text, claim_no bigint, endpoint_id text] AS v
    JOIN endpoints p ON p.id = v.endpoint_id
    WHERE p.status = 'enabled' AND p.deleted_at IS NULL
    FOR NO KEY UPDATE OF p SKIP LOCKED)
{_TAKE}"""
# Claims nothing if a delivery of an earlier event has been inserted since the scan (see sequence.py).
_CLAIM_ORDERED = f"""
WITH free AS (
    SELECT v.id, v.claim_no
    FROM :rows[id text, claim_no bigint, endpoint_id text, again_no bigint] AS v
    JOIN endpoints p ON p.id = v.endpoint_id
    JOIN endpoint_queue q ON q.endpoint_id = v.endpoint_id
    WHERE p.status = 'enabled' AND p.deleted_at IS NULL AND q.again_no = v.again_no
    FOR NO KEY UPDATE OF p SKIP LOCKED FOR NO KEY UPDATE OF q SKIP LOCKED)
{_TAKE}"""
# Claims only for an endpoint that has no rate limit, no order, no held deliveries and a recent claimed_at.
_CLAIM_AT_ONCE = f"""
WITH free AS (
    SELECT d.id, d.claim_no, {_TARGET_COLUMNS} FROM endpoints p
    JOIN accounts a ON a.id = p.account_id
    JOIN deliveries d ON d.endpoint_id = p.id
    WHERE p.id = :endpoint_id AND p.status = 'enabled' AND p.deleted_at IS NULL
      AND p.rate_limit_per_s IS NULL AND p.ordered = 0 AND a.is_sandbox = 0 AND p.enabled_at IS NULL
      AND p.claimed_at > :stale_us AND d.{OPEN} AND d.next_attempt_at <= :now_us
    ORDER BY d.next_attempt_at LIMIT :rows_max
    FOR NO KEY UPDATE OF p SKIP LOCKED)
{_TAKE},
    {_TARGET}"""

# Returns the IDs of the deliveries to claim, at most one for each free slot. It must have no side effects,
# because a claim may run twice.
Choose = Callable[[Sequence[Candidate]], Sequence[str]]


async def claim(
    tx: Transaction,
    choose: Choose,
    *,
    now_us: int,
    lease_us: int,
    ids_max: int,
    full_ids: Collection[str] = (),
    failing_max: int = HEADS_MAX,
    after: Head = FIRST_HEAD,
) -> Claim:
    """Claim due deliveries for lease_us from now_us, in the order that `choose` returns.

    Read at most ids_max deliveries of each endpoint. Skip endpoints in full_ids. `after` is where an incomplete
    scan continues.
    """
    found = await tx.fetch(
        _SCAN,
        now_us=now_us,
        ids_max=ids_max,
        full=[(id_,) for id_ in sorted(full_ids)],
        failing_max=failing_max,
        after_at=after.ready_at,
        after_id=after.endpoint_id,
    )
    scanned = [row for row in found if row["id"] is not None]
    served = [row for row in scanned if row["is_served"]]
    waiting = await _hold_back(tx, served, now_us=now_us)
    candidates, next_at_us = candidates_of(served, exclude_ids=waiting.ids, now_us=now_us)
    next_at_us = earliest(found[0]["line_next_at"], next_at_us)
    chosen_ids = choose(candidates)
    by_endpoint, short_ids, has_more = _choice(candidates, chosen_ids, ids_max=ids_max)
    line = _line_of(scanned, candidates, by_endpoint, failing_max=failing_max, now_us=now_us)
    has_more |= waiting.put_off > 0
    is_behind = waiting.put_off < len(waiting.ids)
    endpoints = {row["id"]: row for row in served if row["id"] in by_endpoint}
    held_ids = frozenset(id_ for candidate in candidates for id_ in candidate.held)
    ids, paces, paced_at_us = within_pace(by_endpoint, endpoints, held_ids, now_us=now_us)
    lost = await _save_paces(tx, paces, endpoints, now_us=now_us) if paces else frozenset()
    seen = {
        id_: (number, candidate.endpoint_id)
        for candidate in candidates
        for id_, number in (candidate.due | candidate.held).items()
    }
    wanted = sorted((id_, *seen[id_]) for id_ in ids if seen[id_][1] not in lost)
    lease_until_us = now_us + lease_us
    rows = _in_turn(await _take(tx, wanted, waiting.again_nos, lease_until_us), chosen_ids)
    targets = {id_: Target.of(id_, row) for id_, row in endpoints.items()}
    return Claim(
        [_claimed(row, targets[row["endpoint_id"]], lease_until_us) for row in rows],
        earliest(next_at_us, paced_at_us),
        len(candidates),
        short_ids,
        has_more,
        was_contended=is_behind or len(rows) < len(ids),
        line=line,
    )


async def _hold_back(tx: Transaction, served: Sequence[Row], *, now_us: int) -> sequence.HeldBack:
    due: dict[str, int] = {}
    for row in served:
        if row["ordered"]:
            due |= numbers_of(row["due"]) | numbers_of(row["held"])
    return await sequence.hold_back(tx, due, now_us=now_us)


async def _take(
    tx: Transaction,
    wanted: Sequence[tuple[str, int, str]],
    again_nos: Mapping[str, int],
    lease_until_us: int,
) -> list[Row]:
    plain = [one for one in wanted if one[2] not in again_nos]
    ordered = [(*one, again_nos[one[2]]) for one in wanted if one[2] in again_nos]
    rows: list[Row] = []
    if plain:
        rows += await tx.fetch(_CLAIM, rows=plain, lease_until_us=lease_until_us)
    if ordered:
        rows += await tx.fetch(_CLAIM_ORDERED, rows=ordered, lease_until_us=lease_until_us)
    return rows


async def claim_at_once(
    tx: Transaction, endpoint_id: str, *, now_us: int, lease_us: int, rows_max: int
) -> list[Claimed]:
    """Claim one endpoint's due deliveries in a single statement.

    Claim none if the endpoint is rate-limited, ordered or locked by another worker, or if something else requires
    `claim`.
    """
    lease_until_us = now_us + lease_us
    rows = await tx.fetch(
        _CLAIM_AT_ONCE,
        endpoint_id=endpoint_id,
        now_us=now_us,
        stale_us=now_us - CLAIMED_US_MAX,
        rows_max=rows_max,
        lease_until_us=lease_until_us,
    )
    return [_claimed(row, Target.of(endpoint_id, row), lease_until_us) for row in rows]


async def _save_paces(
    tx: Transaction, paces: Sequence[Paces], seen: Mapping[str, Row], *, now_us: int
) -> frozenset[str]:
    rows = [
        (id_, seen[id_]["rate_tat_us"], seen[id_]["drain_tat_us"], *tats) for id_, *tats in paces
    ]
    kept = {row["id"] for row in await tx.fetch(_KEEP_PACE, rows=rows, now_us=now_us)}
    return frozenset(id_ for id_, *_ in paces if id_ not in kept)


def _line_of(
    scanned: Sequence[Row],
    candidates: Sequence[Candidate],
    taken: Collection[str],
    *,
    failing_max: int,
    now_us: int,
) -> Line:
    offered = {candidate.endpoint_id for candidate in candidates}
    laters = [
        Later(row["id"], row["change_no"], row["event_no"], _later_at(row, now_us=now_us))
        for row in scanned
        if row["id"] not in offered
    ]
    well = [row for row in scanned if not row["is_failing"]]
    after = None
    if len(well) >= HEADS_MAX:
        # UNION ALL doesn't guarantee an order.
        after = max(Head(row["ready_at"], row["id"]) for row in well)
    failing = [row["id"] for row in scanned if row["is_failing"]]
    has_more_failing = len(failing) >= HEADS_MAX
    is_cut = len(failing) >= min(failing_max, HEADS_MAX)
    hides_failing = is_cut and not {one.endpoint_id for one in laters}.isdisjoint(failing)
    turns = sorted(taken) if after is not None or has_more_failing else []
    return Line(laters, turns, after, has_more_failing, hides_failing)


def _later_at(row: Row, *, now_us: int) -> int | None:
    if not row["is_served"]:
        return None
    return ready_at_of(
        row,
        fresh_at=row["next_at"] if row["due"] is None else now_us,
        held_at=None if row["held"] is None else now_us,
    )


def _choice(
    candidates: Sequence[Candidate], chosen_ids: Sequence[str], *, ids_max: int
) -> tuple[dict[str, list[str]], frozenset[str], bool]:
    wanted = frozenset(chosen_ids)
    by_endpoint: dict[str, list[str]] = {}
    short_ids = set()
    has_more = False
    for candidate in candidates:
        offered = [*candidate.due, *candidate.held]
        chosen = [id_ for id_ in offered if id_ in wanted]
        if chosen:
            by_endpoint[candidate.endpoint_id] = chosen
        if len(chosen) < len(offered):
            short_ids.add(candidate.endpoint_id)
        elif len(candidate.due) >= ids_max:
            has_more = True
    return by_endpoint, frozenset(short_ids), has_more


def _in_turn(rows: list[Row], chosen_ids: Sequence[str]) -> list[Row]:
    places = {id_: place for place, id_ in enumerate(chosen_ids)}
    return sorted(rows, key=lambda row: places[row["id"]])


def _claimed(row: Row, target: Target, lease_until_us: int) -> Claimed:
    # Fields are read by position, because looking up eighteen names takes 2 µs for each delivery.
    return Claimed._make((*row[:8], lease_until_us, target, *row[8:16]))
