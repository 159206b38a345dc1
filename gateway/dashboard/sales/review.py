"""What waits for an operator: money that came without credit, and credit without money."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final
from urllib.parse import urlencode

from billing.orders import queries as order_list
from billing.orders.order import Order
from billing.payments.cases import CaseAct, OrderCases, cases_of, open_review
from billing.providers.problem import REASONS
from gateway.dashboard.admin.fields import admin_route
from gateway.dashboard.paging import ASKED, Paged, paged
from gateway.dashboard.sales.orders import COLUMNS
from gateway.dashboard.sheet import Sheet, whole_list
from gateway.dashboard.unattended import overlooked_s
from gateway.html.forms import read_query
from gateway.html.render import page
from gateway.http.fields import cursor_id
from gateway.http.request_context import RequestContext
from gateway.http.routing import Reply
from kernel.fields import Fields
from store.database import Transaction

UNCREDITED: Final = "uncredited"
UNPAID: Final = "unpaid"
Acts = Sequence[CaseAct]
# Each as a file: by `list` and `format` in the address.
_SHEETS: Final[Mapping[str, Sheet[Order]]] = {
    UNCREDITED: Sheet("orders-to-review", COLUMNS, filters=("reason",)),
    UNPAID: Sheet("orders-credited-but-not-paid", COLUMNS),
}
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
    """Both lists, each with pages of its own; or one of them whole, as a file."""
    environment, asked = call.principal.environment, read_query(call)
    reason = next((name for name in REASONS if name == asked.text("reason")), None)
    whole = await _whole(call, asked.text("list"), reason)
    if whole is not None:
        return whole
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
        uncredited=_paged(call, UNCREDITED, uncredited),
        cases=cases,
        acts=acts,
        act_words=ACT_WORDS,
        reason=reason,
        reasons=REASONS,
        unpaid=_paged(call, UNPAID, unpaid),
        overlooked_s=await overlooked_s(call),
    )


async def _whole(
    call: RequestContext[Fields, Fields], wanted: str, reason: str | None
) -> Reply | None:
    """None: the address asks for no file."""
    environment = call.principal.environment

    async def uncredited(tx: Transaction, cursor: str | None, limit: int) -> Sequence[Order]:
        before_id = cursor_id(cursor, "ord")
        return await order_list.paid_uncredited(
            tx, environment, reason=reason, before_id=before_id, limit=limit
        )

    async def unpaid(tx: Transaction, cursor: str | None, limit: int) -> Sequence[Order]:
        before_id = cursor_id(cursor, "ord")
        return await order_list.credited_unpaid(tx, environment, before_id=before_id, limit=limit)

    reads = {UNCREDITED: uncredited, UNPAID: unpaid}
    return await whole_list(call, _SHEETS[wanted], reads[wanted]) if wanted in reads else None


def _paged(call: RequestContext[Fields, Fields], name: str, found: Sequence[Order]) -> Paged:
    sheet = _SHEETS[name]
    shown = paged(call, found, lambda order: str(order.id), name=name, filters=sheet.filters)
    kept = {one: text for one in sheet.filters if (text := shown.filters.text(one))}
    chosen = urlencode({**kept, "list": name, "format": "csv_excel"})
    return replace(shown, csv_url=f"{call.path}?{chosen}")


ROUTES = (admin_route("GET", "", show, "What waits for a decision"),)
