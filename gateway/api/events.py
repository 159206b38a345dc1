"""Events: the log of what happened, to page through or to poll from a cursor."""

from typing import Annotated

from msgspec import Meta

from gateway import codes
from gateway.call import Call
from gateway.envelope import answer, listing
from gateway.fields import Fields, Page, cursor_number
from gateway.routing import Route
from kernel.errors import InvalidInput
from store.idempotency import Answer
from webhooks import log
from webhooks.log import Event

_SCOPES = ("webhooks:read",)


class EventsQuery(Page, frozen=True, kw_only=True):
    """after: poll, oldest first, from this cursor on (0: from the first event)."""

    after: Annotated[str, Meta(min_length=1, max_length=20)] | None = None
    type: Annotated[str, Meta(max_length=64)] | None = None


async def list_events(call: Call[Fields, EventsQuery]) -> Answer:
    query, scope = call.query, call.principal.scope
    if query.after is not None:
        return await _poll(call, query.after)
    before_no = cursor_number(query.cursor)
    rows = await call.context.database.read(
        lambda tx: log.list_events(
            tx, scope, before_no=before_no, event_type=query.type, limit=query.limit + 1
        )
    )
    data = listing(rows, query.limit, shape=Event.shape, cursor=_number)
    return answer(codes.SUCCESS, data, now_us=call.now_us)


async def _poll(call: Call[Fields, EventsQuery], after: str) -> Answer:
    """Oldest first; next_cursor is always there, since the next poll goes on from it."""
    query, scope = call.query, call.principal.scope
    if query.cursor is not None:
        raise InvalidInput("give after (to poll) or cursor (to page), not both", param="cursor")
    after_no = cursor_number(after, "after") or 0
    rows = await call.context.database.read(
        lambda tx: log.events_after(
            tx, scope, after_no=after_no, event_type=query.type, limit=query.limit + 1
        )
    )
    shown = rows[: query.limit]
    data = {
        "items": [event.shape() for event in shown],
        "next_cursor": _number(shown[-1]) if shown else str(after_no),
        "has_more": len(rows) > query.limit,
    }
    return answer(codes.SUCCESS, data, now_us=call.now_us)


async def show(call: Call[Fields, Fields]) -> Answer:
    scope, event_id = call.principal.scope, call.params["event_id"]
    event = await call.context.database.read(lambda tx: log.get_event(tx, scope, event_id))
    return answer(
        codes.SUCCESS, event.shape(), now_us=call.now_us, transaction_id=event.transaction_id
    )


def _number(event: Event) -> str:
    return str(event.event_no)


ROUTES = (
    Route("GET", "/events", list_events, "List or poll events", _SCOPES, query=EventsQuery),
    Route("GET", "/events/{event_id}", show, "Show an event", _SCOPES),
)
