"""Events: list them page by page, or poll them from a cursor."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal, cast

from msgspec import UNSET, Meta, Struct, UnsetType

from kernel.errors import InvalidInput, NotFound
from kernel.fields import ExportPage, word_of
from kernel.tenant import Tenant
from kernel.words import Environment, EventIdText, EventSequence, Time
from keys.act import ActContext, ListAct, ReadAct, about_topup
from keys.principal import Principal
from store.database import Transaction
from store.keyset import Begin, ListStretch
from webhooks.events import log
from webhooks.events.cursor import event_cursor
from webhooks.events.event import EVENT_TYPES, EventTypeWord

SCOPES: Final = ("webhooks:read",)
_OWNER: Final = "SELECT account_id, environment FROM events WHERE id = :id"
Cursor = Annotated[str, Meta(min_length=1, max_length=40)]
EventType = Annotated[str, word_of(EVENT_TYPES), Meta(max_length=64)]


class Event(Struct, kw_only=True):
    """An event, exactly as in the body that webhooks receive."""

    id: EventIdText
    type: EventTypeWord
    created_at: Time
    environment: Environment
    api_version: Literal["v1"]
    data: Annotated[
        dict[str, Any],
        Meta(
            description="The event's data, which depends on its type; see the webhooks in this document."
        ),
    ]
    sequence: EventSequence | UnsetType = UNSET


@dataclass(frozen=True, slots=True)
class SeenCodes:
    """What billing knows about codes. `shown` inserts the codes that the reader may see."""

    shown: Callable[[Transaction, Principal, Sequence[log.Event]], Awaitable[Sequence[log.Event]]]


class EventsQuery(ExportPage, frozen=True, kw_only=True):
    """Selects events. `after` polls from a cursor, oldest first; 0 means the oldest stored event."""

    after: Cursor | None = None
    type: Annotated[EventType, Meta(description="Return only events of this type.")] | None = None


async def owner_of(tx: Transaction, event_id: str) -> Tenant:
    row = await tx.fetch_one(_OWNER, id=event_id)
    if row is None:
        raise NotFound("Event")
    return Tenant(row["account_id"], row["environment"])


async def list_events(
    context: ActContext, asked: EventsQuery, begin: Begin, limit: int
) -> Sequence[log.Event]:
    after = event_cursor(asked.after, "after")
    is_file = asked.format != "json"
    if after is not None and is_file:
        raise InvalidInput(
            "An exported file always lists the newest events first, so omit `after`.", param="after"
        )
    if after is not None and begin is not None:
        raise InvalidInput(
            "Give either `after` (to poll) or `cursor` (to page), not both.", param="cursor"
        )
    tx, tenant = context.tx, context.tenant
    if after is None:
        before = event_cursor(cast(str | None, begin))
        page = await log.list_events(tx, tenant, before=before, event_type=asked.type, limit=limit)
    else:
        page = await log.events_after(tx, tenant, after=after, event_type=asked.type, limit=limit)
    events = page.events if is_file else await _with_codes(context, page.events)
    has_next = page.has_more or after is not None
    end = page.next.text() if has_next else None
    return ListStretch(events, end, has_more=page.has_more)


async def show(context: ActContext) -> log.Event:
    found = await log.get_event(context.tx, context.tenant, context.object_id)
    return (await _with_codes(context, [found]))[0]


async def _with_codes(context: ActContext, events: Sequence[log.Event]) -> Sequence[log.Event]:
    if context.asker is None:
        return events
    return await context.service(SeenCodes).shown(context.tx, context.asker, events)


LIST: Final[ListAct[Any, Any]] = ListAct(
    name="events.list",
    summary="List or poll events",
    description=(
        "Lists events newest first. With `after`, lists them oldest first; next_cursor is then never null,"
        " and the next poll continues from it, so no event is missed. If events after a cursor are no"
        " longer stored, it is refused, and oldest_cursor says where to continue."
    ),
    path="/events",
    scopes=SCOPES,
    query=EventsQuery,
    run=list_events,
    view=log.Event.shape,
    result=Event,
    own_cursors=True,
    export=Event.__struct_fields__,
    columns=("id", "type", "created_at", "data"),
    examples=("topup events list --type topup.failed", "topup events list --after 0 --limit 100"),
)
SHOW: Final = ReadAct(
    name="events.show",
    summary="Show an event",
    path="/events/{event_id}",
    scopes=SCOPES,
    run=show,
    view=log.Event.shape,
    result=Event,
    owner_of=owner_of,
    told=about_topup,
    examples=("topup events show evt_5Fxp --json",),
)
ACTS: Final = (LIST, SHOW)
