"""Payment providers: which are set up here, and what each says of its own settings when it is asked."""

from collections.abc import Sequence
from typing import Any, Final

from starlette.responses import Response

from billing.payments.setup import CheckedProvider, check, standings
from gateway.dashboard.admin.fields import admin_route
from gateway.html.render import page
from gateway.http.fields import Fields
from gateway.http.rate_limit import take_one
from gateway.http.request_context import RequestContext
from gateway.http.routing import Reply

# Of one account; each asks every provider.
CHECKS: Final = (6, 60)  # in so many seconds


async def show(call: RequestContext[Fields, Fields]) -> Reply:
    """What is set up; nobody is asked."""
    return _page(call, ())


async def ask(call: RequestContext[Fields, Fields]) -> Reply:
    """Asks each provider of this environment; raises RateLimited."""
    count, period_s = CHECKS
    await take_one(
        call.context.limiter,
        f"setup:{call.principal.account_id}",
        count=count,
        period_s=period_s,
        detail="the providers were asked often; wait a minute",
    )
    context, environment = call.context, call.principal.environment
    known = standings(context.payments, context.settings.public_url)
    wanted = [one for one in known if (one.environment, one.state) == (environment, "ready")]
    checked = [await check(context.database, context.payments, one) for one in wanted]
    return _page(call, checked)


def _page(call: RequestContext[Any, Any], checked: Sequence[CheckedProvider]) -> Response:
    context = call.context
    known = standings(context.payments, context.settings.public_url)
    return page(
        call,
        "admin/providers.html",
        known=[one for one in known if one.environment == call.principal.environment],
        checked=checked,
        is_asked=call.method == "POST",
    )


ROUTES = (
    admin_route("GET", "/providers", show, "Payment providers"),
    admin_route("POST", "/providers", ask, "Ask the providers about their settings"),
)
