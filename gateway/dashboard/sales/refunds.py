"""Refunds and disputes of everybody's orders: asked for, looked at, and decided where nobody else can."""

from collections.abc import Sequence
from operator import attrgetter
from typing import Any, Final

from starlette.responses import Response

from billing.ledger.price import price_of
from billing.orders import queries as order_list
from billing.orders.refund_row import REFUND_STATES, Refund
from billing.payments import disputes
from billing.payments.disputes import Dispute, DisputeState
from billing.refunds import queries as refund_rows
from billing.refunds.acts import DECIDE_REFUND
from billing.refunds.request import PROVIDER_ID_CHARACTERS_MAX, REFUND_REASON_CHARACTERS_MAX
from gateway.dashboard.act_pages import form_route
from gateway.dashboard.admin.fields import admin_route, decider
from gateway.dashboard.sales.orders import PATH as ORDERS, order_page
from gateway.dashboard.sheet import Sheet, list_page
from gateway.html.forms import NO_PROBLEM, Form, Problem, problem_of, read_form, read_query
from gateway.html.render import go, page
from gateway.http.fields import cursor_id
from gateway.http.request_context import RequestContext
from gateway.http.routing import Reply
from kernel.errors import DomainError, InvalidInput, NotFound
from kernel.fields import Fields
from keys.audit_log import Actor
from store.database import Transaction

PATH: Final = "/dashboard/admin/refunds"
_SHEET: Final = Sheet[Refund](
    "refunds",
    (
        *(
            "id",
            "account_id",
            "order_id",
            "provider",
            "payment_ref",
            "status",
            "amount",
            "currency",
        ),
        *(
            "reason",
            "is_made_at_provider",
            "provider_refund_id",
            "detail",
            "requested_by",
            "created_at",
        ),
        "ended_at",
    ),
    filters=("status", "order_id", "account_id"),
)
_DISPUTES: Final = Sheet[Dispute](
    "disputes",
    (
        *("id", "provider", "account_id", "order_id", "amount", "currency", "status", "reason"),
        *("is_inquiry", "due_at", "created_at", "ended_at"),
    ),
    cursor=attrgetter("cursor"),
    filters=("state",),
)


async def show_list(call: RequestContext[Fields, Fields]) -> Reply:
    environment, asked = call.principal.environment, read_query(call)

    async def read(tx: Transaction, cursor: str | None, limit: int) -> Sequence[Refund]:
        return await refund_rows.page(
            tx,
            environment,
            status=asked.text("status") or None,
            order_id=asked.text("order_id") or None,
            account_id=asked.text("account_id") or None,
            before_id=cursor_id(cursor, "rfd"),
            limit=limit,
        )

    return await list_page(call, "admin/refunds.html", _SHEET, read, statuses=REFUND_STATES)


async def show(call: RequestContext[Fields, Fields]) -> Reply:
    return await _refund_page(call, Form())


async def request(call: RequestContext[Fields, Fields]) -> Reply:
    form, context = read_form(call), call.context
    order_id, environment = call.params["order_id"], call.principal.environment
    try:
        order = await context.database.read(lambda tx: order_list.find(tx, order_id))
        if order is None or order.environment != environment:
            raise NotFound("Order")
        wanted, payment_ref = form.text("refund_amount"), form.text("payment") or None
        amount = None
        if wanted:
            amount = price_of(wanted, order.payment.currency, param="refund_amount").amount
        command = await context.refunder.request(
            order_id,
            environment,
            reason=_said(form, "refund_reason", REFUND_REASON_CHARACTERS_MAX),
            actor=Actor.of(call.principal),
            amount=amount,
            period_id=form.text("period_id") or None,
            payment_ref=payment_ref,
            allow_owed=form.text("allow_owed") == "on",
            made_at_provider=form.text("made_at_provider")[:PROVIDER_ID_CHARACTERS_MAX] or None,
            by_name=decider(call),
        )
        made = await context.engine.submit(command)
    except DomainError as error:
        return await order_page(call, form, problem_of(error))
    return go(f"{PATH}/{made.id}", said="refund-asked" if made.is_open else "refund-noted")


async def show_disputes(call: RequestContext[Fields, Fields]) -> Reply:
    environment, asked = call.principal.environment, read_query(call)
    state: DisputeState = "ended" if asked.text("state") == "ended" else "open"

    async def read(tx: Transaction, cursor: str | None, limit: int) -> Sequence[Dispute]:
        return await disputes.page_of_disputes(
            tx, environment, state=state, after=cursor, limit=limit
        )

    return await list_page(call, "admin/disputes.html", _DISPUTES, read, state=state)


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


def _said(form: Form, name: str, characters_max: int) -> str:
    text = form.text(name)
    if not text:
        raise InvalidInput("say why, for whoever looks at it later", param=name)
    if len(text) > characters_max:
        raise InvalidInput(f"at most {characters_max} characters", param=name)
    return text


ROUTES = (
    admin_route("GET", "/refunds", show_list, "Everybody's refunds"),
    admin_route("GET", "/refunds/{refund_id}", show, "One refund"),
    form_route(DECIDE_REFUND, _refund_page, path="/refunds/{refund_id}"),
    admin_route("POST", "/orders/{order_id}/refund", request, "Refund an order"),
    admin_route("GET", "/disputes", show_disputes, "Disputed payments"),
)
