"""Show operators the payments from payers without an account."""

from typing import Any, Final

from starlette.responses import Response

from billing.machine_payments import payment as payments
from billing.machine_payments.acts import (
    ASK_PAYMENT,
    DECIDE_PAYMENT,
    LIST_PAYMENTS,
    MachinePaymentsQuery,
)
from gateway.dashboard.act_pages import ActPages, form_route
from gateway.dashboard.admin.fields import admin_route
from gateway.html.forms import NO_PROBLEM, Form, Problem
from gateway.html.render import page
from gateway.http.request_context import RequestContext
from gateway.http.routing import Reply
from kernel.errors import NotFound
from kernel.fields import Fields

PATH: Final = "/machine-payments/{payment_id}"
PAGES: Final = ActPages(
    path="/machine-payments",
    title="Machine payments",
    lead="Payments by payers without an account. If a payment is stuck, check the network or "
    "provider. Then record the result on the payment's page.",
    empty="Payers without an account ask for POST /x402/topup.",
    listed=LIST_PAYMENTS,
    query=MachinePaymentsQuery(),
    filters=("state",),
    own_address="/dashboard/admin/machine-payments/",
)


async def show(call: RequestContext[Fields, Fields]) -> Reply:
    return await _payment_page(call, Form())


async def _payment_page(
    call: RequestContext[Any, Any], form: Form, problem: Problem = NO_PROBLEM
) -> Response:
    payment_id = call.params["payment_id"]
    found = await call.context.database.read(lambda tx: payments.find(tx, payment_id))
    if found.environment != call.principal.environment:
        raise NotFound("Payment")
    return page(
        call,
        "admin/machine_payment.html",
        status=problem.status,
        form=form,
        problem=problem,
        payment=found,
        shown=found.shape(),
    )


ROUTES = (
    *PAGES.routes(),
    admin_route("GET", PATH, show, "One payment of a machine"),
    form_route(ASK_PAYMENT, _payment_page, path=f"{PATH}/ask"),
    form_route(DECIDE_PAYMENT, _payment_page, path=PATH),
)
