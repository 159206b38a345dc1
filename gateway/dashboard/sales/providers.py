"""Payment providers: which are set up here, the result of checking each one's settings, and customers of
erased accounts that it has not deleted yet.
"""

from collections.abc import Sequence
from operator import attrgetter
from typing import Any, Final

from starlette.responses import Response

from billing.payments.recharging.forgotten import (
    ForgottenCustomer,
    ask_again,
    give_up,
    list_forgotten,
)
from billing.payments.setup import CheckedProvider, check, standings
from gateway.dashboard.admin.fields import admin_route, commit
from gateway.dashboard.paging import Paged
from gateway.dashboard.sheet import Sheet, csv_url_of, whole_short_list
from gateway.html.forms import NO_PROBLEM, Form, Problem, problem_of, read_form
from gateway.html.render import go, page
from gateway.http.rate_limit import take_one
from gateway.http.request_context import RequestContext
from gateway.http.routing import Reply
from kernel.errors import DomainError, InvalidInput
from kernel.fields import Fields
from keys.audit_log import Actor
from store.database import Transaction

PATH: Final = "/dashboard/admin/providers"
REASON_CHARACTERS_MAX: Final = 200
# Of one account; each calls every provider.
CHECKS: Final = (6, 60)  # in so many seconds
_FORGOTTEN: Final = Sheet[ForgottenCustomer](
    "customers-of-erased-accounts",
    ("provider", "customer_ref", "created_at", "last_error", "next_attempt_at"),
    cursor=attrgetter("customer_ref"),
)


async def show(call: RequestContext[Fields, Fields]) -> Reply:
    environment = call.principal.environment
    whole = await whole_short_list(call, _FORGOTTEN, lambda tx: list_forgotten(tx, environment))
    return await _page(call, ()) if whole is None else whole


async def ask(call: RequestContext[Fields, Fields]) -> Reply:
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
    return await _page(call, checked)


async def forget(call: RequestContext[Fields, Fields]) -> Reply:
    form = read_form(call)
    key = (form.text("provider"), call.principal.environment, form.text("customer_ref"))

    async def change(tx: Transaction, by: Actor, now_us: int) -> None:
        if form.text("act") == "drop":
            if not (reason := form.text("reason")[:REASON_CHARACTERS_MAX]):
                raise InvalidInput("say why, for whoever looks at it later", param="reason")
            await give_up(tx, key, actor=by, reason=reason, now_us=now_us)
        else:
            await ask_again(tx, key, now_us=now_us)

    try:
        await commit(call, change)
    except DomainError as error:
        return await _page(call, (), form, problem_of(error))
    return go(PATH, said="customer-dropped" if form.text("act") == "drop" else "customer-asked")


async def _page(
    call: RequestContext[Any, Any],
    checked: Sequence[CheckedProvider],
    form: Form | None = None,
    problem: Problem = NO_PROBLEM,
) -> Response:
    context, environment = call.context, call.principal.environment
    known = standings(context.payments, context.settings.public_url)
    forgotten = await context.database.read(lambda tx: list_forgotten(tx, environment))
    return page(
        call,
        "admin/providers.html",
        status=problem.status,
        form=form or Form(),
        problem=problem,
        forgotten=forgotten,
        forgotten_pages=Paged(csv_url=csv_url_of(PATH)),
        known=[one for one in known if one.environment == call.principal.environment],
        checked=checked,
        is_asked=call.method == "POST" and form is None,
    )


ROUTES = (
    admin_route("GET", "/providers", show, "Payment providers"),
    admin_route("POST", "/providers", ask, "Ask the providers about their settings"),
    admin_route(
        "POST", "/providers/forgotten", forget, "Ask again to delete a customer, or no more"
    ),
)
