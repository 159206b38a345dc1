"""Create, list and revoke portal links."""

from typing import Any, Final

from starlette.responses import Response

from gateway.dashboard.act import button_route
from gateway.dashboard.listing import listing
from gateway.dashboard.route import page_route
from gateway.html.forms import (
    IDEMPOTENCY_FIELD,
    NO_PROBLEM,
    Form,
    Problem,
    Typed,
    form_again,
    problem_of,
    read_form,
)
from gateway.html.phrase import phrase
from gateway.html.render import page
from gateway.http.own_acts import list_own, run_own
from gateway.http.password_again import PasswordRequired
from gateway.http.request_context import RequestContext
from gateway.http.routing import Reply
from kernel.clock import rfc3339
from kernel.errors import DomainError
from kernel.fields import Fields
from kernel.ids import new_id
from keys.tokens.portal_link import LIFE_S_DEFAULT, LIFE_S_MAX, PortalRight
from webhooks.endpoints.acts import LIST as ENDPOINTS
from webhooks.endpoints.portal_acts import CREATE, LIST, REVOKE

PATH: Final = "/dashboard/portal-links"
_READ: Final = ("webhooks:read",)
_WRITE: Final = ("webhooks:write",)
_RIGHTS: Final[tuple[tuple[PortalRight, str], ...]] = (
    ("read", phrase("Read")),
    ("replay", phrase("Read, replay and test")),
    ("manage", phrase("Read, replay, test and change webhooks")),
)
_LIVES: Final = (
    (str(LIFE_S_DEFAULT), phrase("In an hour")),
    ("86400", phrase("In a day")),
    (str(LIFE_S_MAX), phrase("In a week")),
)


async def show(call: RequestContext[Fields, Fields]) -> Reply:
    return await _page(call, Form({IDEMPOTENCY_FIELD: [new_id("frm")]}))


async def create(call: RequestContext[Fields, Fields]) -> Reply:
    form = read_form(call)
    typed = Typed(form)
    body = {
        "name": form.text("name"),
        "can": form.text("can"),
        "origins": form.lines("origins"),
        "endpoint_ids": form.many("endpoint_ids"),
        "expires_in_s": typed.integer("expires_in_s"),
    }
    try:
        made = await run_own(call, CREATE, body, key=form.idempotency_key, wrong=typed.wrong)
    except PasswordRequired:
        raise
    except DomainError as error:
        return await _page(call, form_again(form, error), problem_of(error))
    return await _page(call, Form({IDEMPOTENCY_FIELD: [new_id("frm")]}), made=made)


async def _page(
    call: RequestContext[Any, Any],
    form: Form,
    problem: Problem = NO_PROBLEM,
    *,
    made: dict[str, Any] | None = None,
) -> Response:
    """Render the page. `made` is a new link. Its address is shown only once."""
    found = await listing(call, LIST)
    endpoints = (await list_own(call, ENDPOINTS, rows=200)).items
    return page(
        call,
        "portal_links.html",
        status=problem.status,
        listing=found,
        own_now=rfc3339(call.now_us),
        rights=_RIGHTS,
        lives=_LIVES,
        endpoints=[one for one in endpoints if one["mcp_subscription"] is None],
        form=form,
        problem=problem,
        made=made,
    )


ROUTES = (
    page_route("GET", "/portal-links", show, "Portal links", _READ),
    page_route("POST", "/portal-links", create, "Create a portal link", _WRITE),
    button_route("/portal-links/{link_id}/revoke", REVOKE, "portal-link-revoked", then=PATH),
)
