"""What waits for an operator: money that came without credit, and credit without money."""

from collections.abc import Mapping, Sequence
from typing import Final

from billing.orders import queries as order_list
from billing.orders.order import Order
from billing.providers import event_log as provider_event
from billing.providers.event_log import LogEntry
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


async def show(call: RequestContext[Fields, Fields]) -> Reply:
    """Both lists, each with pages of its own."""
    environment, asked = call.principal.environment, read_query(call)
    reason = next((name for name in REASONS if name == asked.text("reason")), None)
    first = cursor_id(asked.text(UNCREDITED) or None, "ord")
    second = cursor_id(asked.text(UNPAID) or None, "ord")

    async def work(
        tx: Transaction,
    ) -> tuple[Sequence[Order], Sequence[Order], Mapping[str, list[LogEntry]]]:
        waiting = await order_list.paid_uncredited(
            tx, environment, reason=reason, before_id=first, limit=ASKED
        )
        unpaid = await order_list.credited_unpaid(tx, environment, before_id=second, limit=ASKED)
        return waiting, unpaid, await provider_event.open_of(tx, [order.id for order in waiting])

    uncredited, unpaid, problems = await call.context.database.read(work)
    return page(
        call,
        "admin/review.html",
        uncredited=paged(
            call, uncredited, lambda order: str(order.id), name=UNCREDITED, filters=("reason",)
        ),
        problems=problems,
        reason=reason,
        reasons=REASONS,
        unpaid=paged(call, unpaid, lambda order: str(order.id), name=UNPAID),
        overlooked_s=await overlooked_s(call),
    )


ROUTES = (admin_route("GET", "", show, "What waits for a decision"),)
