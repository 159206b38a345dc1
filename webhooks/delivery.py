"""Deliveries: one event to one endpoint, claimed, settled, held, cancelled and replayed.

Promise: at least once, and in flight in one worker at a time. A claim takes a lease. Every move of a
row raises its claim_no, and names the one it saw: so an outcome that comes after its lease was taken
over changes nothing. attempts_made grows only together with an attempt row. Each of claim and
settle is a fixed number of statements for any number of rows. next_attempt_at is the due time of a
pending row and the end of the lease of a sending one, so one index finds both the due and the lost.

    pending --claim--> sending --settle--> delivered | failed | pending (again later)
       |                  `--lease ran out: claim--> sending, same attempt number
       `--endpoint deleted--> cancelled      `--held 7 days--> failed

Writes deliveries and attempts, and what its claims keep in endpoints: rate_tat_us, drain_tat_us and
claimed_at.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, Final

from kernel.clock import DAY_US
from kernel.errors import NotFound
from kernel.ids import DeliveryId, new_id
from keys.principal import Scope
from store.db import Row, Transaction
from webhooks import health
from webhooks.offer import HELD_IDS_MAX, Offer, Paces, earliest, offers_of, within_pace
from webhooks.stage import PENDING, SENDING, Claim, Claimed, Settlement, Target

HINT: Final = "deliveries"
HELD_US_MAX: Final = 7 * DAY_US
EXPIRE_ROWS: Final = 1_000
_COLUMNS = (
    "id",
    "event_id",
    "endpoint_id",
    "account_id",
    "environment",
    "event_type",
    "transaction_id",
    "status",
    "attempts_made",
    "next_attempt_at",
    "claim_no",
    "replay_of",
    "created_at",
)
_ATTEMPT_COLUMNS = (
    "delivery_id",
    "number",
    "id",
    "account_id",
    "environment",
    "started_at",
    "duration_us",
    "http_status",
    "error",
    "reason",
    "remote_address",
    "timings_ms",
    "request_headers",
    "body_sha256",
    "response_body",
)
# Spelled as in the partial index, or SQLite does not use it.
_OPEN = "status IN ('pending', 'sending')"

# A few probes of ix_deliveries_due for each endpoint with open rows, however many rows it has. What
# was due before it was enabled again was held, and goes apart from what came since: slowly.
_SCAN = f"""
WITH RECURSIVE waiting(endpoint_id) AS (
    SELECT MIN(d.endpoint_id) FROM deliveries d WHERE d.{_OPEN}
    UNION ALL
    SELECT (SELECT MIN(d.endpoint_id) FROM deliveries d
            WHERE d.{_OPEN} AND d.endpoint_id > w.endpoint_id)
    FROM waiting w WHERE w.endpoint_id IS NOT NULL
)
SELECT p.id, p.account_id, p.failing_since_at, p.enabled_at, p.rate_limit_per_s, p.rate_tat_us,
    p.drain_tat_us, p.claimed_at, a.is_sandbox, p.url, p.secret_sealed, p.previous_secret_sealed,
    p.previous_secret_until_at, p.headers_sealed, p.retry_schedule_s,
    (SELECT MIN(d.next_attempt_at) FROM deliveries d
     WHERE d.{_OPEN} AND d.endpoint_id = p.id AND d.next_attempt_at > :now_us) AS next_at,
    CASE WHEN p.id IN :full_ids[text] THEN NULL ELSE
        (SELECT STRING_AGG(due.id, ' ') FROM (
            SELECT d.id || ':' || d.claim_no AS id FROM deliveries d
            WHERE d.{_OPEN} AND d.endpoint_id = p.id AND d.next_attempt_at <= :now_us
              AND d.next_attempt_at > COALESCE(p.enabled_at, 0)
            ORDER BY d.next_attempt_at LIMIT :ids_max) AS due) END AS due,
    CASE WHEN p.enabled_at IS NULL OR p.id IN :full_ids[text] THEN NULL ELSE
        (SELECT STRING_AGG(held.id, ' ') FROM (
            SELECT d.id || ':' || d.claim_no AS id FROM deliveries d
            WHERE d.{_OPEN} AND d.endpoint_id = p.id AND d.next_attempt_at <= p.enabled_at
            ORDER BY d.next_attempt_at LIMIT {HELD_IDS_MAX}) AS held) END AS held
