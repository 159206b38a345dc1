"""Show sends waiting for approval, and decide on them."""

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlencode

from billing.reports.key_limit_acts import LimitUsage
from billing.reports.key_spend import limits_of_askers
from billing.topups.acts import SHOW as SHOW_TOPUP
from billing.topups.approval_acts import APPROVE, DENY, LIST, SHOW
from gateway.dashboard.act import button_route, press
from gateway.dashboard.listing import Paged, Summed
from gateway.dashboard.own_lists import CANCELS_EACH, ActOnAll, OwnList
from gateway.dashboard.refused import is_safe_way
from gateway.dashboard.route import page_route
from gateway.html.forms import read_form
from gateway.html.phrase import phrase
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


async def _limits(call: RequestContext[Any, Any], listed: Paged) -> Mapping[str, Any]:
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
    return {"limits": shown, "here": f"{PATH}?{urlencode(kept)}"}


_LIST: Final = OwnList(
    path="/approvals",
    title=phrase("Approvals"),
    listed=LIST,
    filters=("status",),
    summed=Summed("amount_cents"),
    on_all={
        "approve": ActOnAll(
            APPROVE,
            phrase("Approve all"),
            "pending",
            phrase("Each is sent at once, as if you approved it alone."),
        ),
        "deny": ActOnAll(DENY, phrase("Deny all"), "pending", CANCELS_EACH),
    },
    template="approvals.html",
    more=_limits,
)


async def show(call: RequestContext[Fields, Fields]) -> Reply:
    approval = await read_own(call, SHOW)
    topup = await read_own(call, SHOW_TOPUP, {"transaction_id": approval["transaction_id"]})
    asker, key = approval["requester"], None
    if asker and "keys:write" in call.principal.scopes:
        key = await read_own(call, SHOW_KEY, {"key_id": asker["key_id"]})
    is_open = approval["status"] == "pending" and "approvals:write" in call.principal.scopes
    link = call.context.topup_rules.decide_url(approval["id"]) if is_open else None
    return page(call, "approval.html", approval=approval, topup=topup, key=key, decide_url=link)


async def decide_in_list(call: RequestContext[Fields, Fields]) -> Reply:
    form = read_form(call)
    decision, way = form.text("decision"), form.text("back")
    if decision not in {"approve", "deny"}:
        raise InvalidInput("Choose approve or deny.", param="decision")
    act, said = (APPROVE, "approved") if decision == "approve" else (DENY, "denied")
    then = way if way.startswith(f"{PATH}?") and is_safe_way(way) else PATH
    return await press(call, act, then=then, said=said)


ROUTES = (
    _LIST.route(_READ),
    page_route("GET", "/approvals/{approval_id}", show, "One approval", _READ),
    page_route("POST", "/approvals/{approval_id}", decide_in_list, "Decide in the list", _WRITE),
    button_route("/approvals/{approval_id}/approve", APPROVE, "approved"),
    button_route("/approvals/{approval_id}/deny", DENY, "denied"),
)
