"""Change the plan from its page: end, pause or resume it, or take another one after a preview of its cost."""

from typing import Any, Final

from billing.reports.plan_overview import plan_overview
from gateway.dashboard.money.plan import PATH, plan_page
from gateway.dashboard.route import page_route
from gateway.html.forms import Form, problem_of, read_form, read_query
from gateway.html.phrase import phrase
from gateway.html.render import go, page
from gateway.http.request_context import RequestContext
from gateway.http.routing import Reply
from gateway.internal_client import ask
from kernel.errors import DomainError, InvalidInput, NotFound
from kernel.fields import Fields
from kernel.ids import new_id

_READ: Final = ("billing:read",)
_WRITE: Final = ("billing:write",)
# The page's sentence afterwards, by the form's act.
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
        what = act if act in {"pause", "resume"} else "cancel"
        body = {"cancel": {"at": "period_end"}, "cancel_now": {"at": "now"}}.get(act, {})
        if act == "pause" and form.text("resumes_at"):
            body = {"resumes_at": f"{form.text('resumes_at')}T00:00:00Z"}
        path = f"/subscriptions/{await _own_id(call)}/{what}"
        done = await ask(call, "POST", path, body, idempotency_key=form.idempotency_key)
    except DomainError as error:
        return await plan_page(call, Form(), problem_of(error))
    return go(PATH, said="plan-asked" if done.data["pending"] else _SAID[act])


async def show_change(call: RequestContext[Fields, Fields]) -> Reply:
    plan_id, _, interval = read_query(call).text("plan").partition("/")
    if not plan_id:
        return await plan_page(call, Form())
    try:
        path = f"/subscriptions/{await _own_id(call)}/change"
        query = {"plan_id": plan_id, "interval": interval}
        cost = (await ask(call, "GET", path, query=query)).data
    except DomainError as error:
        return await plan_page(call, Form(), problem_of(error))
    return page(call, "plan_change.html", cost=cost, form_key=new_id("frm"))


async def change(call: RequestContext[Fields, Fields]) -> Reply:
    form = read_form(call)
    plan_id, _, interval = form.text("plan").partition("/")
    try:
        path = f"/subscriptions/{await _own_id(call)}/change"
        body = {"plan_id": plan_id, "interval": interval}
        done = await ask(call, "POST", path, body, idempotency_key=form.idempotency_key)
    except DomainError as error:
        return await plan_page(call, Form(), problem_of(error))
    return go(PATH, said="plan-asked" if done.data["pending"] else "plan-changed")


async def _own_id(call: RequestContext[Any, Any]) -> str:
    tenant = call.principal.tenant
    seen = await call.context.database.read(lambda tx: plan_overview(tx, tenant))
    if seen.own is None:
        raise NotFound("Subscription")
    return seen.own.id


ROUTES = (
    page_route("POST", "/plan/steer", steer, "End, pause or resume the plan", _WRITE),
    page_route("GET", "/plan/change", show_change, "What another plan costs", _READ),
    page_route("POST", "/plan/change", change, "Change the plan", _WRITE),
)
