"""What payment providers told us: every genuine notification and what became of it."""

from collections.abc import Sequence

from billing import provider_event
from billing.provider_event import LogEntry
from gateway.call import Call
from gateway.fields import Fields
from gateway.pages.admin.fields import admin_route
from gateway.pages.form import read_query
from gateway.pages.paging import ASKED, paged
from gateway.pages.render import page
from gateway.routing import Reply
from kernel.errors import InvalidInput
from store.db import Transaction

Place = tuple[int, str, str]  # received_at, provider, event id
_TIME_CHARACTERS_MAX = 18


async def show(call: Call[Fields, Fields]) -> Reply:
    """Newest first; only what waits for a decision, if wanted."""
    environment, asked = call.principal.environment, read_query(call)
    is_open_only, before = asked.text("show") == "open", _place(asked.text("cursor"))

    async def work(tx: Transaction) -> Sequence[LogEntry]:
        return await provider_event.page(
            tx, environment, is_open_only=is_open_only, before=before, limit=ASKED
        )

    found = await call.context.database.read(work)
    return page(call, "admin/events.html", listing=paged(call, found, _cursor, filters=("show",)))


def _cursor(entry: LogEntry) -> str:
    return f"{entry.received_at}.{entry.told.provider}.{entry.told.event_id}"


def _place(cursor: str) -> Place | None:
    """The last entry of the page before; raises InvalidInput."""
    if not cursor:
        return None
    at, _, rest = cursor.partition(".")
    provider, _, event_id = rest.partition(".")
    if not (at.isascii() and at.isdigit() and len(at) <= _TIME_CHARACTERS_MAX and event_id):
        raise InvalidInput("not a cursor of this list", param="cursor")
    return int(at), provider, event_id


ROUTES = (admin_route("GET", "/events", show, "What providers told us"),)
