"""Read events with keyset pagination, newest or oldest first. Another tenant's ID is reported as unknown.

If events after a cursor are no longer stored, CursorRefused is raised.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final, NamedTuple

import msgspec

from kernel.errors import NotFound
from kernel.ids import EventId
from kernel.limits import PAGE_ITEMS
from kernel.tenant import Tenant
from store.database import Transaction
from store.keyset import Keyset
from store.row_mapping import RowMapping
from webhooks.deliveries.stage import CodeOf, with_code
from webhooks.events.cursor import EventCursor, check
from webhooks.events.event import check_type

_MINE = "account_id = :account_id AND environment = :environment"
# Types have no index, because each send would have to update it.
EVENTS_SCANNED: Final = 10_000


@dataclass(frozen=True, slots=True)
class Event:
    """An event. `body` contains the signed bytes, but without the code that belongs at position code_at."""

    id: EventId
    event_no: int
    type: str
    transaction_id: str | None
    body: bytes
    created_at: int
    code_at: int | None = None
    code_sealed: str | None = None

    def with_code(self, code_of: CodeOf) -> "Event":
        """Return the event with its code inserted. Raise SealBroken if the code can't be decrypted."""
        if self.code_at is None or self.transaction_id is None:
            return self
        code = code_of(self.transaction_id, self.code_sealed)
        return replace(self, body=with_code(self.body, self.code_at, code), code_at=None)

    def shape(self) -> msgspec.Raw:
        return msgspec.Raw(self.body)


@dataclass(frozen=True, slots=True)
class EventPage:
    """A page of events. It may be empty even if has_more is true, because a read checks only EVENTS_SCANNED events."""

    events: Sequence[Event]
    next: EventCursor
    has_more: bool


async def list_events(
    tx: Transaction,
    tenant: Tenant,
    *,
    before: EventCursor | None = None,
    event_type: str | None = None,
    limit: int = PAGE_ITEMS,
) -> EventPage:
    """List events, newest first."""
    kept = await _stored_range(tx, tenant)
    above_no = kept.oldest_no - 1
    below_no = kept.last_no + 1
    if before is not None:
        event_no = max(before.event_no, above_no)
        before = before._replace(event_no=event_no)
        below_no = check(before, **kept._asdict(), param="cursor")
    window_no = above_no if event_type is None else max(above_no, below_no - 1 - EVENTS_SCANNED)
    events = await _events(tx, tenant, (window_no, below_no), _NEWEST_FIRST, event_type, limit + 1)
    if len(events) > limit:
        return EventPage(events[:limit], kept.cursor(events[limit - 1].event_no), has_more=True)
    return EventPage(events, kept.cursor(window_no + 1), has_more=window_no > above_no)


async def events_after(
    tx: Transaction,
    tenant: Tenant,
    *,
    after: EventCursor,
    event_type: str | None = None,
    limit: int = PAGE_ITEMS,
    param: str = "after",
) -> EventPage:
    """List events after the cursor, oldest first. Raise CursorRefused if events would be skipped."""
    kept = await _stored_range(tx, tenant)
    above_no = check(after, **kept._asdict(), param=param)
    window_no = kept.last_no
    if event_type is not None:
        window_no = min(kept.last_no, above_no + EVENTS_SCANNED)
    events = await _events(
        tx, tenant, (above_no, window_no + 1), _OLDEST_FIRST, event_type, limit + 1
    )
    if len(events) > limit:
        return EventPage(events[:limit], kept.cursor(events[limit - 1].event_no), has_more=True)
    return EventPage(events, kept.cursor(window_no), has_more=window_no < kept.last_no)


async def newest_cursor(tx: Transaction, tenant: Tenant) -> EventCursor:
    kept = await _stored_range(tx, tenant)
    return kept.cursor(kept.last_no)


async def get_event(tx: Transaction, tenant: Tenant, event_id: str) -> Event:
    row = await tx.fetch_one(
        _GET, id=event_id, account_id=tenant.account_id, environment=tenant.environment
    )
    if row is None:
        raise NotFound("Event", param="id")
    return _ROWS.read(row)


class _Kept(NamedTuple):
    """Which events are stored. Their numbers are oldest_no to last_no."""

    epoch: int
    oldest_no: int
    last_no: int

    def cursor(self, event_no: int) -> EventCursor:
        return EventCursor(self.epoch, event_no)


async def _stored_range(tx: Transaction, tenant: Tenant) -> _Kept:
    row = await tx.fetch_one(_KEPT, account_id=tenant.account_id, environment=tenant.environment)
    if row is None:
        return _Kept(0, 1, 0)
    last_no = row["event_no"]
    oldest_no = last_no + 1 if row["oldest_no"] is None else row["oldest_no"]
    return _Kept(row["event_epoch"], oldest_no, last_no)


async def _events(
    tx: Transaction,
    tenant: Tenant,
    between: tuple[int, int],
    pages: Keyset,
    event_type: str | None,
    limit: int,
) -> list[Event]:
    if event_type is not None:
        check_type(event_type, "type")
    rows = await pages.page(
        tx,
        limit=limit,
        account_id=tenant.account_id,
        environment=tenant.environment,
        above_no=between[0],
        below_no=between[1],
        type=event_type,
    )
    return [_ROWS.read(row) for row in rows]


_ROWS = RowMapping(Event)
_GET = f"SELECT {_ROWS.listed} FROM events WHERE id = :id AND {_MINE}"
# All events from number events_from_no on are stored. Without this lower bound, PostgreSQL would also read index
# entries of deleted events until the next vacuum.
_KEPT = f"""
SELECT event_epoch, event_no,
    (SELECT MIN(event_no) FROM events
     WHERE {_MINE} AND event_no >= account_environments.events_from_no) AS oldest_no
FROM account_environments WHERE {_MINE}
"""
_BETWEEN = f"{_MINE} AND event_no > :above_no AND event_no < :below_no"
_OF_TYPE = {"type": "type = :type"}
_NEWEST_FIRST = Keyset(_ROWS.listed, "events", _BETWEEN, filters=_OF_TYPE, key="event_no")
_OLDEST_FIRST = Keyset(
    _ROWS.listed, "events", _BETWEEN, filters=_OF_TYPE, key="event_no", order="ASC"
)