FROM waiting w
JOIN endpoints p ON p.id = w.endpoint_id
JOIN accounts a ON a.id = p.account_id
WHERE p.status = 'enabled' AND p.deleted_at IS NULL
"""
# Whoever counts a pace holds the endpoint's row and finds the pace as it was scanned. A row that
# another worker holds, or has counted for since, is left to it.
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
# Two workers never take of one endpoint at the same time: the row that another one holds is left to
# it. Deliveries are found by primary key and number alone: with the status in it, PostgreSQL may walk
# the partial index.
_CLAIM = """
WITH free AS (
    SELECT v.id, v.claim_no FROM :rows[id text, claim_no bigint, endpoint_id text] AS v
    JOIN endpoints p ON p.id = v.endpoint_id
    WHERE p.status = 'enabled' AND p.deleted_at IS NULL
    FOR NO KEY UPDATE OF p SKIP LOCKED)
UPDATE deliveries SET status = 'sending', claim_no = deliveries.claim_no + 1,
    lost_claims = deliveries.lost_claims + CASE WHEN status = 'sending' THEN 1 ELSE 0 END,
    next_attempt_at = :lease_until_us
FROM free
WHERE deliveries.id = free.id AND deliveries.claim_no = free.claim_no
RETURNING deliveries.id, event_id, event_type, endpoint_id, account_id, environment, attempts_made,
    deliveries.claim_no, lost_claims,
    (SELECT e.body FROM events e WHERE e.id = deliveries.event_id) AS body
"""
_SETTLE = """
UPDATE deliveries SET status = v.status, attempts_made = v.number, lost_claims = 0,
    claim_no = v.claim_no + 1, next_attempt_at = v.next_attempt_at, settled_at = v.settled_at
FROM :rows[id text, claim_no bigint, status text, number bigint, next_attempt_at bigint,
    settled_at bigint] AS v
WHERE deliveries.id = v.id AND deliveries.claim_no = v.claim_no
RETURNING deliveries.id
"""
_CANCEL = f"""
UPDATE deliveries SET status = 'cancelled', claim_no = claim_no + 1, next_attempt_at = NULL,
    settled_at = :now_us
WHERE endpoint_id = :endpoint_id AND {_OPEN}
"""
_CANCEL_OF_JOB = """
UPDATE deliveries SET status = 'cancelled', claim_no = claim_no + 1, next_attempt_at = NULL,
    settled_at = :now_us
WHERE replay_id = :replay_id AND status = 'pending'
"""
_EXPIRE = f"""
UPDATE deliveries SET status = 'failed', claim_no = claim_no + 1, next_attempt_at = NULL,
    settled_at = :now_us
WHERE id IN (
    SELECT d.id FROM endpoints p JOIN deliveries d ON d.endpoint_id = p.id
    WHERE p.status = 'disabled' AND p.deleted_at IS NULL AND p.disabled_at < :before_us
      AND d.{_OPEN} AND d.status = 'pending' AND d.created_at < :before_us
    LIMIT :rows_max)
