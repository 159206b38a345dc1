"""Orders: the list, one order with what it moved and said, and the way to its payment page.

A form of ours may not lead a browser to another host, so the payment page is opened by a page of
its own rather than by the answer to the form.
"""

from typing import Final

from billing.orders import queries as order_list
from billing.orders.order import STATUSES
from billing.orders.timeline import OrderTimeline, story
from gateway.dashboard.listing import listing
from gateway.dashboard.route import page_route
from gateway.html.forms import read_query
from gateway.html.render import go, page
from gateway.http.fields import Fields
from gateway.http.request_context import RequestContext
from gateway.http.routing import Reply
from store.database import Transaction

PATH: Final = "/dashboard/orders"
_READ: Final = ("billing:read",)
_FILTERS: Final = ("status", "provider", "created_after", "created_before")


async def show_list(call: RequestContext[Fields, Fields]) -> Reply:
    """Newest first."""
    return page(
        call,
        "orders.html",
        listing=await listing(call, "/orders", *_FILTERS),
        statuses=STATUSES,
        providers=call.context.payments.providers.names(),
    )


async def show(call: RequestContext[Fields, Fields]) -> Reply:
    """One order. Whoever comes back from paying sees it change by itself."""
    found = await _story(call)
    is_back = read_query(call).text("said") == "order-back"
    is_watched = is_back and found.order.status == "pending"
    return page(call, "order.html", story=found, order=found.order, is_watched=is_watched)


async def pay(call: RequestContext[Fields, Fields]) -> Reply:
    """On to the payment page, while there is something to pay."""
    order = (await _story(call)).order
    if order.status != "pending" or order.url is None:
        return go(f"{PATH}/{order.id}")
    return page(call, "order_pay.html", order=order)


async def _story(call: RequestContext[Fields, Fields]) -> OrderTimeline:
    scope, order_id = call.principal.scope, call.params["order_id"]

    async def work(tx: Transaction) -> OrderTimeline:
        return await story(tx, await order_list.get(tx, scope, order_id))

    return await call.context.database.read(work)


ROUTES = (
    page_route("GET", "/orders", show_list, "Orders", _READ),
    page_route("GET", "/orders/{order_id}", show, "One order", _READ),
    page_route("GET", "/orders/{order_id}/pay", pay, "To its payment page", _READ),
)
