"""Decide on sends that wait."""

from typing import Any
from urllib.parse import urlencode

from billing.reports.key_limit_acts import LimitUsage
from billing.reports.key_spend import limits_of_askers
from billing.topups.acts import SHOW as SHOW_TOPUP
from billing.topups.approval_acts import APPROVE, DENY, LIST, SHOW
from gateway.dashboard.act import press
from gateway.dashboard.listing import listing
from gateway.dashboard.match_all import offered_on_all
from gateway.dashboard.paging import Summed
from gateway.dashboard.refused import is_safe_way
from gateway.dashboard.route import page_route
from gateway.html.forms import read_form
from gateway.html.render import page
from gateway.http.own_acts import read_own
from gateway.http.request_context import RequestContext
from gateway.http.routing import Reply
from kernel.errors import InvalidInput
from kernel.fields import Fields
from keys.api_keys.acts import SHOW_KEY

PATH = "/dashboard/approvals"
_READ = ("topup:read", "approvals:write")
_WRITE = ("approvals:write",)


async def show_list(call: RequestContext[Fields, Fields]) -> Reply:
    listed = await listing(call, LIST, "status", summed=Summed("amount_cents"))
    tenant = call.principal.tenant
    key_ids = [
        one["requester"]["key_id"]
        for one in listed.items
        if one["status"] == "pending" and one["requester"]
    ]
    limits = await call.context.database.read(
        lambda tx: limits_of_askers(tx, tenant, key_ids, now_us=call.now_us)
    )
    shown = {key_id: [LimitUsage.of(one) for one in found] for key_id, found in limits.items()}
    kept = {name: text for name in ("status", "cursor") if (text := listed.filters.text(name))}
    here = f"{PATH}?{urlencode(kept)}"
    on_all = offered_on_all(call, "approvals", listed)
    return page(call, "approvals.html", listing=listed, limits=shown, here=here, on_all=on_all)


async def show(call: RequestContext[Fields, Fields]) -> Reply:
    approval = await read_own(call, SHOW)
    topup = await read_own(call, SHOW_TOPUP, {"transaction_id": approval["transaction_id"]})
    asker, key = approval["requester"], None
    if asker and "keys:write" in call.principal.scopes:
        key = await read_own(call, SHOW_KEY, {"key_id": asker["key_id"]})
    is_open = approval["status"] == "pending" and "approvals:write" in call.principal.scopes
    link = call.context.topup_rules.decide_url(approval["id"]) if is_open else None
    return page(call, "approval.html", approval=approval, topup=topup, key=key, decide_url=link)


async def approve(call: RequestContext[Fields, Fields]) -> Reply:
    return await press(call, APPROVE, then=_here(call), said="approved")


async def deny(call: RequestContext[Fields, Fields]) -> Reply:
    return await press(call, DENY, then=_here(call), said="denied")


async def decide_in_list(call: RequestContext[Fields, Fields]) -> Reply:
    form = read_form(call)
    decision, way = form.text("decision"), form.text("back")
    if decision not in {"approve", "deny"}:
        raise InvalidInput("Choose approve or deny.", param="decision")
    act, said = (APPROVE, "approved") if decision == "approve" else (DENY, "denied")
    then = way if way.startswith(f"{PATH}?") and is_safe_way(way) else PATH
    return await press(call, act, then=then, said=said)


def _here(call: RequestContext[Any, Any]) -> str:
    return f"{PATH}/{call.params['approval_id']}"


ROUTES = (
    page_route("GET", "/approvals", show_list, "Approvals", _READ),
    page_route("GET", "/approvals/{approval_id}", show, "One approval", _READ),
    page_route("POST", "/approvals/{approval_id}", decide_in_list, "Decide in the list", _WRITE),
    page_route("POST", "/approvals/{approval_id}/approve", approve, "Let a send go on", _WRITE),
    page_route("POST", "/approvals/{approval_id}/deny", deny, "Cancel a held send", _WRITE),
)
