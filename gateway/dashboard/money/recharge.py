"""Auto-recharge: what is bought when the balance falls, the saved cards, and what was charged lately."""

from typing import Any, Final

from starlette.responses import Response

from gateway.dashboard.money.buy import payable_at
from gateway.dashboard.route import page_route
from gateway.html.forms import NO_PROBLEM, Form, Problem, problem_of, read_form
from gateway.html.render import go, page
from gateway.html.typed import Typed
from gateway.http.request_context import RequestContext
from gateway.http.routing import Reply
from gateway.internal_client import ask
from kernel.errors import DomainError, NotFound
from kernel.fields import Fields

PATH: Final = "/dashboard/recharge"
_API: Final = "/topup/balance/recharge"
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
        await ask(call, "PUT", _API, body, wrong=typed.wrong)
    except DomainError as error:
        return await _page(call, form, problem_of(error))
    return go(PATH, said="recharge-set")


async def remove(call: RequestContext[Fields, Fields]) -> Reply:
    read_form(call)
    try:
        await ask(call, "DELETE", _API)
    except DomainError as error:
        return await _page(call, Form(), problem_of(error))
    return go(PATH, said="recharge-removed")


async def save(call: RequestContext[Fields, Fields]) -> Reply:
    form = read_form(call)
    try:
        body = {"provider": form.text("provider"), "return_url": f"{call.home}{PATH}"}
        made = await ask(call, "POST", f"{_API}/methods", body)
    except DomainError as error:
        return await _page(call, form, problem_of(error))
    return page(call, "recharge_card.html", url=made.data["url"])


async def forget(call: RequestContext[Fields, Fields]) -> Reply:
    form = read_form(call)
    try:
        await ask(
            call,
            "DELETE",
            f"{_API}/methods/{form.text('method')}",
            query={"provider": form.text("provider")},
        )
    except DomainError as error:
        return await _page(call, form, problem_of(error))
    return go(PATH, said="card-removed")


async def _page(
    call: RequestContext[Any, Any], form: Form, problem: Problem = NO_PROBLEM
) -> Response:
    try:
        found = (await ask(call, "GET", _API)).data
    except NotFound:
        found = None
    offered = call.context.payments.savings.offered(call.principal.tenant)
    provider = found["provider"] if found else (offered[0] if offered else "")
    methods: list[dict[str, Any]] = []
    if (offered and problem is NO_PROBLEM) or provider in offered:
        try:
            query = {"provider": provider}
            methods = (await ask(call, "GET", f"{_API}/methods", query=query)).data["items"]
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
