"""List receipts, notes and monthly statements."""

import contextlib
from collections.abc import Sequence
from typing import Final

from billing.documents.acts import LIST
from billing.documents.facts import KINDS
from gateway.dashboard.listing import listing
from gateway.dashboard.route import page_route
from gateway.html.forms import read_query
from gateway.html.render import page
from gateway.http.request_context import RequestContext
from gateway.http.routing import Reply
from kernel.clock import moment_us, month_start_us, rfc3339
from kernel.fields import Fields
from keys.account import get_account

MONTHS_SHOWN: Final = 12
_FILTERS: Final = ("kind", "order_id", "dated_after", "dated_before")


async def show(call: RequestContext[Fields, Fields]) -> Reply:
    tenant = call.principal.tenant
    account = await call.context.database.read(lambda tx: get_account(tx, tenant.account_id))
    months, older = _months(
        account.created_at, call.now_us, before=read_query(call).text("months_before")
    )
    # Live has no documents before the operator has set the seller.
    has_seller = tenant.environment != "live" or call.context.settings.seller.is_known
    return page(
        call,
        "documents.html",
        listing=await listing(call, LIST, *_FILTERS),
        kinds=KINDS,
        months=months,
        older=older,
        has_seller=has_seller,
    )


def _months(since_us: int, now_us: int, *, before: str) -> tuple[Sequence[str], str | None]:
    """Return the latest months, such as 2026-11, and before which month there are more."""
    first, at_us = month_start_us(since_us), month_start_us(now_us)
    with contextlib.suppress(ValueError):
        at_us = min(at_us, month_start_us(moment_us(before) - 1)) if before else at_us
    found: list[str] = []
    while at_us >= first and len(found) < MONTHS_SHOWN:
        found.append(rfc3339(at_us)[:7])
        at_us = month_start_us(at_us - 1)
    return found, found[-1] if found and at_us >= first else None


ROUTES = (page_route("GET", "/documents", show, "Documents", ("billing:read",)),)
