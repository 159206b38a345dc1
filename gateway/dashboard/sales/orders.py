"""Show operators the orders from all accounts."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from starlette.responses import Response

from billing.documents import document as documents
from billing.documents.document import BillingDocument, DocumentFilter
from billing.orders import records as order_list, refund as refund_rows
from billing.orders.order import STATUSES, Order
from billing.orders.records import OrderFilter
from billing.orders.refund import Refund
from billing.orders.reversal import is_uncredited
from billing.payments import disputes
from billing.payments.disputes import LIST_DISPUTES, DisputeRow, DisputesQuery
from billing.payments.order_acts import APPROVE_ORDER, ASK_PROVIDER, REJECT_ORDER
from billing.payments.questions import can_be_asked
from billing.payments.review import OpenReview, OrderCases, SpareMoney, cases_of, open_review
from billing.payments.trace import OrderTimeline, OrderTrace, trace
from billing.providers.event_log import LogEntry
from billing.refunds.acts import DECIDE_REFUND, LIST_REFUNDS, REFUND_ORDER, RefundsQuery
from billing.subscriptions import records as subscription_rows
from billing.subscriptions.subscription import Period
from gateway.dashboard.act_pages import ActPages, form_route
from gateway.dashboard.admin.fields import admin_route
from gateway.dashboard.listing import Summed
from gateway.dashboard.sheet import Sheet, list_page
from gateway.html.forms import NO_PROBLEM, Form, Problem, read_query
from gateway.html.render import page
from gateway.http.fields import place_of
from gateway.http.request_context import RequestContext
from gateway.http.routing import Reply
from kernel.errors import NotFound
from kernel.fields import Fields
from kernel.tenant import Tenant
from store.database import Transaction

PATH: Final = "/dashboard/admin/orders"
DOCUMENTS_SHOWN: Final = 50
COLUMNS: Final = (
    *("id", "account_id", "order_no", "reference", "kind", "status", "provider", "method"),
    *("pack_id", "plan_id", "interval", "amount", "currency", "discount", "coupon_code"),
    *("pay_amount", "pay_currency", "paid_amount", "paid_currency", "credits_micros"),
    *("refunded_amount", "reversed_micros", "trial_days", "origin", "reason", "created_at"),
    *("paid_at", "expires_at"),
)
_SHEET: Final = Sheet[Order](
    "orders",
    COLUMNS,
    filters=("status", "provider", "account_id", "order_no"),
    sorts=order_list.SORTS,
    summed=Summed("pay_amount", "pay_currency"),
)


@dataclass(frozen=True, slots=True)
class OrderView:
    trace: OrderTrace
    refunds: Sequence[Refund]
    disputes: Sequence[DisputeRow]
    periods: Sequence[Period]
    cases: OrderCases
    waiting: OpenReview
    documents: Sequence[BillingDocument]
    trial_ends_at: int | None = None

    @property
    def timeline(self) -> OrderTimeline:
        return self.trace.timeline

    @property
    def provider_events(self) -> Sequence[LogEntry]:
        return self.trace.notifications

    @property
    def is_refundable(self) -> bool:
        order = self.timeline.order
        if order.kind == "subscription":
            return any(one.amount > one.refunded_amount for one in self.periods)
        may_go_back = order.is_settled or is_uncredited(order)
        return may_go_back and order.payment.amount > order.refunded_amount

    @property
    def spare_rest(self) -> Sequence[SpareMoney]:
        """Return the payments that gave no credit, weren't fully refunded, and belong to no case."""
        waiting = {one.money.ref for one in self.cases.cases if one.money is not None}
        own = None if self.timeline.order.kind == "subscription" else self.timeline.order.payment_id
        rest = [one for one in self.cases.spare if one.ref not in {*waiting, own}]
        return [one for one in rest if one.left.amount > 0]


