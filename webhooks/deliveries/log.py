"""The read side of events, deliveries and attempts: what happened, newest first, by keyset.

Promise: an id of another account or environment looks like one that does not exist. Invariant:
writes nothing; shapes are those of the contract, section 3.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, NamedTuple

import msgspec

from kernel.clock import rfc3339, rfc3339_ms
from kernel.errors import InvalidInput, NotFound
from kernel.ids import AttemptId, DeliveryId, EventId
from kernel.limits import PAGE_ITEMS
from keys.principal import Scope
from store.database import Row, Transaction
from webhooks.deliveries.coded import CodeOf, with_code
from webhooks.deliveries.log_page import Filter, Place, query_of
from webhooks.deliveries.stage import STATUSES
from webhooks.events.cursor import EventCursor, check
from webhooks.events.event import EVENT_TYPES

_MINE = "account_id = :account_id AND environment = :environment"
_DELIVERY = (
    "id, event_id, event_type, endpoint_id, transaction_id, status, attempts_made,"
    " next_attempt_at, replay_of, created_at"
)
_ATTEMPT = (
    "delivery_id, number, id, started_at, duration_us, http_status, error, reason, remote_address,"
    " timings_ms, request_headers, body_sha256, response_body"
)
_EVENT = "id, event_no, type, transaction_id, body, code_at, code_sealed, created_at"
# A retry is shown as due; the end of a running attempt's lease is nobody's business.
_IN_FLIGHT: Final = "sending"
# A filter by type has no index of its own: each send would pay for it.
EVENTS_SCANNED: Final = 10_000


@dataclass(frozen=True, slots=True)
class Attempt:
    """One HTTP request. reason is the operator's, and not part of the shape. duration in us."""

    id: AttemptId
    delivery_id: DeliveryId
    number: int
    started_at: int
    duration_us: int
    http_status: int | None
    error: str | None
    reason: str | None
    remote_address: str | None
    timings_ms: Mapping[str, float]
    request_headers: Mapping[str, str]
    body_sha256: str | None
    response_body: bytes

    def shape(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "number": self.number,
            "started_at": rfc3339_ms(self.started_at),
            "duration_ms": self.duration_us // 1000,
            "http_status": self.http_status,
            "error": self.error,
            "remote_address": self.remote_address,
            "timings_ms": dict(self.timings_ms),
            "request_headers": dict(self.request_headers),
            "body_sha256": self.body_sha256,
            "response_body": self.response_body.decode("utf-8", "replace"),
        }


@dataclass(frozen=True, slots=True)
class Delivery:
    """One event to one endpoint. next_attempt_at is null unless it is pending."""

    id: DeliveryId
    event_id: EventId
    event_type: str
    endpoint_id: str
    transaction_id: str | None
    status: str
    attempts_made: int
    next_attempt_at: int | None
    replay_of: str | None
    created_at: int

    def shape(self) -> dict[str, Any]:
        next_at = self.next_attempt_at
        return {
            "id": self.id,
            "event_id": self.event_id,
            "event_type": self.event_type,
            "endpoint_id": self.endpoint_id,
            "transaction_id": self.transaction_id,
            "status": self.status,
            "attempts_made": self.attempts_made,
            "next_attempt_at": None if next_at is None else rfc3339(next_at),
            "replay_of": self.replay_of,
            "created_at": rfc3339(self.created_at),
        }


@dataclass(frozen=True, slots=True)
class Event:
    """One event; body is what was signed, byte for byte, but for the code that belongs at code_at."""

    id: EventId
    event_no: int
    type: str
    transaction_id: str | None
    body: bytes
    created_at: int
    code_at: int | None = None
    code_sealed: str | None = None

    def with_code(self, code_of: CodeOf) -> "Event":
        """As it is for those who may see its code; itself where it has none. Raises SealBroken."""
        if self.code_at is None or self.transaction_id is None:
            return self
        code = code_of(self.transaction_id, self.code_sealed)
        return replace(self, body=with_code(self.body, self.code_at, code), code_at=None)

    def shape(self) -> msgspec.Raw:
        """The body itself, for an encoder that passes it through."""
        return msgspec.Raw(self.body)


@dataclass(frozen=True, slots=True)
class EventPage:
    """Events in order, and the cursor to go on from. Where a filter passes over many events, a page
    may hold few or none and has_more all the same: no read looks at more than EVENTS_SCANNED.
    """

    events: Sequence[Event]
    next: EventCursor
    has_more: bool


