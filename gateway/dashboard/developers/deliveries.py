"""The delivery log: filters, a live tail, one delivery with its attempts, and sending it again."""

from gateway.dashboard.listing import listing
from gateway.dashboard.route import page_route
from gateway.html.forms import read_form
from gateway.html.render import go, page
from gateway.http.fields import Fields
from gateway.http.request_context import RequestContext
from gateway.http.routing import Reply
from gateway.internal_client import ask
from kernel.ids import new_id
from webhooks.deliveries.stage import STATUSES
from webhooks.events.event import EVENT_TYPES

PATH = "/dashboard/deliveries"
_READ = ("webhooks:read",)
_WRITE = ("webhooks:write",)
_FILTERS = (
    "status",
    "endpoint_id",
    "event_type",
    "transaction_id",
    "created_after",
    "created_before",
)


async def show_list(call: RequestContext[Fields, Fields]) -> Reply:
    """Newest first."""
    found = await listing(call, "/deliveries", *_FILTERS)
    endpoints = (await ask(call, "GET", "/webhooks", query={"limit": 200})).data["items"]
    return page(
        call,
        "deliveries.html",
        listing=found,
        endpoints=endpoints,
        urls={endpoint["id"]: endpoint["url"] for endpoint in endpoints},
        statuses=STATUSES,
        event_types=EVENT_TYPES,
    )


async def show(call: RequestContext[Fields, Fields]) -> Reply:
    """One delivery: what was sent, and every attempt with what came back."""
    delivery = (await ask(call, "GET", f"/deliveries/{call.params['delivery_id']}")).data
    event = (await ask(call, "GET", f"/events/{delivery['event_id']}")).data
    endpoints = (await ask(call, "GET", "/webhooks", query={"limit": 200})).data["items"]
    return page(
        call,
        "delivery.html",
        delivery=delivery,
        event=event,
        urls={endpoint["id"]: endpoint["url"] for endpoint in endpoints},
        form_key=new_id("frm"),
    )


async def replay(call: RequestContext[Fields, Fields]) -> Reply:
    """A new delivery of the same event; the browser is led to it."""
    form = read_form(call)
    made = await ask(
        call,
        "POST",
        f"/deliveries/{call.params['delivery_id']}/replay",
        idempotency_key=form.idempotency_key,
    )
    return go(f"{PATH}/{made.data['id']}", said="replayed")


ROUTES = (
    page_route("GET", "/deliveries", show_list, "The delivery log", _READ),
    page_route("GET", "/deliveries/{delivery_id}", show, "One delivery", _READ),
    page_route("POST", "/deliveries/{delivery_id}/replay", replay, "Send it again", _WRITE),
)
