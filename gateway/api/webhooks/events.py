"""Event stream: send events as they happen. The list and single events are acts (webhooks/events/acts.py)."""

from collections.abc import Sequence
from typing import Annotated

from msgspec import Meta

from billing.topups.rules import events_shown
from gateway.answers.answer import Answer
from gateway.answers.outcome import Outcome
from gateway.http.lists import admitted_again
from gateway.http.request_context import RequestContext
from gateway.http.routing import Reply, Route
from gateway.http.waiting import EventStream
from kernel.fields import Fields
from store.database import Transaction
from webhooks.events import log
from webhooks.events.acts import SCOPES, Cursor, EventType
from webhooks.events.cursor import EventCursor, event_cursor


class StreamQuery(Fields, frozen=True, kw_only=True):
    """Where to start. `after` is a cursor, and 0 stands for the oldest event. Without `after`, only new
    events are sent.
    """

    after: Cursor | None = None
    type: Annotated[EventType, Meta(description="Return only events of this type.")] | None = None


async def stream(call: RequestContext[Fields, StreamQuery]) -> Reply:
    """Stream events. A Last-Event-ID header, which clients send when they reconnect, overrides `after`."""
    context, principal, event_type = call.context, call.principal, call.query.type
    header = call.headers.get(b"last-event-id")
    seen = call.query.after if header is None else header.decode("latin-1")
    param = "after" if header is None else "Last-Event-ID"
    after = event_cursor(seen, param)

    async def begin(tx: Transaction) -> EventCursor:
        if after is None:
            return await log.newest_cursor(tx, principal.tenant)
        # Raise an error if the type is invalid, or if events after the cursor are missing.
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
    def __init__(self, call: RequestContext[Fields, StreamQuery]) -> None:
        self._call = call
        self._principal = call.principal

    async def check(self) -> None:
        self._principal = await admitted_again(self._call, SCOPES)

    async def show(self, tx: Transaction, events: Sequence[log.Event]) -> Sequence[log.Event]:
        return await events_shown(self._call.context.topup_rules.codes, tx, self._principal, events)


ROUTES = (
    Route(
        "GET",
        "/events/stream",
        stream,
        "Stream events",
        SCOPES,
        query=StreamQuery,
        description="Streams events as server-sent events. When a client reconnects, it sends Last-Event-ID.",
        answers=(Outcome(200, None, media_types=("text/event-stream",)),),
    ),
)