@dataclass(frozen=True, slots=True)
class DeliveryPage:
    """Deliveries, newest first, and where the next page goes on; null: there is none.

    Where filters pass over many deliveries it may hold few or none, see webhooks/deliveries/log_page.py.
    """

    deliveries: Sequence[Delivery]
    next: Place | None


async def list_deliveries(
    tx: Transaction,
    scope: Scope,
    *,
    wanted: Filter | None = None,
    before: Place | None = None,
    limit: int = PAGE_ITEMS,
) -> DeliveryPage:
    """Newest first, after `before`; at most `limit`. Raises InvalidInput for a filter."""
    wanted = wanted or Filter()
    if wanted.status is not None and wanted.status not in STATUSES:
        raise InvalidInput(f"status is one of {', '.join(STATUSES)}", param="status")
    if wanted.event_type is not None:
        _check_type(wanted.event_type, "event_type")
    query = query_of(wanted, before, columns=_DELIVERY)
    mine = {"account_id": scope[0], "environment": scope[1]}
    text, values, edge = query.page, {**query.values, **mine, "rows": limit + 1}, None
    if query.edge is not None:
        row = await tx.fetch_one(query.edge, **query.edge_values, **mine)
        if row is not None:
            edge = Place(row["created_at"], row["id"])
            text = query.page_to_edge
            values |= {"edge_at": edge.created_at, "edge_id": edge.id}
    found = [_delivery(row) for row in await tx.fetch(text, **values)]
    if len(found) > limit:
        last = found[limit - 1]
        return DeliveryPage(found[:limit], Place(last.created_at, last.id))
    return DeliveryPage(found, edge)


async def get_delivery(tx: Transaction, scope: Scope, delivery_id: str) -> Delivery:
    """The delivery; raises NotFound."""
    row = await tx.fetch_one(
        f"SELECT {_DELIVERY} FROM deliveries WHERE id = :id AND {_MINE}",
        id=delivery_id,
        account_id=scope[0],
        environment=scope[1],
    )
    if row is None:
        raise NotFound("Delivery", param="id")
    return _delivery(row)


async def attempts_of(tx: Transaction, scope: Scope, delivery_id: str) -> list[Attempt]:
    """The delivery's attempts, first to last; a schedule bounds their number."""
    rows = await tx.fetch(
        f"SELECT {_ATTEMPT} FROM attempts WHERE delivery_id = :id AND {_MINE} ORDER BY number",
        id=delivery_id,
        account_id=scope[0],
        environment=scope[1],
    )
    return [_attempt(row) for row in rows]


async def list_events(
    tx: Transaction,
    scope: Scope,
    *,
    before: EventCursor | None = None,
    event_type: str | None = None,
    limit: int = PAGE_ITEMS,
) -> EventPage:
    """Newest first, numbered below `before`; at most `limit`. Raises InvalidInput.

    A list that went on behind what is kept is at its end; one of another epoch is refused.
    """
    kept = await _kept(tx, scope)
    above_no = kept.oldest_no - 1
    below_no = kept.last_no + 1
    if before is not None:
        event_no = max(before.event_no, above_no)
        before = before._replace(event_no=event_no)
        below_no = check(before, **kept._asdict(), param="cursor")
    window_no = above_no if event_type is None else max(above_no, below_no - 1 - EVENTS_SCANNED)
    events = await _events(tx, scope, (window_no, below_no), "DESC", event_type, limit + 1)
    if len(events) > limit:
        return EventPage(events[:limit], kept.cursor(events[limit - 1].event_no), has_more=True)
    return EventPage(events, kept.cursor(window_no + 1), has_more=window_no > above_no)


async def events_after(
    tx: Transaction,
    scope: Scope,
    *,
    after: EventCursor,
    event_type: str | None = None,
    limit: int = PAGE_ITEMS,
    param: str = "after",
) -> EventPage:
    """Oldest first, after the cursor; at most `limit`.

    Numbers are gapless and in commit order: whoever goes on from `next` misses nothing. Raises
    InvalidInput, and CursorRefused where events between the cursor and what is kept are missing.
    """
    kept = await _kept(tx, scope)
    above_no = check(after, **kept._asdict(), param=param)
    window_no = kept.last_no
    if event_type is not None:
        window_no = min(kept.last_no, above_no + EVENTS_SCANNED)
    events = await _events(tx, scope, (above_no, window_no + 1), "ASC", event_type, limit + 1)
    if len(events) > limit:
        return EventPage(events[:limit], kept.cursor(events[limit - 1].event_no), has_more=True)
    return EventPage(events, kept.cursor(window_no), has_more=window_no < kept.last_no)


