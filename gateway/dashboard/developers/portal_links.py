"""Create, list and revoke portal links."""

from collections.abc import Mapping
from typing import Any, Final

from gateway.dashboard.act import button_route
from gateway.dashboard.listing import Paged
from gateway.dashboard.own_lists import OwnList, Way
from gateway.dashboard.route import page_route
from gateway.html.forms import (
    IDEMPOTENCY_FIELD,
    NO_PROBLEM,
    Form,
    Typed,
    form_again,
    problem_of,
    read_form,
)
from gateway.html.phrase import phrase
from gateway.http.own_acts import list_own, run_own
from gateway.http.password_again import PasswordRequired
from gateway.http.request_context import RequestContext
from gateway.http.routing import Reply
from kernel.errors import DomainError
from kernel.fields import Fields
from kernel.ids import new_id
from keys.tokens.portal_link import LIFE_S_DEFAULT, LIFE_S_MAX, PortalRight
from webhooks.endpoints.acts import LIST as ENDPOINTS
from webhooks.endpoints.portal_acts import CREATE, LIST, REVOKE

PATH: Final = "/dashboard/portal-links"
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


async def _more(call: RequestContext[Any, Any], _listed: Paged) -> Mapping[str, Any]:
    endpoints = (await list_own(call, ENDPOINTS, rows=200)).items
    return {
        "rights": _RIGHTS,
        "lives": _LIVES,
        "endpoints": [one for one in endpoints if one["mcp_subscription"] is None],
        "form": Form({IDEMPOTENCY_FIELD: [new_id("frm")]}),
        "problem": NO_PROBLEM,
        "made": None,
    }


_LIST: Final = OwnList(
    path="/portal-links",
    title=phrase("Portal links"),
    above=Way("webhooks:read", "/dashboard/webhooks", phrase("Webhooks")),
    lead=phrase(
        "Show your webhooks to customers or teammates who have no account here. You can also embed the page in"
        " your own site."
    ),
    listed=LIST,
    empty=phrase("No portal links"),
    columns="name lead, can, origins rest break, expires_at off, status tail, id whole",
    leads="",
    template="portal_links.html",
    more=_more,
)


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
        problem = problem_of(error)
        return await _LIST.show(
            call, status=problem.status, form=form_again(form, error), problem=problem
        )
    return await _LIST.show(call, made=made)


ROUTES = (
    _LIST.route(),
    page_route("POST", "/portal-links", create, "Create a portal link", _WRITE),
    button_route("/portal-links/{link_id}/revoke", REVOKE, "portal-link-revoked", then=PATH),
)
