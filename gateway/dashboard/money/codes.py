"""Redeem codes, and check in once a day."""

import random
from typing import Any, Final

from starlette.responses import Response

from billing.credits.checkin import CheckIn, zone_of
from billing.credits.code_acts import REDEEM
from billing.reports.credit_history import free_credit
from gateway.dashboard.route import page_route
from gateway.html.forms import NO_PROBLEM, Form, Problem, problem_of, read_form
from gateway.html.render import go, page
from gateway.http.own_acts import run_own
from gateway.http.request_context import RequestContext
from gateway.http.routing import Reply
from kernel.errors import DomainError
from kernel.fields import Fields
from keys.account import set_time_zone

PATH: Final = "/dashboard/codes"
LINES_SHOWN: Final = 20
_READ: Final = ("billing:read",)
_WRITE: Final = ("billing:write",)
# The award must be unpredictable.
_pick: Final = random.SystemRandom().randint


async def show(call: RequestContext[Fields, Fields]) -> Reply:
    return await _codes_page(call, Form())


async def redeem(call: RequestContext[Fields, Fields]) -> Reply:
    form = read_form(call)
    try:
        done = await run_own(call, REDEEM, {"code": form.text("code")})
    except DomainError as error:
        return await _codes_page(call, form, problem_of(error))
    return await _codes_page(call, Form(), redeemed=done)


async def check_in(call: RequestContext[Fields, Fields]) -> Reply:
    read_form(call)
    try:
        await call.context.engine.submit(CheckIn(call.principal.tenant, _pick))
    except DomainError as error:
        return await _codes_page(call, Form(), problem_of(error))
    return go(PATH, said="checked-in")


async def set_zone(call: RequestContext[Fields, Fields]) -> Reply:
    form = read_form(call)
    account_id, time_zone = call.principal.account_id, form.text("time_zone")
    try:
        zone_of(time_zone)
    except DomainError as error:
        return await _codes_page(call, form, problem_of(error))
    await call.context.database.transaction(lambda tx: set_time_zone(tx, account_id, time_zone))
    return go(PATH, said="zone-set")


async def _codes_page(
    call: RequestContext[Any, Any],
    form: Form,
    problem: Problem = NO_PROBLEM,
    *,
    redeemed: dict[str, Any] | None = None,
) -> Response:
    tenant, now_us = call.principal.tenant, call.now_us
    checkin, lines = await call.context.database.read(
        lambda tx: free_credit(tx, tenant, limit=LINES_SHOWN, now_us=now_us)
    )
    return page(
        call,
        "codes.html",
        status=problem.status,
        form=form,
        problem=problem,
        checkin=checkin,
        lines=lines,
        redeemed=redeemed,
    )


ROUTES = (
    page_route("GET", "/codes", show, "Codes and check-in", _READ),
    page_route("POST", "/codes", redeem, "Redeem a code", _WRITE),
    page_route("POST", "/codes/checkin", check_in, "Check in", _WRITE),
    page_route("POST", "/codes/zone", set_zone, "Set the time zone", _WRITE),
)
