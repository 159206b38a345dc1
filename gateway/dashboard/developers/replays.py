"""List, start, pause and end replays, and count their deliveries beforehand."""

from typing import Any, Final

from gateway.dashboard.act import button_route
from gateway.dashboard.developers.webhooks import endpoint_page
from gateway.dashboard.own_lists import OwnList, Way
from gateway.dashboard.route import page_route
from gateway.html.forms import Form, problem_of, read_form
from gateway.html.phrase import phrase
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


_LIST: Final = OwnList(
    path="/replays",
    title=phrase("Replays"),
    lead=phrase(
        "Jobs that send a webhook's deliveries of a period again. Start a new job on the webhook's own page."
    ),
    listed=LIST,
    empty=phrase("No replays yet"),
    advice=phrase(
        "If an endpoint was down for long, send its failed deliveries again from its page."
    ),
    columns=(
        "created_at, id lead, endpoint_id off, status tail, done named number, failed named number"
    ),
    word=phrase("Replay"),
    ways=(Way("webhooks:read", "/dashboard/webhooks", phrase("Open the webhooks")),),
)


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
    _LIST.route(),
    page_route("GET", "/replays/{replay_id}", show, "One replay", _READ),
    page_route("POST", "/webhooks/{endpoint_id}/replay", begin, "Count or begin", _WRITE),
    button_route("/replays/{replay_id}/pause", PAUSE, "replay-paused", undo="resume"),
    button_route("/replays/{replay_id}/resume", RESUME, "replay-resumed", undo="pause"),
    button_route("/replays/{replay_id}/cancel", CANCEL, "replay-cancelled"),
)
