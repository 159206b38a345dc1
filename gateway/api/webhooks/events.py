"""Events: the log of what happened, to page through, to poll from a cursor, or to stream."""

from collections.abc import Sequence
from typing import Annotated

import msgspec
from msgspec import Meta

from gateway.answers import response_codes as codes
from gateway.answers.answer import Answer
from gateway.answers.envelope import answer
from gateway.answers.outcome import Listing, Outcome, exported, ok
from gateway.api.schemas.webhooks import Event as EventShape
from gateway.api.webhooks.event_codes import shown
from gateway.http.event_stream import EventStream
from gateway.http.lists import ROWS_AT_ONCE, CsvPage, Export, admitted_again, csv_stream
from gateway.http.request_context import RequestContext
from gateway.http.routing import Reply, Route
from kernel.errors import InvalidInput
from kernel.fields import ExportPage, Fields, word_of
from store.database import Transaction
from webhooks.events import log
from webhooks.events.cursor import EventCursor, event_cursor
from webhooks.events.event import EVENT_TYPES
from webhooks.events.log import EventPage

_SCOPES = ("webhooks:read",)
_EXPORT = Export("events", _SCOPES, EventShape.__struct_fields__)

Cursor = Annotated[str, Meta(min_length=1, max_length=40)]
EventType = Annotated[str, word_of(EVENT_TYPES), Meta(max_length=64)]


class EventsQuery(ExportPage, frozen=True, kw_only=True):
    """after: poll, oldest first, from this cursor on (0: from the oldest event that is kept)."""

    after: Cursor | None = None
    type: Annotated[EventType, Meta(description="Only events of this type.")] | None = None


class StreamQuery(Fields, frozen=True, kw_only=True):
    """after: begin after this cursor (0: at the oldest event); without it, with what comes next."""

    after: Cursor | None = None
    type: Annotated[EventType, Meta(description="Only events of this type.")] | None = None


async def list_events(call: RequestContext[Fields, EventsQuery]) -> Reply:
    query, tenant = call.query, call.principal.tenant
    after = event_cursor(query.after, "after")
    if after is not None and query.cursor is not None:
        raise InvalidInput("give after (to poll) or cursor (to page), not both", param="cursor")
    before = event_cursor(query.cursor)
    if query.format != "json":
        return await _as_csv(call, before)
    codes_of, principal = call.context.topup_rules.codes, call.principal

    async def read(tx: Transaction) -> EventPage:
        if after is not None:
            return await log.events_after(
                tx, tenant, after=after, event_type=query.type, limit=query.limit
            )
        return await log.list_events(
            tx, tenant, before=before, event_type=query.type, limit=query.limit
        )

    async def work(tx: Transaction) -> tuple[EventPage, list[log.Event]]:
        page = await read(tx)
        return page, await shown(tx, codes_of, principal, page.events)

    page, events = await call.context.database.read(work)
    # The next poll goes on from its cursor, so there it is never null.
    has_next = page.has_more or after is not None
    data = Listing(
        # An event is its stored body, which its webhooks carried.
        items=[event.shape() for event in events],
        next_cursor=page.next.text() if has_next else None,
        has_more=page.has_more,
    )
    return answer(codes.SUCCESS, data, now_us=call.now_us)


async def _as_csv(call: RequestContext[Fields, EventsQuery], begin: EventCursor | None) -> Reply:
    """Newest first, without a code, whoever asks."""
    query, tenant = call.query, call.principal.tenant
    if query.after is not None:
        raise InvalidInput("a file has the newest first: leave after out", param="after")

    async def read(before: EventCursor | None) -> CsvPage:
        page = await call.context.database.read(
            lambda tx: log.list_events(
                tx, tenant, before=before, event_type=query.type, limit=ROWS_AT_ONCE
            )
        )
        rows = [msgspec.json.decode(event.body) for event in page.events]
        return CsvPage(rows, page.next if page.has_more else None)

    return await csv_stream(call, _EXPORT, query.format, read, begin)


async def show(call: RequestContext[Fields, Fields]) -> Answer:
    principal, event_id = call.principal, call.params["event_id"]
    codes_of = call.context.topup_rules.codes

    async def work(tx: Transaction) -> log.Event:
        found = await log.get_event(tx, principal.tenant, event_id)
        return (await shown(tx, codes_of, principal, [found]))[0]

    event = await call.context.database.read(work)
    return answer(
        codes.SUCCESS, event.shape(), now_us=call.now_us, transaction_id=event.transaction_id
    )


async def stream(call: RequestContext[Fields, StreamQuery]) -> Reply:
    """Server-sent events; Last-Event-ID, which a client sends when it reconnects, beats after."""
    context, principal, event_type = call.context, call.principal, call.query.type
    header = call.headers.get(b"last-event-id")
    seen = call.query.after if header is None else header.decode("latin-1")
    param = "after" if header is None else "Last-Event-ID"
    after = event_cursor(seen, param)

    async def begin(tx: Transaction) -> EventCursor:
        if after is None:
            return await log.newest_cursor(tx, principal.tenant)
        # Refuses a bad type, and a cursor behind which events are missing.
        await log.events_after(
            tx, principal.tenant, after=after, event_type=event_type, limit=1, param=param
        )
        return after

    begin_at = await context.database.read(begin)
    if call.method == "HEAD":
        return Answer(200, b"")
    listener = _Listener(call)
    return EventStream(
        context.database,
        principal.tenant,
        context.feed.subscribe(principal.tenant, principal.credential_id),
        check=listener.check,
        show=listener.show,
        event_type=event_type,
        begin_at=begin_at,
    )


class _Listener:
    """Who reads a stream, as of its last check."""

    def __init__(self, call: RequestContext[Fields, StreamQuery]) -> None:
        self._call = call
        self._principal = call.principal

    async def check(self) -> None:
        """Raises unless the caller could open the same stream now: a key may end at any time."""
        self._principal = await admitted_again(self._call, _SCOPES)

    async def show(self, tx: Transaction, events: Sequence[log.Event]) -> Sequence[log.Event]:
        """The events as the caller may see them."""
        return await shown(tx, self._call.context.topup_rules.codes, self._principal, events)


ROUTES = (
    Route(
        "GET",
        "/events",
        list_events,
        "List or poll events",
        _SCOPES,
        query=EventsQuery,
        description=(
            "Newest first; with `after` oldest first, and then next_cursor is never null: it is"
            " where the next poll goes on, so that no event is missed. A cursor behind which events"
            " are missing is refused, and oldest_cursor says where to go on."
        ),
        answers=exported(Listing[EventShape]),
    ),
    Route(
        "GET",
        "/events/stream",
        stream,
        "Stream events",
        _SCOPES,
        query=StreamQuery,
        description="Server-sent events; a client that reconnects sends Last-Event-ID.",
        answers=(Outcome(200, None, media_types=("text/event-stream",)),),
    ),
    Route(
        "GET",
        "/events/{event_id}",
        show,
        "Show an event",
        _SCOPES,
        answers=ok(EventShape),
    ),
)
