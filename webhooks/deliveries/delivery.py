"""Settle, cancel and replay deliveries. Each event is delivered at least once to each endpoint.

A worker claims a delivery for the duration of a lease, so only one worker sends it at a time. Every change of a row
increases claim_no, and is made only if claim_no hasn't changed since it was read. So an outcome is ignored if another
worker has taken over. next_attempt_at is when a pending row is due, or when a sending row's lease ends. One index
finds both.

    pending --claim--> sending --settle--> delivered | failed | pending (again later)
       |                  `--lease ran out: claim--> sending, same attempt number
       |--cancelled by its owner, or with the replay job that made it
       `--of a deleted or disabled endpoint: see webhooks/deliveries/ending.py
"""

from collections.abc import Collection, Sequence
from functools import partial
from typing import Any, Final

import msgspec

from kernel.errors import DomainError, NotFound
from kernel.ids import DeliveryId, new_id
from kernel.tenant import Tenant
from store.database import Row, Transaction
from store.row_mapping import RowMapping
from webhooks.deliveries import endpoint_queue, notice, sequence
from webhooks.deliveries.notice import Failure
from webhooks.deliveries.stage import (
    CANCELLED,
    DELIVERED,
    LOST,
    PENDING,
    SENDING,
    AttemptRow,
    Settlement,
)

_FAILING = """
UPDATE endpoints SET failing_since_at = v.since_us FROM :rows[id text, since_us bigint] AS v
WHERE endpoints.id = v.id AND endpoints.failing_since_at IS NULL
RETURNING endpoints.id
"""
_WELL = """
UPDATE endpoints SET failing_since_at = NULL
WHERE id IN :ids[text] AND failing_since_at IS NOT NULL AND status = 'enabled'
RETURNING id
"""
# The hint may be followed by a colon and an endpoint's ID.
HINT: Final = "deliveries"
UNDER_WAY_RETRY_S: Final = 1
_ATTEMPT_COLUMNS = ("delivery_id", "number", "account_id", "environment", *AttemptRow._fields)
_SETTLE = """
UPDATE deliveries SET status = v.status, attempts_made = v.number, lost_claims = 0,
    claim_no = v.claim_no + 1, next_attempt_at = v.next_attempt_at, settled_at = v.settled_at
FROM :rows[id text, claim_no bigint, status text, number bigint, next_attempt_at bigint,
    settled_at bigint] AS v
WHERE deliveries.id = v.id AND deliveries.claim_no = v.claim_no
RETURNING deliveries.id AS updated_id
"""
# This statement only settles deliveries to endpoints that aren't failing. It skips locked rows, so it never waits.
_SETTLE_DELIVERED = f"""
UPDATE deliveries SET status = '{DELIVERED}', attempts_made = w.number, lost_claims = 0,
    claim_no = w.claim_no + 1, next_attempt_at = NULL, settled_at = w.settled_at
FROM (
    SELECT v.id, v.claim_no, v.number, v.settled_at
    FROM :rows[id text, claim_no bigint, number bigint, settled_at bigint, endpoint_id text] AS v
    JOIN endpoints p ON p.id = v.endpoint_id
    JOIN deliveries d ON d.id = v.id
    WHERE p.failing_since_at IS NULL AND d.claim_no = v.claim_no
    FOR NO KEY UPDATE OF d SKIP LOCKED) AS w
WHERE deliveries.id = w.id AND deliveries.claim_no = w.claim_no
RETURNING deliveries.id AS updated_id
"""
_CANCEL_OF_JOB = """
UPDATE deliveries SET status = 'cancelled', claim_no = claim_no + 1, next_attempt_at = NULL,
    settled_at = :now_us
WHERE replay_id = :replay_id AND status = 'pending'
RETURNING object_id
"""
_STATE = """
SELECT endpoint_id, status FROM deliveries
WHERE id = :id AND account_id = :account_id AND environment = :environment
"""
_CANCEL = """
UPDATE deliveries SET status = 'cancelled', claim_no = claim_no + 1, next_attempt_at = NULL,
    settled_at = :now_us
WHERE id = :id AND (status = 'pending' OR status = 'sending' AND next_attempt_at <= :now_us)
RETURNING object_id
"""
_ORIGINAL = """
SELECT d.event_id, d.endpoint_id, d.event_type, d.transaction_id, d.code_at, p.deleted_at, p.ordered
FROM deliveries d JOIN endpoints p ON p.id = d.endpoint_id
WHERE d.id = :id AND d.account_id = :account_id AND d.environment = :environment
"""
_PLACE_COLUMNS = ("object_id", "event_no")
_NO_PLACE = (None, None)


