"""Usage: credit that the account used up itself, and the holds that set some aside for it."""

from typing import Final

from billing.reports.usage_overview import every_hold, used_and_held
from gateway.dashboard.act import act
from gateway.dashboard.paging import ASKED, paged
from gateway.dashboard.route import page_route
from gateway.html.forms import read_query
from gateway.html.render import page
from gateway.http.fields import Fields, cursor_id
from gateway.http.request_context import RequestContext
from gateway.http.routing import Reply

PATH: Final = "/dashboard/usage"
HOLDS: Final = f"{PATH}/holds"
_READ: Final = ("billing:read",)
_WRITE: Final = ("usage:write",)


async def show(call: RequestContext[Fields, Fields]) -> Reply:
    """What was used, newest first, below what is held for use now."""
    tenant, now_us = call.principal.tenant, call.now_us
    before_id = cursor_id(read_query(call).text("cursor") or None, "usg")
    used, held = await call.context.database.read(
        lambda tx: used_and_held(tx, tenant, before_id=before_id, limit=ASKED, now_us=now_us)
    )
    listing = paged(call, used, lambda record: str(record.id))
    return page(call, "usage.html", listing=listing, held=[] if before_id else held)


async def show_holds(call: RequestContext[Fields, Fields]) -> Reply:
    """Every hold and how it ended, newest first."""
    tenant, now_us = call.principal.tenant, call.now_us
    before_id = cursor_id(read_query(call).text("cursor") or None, "hld")
    held = await call.context.database.read(
        lambda tx: every_hold(tx, tenant, before_id=before_id, limit=ASKED, now_us=now_us)
    )
    return page(call, "holds.html", listing=paged(call, held, lambda hold: hold.id))


async def release(call: RequestContext[Fields, Fields]) -> Reply:
    """Gives all of a hold back."""
    path = f"/holds/{call.params['hold_id']}/release"
    return await act(call, "POST", path, then=PATH, said="hold-released")


ROUTES = (
    page_route("GET", "/usage", show, "Usage", _READ),
    page_route("GET", "/usage/holds", show_holds, "Holds", _READ),
    page_route("POST", "/usage/holds/{hold_id}/release", release, "Release a hold", _WRITE),
)