async def show_list(call: RequestContext[Fields, Fields]) -> Reply:
    asked = read_query(call)
    narrowed = OrderFilter(
        environment=call.principal.environment,
        status=asked.text("status") or None,
        provider=asked.text("provider") or None,
        account_id=asked.text("account_id") or None,
        order_no=asked.text("order_no") or None,
    )

    async def read(tx: Transaction, cursor: str | None, limit: int) -> Sequence[Order]:
        before_id = place_of(cursor, "ord", order_list.SORTS)
        return await order_list.stretch_of_all(tx, narrowed, before_id=before_id, limit=limit)

    return await list_page(
        call,
        "admin/orders.html",
        _SHEET,
        read,
        statuses=STATUSES,
        providers=call.context.payments.providers.names(),
    )


async def show(call: RequestContext[Fields, Fields]) -> Reply:
    return await order_page(call, Form())


async def order_page(
    call: RequestContext[Any, Any], form: Form, problem: Problem = NO_PROBLEM
) -> Response:
    seen = await _seen(call)
    blank, typed = (Form(), NO_PROBLEM), (form, problem)
    is_refund = call.path.endswith("/refund")
    return page(
        call,
        "admin/order.html",
        status=problem.status,
        problem=problem,
        decision=blank if is_refund else typed,
        refund=typed if is_refund else blank,
        seen=seen,
        timeline=seen.timeline,
        status_path=call.context.payments.links.status_path(seen.timeline.order.id),
        can_ask=seen.timeline.order.status == "pending" or can_be_asked(seen.timeline.order),
        order=seen.timeline.order,
        waiting=seen.waiting,
        acts=seen.cases.acts(seen.timeline.order, seen.waiting),
        way=call.context.refunder.way_of(seen.timeline.order),
        is_uncredited=is_uncredited(seen.timeline.order),
    )


async def _seen(call: RequestContext[Any, Any]) -> OrderView:
    environment, order_id = call.principal.environment, call.params["order_id"]

    async def work(tx: Transaction) -> OrderView:
        order = await order_list.find(tx, order_id)
        if order is None or order.environment != environment:
            raise NotFound("Order")
        begun = await subscription_rows.find_by_order(tx, order.id)
        periods = {} if begun is None else await subscription_rows.load_periods(tx, [begun.id])
        return OrderView(
            await trace(tx, order.id),
            await refund_rows.of_order(tx, order.id),
            await disputes.of_order(tx, order.id),
            [] if begun is None else periods.get(begun.id, [])[::-1],
            await cases_of(tx, order),
            await open_review(tx, order),
            await documents.page(
                tx,
                Tenant(order.account_id, order.environment),
                before_id=None,
                limit=DOCUMENTS_SHOWN,
                narrowed=DocumentFilter(order_id=order.id),
            ),
            None if begun is None else begun.trial_ends_at,
        )

    return await call.context.database.read(work)


REFUNDS_PATH: Final = "/dashboard/admin/refunds"
PAGES: Final = ActPages(
    path="/refunds",
    title="Refunds",
    lead="If a refund's outcome stays unknown, check the provider's own pages. Then record the "
    "result on the refund's page.",
    empty="An order's page has the form.",
    listed=LIST_REFUNDS,
    query=RefundsQuery(),
    filters=("status", "order_id", "account_id"),
    own_address=f"{REFUNDS_PATH}/",
)
DISPUTES: Final = ActPages(
    path="/disputes",
    title="Disputes",
    lead="Payments that a payer's bank disputed. Submit evidence on the provider's own pages before the deadline.",
    empty="Disputes that a provider reports are listed here.",
    listed=LIST_DISPUTES,
    query=DisputesQuery(),
    filters=("state",),
)


async def show_refund(call: RequestContext[Fields, Fields]) -> Reply:
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
        order_path=f"{REFUNDS_PATH}/{found.order_id}",
    )


ROUTES = (
    admin_route("GET", "/orders", show_list, "Everybody's orders"),
    admin_route("GET", "/orders/{order_id}", show, "One order"),
    *(form_route(act, order_page) for act in (APPROVE_ORDER, REJECT_ORDER, ASK_PROVIDER)),
    *PAGES.routes(),
    *DISPUTES.routes(),
    admin_route("GET", "/refunds/{refund_id}", show_refund, "One refund"),
    form_route(DECIDE_REFUND, _refund_page, path="/refunds/{refund_id}"),
    form_route(REFUND_ORDER, order_page, goes_to=lambda refund_id: f"{REFUNDS_PATH}/{refund_id}"),
)
