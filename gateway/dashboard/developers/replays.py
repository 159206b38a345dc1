"""Replays of many deliveries: counted first, then begun, watched, paused and ended."""

from typing import Any

from gateway.dashboard.act import act
from gateway.dashboard.developers.webhooks import endpoint_page
from gateway.dashboard.listing import listing
from gateway.dashboard.route import page_route
from gateway.html.forms import Form, problem_of, read_form
from gateway.html.render import go, page
from gateway.http.request_context import RequestContext
from gateway.http.routing import Reply
from gateway.internal_client import ask
from kernel.errors import DomainError
from kernel.fields import Fields

PATH = "/dashboard/replays"
_READ = ("webhooks:read",)
_WRITE = ("webhooks:write",)


async def show_list(call: RequestContext[Fields, Fields]) -> Reply:
    return page(call, "replays.html", listing=await listing(call, "/replays"))


async def show(call: RequestContext[Fields, Fields]) -> Reply:
    replay = (await ask(call, "GET", _api(call))).data
    return page(call, "replay.html", replay=replay)


async def begin(call: RequestContext[Fields, Fields]) -> Reply:
    form = read_form(call)
    is_counting = form.text("step") not in {"begin", "ramp"}
    path = f"/webhooks/{call.params['endpoint_id']}/replay"
    try:
        body = {**_body(form), "dry_run": is_counting}
        made = await ask(call, "POST", path, body, idempotency_key=form.idempotency_key)
    except DomainError as error:
        return await endpoint_page(call, problem=problem_of(error))
    if is_counting:
        return await endpoint_page(call, counted={**made.data, "asked": _body(form)})
    return go(f"{PATH}/{made.data['id']}")


async def pause(call: RequestContext[Fields, Fields]) -> Reply:
    return await act(
        call,
        "POST",
        f"{_api(call)}/pause",
        then=_here(call),
        said="replay-paused",
        undo=f"{_here(call)}/resume",
    )


async def resume(call: RequestContext[Fields, Fields]) -> Reply:
    return await act(
        call,
        "POST",
        f"{_api(call)}/resume",
        then=_here(call),
        said="replay-resumed",
        undo=f"{_here(call)}/pause",
    )


async def cancel(call: RequestContext[Fields, Fields]) -> Reply:
    return await act(
        call, "POST", f"{_api(call)}/cancel", then=_here(call), said="replay-cancelled"
    )


def _api(call: RequestContext[Any, Any]) -> str:
    return f"/replays/{call.params['replay_id']}"


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
