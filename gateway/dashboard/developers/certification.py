"""Certify a webhook receiver: show what is tested, and the result."""

from typing import Any

from starlette.responses import Response

from gateway.dashboard.route import page_route
from gateway.html.forms import NO_PROBLEM, Form, Problem, problem_of, read_form
from gateway.html.render import page
from gateway.http.own_acts import read_own, run_own
from gateway.http.request_context import RequestContext
from gateway.http.routing import Reply
from kernel.errors import DomainError
from kernel.fields import Fields
from webhooks.certification.acts import CERTIFY
from webhooks.certification.checks import CHECKS
from webhooks.endpoints.acts import SHOW

_PATH = "/webhooks/{endpoint_id}/certify"
_WRITE = ("webhooks:write",)


async def show(call: RequestContext[Fields, Fields]) -> Reply:
    return await _page(call, Form())


async def certify(call: RequestContext[Fields, Fields]) -> Reply:
    form = read_form(call)
    body = {"effects_url": form.text("effects_url") or None}
    try:
        run = await run_own(call, CERTIFY, body)
    except DomainError as error:
        return await _page(call, form, problem_of(error))
    return await _page(call, form, run=run)


async def _page(
    call: RequestContext[Any, Any],
    form: Form,
    problem: Problem = NO_PROBLEM,
    *,
    run: dict[str, Any] | None = None,
) -> Response:
    endpoint = await read_own(call, SHOW)
    return page(
        call,
        "webhook_certify.html",
        status=problem.status,
        endpoint=endpoint,
        form=form,
        problem=problem,
        run=run,
        checks=CHECKS,
    )


ROUTES = (
    page_route("GET", _PATH, show, "Certify a receiver", _WRITE),
    page_route("POST", _PATH, certify, "Try a receiver", _WRITE),
)
