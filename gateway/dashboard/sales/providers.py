"""Payment providers, and customers of erased accounts that a provider still has."""

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
from billing.payments.recharging.forgotten import ForgottenCustomer, list_forgotten
from gateway.dashboard.act_pages import form_route, run_asked
from gateway.dashboard.admin.fields import admin_route
from gateway.dashboard.paging import Paged
from gateway.dashboard.sheet import Sheet, whole_short_list
from gateway.html.forms import NO_PROBLEM, Form, Problem
from gateway.html.render import page
from gateway.http.rate_limit import take_one
from gateway.http.request_context import RequestContext
from gateway.http.routing import Reply
from kernel.fields import Fields

PATH: Final = "/dashboard/admin/providers"
CHECKS: Final = (6, 60)  # in so many seconds
_FORGOTTEN: Final = Sheet[ForgottenCustomer](
    "customers-of-erased-accounts",
    ("provider", "customer_ref", "created_at", "last_error", "next_attempt_at"),
    cursor=attrgetter("customer_ref"),
)


async def show(call: RequestContext[Fields, Fields]) -> Reply:
    environment = call.principal.environment
    whole = await whole_short_list(call, _FORGOTTEN, lambda tx: list_forgotten(tx, environment))
    return await _page(call) if whole is None else whole


async def ask(call: RequestContext[Fields, Fields]) -> Reply:
    count, period_s = CHECKS
    await take_one(
        call.context.limiter,
        f"setup:{call.principal.account_id}",
        count=count,
        period_s=period_s,
        detail="the providers were asked often; wait a minute",
    )
    return await _page(
        call, checked=await run_asked(call, CHECK_PROVIDERS, CheckBody(), is_operator=True)
    )


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


ROUTES = (
    admin_route("GET", "/providers", show, "Payment providers"),
    admin_route("POST", "/providers", ask, "Ask the providers about their settings"),
    *(form_route(act, _page, goes_to=lambda _: PATH) for act in (RETRY_CUSTOMER, DROP_CUSTOMER)),
)