async def note_health(tx: Transaction, settlements: Sequence[Settlement]) -> Collection[str]:
    """Update endpoints' health from these outcomes, even outdated ones. Return the endpoints that recovered.

    If an endpoint has both successes and failures, only the successes count.
    """
    well = {one.claimed.target.id: one.ended_at_us for one in settlements if _is_well(one)}
    failed: dict[str, Settlement] = {}
    for one in settlements:
        id_ = one.claimed.target.id
        # A lost lease says nothing about the endpoint's health.
        if id_ in well or one.attempt.error == LOST:
            continue
        if id_ not in failed or one.ended_at_us < failed[id_].ended_at_us:
            failed[id_] = one
    if failed:
        await _note_failures(tx, failed)
    recovered: list[str] = []
    if well:
        recovered = [row["id"] for row in await tx.fetch(_WELL, ids=sorted(well))]
        if recovered:
            await notice.end(tx, recovered, now_us=max(well[id_] for id_ in recovered))
    return recovered


async def _note_failures(tx: Transaction, failed: dict[str, Settlement]) -> None:
    rows = sorted((id_, one.ended_at_us) for id_, one in failed.items())
    first = {row["id"] for row in await tx.fetch(_FAILING, rows=rows)}
    failures = [
        Failure(id_, at_us, id_ in first, failed[id_].claimed.target.failing_since_at)
        for id_, at_us in rows
    ]
    await notice.write_failing(tx, failures)


def _is_well(one: Settlement) -> bool:
    return one.status == DELIVERED


class CannotCancel(DomainError):
    """The delivery has already ended, or is being sent now."""


