"""List orders, show one, and link to its payment page. A form can't redirect to another host, so one of our pages has
the link.
"""

from typing import Final

from billing.documents.acts import LIST as DOCUMENTS
from billing.documents.document import receipt_of
from billing.payments.order_acts import LIST_OWN, SHOW_OWN
from billing.payments.trace import own_timeline
from billing.reports.subscription_views import plan_of_order
from gateway.dashboard.listing import Summed
from gateway.dashboard.own_lists import OwnList, Way
from gateway.dashboard.route import page_route
from gateway.html.forms import read_query
from gateway.html.phrase import phrase
from gateway.html.render import go, page
from gateway.http.own_acts import list_own, read_own
from gateway.http.request_context import RequestContext
from gateway.http.routing import Reply
from kernel.fields import Fields

PATH: Final = "/dashboard/orders"
_READ: Final = ("billing:read",)


_LIST: Final = OwnList(
    path="/orders",
    title=phrase("Orders"),
    listed=LIST_OWN,
    empty=phrase("No orders in %(environment)s yet"),
    advice=phrase("Choose a pack or an amount. The credit arrives once you have paid."),
    columns=(
        "created_at, id lead, provider, credits off number, pay_amount tail number nowrap, status"
    ),
    word=phrase("Order"),
    filters=("status", "provider", "created_after", "created_before"),
    summed=Summed("pay_amount", "pay_currency"),
    ways=(Way("billing:write", "/dashboard/buy", phrase("Buy credit"), is_primary=True),),
)


async def show(call: RequestContext[Fields, Fields]) -> Reply:
    tenant, order_id = call.principal.tenant, call.params["order_id"]
    timeline = await call.context.database.read(lambda tx: own_timeline(tx, tenant, order_id))
    order = timeline.order
    has_receipt = bool(order.paid_at and order.payment.amount)
    if has_receipt and order.kind == "subscription":
        # A trial has no receipt.
        made = await call.context.database.read(lambda tx: receipt_of(tx, tenant, order_id))
        has_receipt = made is not None
    plan = await call.context.database.read(lambda tx: plan_of_order(tx, order_id))
    is_back = read_query(call).text("said") == "order-back"
    is_watched = is_back and order.status == "pending"
    # In the live environment, there are no documents until the operator has set up the seller.
    has_seller = tenant.environment != "live" or call.context.settings.seller.is_known
    return page(
        call,
        "order.html",
        timeline=timeline,
        order=order,
        trial_ends_at=None if plan is None else plan.subscription.trial_ends_at,
        plan=plan,
        is_watched=is_watched,
        has_receipt=has_seller and has_receipt,
        documents=(await list_own(call, DOCUMENTS, {"order_id": order_id})).items,
        status_path=call.context.payments.links.status_path(order.id),
    )


async def pay(call: RequestContext[Fields, Fields]) -> Reply:
    order = await read_own(call, SHOW_OWN)
    if order["status"] != "pending" or order["url"] is None:
        return go(f"{PATH}/{order['id']}")
    return page(call, "order_pay.html", order=order)


ROUTES = (
    _LIST.route(),
    page_route("GET", "/orders/{order_id}", show, "One order", _READ),
    page_route("GET", "/orders/{order_id}/pay", pay, "To its payment page", _READ),
)
