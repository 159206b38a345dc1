"""Show payment providers, and the customers of erased accounts that a provider still stores."""

from collections.abc import Sequence
from operator import attrgetter
from typing import Any, Final

from starlette.responses import Response

from billing.payments.provider_acts import (
    CHECK_PROVIDERS,
    DROP_CUSTOMER,
    RETRY_CUSTOMER,
    CheckBody,
    CheckedProvider,
    standings,
)
from billing.payments.recharging.customer_deletion import ForgottenCustomer, list_forgotten
from billing.providers import event_log as provider_event
from billing.providers.event_log import LogEntry
from gateway.dashboard.act_pages import form_route, run_asked
from gateway.dashboard.admin.fields import admin_route
from gateway.dashboard.listing import Paged
from gateway.dashboard.sheet import Sheet, list_page, whole_short_list
from gateway.html.forms import NO_PROBLEM, Form, Problem, read_query
from gateway.html.render import page
from gateway.http.rate_limit import Allowance, take_one
from gateway.http.request_context import RequestContext
from gateway.http.routing import Reply
from kernel.errors import UnknownCursor
from kernel.fields import Fields
from store.database import Transaction

PATH: Final = "/dashboard/admin/providers"
CHECKS: Final = Allowance(6, 60)
_FORGOTTEN: Final = Sheet[ForgottenCustomer](
    "customers-of-erased-accounts",
    ("provider", "customer_ref", "created_at", "last_error", "next_attempt_at"),
    cursor=attrgetter("customer_ref"),
)


async def show(call: RequestContext[Fields, Fields]) -> Reply:
    environment = call.principal.environment
    whole = await whole_short_list(call, _FORGOTTEN, lambda tx: list_forgotten(tx, environment))
    return await _page(call) if whole is None else whole


async def check_now(call: RequestContext[Fields, Fields]) -> Reply:
    await take_one(
        call.context.limiter,
        f"setup:{call.principal.account_id}",
        CHECKS,
        "the providers were asked often; wait a minute",
    )
    return await _page(call, checked=await run_asked(call, CHECK_PROVIDERS, CheckBody()))


async def _page(
    call: RequestContext[Any, Any],
    form: Form | None = None,
    problem: Problem = NO_PROBLEM,
    *,
    checked: Sequence[CheckedProvider] = (),
) -> Response:
    context, environment = call.context, call.principal.environment
    known = standings(context.payments.providers, context.settings.public_url)
    forgotten = await context.database.read(lambda tx: list_forgotten(tx, environment))
    return page(
        call,
        "admin/providers.html",
        status=problem.status,
        form=form or Form(),
        problem=problem,
        forgotten=forgotten,
        forgotten_pages=Paged(csv_url=f"{PATH}?format=csv_excel"),
        known=[one for one in known if one.environment == call.principal.environment],
        checked=checked,
        is_asked=call.method == "POST" and form is None,
    )


EventCursor = tuple[int, str, str]  # received_at, provider, event id
_TIME_CHARACTERS_MAX = 18


async def show_events(call: RequestContext[Fields, Fields]) -> Reply:
    environment, asked = call.principal.environment, read_query(call)
    is_open_only = asked.text("show") == "open"

    async def read(tx: Transaction, cursor: str | None, limit: int) -> Sequence[LogEntry]:
        before = _place(cursor or "")
        return await provider_event.page(
            tx, environment, is_open_only=is_open_only, before=before, limit=limit
        )

    return await list_page(call, "admin/events.html", _SHEET, read)


def _cursor(entry: LogEntry) -> str:
    return f"{entry.received_at}.{entry.notification.provider}.{entry.notification.event_id}"


def _place(cursor: str) -> EventCursor | None:
    if not cursor:
        return None
    at, _, rest = cursor.partition(".")
    provider, _, event_id = rest.partition(".")
    if not (at.isascii() and at.isdigit() and len(at) <= _TIME_CHARACTERS_MAX and event_id):
        raise UnknownCursor
    return int(at), provider, event_id


_SHEET: Final = Sheet[LogEntry](
    "provider-events",
    (
        *("received_at", "notification.provider", "notification.event_id", "notification.type"),
        *("outcome", "account_id", "order_id", "detail", "resolved_at"),
    ),
    cursor=_cursor,
    filters=("show",),
)


ROUTES = (
    admin_route("GET", "/providers", show, "Payment providers"),
    admin_route("POST", "/providers", check_now, "Ask the providers about their settings"),
    *(form_route(act, _page, goes_to=lambda _: PATH) for act in (RETRY_CUSTOMER, DROP_CUSTOMER)),
    admin_route("GET", "/events", show_events, "What providers told us"),
)