class NewDelivery(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """A delivery to insert.

    - code_at: the position in the event's body where the code is inserted.
    - claim_no: 1 if the inserting process is already sending the delivery.
    - place: the delivery's position among those about the same object, or None if order doesn't matter.
    """

    id: str = msgspec.field(default_factory=partial(new_id, "dlv"))
    event_id: str
    endpoint_id: str
    account_id: str
    environment: str
    event_type: str
    transaction_id: str | None
    status: str = PENDING
    attempts_made: int = 0
    next_attempt_at: int
    claim_no: int = 0
    replay_of: str | None = None
    code_at: int | None = None
    created_at: int
    place: sequence.ObjectPlace | None = None


_ROWS = RowMapping(NewDelivery, without=("place",))


async def insert(tx: Transaction, new: Sequence[NewDelivery]) -> None:
    """Insert the deliveries and wake the workers after the commit."""
    if new:
        plain = [_ROWS.write(one) for one in new if one.place is None]
        placed = [(*_ROWS.write(one), *one.place) for one in new if one.place is not None]
        await tx.insert_deferred("deliveries", _ROWS.columns, plain)
        await tx.insert_deferred("deliveries", (*_ROWS.columns, *_PLACE_COLUMNS), placed)
        endpoint_ids = {one.endpoint_id for one in new}
        tx.hint(f"{HINT}:{endpoint_ids.pop()}" if len(endpoint_ids) == 1 else HINT)


async def insert_again(tx: Transaction, new: Sequence[NewDelivery]) -> None:
    await insert(tx, new)
    await endpoint_queue.bring_forward_counted(tx, _places(new))


async def insert_of_job(tx: Transaction, new: Sequence[NewDelivery], *, replay_id: str) -> None:
    """Insert a replay job's deliveries of earlier events. A unique key prevents duplicates."""
    if new:
        columns = (*_ROWS.columns, *_PLACE_COLUMNS, "replay_id")
        rows = [(*_ROWS.write(one), *(one.place or _NO_PLACE), replay_id) for one in new]
        await tx.insert_deferred("deliveries", columns, rows)
        await endpoint_queue.bring_forward_counted(tx, _places(new))
        tx.hint(HINT)


async def settle(tx: Transaction, settlements: Sequence[Settlement]) -> frozenset[str]:
    """Write the outcomes. Return the IDs of deliveries whose claim was still valid."""
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
    # Lock endpoints before deliveries, as claims and deletions do. Lock an endpoint even if the claim is no longer
    # valid, because the outcome still says something about its health.
    recovered = await note_health(tx, settlements)
    await endpoint_queue.note_settled(tx, _turns(settlements, recovered))
    attempts = [_attempt_values(one) for one in settlements]
    held = await tx.update_and_insert(_SETTLE, "attempts", _ATTEMPT_COLUMNS, attempts, rows=rows)
    await _resume(
        tx,
        [
            (one.claimed.target.id, one.claimed.object_id, one.ended_at_us)
            for one in settlements
            if one.claimed.id in held and one.claimed.object_id is not None
        ],
    )
    return held


def may_settle_delivered(one: Settlement) -> bool:
    return one.status == DELIVERED and one.claimed.object_id is None


async def settle_delivered(tx: Transaction, settlements: Sequence[Settlement]) -> frozenset[str]:
    """Write outcomes that passed may_settle_delivered. Return the IDs that were written.

    Use `settle` for the others: their claim is no longer valid, their endpoint is failing, or their row is locked.
    On PostgreSQL this is a single statement without a transaction.
    """
    rows = [
        (
            one.claimed.id,
            one.claimed.claim_no,
            one.claimed.number,
            one.ended_at_us,
            one.claimed.target.id,
        )
        for one in sorted(settlements, key=lambda one: one.claimed.id)
    ]
    return await tx.update_and_insert(
        _SETTLE_DELIVERED,
        "attempts",
        _ATTEMPT_COLUMNS,
        [_attempt_values(one) for one in settlements],
        rows=rows,
    )


async def cancel_of_job(tx: Transaction, replay_id: str, endpoint_id: str, *, now_us: int) -> int:
    """Cancel a limited number of a replay job's pending deliveries. Return how many were cancelled."""
    await endpoint_queue.note_settled(
        tx, [endpoint_queue.SettledTurn(endpoint_id, now_us, now_us, None)]
    )
    rows = await tx.fetch(_CANCEL_OF_JOB, replay_id=replay_id, now_us=now_us)
    objects = {row["object_id"] for row in rows} - {None}
    await _resume(tx, [(endpoint_id, object_id, now_us) for object_id in objects])
    return len(rows)


async def cancel(tx: Transaction, tenant: Tenant, delivery_id: str, *, now_us: int) -> None:
    """Cancel a delivery that is waiting for its next attempt. The caller holds the account's lock.

    Raise CannotCancel if the delivery has ended or is being sent.
    """
    found = await _state_of(tx, tenant, delivery_id)
    # Lock the endpoint's queue row before its deliveries, as `settle` does.
    endpoint_id = found["endpoint_id"]
    turn = endpoint_queue.SettledTurn(endpoint_id, now_us, now_us, None)
    await endpoint_queue.note_settled(tx, [turn])
    ended = await tx.fetch_one(_CANCEL, id=delivery_id, now_us=now_us)
    if ended is None:
        _check_cancelled((await _state_of(tx, tenant, delivery_id))["status"])
        return
    if ended["object_id"] is not None:
        await _resume(tx, [(endpoint_id, ended["object_id"], now_us)])


async def _state_of(tx: Transaction, tenant: Tenant, delivery_id: str) -> Row:
    row = await tx.fetch_one(_STATE, id=delivery_id, **tenant._asdict())
    if row is None:
        raise NotFound("Delivery", param="id")
    return row


def _check_cancelled(status: str) -> None:
    if status == SENDING:
        detail = "An attempt is in progress. Try again after it has ended."
        raise CannotCancel(detail, reason=status, retry_after_s=UNDER_WAY_RETRY_S)
    if status != CANCELLED:
        raise CannotCancel(f"The delivery is already {status}.", reason=status)


async def _resume(tx: Transaction, ended: Sequence[tuple[str, str, int]]) -> None:
    for endpoint_id in await sequence.resume(tx, ended):
        tx.hint(f"{HINT}:{endpoint_id}")


async def replay(tx: Transaction, tenant: Tenant, delivery_id: str, *, now_us: int) -> DeliveryId:
    """Insert a new delivery of the same event, due now. The caller holds the account's lock. Raise NotFound if the
    delivery or its endpoint doesn't exist.
    """
    account_id, environment = tenant
    original = await tx.fetch_one(
        _ORIGINAL, id=delivery_id, account_id=account_id, environment=environment
    )
    if original is None:
        raise NotFound("Delivery", param="id")
    if original["deleted_at"] is not None:
        raise NotFound("Webhook")
    new = NewDelivery(
        event_id=original["event_id"],
        endpoint_id=original["endpoint_id"],
        account_id=account_id,
        environment=environment,
        event_type=original["event_type"],
        transaction_id=original["transaction_id"],
        next_attempt_at=now_us,
        created_at=now_us,
        replay_of=delivery_id,
        code_at=original["code_at"],
        place=await _place_of(tx, delivery_id) if original["ordered"] else None,
    )
    await insert_again(tx, [new])
    return DeliveryId(new.id)


async def _place_of(tx: Transaction, delivery_id: str) -> sequence.ObjectPlace | None:
    return (await sequence.places_of(tx, [delivery_id])).get(delivery_id)


def _places(new: Sequence[NewDelivery]) -> list[endpoint_queue.QueueRow]:
    places: dict[str, endpoint_queue.QueueRow] = {}
    for one in new:
        id_, due_us = one.endpoint_id, one.next_attempt_at
        if id_ not in places or due_us < places[id_][3]:
            places[id_] = (id_, one.account_id, one.environment, due_us)
    return list(places.values())


def _turns(
    settlements: Sequence[Settlement], recovered: Collection[str]
) -> list[endpoint_queue.SettledTurn]:
    well = {one.claimed.target.id for one in settlements if one.status == DELIVERED}
    failed = {
        one.claimed.target.id
        for one in settlements
        if one.status != DELIVERED and one.attempt.error != LOST
    }
    turn_at: dict[str, int] = {}
    due_at: dict[str, int] = {}
    for one in settlements:
        id_, due = one.claimed.target.id, one.next_attempt_at_us
        if one.claimed.object_id is not None:
            due = one.ended_at_us
        turn_at[id_] = min(one.ended_at_us, turn_at.get(id_, one.ended_at_us))
        if due is not None:
            due_at[id_] = min(due, due_at.get(id_, due))
    turns = []
    for id_ in {*due_at, *failed, *recovered}:
        is_failing = 0 if id_ in well else 1 if id_ in failed else None
        turns.append(endpoint_queue.SettledTurn(id_, turn_at[id_], due_at.get(id_), is_failing))
    return turns


def _attempt_values(one: Settlement) -> tuple[Any, ...]:
    claimed = one.claimed
    return (claimed.id, claimed.number, claimed.account_id, claimed.environment, *one.attempt)
