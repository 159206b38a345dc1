"""Notifications from payment providers: every genuine one and its result."""

from collections.abc import Sequence
from typing import Final

from billing.providers import event_log as provider_event
from billing.providers.event_log import LogEntry
from gateway.dashboard.admin.fields import admin_route
from gateway.dashboard.sheet import Sheet, list_page
from gateway.html.forms import read_query
from gateway.http.request_context import RequestContext
from gateway.http.routing import Reply
from kernel.errors import UnknownCursor
from kernel.fields import Fields
from store.database import Transaction

EventCursor = tuple[int, str, str]  # received_at, provider, event id
_TIME_CHARACTERS_MAX = 18


async def show(call: RequestContext[Fields, Fields]) -> Reply:
    environment, asked = call.principal.environment, read_query(call)
    is_open_only = asked.text("show") == "open"

    async def read(tx: Transaction, cursor: str | None, limit: int) -> Sequence[LogEntry]:
        before = _place(cursor or "")
        return await provider_event.page(
            tx, environment, is_open_only=is_open_only, before=before, limit=limit
        )

    return await list_page(call, "admin/events.html", _SHEET, read)


def _cursor(entry: LogEntry) -> str:
    return f"{entry.received_at}.{entry.notification.provider}.{entry.notification.event_id}"


def _place(cursor: str) -> EventCursor | None:
    if not cursor:
        return None
    at, _, rest = cursor.partition(".")
    provider, _, event_id = rest.partition(".")
    if not (at.isascii() and at.isdigit() and len(at) <= _TIME_CHARACTERS_MAX and event_id):
        raise UnknownCursor
    return int(at), provider, event_id


_SHEET: Final = Sheet[LogEntry](
    "provider-events",
    (
        *("received_at", "notification.provider", "notification.event_id", "notification.type"),
        *("outcome", "account_id", "order_id", "detail", "resolved_at"),
    ),
    cursor=_cursor,
    filters=("show",),
)
ROUTES = (admin_route("GET", "/events", show, "What providers told us"),)
