"""Everybody's orders of the environment, one with what its provider said of it, and the decision."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from starlette.responses import Response

from billing.documents import document as documents
from billing.documents.document import BillingDocument, DocumentFilter
from billing.ledger.price import price_of
from billing.orders import queries as order_list
from billing.orders.order import STATUSES, Order
from billing.orders.queries import OrderFilter
from billing.orders.question import can_be_asked
from billing.orders.refund_row import Refund
from billing.orders.timeline import OrderTimeline
from billing.orders.uncredited import is_uncredited
from billing.payments import disputes
from billing.payments.cases import OrderCases, SpareMoney, cases_of, open_review
from billing.payments.disputes import Dispute
from billing.payments.questions import QuestionOutcome
from billing.payments.review import OpenReview, Verdict
from billing.payments.trace import OrderTrace, trace
from billing.providers.event_log import LogEntry
from billing.refunds import queries as refund_rows
from billing.subscriptions import records as subscription_rows
from billing.subscriptions.subscription import Period
from gateway.dashboard.admin.fields import admin_route, decider
from gateway.dashboard.sheet import Sheet, list_page
from gateway.html.forms import NO_PROBLEM, Form, Problem, problem_of, read_form, read_query
from gateway.html.render import go, page
from gateway.http.fields import place_of
from gateway.http.request_context import RequestContext
from gateway.http.routing import Reply
from kernel.errors import DomainError, InvalidInput, NotFound
from kernel.fields import Fields
from kernel.tenant import Tenant
from store.database import Transaction

PATH: Final = "/dashboard/admin/orders"
NOTE_CHARACTERS_MAX: Final = 200
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
)
_VERDICTS: Final[dict[str, Verdict]] = {
    "approve": "approve",
    "approve_paid": "approve",
    "approve_price": "approve",
    "reject": "reject",
}
_ASKED: Final[Mapping[QuestionOutcome, str]] = {
    "asked": "order-asked",
    "not_needed": "order-asked",
    "not_open": "order-asked",
    "just_asked": "order-just-asked",
    "busy": "order-just-asked",
}
_SAID: Final = {"approve": "order-approved", "reject": "order-rejected"}


@dataclass(frozen=True, slots=True)
class OrderView:
    """Where the order's money is, its timeline, every notification about it, and what goes back."""

    trace: OrderTrace
    refunds: Sequence[Refund]
    disputes: Sequence[Dispute]
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
        """Whether something was paid that may go back."""
        order = self.timeline.order
        if order.kind == "subscription":
            return any(one.amount > one.refunded_amount for one in self.periods)
        may_go_back = order.is_settled or is_uncredited(order)
        return may_go_back and order.payment.amount > order.refunded_amount

    @property
    def spare_rest(self) -> Sequence[SpareMoney]:
        """Money that gave no credit and that nobody waits for, such as what was dismissed."""
        waiting = {one.money.ref for one in self.cases.cases if one.money is not None}
        own = None if self.timeline.order.kind == "subscription" else self.timeline.order.payment_id
        rest = [one for one in self.cases.spare if one.ref not in {*waiting, own}]
        return [one for one in rest if one.left.amount > 0]


async def show_list(call: RequestContext[Fields, Fields]) -> Reply:
    """Newest first."""
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
    """One order, whoever owns it."""
    return await order_page(call, Form())


async def decide(call: RequestContext[Fields, Fields]) -> Reply:
    """Credits the order, or what of its price the form says counts as paid, or ends it without."""
    form = read_form(call)
    order = (await _seen(call)).timeline.order
    try:
        pressed = form.text("verdict")
        verdict = _VERDICTS.get(pressed)
        if verdict is None:
            raise InvalidInput("press Approve or Reject", param="verdict")
        note = form.text("note")
        if not note:
            raise InvalidInput("say why, for whoever looks at it later", param="note")
        if len(note) > NOTE_CHARACTERS_MAX:
            raise InvalidInput(f"at most {NOTE_CHARACTERS_MAX} characters", param="note")
        counts = None
        if verdict == "approve":
            waiting = await call.context.payments.waiting(order)
            counts = _counted(waiting, pressed, form.text("amount"))
        await call.context.payments.resolve(
            order.id, verdict, by=decider(call), note=note, amount=counts
        )
    except DomainError as error:
        return await order_page(call, form, problem_of(error))
    return go(f"{PATH}/{order.id}", said=_SAID[verdict])


def _counted(waiting: OpenReview, pressed: str, written: str) -> int | None:
    """How much of the price counts as paid: what came, all of it, or what was written.

    Raises InvalidInput, also where what came cannot be compared with the price.
    """
    price, came = waiting.price, waiting.came
    if pressed == "approve_price":
        return price.amount
    if pressed == "approve_paid":
        if came is None or came.currency != price.currency:
            raise InvalidInput("what was paid is not known in the price's currency", param="amount")
        return min(came.amount, price.amount)
    return price_of(written, price.currency, param="amount").amount if written else None


async def ask(call: RequestContext[Fields, Fields]) -> Reply:
    """Asks the provider now, or opens the checkout that it has not opened yet."""
    order = (await _seen(call)).timeline.order
    payments = call.context.payments
    if order.status == "pending" and order.provider_ref is None:
        await payments.check(order)
        return go(f"{PATH}/{order.id}", said="order-asked")
    asked = await payments.questions.ask(order)
    return go(f"{PATH}/{order.id}", said=_ASKED[asked.outcome])


async def order_page(
    call: RequestContext[Any, Any], form: Form, problem: Problem = NO_PROBLEM
) -> Response:
    """The order's page, with what a form of it said."""
    seen = await _seen(call)
    return page(
        call,
        "admin/order.html",
        status=problem.status,
        form=form,
        problem=problem,
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
    """Raises NotFound, also for an order of the other environment."""
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


ROUTES = (
    admin_route("GET", "/orders", show_list, "Everybody's orders"),
    admin_route("GET", "/orders/{order_id}", show, "One order"),
    admin_route("POST", "/orders/{order_id}", decide, "Approve or reject an order"),
    admin_route("POST", "/orders/{order_id}/ask", ask, "Ask the provider about an order"),
)
