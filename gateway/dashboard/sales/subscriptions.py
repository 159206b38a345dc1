"""Subscriptions of every account, and one with the periods that were paid."""

from collections.abc import Sequence
from typing import Final

from billing.subscriptions import records as subscription_rows
from billing.subscriptions.subscription import MOVES, Period, Subscription
from gateway.dashboard.admin.fields import admin_route
from gateway.dashboard.paging import ASKED, paged
from gateway.html.forms import read_query
from gateway.html.render import page
from gateway.http.fields import Fields, cursor_id
from gateway.http.request_context import RequestContext
from gateway.http.routing import Reply
from kernel.errors import NotFound
from store.database import Transaction

_FILTERS: Final = ("status", "account_id")


async def show_list(call: RequestContext[Fields, Fields]) -> Reply:
    """Newest first."""
    environment, asked = call.principal.environment, read_query(call)
    before_id = cursor_id(asked.text("cursor") or None, "sub")

    async def work(tx: Transaction) -> Sequence[Subscription]:
        return await subscription_rows.page_of_all(
            tx,
            environment,
            status=asked.text("status") or None,
            account_id=asked.text("account_id") or None,
            before_id=before_id,
            limit=ASKED,
        )

    found = await call.context.database.read(work)
    listing = paged(call, found, lambda subscription: str(subscription.id), filters=_FILTERS)
    return page(call, "admin/subscriptions.html", listing=listing, statuses=tuple(MOVES))


async def show(call: RequestContext[Fields, Fields]) -> Reply:
    """One subscription, whoever owns it."""
    environment, wanted_id = call.principal.environment, call.params["subscription_id"]

    async def work(tx: Transaction) -> tuple[Subscription, Sequence[Period]]:
        found = await subscription_rows.find(tx, wanted_id)
        if found is None or found.environment != environment:
            raise NotFound("Subscription")
        periods = await subscription_rows.load_periods(tx, [found.id])
        return found, periods.get(found.id, [])[::-1]

    found, periods = await call.context.database.read(work)
    return page(call, "admin/subscription.html", subscription=found, periods=periods)


ROUTES = (
    admin_route("GET", "/subscriptions", show_list, "Everybody's subscriptions"),
    admin_route("GET", "/subscriptions/{subscription_id}", show, "One subscription"),
)
