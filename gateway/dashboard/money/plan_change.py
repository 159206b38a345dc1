"""End, pause, resume or change the plan."""

from collections.abc import Mapping
from typing import Any, Final

from billing.reports.plan_overview import plan_overview
from billing.reports.subscription_change_acts import (
    CANCEL_OWN,
    CHANGE_OWN,
    PAUSE_OWN,
    PREVIEW,
    RESUME_OWN,
)
from gateway.dashboard.money.plan import PATH, plan_page
from gateway.dashboard.route import page_route
from gateway.html.forms import Form, problem_of, read_form, read_query
from gateway.html.phrase import phrase
from gateway.html.render import go, page
from gateway.http.own_acts import Ids, read_own, run_own
from gateway.http.request_context import RequestContext
from gateway.http.routing import Reply
from kernel.errors import DomainError, InvalidInput, NotFound
from kernel.fields import Fields
from kernel.ids import new_id
from keys.act import AnyChange

_READ: Final = ("billing:read",)
_WRITE: Final = ("billing:write",)
_STEERS: Final[Mapping[str, AnyChange]] = {"pause": PAUSE_OWN, "resume": RESUME_OWN}
_SAID: Final = {
    "cancel": "plan-ending",
    "cancel_now": "plan-ended",
    "pause": "plan-paused",
    "resume": "plan-resumed",
}


async def steer(call: RequestContext[Fields, Fields]) -> Reply:
    form = read_form(call)
    act = form.text("act")
    try:
        if act not in _SAID:
            raise InvalidInput(phrase("press one of the page's buttons"), param="act")
        body = {"cancel": {"at": "period_end"}, "cancel_now": {"at": "now"}}.get(act, {})
        if act == "pause" and form.text("resumes_at"):
            body = {"resumes_at": f"{form.text('resumes_at')}T00:00:00Z"}
        own = _STEERS.get(act, CANCEL_OWN)
        done = await run_own(call, own, body, await _own_id(call), key=form.idempotency_key)
    except DomainError as error:
        return await plan_page(call, Form(), problem_of(error))
    return go(PATH, said="plan-asked" if done["pending"] else _SAID[act])


async def show_change(call: RequestContext[Fields, Fields]) -> Reply:
    plan_id, _, interval = read_query(call).text("plan").partition("/")
    if not plan_id:
        return await plan_page(call, Form())
    try:
        ids = await _own_id(call)
        cost = await read_own(call, PREVIEW, ids, plan_id=plan_id, interval=interval)
    except DomainError as error:
        return await plan_page(call, Form(), problem_of(error))
    return page(call, "plan_change.html", cost=cost, form_key=new_id("frm"))


async def change(call: RequestContext[Fields, Fields]) -> Reply:
    form = read_form(call)
    plan_id, _, interval = form.text("plan").partition("/")
    try:
        body = {"plan_id": plan_id, "interval": interval}
        done = await run_own(call, CHANGE_OWN, body, await _own_id(call), key=form.idempotency_key)
    except DomainError as error:
        return await plan_page(call, Form(), problem_of(error))
    return go(PATH, said="plan-asked" if done["pending"] else "plan-changed")


async def _own_id(call: RequestContext[Any, Any]) -> Ids:
    tenant = call.principal.tenant
    seen = await call.context.database.read(lambda tx: plan_overview(tx, tenant))
    if seen.own is None:
        raise NotFound("Subscription")
    return {"subscription_id": seen.own.id}


ROUTES = (
    page_route("POST", "/plan/steer", steer, "End, pause or resume the plan", _WRITE),
    page_route("GET", "/plan/change", show_change, "What another plan costs", _READ),
    page_route("POST", "/plan/change", change, "Change the plan", _WRITE),
)
