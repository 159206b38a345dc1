"""What waits for an operator: money that came without credit, and credit without money."""

from collections.abc import Mapping, Sequence
from typing import Final

from billing.orders import queries as order_list
from billing.orders.order import Order
from billing.payments.cases import CaseAct, OrderCases, cases_of, open_review
from billing.providers.problem import REASONS
from gateway.dashboard.admin.fields import admin_route
from gateway.dashboard.paging import ASKED, paged
from gateway.dashboard.unattended import overlooked_s
from gateway.html.forms import read_query
from gateway.html.render import page
from gateway.http.fields import Fields, cursor_id
from gateway.http.request_context import RequestContext
from gateway.http.routing import Reply
from store.database import Transaction

UNCREDITED: Final = "uncredited"
UNPAID: Final = "unpaid"
Acts = Sequence[CaseAct]
# What the list says may be done; the order's page has the buttons.
ACT_WORDS: Final[Mapping[CaseAct, str]] = {
    "credit_paid": "credit what was paid",
    "credit_price": "credit the price",
    "credit_part": "credit a part",
    "comp": "give the period free",
    "refund": "refund",
    "reject": "reject",
    "dismiss": "dismiss",
}


async def show(call: RequestContext[Fields, Fields]) -> Reply:
    """Both lists, each with pages of its own."""
    environment, asked = call.principal.environment, read_query(call)
    reason = next((name for name in REASONS if name == asked.text("reason")), None)
    first = cursor_id(asked.text(UNCREDITED) or None, "ord")
    second = cursor_id(asked.text(UNPAID) or None, "ord")

    async def work(
        tx: Transaction,
    ) -> tuple[Sequence[Order], Sequence[Order], Mapping[str, OrderCases], Mapping[str, Acts]]:
        waiting = await order_list.paid_uncredited(
            tx, environment, reason=reason, before_id=first, limit=ASKED
        )
        unpaid = await order_list.credited_unpaid(tx, environment, before_id=second, limit=ASKED)
        cases = {order.id: await cases_of(tx, order) for order in waiting}
        acts = {
            order.id: cases[order.id].acts(order, await open_review(tx, order)) for order in waiting
        }
        return waiting, unpaid, cases, acts

    uncredited, unpaid, cases, acts = await call.context.database.read(work)
    return page(
        call,
        "admin/review.html",
        uncredited=paged(
            call, uncredited, lambda order: str(order.id), name=UNCREDITED, filters=("reason",)
        ),
        cases=cases,
        acts=acts,
        act_words=ACT_WORDS,
        reason=reason,
        reasons=REASONS,
        unpaid=paged(call, unpaid, lambda order: str(order.id), name=UNPAID),
        overlooked_s=await overlooked_s(call),
    )


ROUTES = (admin_route("GET", "", show, "What waits for a decision"),)