"""
_ORIGINAL = """
SELECT d.event_id, d.endpoint_id, d.event_type, d.transaction_id, p.deleted_at
FROM deliveries d JOIN endpoints p ON p.id = d.endpoint_id
WHERE d.id = :id AND d.account_id = :account_id AND d.environment = :environment
"""

NewRow = tuple[Any, ...]  # in the order of _COLUMNS; made by new_row only


# Chooses the delivery ids to claim, at most the free slots; pure, since a claim may run twice.
Choose = Callable[[Sequence[Offer]], Sequence[str]]


def new_row(
    *,
    event_id: str,
    endpoint_id: str,
    account_id: str,
    environment: str,
    event_type: str,
    transaction_id: str | None,
    next_attempt_at: int,
    created_at: int,
    replay_of: str | None = None,
    is_claimed: bool = False,
) -> NewRow:
    """A delivery for `insert`, pending and due at next_attempt_at.

    is_claimed: sending already, by whoever inserts it, under claim 1 until next_attempt_at.
    """
    return (
        new_id("dlv"),
        event_id,
        endpoint_id,
        account_id,
        environment,
        event_type,
        transaction_id,
        SENDING if is_claimed else PENDING,
        0,
        next_attempt_at,
        int(is_claimed),
        replay_of,
        created_at,
    )


async def insert(tx: Transaction, rows: Sequence[NewRow]) -> None:
    """Writes the rows in one statement and hints at them after the commit; none is no work."""
    if rows:
        await tx.insert_last("deliveries", _COLUMNS, rows)
        tx.hint(HINT)


async def insert_of_job(tx: Transaction, rows: Sequence[NewRow], *, replay_id: str) -> None:
    """As insert, for what a replay job makes; none twice, by a unique key."""
    if rows:
        columns = (*_COLUMNS, "replay_id")
        await tx.insert_last("deliveries", columns, [(*row, replay_id) for row in rows])
        tx.hint(HINT)


async def claim(
    tx: Transaction,
    choose: Choose,
    *,
    now_us: int,
    lease_us: int,
    ids_max: int,
    full_ids: Collection[str] = (),
) -> Claim:
    """Takes what is due, as `choose` wishes, for lease_us from now_us.

    ids_max bounds the ids offered for each endpoint; those of full_ids, for which there is no slot
    now, are offered none, whatever backlog they have. At most three statements, which need not be of
    one transaction: what changes between them is found by its number, and left.
    """
    scanned = await tx.fetch(_SCAN, now_us=now_us, ids_max=ids_max, full_ids=sorted(full_ids))
    offers, next_at_us = offers_of(scanned, now_us=now_us)
    by_endpoint, short_ids, has_more = _choice(offers, choose(offers), ids_max=ids_max)
    if not by_endpoint:
        return Claim([], next_at_us, len(offers), short_ids, has_more, was_contended=False)
    endpoints = {row["id"]: row for row in scanned if row["id"] in by_endpoint}
    held_ids = frozenset(id_ for offer in offers for id_ in offer.held)
    ids, paces, paced_at_us = within_pace(by_endpoint, endpoints, held_ids, now_us=now_us)
    lost = await _keep_paces(tx, paces, endpoints, now_us=now_us) if paces else frozenset()
    seen = {
        id_: (number, offer.endpoint_id)
        for offer in offers
        for id_, number in (offer.due | offer.held).items()
    }
    wanted = sorted((id_, *seen[id_]) for id_ in ids if seen[id_][1] not in lost)
    lease_until_us = now_us + lease_us
    rows = await tx.fetch(_CLAIM, rows=wanted, lease_until_us=lease_until_us) if wanted else []
    targets = {id_: Target.of(row) for id_, row in endpoints.items()}
    return Claim(
        [_claimed(row, targets[row["endpoint_id"]], lease_until_us) for row in rows],
        earliest(next_at_us, paced_at_us),
        len(offers),
        short_ids,
        has_more,
        was_contended=len(rows) < len(ids),
    )


async def _keep_paces(
    tx: Transaction, paces: Sequence[Paces], seen: Mapping[str, Row], *, now_us: int
) -> frozenset[str]:
    """Writes the paces; the endpoints for which another worker counted at the same time."""
    rows = [
        (id_, seen[id_]["rate_tat_us"], seen[id_]["drain_tat_us"], *tats) for id_, *tats in paces
    ]
    kept = {row["id"] for row in await tx.fetch(_KEEP_PACE, rows=rows, now_us=now_us)}
    return frozenset(id_ for id_, *_ in paces if id_ not in kept)


async def settle(tx: Transaction, settlements: Sequence[Settlement]) -> frozenset[str]:
    """Writes the outcomes; returns the ids of those whose claim still held. The rest is stale.

    At most six statements; the endpoint's health and its notices are written when they change only.
    """
    rows = [
        (
            one.claimed.id,
            one.claimed.claim_no,
            one.status,
            one.claimed.number,
            one.next_attempt_at_us,
            None if one.status == PENDING else one.ended_at_us,
        )
        for one in sorted(settlements, key=lambda one: one.claimed.id)
    ]
    # Endpoints before deliveries, as a claim and a deletion lock them; and a stale outcome tells
    # about the endpoint all the same.
    await health.note(tx, settlements)
    held = frozenset(row["id"] for row in await tx.fetch(_SETTLE, rows=rows))
    kept = [one for one in settlements if one.claimed.id in held]
    await tx.insert_last("attempts", _ATTEMPT_COLUMNS, [_attempt_values(one) for one in kept])
    return held


async def cancel_open(tx: Transaction, endpoint_id: str, *, now_us: int) -> int:
    """Cancels what an endpoint has not had yet, in flight or not; returns how many.

    The caller holds the account's lock, so that no publisher adds another row.
    """
    return await tx.execute(_CANCEL, endpoint_id=endpoint_id, now_us=now_us)


async def cancel_of_job(tx: Transaction, replay_id: str, *, now_us: int) -> int:
    """Cancels what a replay job made and nobody is sending; returns how many, a bounded number."""
    return await tx.execute(_CANCEL_OF_JOB, replay_id=replay_id, now_us=now_us)


async def expire_held(tx: Transaction, *, now_us: int) -> int:
    """Fails a bounded number of rows that a disabled endpoint has held too long; returns how many.

    Failed, not cancelled: that is what a replay picks up by default once the endpoint is back.
    """
    return await tx.execute(
        _EXPIRE, now_us=now_us, before_us=now_us - HELD_US_MAX, rows_max=EXPIRE_ROWS
    )


async def replay(tx: Transaction, scope: Scope, delivery_id: str, *, now_us: int) -> DeliveryId:
    """A new delivery of the same event to the same endpoint, due now; raises NotFound.

    The caller holds the account's lock: the endpoint may be deleted at the same time.
    """
    account_id, environment = scope
    original = await tx.fetch_one(
        _ORIGINAL, id=delivery_id, account_id=account_id, environment=environment
    )
    if original is None:
        raise NotFound("Delivery", param="id")
    if original["deleted_at"] is not None:
        raise NotFound("Webhook")
    row = new_row(
        event_id=original["event_id"],
        endpoint_id=original["endpoint_id"],
        account_id=account_id,
        environment=environment,
        event_type=original["event_type"],
        transaction_id=original["transaction_id"],
        next_attempt_at=now_us,
        created_at=now_us,
        replay_of=delivery_id,
    )
    await insert(tx, [row])
    return DeliveryId(row[0])


def _choice(
    offers: Sequence[Offer], chosen_ids: Sequence[str], *, ids_max: int
) -> tuple[dict[str, list[str]], frozenset[str], bool]:
    """The chosen ids by endpoint; where offered ones are left; whether there may be others."""
    wanted = frozenset(chosen_ids)
    by_endpoint: dict[str, list[str]] = {}
    short_ids = set()
    has_more = False
    for offer in offers:
        offered = [*offer.due, *offer.held]
        chosen = [id_ for id_ in offered if id_ in wanted]
        if chosen:
            by_endpoint[offer.endpoint_id] = chosen
        if len(chosen) < len(offered):
            short_ids.add(offer.endpoint_id)
        elif len(offer.due) >= ids_max:
            has_more = True
    return by_endpoint, frozenset(short_ids), has_more


def _claimed(row: Row, target: Target, lease_until_us: int) -> Claimed:
    return Claimed(
        row["id"],
        row["event_id"],
        row["event_type"],
        row["account_id"],
        row["environment"],
        row["attempts_made"] + 1,
        row["claim_no"],
        row["lost_claims"],
        lease_until_us,
        target,
        row["body"],
    )


def _attempt_values(one: Settlement) -> tuple[Any, ...]:
    claimed, attempt = one.claimed, one.attempt
    return (
        claimed.id,
        claimed.number,
        attempt.id,
        claimed.account_id,
        claimed.environment,
        *attempt[1:],
    )
