"""Set up auto-recharge, and save and remove cards."""

from typing import Any, Final

from starlette.responses import Response

from billing.payments.recharging.acts import (
    FORGET_METHOD,
    LIST_METHODS,
    REMOVE_RECHARGE,
    SAVE_METHOD,
    SET_RECHARGE,
    SHOW_OWN,
)
from gateway.dashboard.money.buy import payable_at
from gateway.dashboard.route import page_route
from gateway.html.forms import NO_PROBLEM, Form, Problem, Typed, problem_of, read_form
from gateway.html.render import go, page
from gateway.http.own_acts import read_own, run_own
from gateway.http.request_context import RequestContext
from gateway.http.routing import Reply
from kernel.errors import DomainError, NotFound
from kernel.fields import Fields

PATH: Final = "/dashboard/recharge"
_READ: Final = ("billing:read",)
_WRITE: Final = ("billing:write",)


async def show(call: RequestContext[Fields, Fields]) -> Reply:
    return await _page(call, Form())


async def set_(call: RequestContext[Fields, Fields]) -> Reply:
    form = read_form(call)
    typed = Typed(form)
    body = {
        "below_cents": typed.cents("below", is_required=True),
        "amount_cents": typed.cents("amount", is_required=True),
        "monthly_max_cents": typed.cents("monthly_max", is_required=True),
        "provider": form.text("provider"),
        "method_ref": form.text("method") or None,
    }
    try:
        await run_own(call, SET_RECHARGE, body, wrong=typed.wrong)
    except DomainError as error:
        return await _page(call, form, problem_of(error))
    return go(PATH, said="recharge-set")


async def remove(call: RequestContext[Fields, Fields]) -> Reply:
    read_form(call)
    try:
        await run_own(call, REMOVE_RECHARGE)
    except DomainError as error:
        return await _page(call, Form(), problem_of(error))
    return go(PATH, said="recharge-removed")


async def save(call: RequestContext[Fields, Fields]) -> Reply:
    form = read_form(call)
    try:
        body = {"provider": form.text("provider"), "return_url": f"{call.home}{PATH}"}
        made = await run_own(call, SAVE_METHOD, body)
    except DomainError as error:
        return await _page(call, form, problem_of(error))
    return page(call, "recharge_card.html", url=made["url"])


async def forget(call: RequestContext[Fields, Fields]) -> Reply:
    form = read_form(call)
    try:
        ids = {"method_ref": form.text("method")}
        await run_own(call, FORGET_METHOD, {"provider": form.text("provider")}, ids)
    except DomainError as error:
        return await _page(call, form, problem_of(error))
    return go(PATH, said="card-removed")


async def _page(
    call: RequestContext[Any, Any], form: Form, problem: Problem = NO_PROBLEM
) -> Response:
    try:
        found = await read_own(call, SHOW_OWN)
    except NotFound:
        found = None
    offered = call.context.payments.savings.offered(call.principal.tenant)
    provider = found["provider"] if found else (offered[0] if offered else "")
    methods: list[dict[str, Any]] = []
    if (offered and problem is NO_PROBLEM) or provider in offered:
        try:
            methods = (await read_own(call, LIST_METHODS, provider=provider))["items"]
        except DomainError as error:
            problem = problem_of(error)
    return page(
        call,
        "recharge.html",
        status=problem.status,
        form=form,
        problem=problem,
        recharge=found,
        methods=methods,
        provider=provider,
        offered=[(name, payable_at(call, name)) for name in offered],
    )


ROUTES = (
    page_route("GET", "/recharge", show, "Auto-recharge", _READ),
    page_route("POST", "/recharge", set_, "Set the auto-recharge", _WRITE),
    page_route("POST", "/recharge/remove", remove, "Stop the auto-recharge", _WRITE),
    page_route("POST", "/recharge/save", save, "Save a card", _WRITE),
    page_route("POST", "/recharge/forget", forget, "Remove a saved card", _WRITE),
)
