"""The desk's list: top-ups that are with suppliers, narrowed to what somebody should look at."""

from collections.abc import Sequence
from typing import Final
from urllib.parse import urlencode

from billing.desk import waiting
from billing.desk.acts import DeskTopUp
from billing.desk.waiting import VIEWS, DeskFilter, View
from billing.topups.platform_rows import list_platforms, list_suppliers
from gateway.dashboard.admin.fields import admin_route
from gateway.dashboard.paging import ASKED, paged
from gateway.html.forms import Form, read_query
from gateway.html.render import page
from gateway.http.fields import Fields, cursor_id
from gateway.http.request_context import RequestContext
from gateway.http.routing import Reply
from kernel.clock import HOUR_US
from store.database import Transaction

PATH: Final = "/dashboard/admin/topups"
FIRST_VIEW: Final[View] = "person"
# Hours since the send, as the list offers them.
AGES_H: Final = {"1": "1 hour", "4": "4 hours", "24": "1 day", "168": "7 days"}
_FILTERS: Final = ("view", "supplier", "platform", "account_id", "age")


async def show(call: RequestContext[Fields, Fields]) -> Reply:
    """What waits for a person, first; the oldest first."""
    environment, asked, now_us = call.principal.environment, read_query(call), call.now_us
    wanted = _wanted(environment, asked, now_us)
    after_id = cursor_id(asked.text("cursor") or None, "txn")

    async def work(tx: Transaction) -> tuple[Sequence[DeskTopUp], list[str], list[str]]:
        found = await waiting.page(tx, wanted, after_id=after_id, limit=ASKED, now_us=now_us)
        suppliers = [row.id for row in await list_suppliers(tx, environment)]
        return found, suppliers, [row.id for row in await list_platforms(tx, environment)]

    found, suppliers, platforms = await call.context.database.read(work)
    listing = paged(call, found, lambda seen: str(seen.topup.id), filters=_FILTERS)
    chosen = {name: text for name in _FILTERS[1:] if (text := asked.text(name))}
    return page(
        call,
        "admin/desk.html",
        listing=listing,
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


def _wanted(environment: str, asked: Form, now_us: int) -> DeskFilter:
    """What the address asks for; what it names wrongly is passed over."""
    age = asked.text("age")
    return DeskFilter(
        environment,
        next((view for view in VIEWS if view == asked.text("view")), FIRST_VIEW),
        asked.text("supplier") or None,
        asked.text("platform") or None,
        asked.text("account_id") or None,
        now_us - int(age) * HOUR_US if age in AGES_H else None,
    )


ROUTES = (admin_route("GET", "/topups", show, "Top-ups that wait"),)
