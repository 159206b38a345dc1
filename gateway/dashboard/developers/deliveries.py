"""Show the delivery log and single deliveries, and replay or cancel them."""

from collections.abc import Mapping, Sequence
from typing import Any, Final
from urllib.parse import urlencode

from starlette.responses import Response

from billing.topups.acts import SHOW as SHOW_TOPUP
from gateway.dashboard.act import button_route
from gateway.dashboard.listing import ROWS, Paged, listing, moments_of
from gateway.dashboard.refused import is_safe_way
from gateway.dashboard.route import page_route
from gateway.html.forms import NO_PROBLEM, Form, Problem, problem_of, read_form
from gateway.html.phrase import phrase
from gateway.html.render import go, page
from gateway.http.own_acts import list_own, read_own, run_own
from gateway.http.request_context import RequestContext
from gateway.http.routing import Reply
from kernel.errors import DomainError, InvalidInput, NotFound
from kernel.fields import Fields
from kernel.ids import new_id
from webhooks.deliveries.endpoint_health import recovered
from webhooks.deliveries.log import last_answers
from webhooks.deliveries.stage import STATUSES
from webhooks.delivery_log.acts import CANCEL, LIST, REPLAY, SHOW
from webhooks.endpoints.acts import LIST as ENDPOINTS
from webhooks.events.acts import SHOW as SHOW_EVENT
from webhooks.events.event import EVENT_TYPES
from webhooks.replays.replay import REPLAYED_STATUSES

PATH = "/dashboard/deliveries"
IDEMPOTENCY_CHARACTERS: Final = 80
_READ = ("webhooks:read",)
_WRITE = ("webhooks:write",)
_FILTERS = (
    "status",
    "endpoint_id",
    "event_type",
    "transaction_id",
    "created_after",
    "created_before",
)


async def show_list(call: RequestContext[Fields, Fields]) -> Reply:
    return await _log_page(call)


async def replay_chosen(call: RequestContext[Fields, Fields]) -> Reply:
    form = read_form(call)
    chosen = list(dict.fromkeys(form.many("delivery")))[:ROWS]
    way = form.text("back")
    try:
        if not chosen:
            raise InvalidInput(phrase("tick at least one delivery"), param="delivery")
        refused = [text for one in chosen if (text := await _refusal_of_replay(call, form, one))]
        if refused:
            done = len(chosen) - len(refused)
            raise InvalidInput(
                _partly_sent(done, len(chosen), refused[0]),
                param="delivery",
            )
    except InvalidInput as error:
        return await _log_page(call, problem_of(error))
    return go(
        way if way.startswith(f"{PATH}?") and is_safe_way(way) else PATH, said="replayed-several"
    )


def _partly_sent(done: int, chosen: int, refusal: str) -> str:
    return phrase(
        "%(done)s of %(all)s are sent again; of the others the first was refused: %(said)s",
        done=done,
        all=chosen,
        said=phrase(refusal),
    )


async def _refusal_of_replay(call: RequestContext[Any, Any], form: Form, delivery_id: str) -> str:
    """Replay the delivery. Return why the replay was refused, or an empty string."""
    once = form.idempotency_key
    key = None if once is None else f"{once}-{delivery_id}"[:IDEMPOTENCY_CHARACTERS]
    try:
        await run_own(call, REPLAY, ids={"delivery_id": delivery_id}, key=key)
    except DomainError as error:
        return error.detail
    return ""


async def _log_page(call: RequestContext[Any, Any], problem: Problem = NO_PROBLEM) -> Response:
    found = await listing(call, LIST, *_FILTERS, here=PATH)
    tenant = call.principal.tenant
    ids = [one["id"] for one in found.items]
    database = call.context.database
    answers = await database.read(lambda tx: last_answers(tx, tenant, ids))
    endpoints = (await list_own(call, ENDPOINTS, rows=200)).items
    kept = {
        name: text for name in (*_FILTERS, "sort", "cursor") if (text := found.filters.text(name))
    }
    return page(
        call,
        "deliveries.html",
        status=problem.status,
        listing=found,
        problem=problem,
        answers=answers,
        recovered=await database.read(lambda tx: recovered(tx, tenant, ids)),
        here=f"{PATH}?{urlencode(kept)}",
        form_key=new_id("frm"),
        endpoints=endpoints,
        urls={endpoint["id"]: endpoint["url"] for endpoint in endpoints},
        statuses=STATUSES,
        event_types=EVENT_TYPES,
        replay_all=_replay_all(call, found, endpoints),
    )


def _replay_all(
    call: RequestContext[Any, Any], found: Paged, endpoints: Sequence[Mapping[str, Any]]
) -> Mapping[str, str] | None:
    asked = found.filters
    named = asked.text("endpoint_id") or (endpoints[0]["id"] if len(endpoints) == 1 else "")
    status = asked.text("status")
    if not named or status not in REPLAYED_STATUSES or asked.text("transaction_id"):
        return None
    days = moments_of(call, {name: asked.text(name) for name in _FILTERS})
    return {
        "endpoint_id": named,
        "delivery_status": status,
        "event_type": asked.text("event_type"),
        "since": days.get("created_after", ""),
        "until": days.get("created_before", ""),
    }


async def show(call: RequestContext[Fields, Fields]) -> Reply:
    delivery = await read_own(call, SHOW)
    event = await read_own(call, SHOW_EVENT, {"event_id": delivery["event_id"]})
    endpoints = (await list_own(call, ENDPOINTS, rows=200)).items
    tenant, ids = call.principal.tenant, [delivery["id"]]
    return page(
        call,
        "delivery.html",
        delivery=delivery,
        is_recovered=await call.context.database.read(lambda tx: recovered(tx, tenant, ids)),
        topup=await _topup_of(call, delivery),
        event=event,
        urls={endpoint["id"]: endpoint["url"] for endpoint in endpoints},
        form_key=new_id("frm"),
    )


async def _topup_of(
    call: RequestContext[Any, Any], delivery: Mapping[str, Any]
) -> Mapping[str, Any] | None:
    transaction_id = delivery["transaction_id"]
    if transaction_id is None or "topup:read" not in call.principal.scopes:
        return None
    try:
        return dict(await read_own(call, SHOW_TOPUP, {"transaction_id": transaction_id}))
    except NotFound:
        return None


async def replay(call: RequestContext[Fields, Fields]) -> Reply:
    form = read_form(call)
    made = await run_own(call, REPLAY, key=form.idempotency_key)
    return go(f"{PATH}/{made['id']}", said="replayed")


ROUTES = (
    page_route("GET", "/deliveries", show_list, "The delivery log", _READ),
    page_route("POST", "/deliveries/replay", replay_chosen, "Send several again", _WRITE),
    page_route("GET", "/deliveries/{delivery_id}", show, "One delivery", _READ),
    page_route("POST", "/deliveries/{delivery_id}/replay", replay, "Send it again", _WRITE),
    button_route("/deliveries/{delivery_id}/cancel", CANCEL, "delivery-cancelled"),
)
