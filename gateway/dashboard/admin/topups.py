"""List top-ups for manual review."""

from collections.abc import Sequence
from operator import attrgetter
from typing import Final
from urllib.parse import urlencode

from billing.manual_review import waiting
from billing.manual_review.rules import ReviewedTopUp
from billing.manual_review.waiting import VIEWS, ReviewFilter, View
from billing.topups.platform_rows import list_platforms, list_suppliers
from gateway.dashboard.admin.fields import admin_route
from gateway.dashboard.sheet import Sheet, list_page
from gateway.html.forms import Form, read_query
from gateway.http.fields import cursor_id
from gateway.http.request_context import RequestContext
from gateway.http.routing import Reply
from kernel.clock import HOUR_US
from kernel.fields import Fields
from store.database import Transaction

PATH: Final = "/dashboard/admin/topups"
FIRST_VIEW: Final[View] = "person"
# Hours since the send.
AGES_H: Final = {"1": "1 hour", "4": "4 hours", "24": "1 day", "168": "7 days"}
_FILTERS: Final = ("view", "supplier", "platform", "account_id", "age")
_SHEET: Final = Sheet[ReviewedTopUp](
    "topups-at-suppliers",
    (
        *("topup.id", "topup.account_id", "topup.status", "topup.platform", "topup.amount_cents"),
        *("topup.fee_cents", "topup.recipient_email", "topup.supplier", "topup.checks_made"),
        *("topup.next_check_at", "topup.created_at", "topup.settled_at", "topup.failure_reason"),
    ),
    cursor=attrgetter("topup.id"),
    filters=_FILTERS,
)


async def show(call: RequestContext[Fields, Fields]) -> Reply:
    environment, asked, now_us = call.principal.environment, read_query(call), call.now_us
    wanted = _wanted(environment, asked, now_us)

    async def read(tx: Transaction, cursor: str | None, limit: int) -> Sequence[ReviewedTopUp]:
        after_id = cursor_id(cursor, "txn")
        return await waiting.page(tx, wanted, after_id=after_id, limit=limit, now_us=now_us)

    async def choices(tx: Transaction) -> tuple[list[str], list[str]]:
        suppliers = [row.id for row in await list_suppliers(tx, environment)]
        return suppliers, [row.id for row in await list_platforms(tx, environment)]

    suppliers, platforms = await call.context.database.read(choices)
    chosen = {name: text for name in _FILTERS[1:] if (text := asked.text(name))}
    return await list_page(
        call,
        "admin/topups.html",
        _SHEET,
        read,
        view=wanted.view,
        views=[
            (name, word, f"{PATH}?{urlencode({'view': name, **chosen})}")
            for name, word in VIEWS.items()
        ],
        is_narrowed=bool(chosen),
        suppliers=suppliers,
        platforms=platforms,
        ages=AGES_H,
    )


def _wanted(environment: str, asked: Form, now_us: int) -> ReviewFilter:
    age = asked.text("age")
    return ReviewFilter(
        environment,
        next((view for view in VIEWS if view == asked.text("view")), FIRST_VIEW),
        asked.text("supplier") or None,
        asked.text("platform") or None,
        asked.text("account_id") or None,
        now_us - int(age) * HOUR_US if age in AGES_H else None,
    )


ROUTES = (admin_route("GET", "/topups", show, "Top-ups that wait"),)
