"""Show and change platforms: limits, fees and the order of suppliers."""

from collections.abc import Sequence
from typing import Any, Final

from starlette.responses import Response

from billing.fulfilment.fee_acts import CLEAR_FEE, SET_FEE, FeeParts
from billing.fulfilment.platform_acts import (
    CHANGE_PLATFORM,
    CREATE_PLATFORM,
    DISABLE_PLATFORM,
    ENABLE_PLATFORM,
    LIST_PLATFORMS,
    SHOW_PLATFORM,
    Platform,
    PlatformChanges,
)
from billing.topups.platform_rows import FeeRow, list_fees, list_suppliers
from gateway.dashboard.act_pages import ActPages, form_route, run_typed
from gateway.dashboard.admin.fields import admin_route
from gateway.html.act_form import fields_of, form_of
from gateway.html.forms import NO_PROBLEM, Form, Problem, problem_of, read_form
from gateway.html.render import go, page
from gateway.http.acts import Door
from gateway.http.request_context import RequestContext
from gateway.http.routing import Reply
from kernel.errors import DomainError
from kernel.fields import Fields, Page
from store.database import Transaction

PAGES: Final = ActPages(
    path="/platforms",
    title="Platforms",
    lead="Platforms that credit can be sent to. A platform without a supplier isn't offered.",
    empty="Create the first below.",
    listed=LIST_PLATFORMS,
    query=Page(),
    create=CREATE_PLATFORM,
    buttons=(DISABLE_PLATFORM, ENABLE_PLATFORM),
    own_address="/dashboard/admin/platforms/",
)


async def show(call: RequestContext[Fields, Fields]) -> Reply:
    return await _page(call)


async def set_fee(call: RequestContext[Fields, Fields]) -> Reply:
    form = read_form(call)
    act = CLEAR_FEE if form.text("step") == "clear" else SET_FEE
    try:
        await run_typed(call, act, form)
    except DomainError as error:
        return await _page(call, fee_form=form, problem=problem_of(error))
    return go(f"{PAGES.address}/{call.params['platform']}", said=act.name)


async def _page(
    call: RequestContext[Any, Any],
    form: Form | None = None,
    problem: Problem = NO_PROBLEM,
    *,
    fee_form: Form | None = None,
) -> Response:
    door = Door(SHOW_PLATFORM, call, is_operator=True)

    async def work(tx: Transaction) -> tuple[Platform, list[str], Sequence[FeeRow]]:
        environment = call.principal.environment
        shown = await SHOW_PLATFORM.run(await door.context(tx))
        suppliers = await list_suppliers(tx, environment)
        fees = [one for one in await list_fees(tx, environment) if one.platform == shown.id]
        return shown, [one.id for one in suppliers if one.is_active], fees

    platform, known, fees = await call.context.database.read(work)
    return page(
        call,
        "admin/platform.html",
        status=problem.status,
        platform=platform,
        known=known,
        buttons=PAGES.buttons_of(platform),
        fields=fields_of(PlatformChanges, form or form_of(PlatformChanges, platform)),
        fees=fees,
        fee_fields=fields_of(FeeParts, fee_form or Form()),
        problem=problem,
    )


ROUTES = (
    *PAGES.routes(SET_FEE, CLEAR_FEE),
    admin_route("GET", "/platforms/{platform}", show, "One platform"),
    form_route(CHANGE_PLATFORM, _page, path="/platforms/{platform}"),
    admin_route("POST", "/platforms/{platform}/fee", set_fee, "Set a platform's fee, or clear it"),
)