async def newest_cursor(tx: Transaction, scope: Scope) -> EventCursor:
    """After the newest event; number 0 before the first one."""
    kept = await _kept(tx, scope)
    return kept.cursor(kept.last_no)


async def get_event(tx: Transaction, scope: Scope, event_id: str) -> Event:
    """The event; raises NotFound."""
    row = await tx.fetch_one(
        f"SELECT {_EVENT} FROM events WHERE id = :id AND {_MINE}",
        id=event_id,
        account_id=scope[0],
        environment=scope[1],
    )
    if row is None:
        raise NotFound("Event", param="id")
    return _event(row)


class _Kept(NamedTuple):
    """The events that are kept: none is missing from oldest_no on; last + 1 where there is none."""

    epoch: int
    oldest_no: int
    last_no: int

    def cursor(self, event_no: int) -> EventCursor:
        return EventCursor(self.epoch, event_no)


async def _kept(tx: Transaction, scope: Scope) -> _Kept:
    row = await tx.fetch_one(
        "SELECT event_epoch, event_no, events_from_no,"
        f" (SELECT MIN(event_no) FROM events WHERE {_MINE}) AS oldest_no"
        f" FROM account_environments WHERE {_MINE}",
        account_id=scope[0],
        environment=scope[1],
    )
    if row is None:
        return _Kept(0, 1, 0)
    last_no = row["event_no"]
    # What is kept from before for a delivery that is still open has gaps behind it.
    oldest_no = last_no + 1 if row["oldest_no"] is None else row["oldest_no"]
    return _Kept(row["event_epoch"], max(oldest_no, row["events_from_no"]), last_no)


async def _events(
    tx: Transaction,
    scope: Scope,
    between: tuple[int, int],
    order: str,
    event_type: str | None,
    limit: int,
) -> list[Event]:
    """Numbered above the first and below the second."""
    values: dict[str, Any] = {}
    where = ""
    if event_type is not None:
        _check_type(event_type, "type")
        where, values["type"] = "AND type = :type", event_type
    rows: Sequence[Row] = await tx.fetch(
        f"SELECT {_EVENT} FROM events WHERE {_MINE} AND event_no > :above_no"
        f" AND event_no < :below_no {where} ORDER BY event_no {order} LIMIT :rows",
        account_id=scope[0],
        environment=scope[1],
        above_no=between[0],
        below_no=between[1],
        rows=limit,
        **values,
    )
    return [_event(row) for row in rows]


def _check_type(event_type: str, param: str) -> None:
    if event_type not in EVENT_TYPES:
        raise InvalidInput(f"the types are {', '.join(EVENT_TYPES)}", param=param)


def _delivery(row: Row) -> Delivery:
    return Delivery(
        id=DeliveryId(row["id"]),
        event_id=EventId(row["event_id"]),
        event_type=row["event_type"],
        endpoint_id=row["endpoint_id"],
        transaction_id=row["transaction_id"],
        status=row["status"],
        attempts_made=row["attempts_made"],
        next_attempt_at=None if row["status"] == _IN_FLIGHT else row["next_attempt_at"],
        replay_of=row["replay_of"],
        created_at=row["created_at"],
    )


def _attempt(row: Row) -> Attempt:
    return Attempt(
        id=AttemptId(row["id"]),
        delivery_id=DeliveryId(row["delivery_id"]),
        number=row["number"],
        started_at=row["started_at"],
        duration_us=row["duration_us"],
        http_status=row["http_status"],
        error=row["error"],
        reason=row["reason"],
        remote_address=row["remote_address"],
        timings_ms=msgspec.json.decode(row["timings_ms"], type=dict[str, float]),
        request_headers=msgspec.json.decode(row["request_headers"], type=dict[str, str]),
        body_sha256=row["body_sha256"],
        response_body=row["response_body"],
    )


def _event(row: Row) -> Event:
    return Event(
        id=EventId(row["id"]),
        event_no=row["event_no"],
        type=row["type"],
        transaction_id=row["transaction_id"],
        body=row["body"],
        created_at=row["created_at"],
        code_at=row["code_at"],
        code_sealed=row["code_sealed"],
    )
