"""Refunds and disputes."""

from typing import Any, Final

from starlette.responses import Response

from billing.orders import refund as refund_rows
from billing.payments.disputes import LIST_DISPUTES, DisputesQuery
from billing.refunds.acts import DECIDE_REFUND, LIST_REFUNDS, REFUND_ORDER, RefundsQuery
from gateway.dashboard.act_pages import ActPages, form_route
from gateway.dashboard.admin.fields import admin_route
from gateway.dashboard.sales.orders import PATH as ORDERS, order_page
from gateway.html.forms import NO_PROBLEM, Form, Problem
from gateway.html.render import page
from gateway.http.request_context import RequestContext
from gateway.http.routing import Reply
from kernel.fields import Fields

PATH: Final = "/dashboard/admin/refunds"
PAGES: Final = ActPages(
    path="/refunds",
    title="Refunds",
    lead="One that stays unknown waits for you: look at the provider's own pages, and say on its page what became of it.",
    empty="An order's page has the form.",
    listed=LIST_REFUNDS,
    query=RefundsQuery(),
    filters=("status", "order_id", "account_id"),
    own_address=f"{PATH}/",
)
DISPUTES: Final = ActPages(
    path="/disputes",
    title="Disputes",
    lead="Payments that a payer's bank took back, or asks about. Give evidence on the provider's own pages, in time.",
    empty="A dispute that a provider tells of would stand here.",
    listed=LIST_DISPUTES,
    query=DisputesQuery(),
    filters=("state",),
)


async def show(call: RequestContext[Fields, Fields]) -> Reply:
    return await _refund_page(call, Form())


async def _refund_page(
    call: RequestContext[Any, Any], form: Form, problem: Problem = NO_PROBLEM
) -> Response:
    refund_id, environment = call.params["refund_id"], call.principal.environment
    found = await call.context.database.read(
        lambda tx: refund_rows.find(tx, refund_id, environment)
    )
    return page(
        call,
        "admin/refund.html",
        status=problem.status,
        form=form,
        problem=problem,
        refund=found,
        order_path=f"{ORDERS}/{found.order_id}",
    )


ROUTES = (
    *PAGES.routes(),
    *DISPUTES.routes(),
    admin_route("GET", "/refunds/{refund_id}", show, "One refund"),
    form_route(DECIDE_REFUND, _refund_page, path="/refunds/{refund_id}"),
    form_route(REFUND_ORDER, order_page, goes_to=lambda refund_id: f"{PATH}/{refund_id}"),
)
