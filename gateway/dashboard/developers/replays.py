"""Count, begin, pause and end replays of many deliveries."""

from typing import Any

from gateway.dashboard.act import press
from gateway.dashboard.developers.webhooks import endpoint_page
from gateway.dashboard.listing import listing
from gateway.dashboard.route import page_route
from gateway.html.forms import Form, problem_of, read_form
from gateway.html.render import go, page
from gateway.http.own_acts import read_own, run_own
from gateway.http.request_context import RequestContext
from gateway.http.routing import Reply
from kernel.errors import DomainError
from kernel.fields import Fields
from webhooks.replays.acts import CANCEL, CREATE, LIST, PAUSE, RESUME, SHOW

PATH = "/dashboard/replays"
_READ = ("webhooks:read",)
_WRITE = ("webhooks:write",)


async def show_list(call: RequestContext[Fields, Fields]) -> Reply:
    return page(call, "replays.html", listing=await listing(call, LIST))


async def show(call: RequestContext[Fields, Fields]) -> Reply:
    replay = await read_own(call, SHOW)
    return page(call, "replay.html", replay=replay)


async def begin(call: RequestContext[Fields, Fields]) -> Reply:
    form = read_form(call)
    is_counting = form.text("step") not in {"begin", "ramp"}
    try:
        body = {**_body(form), "dry_run": is_counting}
        made = await run_own(call, CREATE, body, key=form.idempotency_key)
    except DomainError as error:
        return await endpoint_page(call, problem=problem_of(error))
    if is_counting:
        return await endpoint_page(call, counted={**made, "asked": _body(form)})
    return go(f"{PATH}/{made['id']}")


async def pause(call: RequestContext[Fields, Fields]) -> Reply:
    undo = f"{_here(call)}/resume"
    return await press(call, PAUSE, then=_here(call), said="replay-paused", undo=undo)


async def resume(call: RequestContext[Fields, Fields]) -> Reply:
    undo = f"{_here(call)}/pause"
    return await press(call, RESUME, then=_here(call), said="replay-resumed", undo=undo)


async def cancel(call: RequestContext[Fields, Fields]) -> Reply:
    return await press(call, CANCEL, then=_here(call), said="replay-cancelled")


def _here(call: RequestContext[Any, Any]) -> str:
    return f"{PATH}/{call.params['replay_id']}"


def _body(form: Form) -> dict[str, Any]:
    moments = {name: form.text(name) for name in ("since", "until")}
    return {
        "status": form.text("delivery_status"),
        "rate_per_s": form.integer("rate_per_s"),
        "like": form.text("like") or None,
        "events": form.many("event_type"),
        "ramp": form.text("step") == "ramp",
        **{name: _moment(text) for name, text in moments.items() if text},
    }


def _moment(text: str) -> str:
    return f"{text}T00:00:00Z" if len(text) == len("2026-06-13") else text


ROUTES = (
    page_route("GET", "/replays", show_list, "Replays", _READ),
    page_route("GET", "/replays/{replay_id}", show, "One replay", _READ),
    page_route("POST", "/webhooks/{endpoint_id}/replay", begin, "Count or begin", _WRITE),
    page_route("POST", "/replays/{replay_id}/pause", pause, "Pause", _WRITE),
    page_route("POST", "/replays/{replay_id}/resume", resume, "Resume", _WRITE),
    page_route("POST", "/replays/{replay_id}/cancel", cancel, "Cancel", _WRITE),
)
