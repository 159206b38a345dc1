"""List, register and change webhooks."""

from typing import Any, Final

import msgspec
from msgspec.json import encode as json_text
from starlette.responses import Response

from gateway.dashboard.act import button_route, press
from gateway.dashboard.own_lists import OwnList, Way
from gateway.dashboard.route import page_route
from gateway.html.chart import Chart, Series, bars
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
from gateway.html.render import go, page
from gateway.http.own_acts import list_own, read_own, run_own
from gateway.http.password_again import PasswordRequired
from gateway.http.request_context import RequestContext
from gateway.http.routing import Reply
from kernel.clock import parse_rfc3339
from kernel.errors import DomainError, InvalidInput
from kernel.fields import Fields
from kernel.ids import new_id
from store.activity import Activity
from webhooks.deliveries.endpoint_health import recovered
from webhooks.deliveries.message import SCHEDULE_S_DEFAULT
from webhooks.delivery_log.acts import LIST as DELIVERIES, TEST
from webhooks.endpoints.acts import CHANGE, DELETE, LIST, REGISTER, ROTATE_SECRET, SHOW
from webhooks.endpoints.health_acts import HEALTH
from webhooks.events.event import EVENT_TYPES

PATH = "/dashboard/webhooks"
_READ = ("webhooks:read",)
_WRITE = ("webhooks:write",)
_LIST: Final = OwnList(
    path="/webhooks",
    title=phrase("Webhooks"),
    lead=phrase("Your endpoints receive signed events. Failed deliveries are retried."),
    listed=LIST,
    empty=phrase("No webhooks in %(environment)s yet"),
    advice=phrase("Register an endpoint, and it receives topup.delivered within seconds."),
    columns="url lead break, events named, retry_schedule_s off, created_at off, status:health tail",
    leads="",
    ways=(
        Way("webhooks:write", "/dashboard/portal-links", phrase("Portal links"), is_beside=True),
        Way("webhooks:write", f"{PATH}/new", phrase("Register a webhook"), is_primary=True),
    ),
    template="webhooks.html",
)
_OUTCOMES = (
    Series(phrase("delivered"), "good", ("delivered",)),
    Series(phrase("failed"), "bad", ("failed",)),
)
_OVERLAPS = (
    ("86400", phrase("In a day")),
    ("3600", phrase("In an hour")),
    ("604800", phrase("In a week")),
    ("0", phrase("At once")),
)


async def show_new(call: RequestContext[Fields, Fields]) -> Reply:
    schedule = " ".join(str(wait) for wait in SCHEDULE_S_DEFAULT)
    form = {"retry_schedule_s": [schedule], "ed25519": ["yes"], IDEMPOTENCY_FIELD: [new_id("frm")]}
    return _new_page(call, Form(form))


async def register(call: RequestContext[Fields, Fields]) -> Reply:
    form = read_form(call)
    typed = Typed(form)
    body = {**_body(typed), "headers": typed.parse("headers", lambda: _headers(form))}
    key = form.idempotency_key
    try:
        made = await run_own(call, REGISTER, body, key=key, wrong=typed.wrong)
    except PasswordRequired:
        raise
    except DomainError as error:
        return _new_page(call, form_again(form, error), problem_of(error))
    return page(call, "webhook_made.html", endpoint=made, done="registered")


async def show(call: RequestContext[Fields, Fields]) -> Reply:
    return await endpoint_page(call)


async def change(call: RequestContext[Fields, Fields]) -> Reply:
    form = read_form(call)
    typed = Typed(form)
    body = _body(typed)
    if form.text("headers") or form.text("clear_headers"):
        body["headers"] = typed.parse("headers", lambda: _headers(form))
    try:
        await run_own(call, CHANGE, body, wrong=typed.wrong)
    except PasswordRequired:
        raise
    except DomainError as error:
        return await endpoint_page(call, form, problem_of(error))
    return go(_here(call), said="endpoint-saved")


async def set_status(call: RequestContext[Fields, Fields]) -> Reply:
    status = read_form(call).text("status")
    said = "endpoint-disabled" if status == "disabled" else "endpoint-enabled"
    return await press(call, CHANGE, {"status": status}, then=_here(call), said=said)


async def rotate(call: RequestContext[Fields, Fields]) -> Reply:
    form = read_form(call)
    body = {"overlap_s": form.integer("overlap_s") or 0}
    made = await run_own(call, ROTATE_SECRET, body, key=form.idempotency_key)
    return page(call, "webhook_made.html", endpoint=made, done="rotated")


async def test(call: RequestContext[Fields, Fields]) -> Reply:
    form = read_form(call)
    try:
        sent = await run_own(call, TEST, {"event": form.text("event")})
    except DomainError as error:
        return await endpoint_page(call, problem=problem_of(error))
    return await endpoint_page(call, attempt=sent.get("attempt", sent))


async def endpoint_page(
    call: RequestContext[Any, Any],
    form: Form | None = None,
    problem: Problem = NO_PROBLEM,
    *,
    attempt: dict[str, Any] | None = None,
    counted: dict[str, Any] | None = None,
) -> Response:
    """`attempt` is the result of a test that was just sent. `counted` is the number of events that a replay would send."""
    endpoint = await read_own(call, SHOW)
    query = {"endpoint_id": endpoint["id"], "limit": 10}
    deliveries = (await list_own(call, DELIVERIES, query)).items
    health = await read_own(call, HEALTH)
    tenant, ids = call.principal.tenant, [one["id"] for one in deliveries]
    return page(
        call,
        "webhook.html",
        status=problem.status,
        endpoint=endpoint,
        deliveries=deliveries,
        recovered=await call.context.database.read(lambda tx: recovered(tx, tenant, ids)),
        health=health,
        chart=chart_of(health),
        form=_form_of(endpoint) if form is None else form,
        problem=problem,
        attempt=attempt,
        counted=counted,
        event_types=EVENT_TYPES,
        overlaps=_OVERLAPS,
        form_key=new_id("frm"),
    )


def chart_of(health: dict[str, Any]) -> Chart:
    starts = [parse_rfc3339(step["at"]) for step in health["steps"]]
    rows: Any = [
        {"step": start, "status": status, "number": step[status], "total": 0}
        for start, step in zip(starts, health["steps"], strict=True)
        for status in ("delivered", "failed")
    ]
    return bars(phrase("Deliveries"), Activity(starts[1] - starts[0], starts, rows), _OUTCOMES)


def _here(call: RequestContext[Any, Any]) -> str:
    return f"{PATH}/{call.params['endpoint_id']}"


def _body(typed: Typed) -> dict[str, Any]:
    form = typed.form
    return {
        "url": form.text("url"),
        "events": form.many("events"),
        "description": form.text("description"),
        "retry_schedule_s": typed.parse("retry_schedule_s", lambda: _waits(form)),
        "rate_limit_per_s": typed.integer("rate_limit_per_s"),
        "ordered": bool(form.text("ordered")),
        "include_codes": bool(form.text("include_codes")),
        "include_approval_links": bool(form.text("include_approval_links")),
        "filter": typed.parse("filter", lambda: _filter(form)),
        "ed25519": bool(form.text("ed25519")),
    }


def _waits(form: Form) -> list[int]:
    waits = form.lines("retry_schedule_s")
    if not all(wait.isascii() and wait.isdigit() and len(wait) <= 9 for wait in waits):
        raise InvalidInput(phrase("write whole seconds, such as 0 5 30"), param="retry_schedule_s")
    return [int(wait) for wait in waits]


def _filter(form: Form) -> dict[str, Any] | None:
    text = form.raw("filter").strip()
    if not text:
        return None
    try:
        return msgspec.json.decode(text, type=dict[str, Any])
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        raise InvalidInput("Enter a JSON object, as in the example.", param="filter") from None


def _headers(form: Form) -> dict[str, str]:
    found = {}
    for line in filter(None, (line.strip() for line in form.raw("headers").splitlines())):
        name, colon, value = line.partition(":")
        if not colon:
            raise InvalidInput(
                phrase("each line is a header such as X-Team: billing"), param="headers"
            )
        found[name.strip()] = value.strip()
    return found


def _new_page(
    call: RequestContext[Any, Any], form: Form, problem: Problem = NO_PROBLEM
) -> Response:
    return page(
        call,
        "webhook_new.html",
        status=problem.status,
        form=form,
        problem=problem,
        event_types=EVENT_TYPES,
    )


def _form_of(endpoint: dict[str, Any]) -> Form:
    rate, wanted = endpoint["rate_limit_per_s"], endpoint["filter"]
    return Form(
        {
            "url": [endpoint["url"]],
            "events": endpoint["events"],
            "description": [endpoint["description"]],
            "retry_schedule_s": [" ".join(str(wait) for wait in endpoint["retry_schedule_s"])],
            "rate_limit_per_s": ["" if rate is None else str(rate)],
            "ordered": ["yes"] if endpoint["ordered"] else [],
            "include_codes": ["yes"] if endpoint["include_codes"] else [],
            "include_approval_links": ["yes"] if endpoint["include_approval_links"] else [],
            "filter": ["" if wanted is None else json_text(wanted).decode()],
            "ed25519": ["yes"] if endpoint["ed25519"] else [],
        }
    )


ROUTES = (
    _LIST.route(),
    page_route("POST", "/webhooks", register, "Register a webhook", _WRITE),
    page_route("GET", "/webhooks/new", show_new, "The form of a new webhook", _WRITE),
    page_route("GET", "/webhooks/{endpoint_id}", show, "One webhook", _READ),
    page_route("POST", "/webhooks/{endpoint_id}", change, "Change a webhook", _WRITE),
    page_route("POST", "/webhooks/{endpoint_id}/status", set_status, "Enable, disable", _WRITE),
    page_route("POST", "/webhooks/{endpoint_id}/rotate", rotate, "Rotate the secret", _WRITE),
    page_route("POST", "/webhooks/{endpoint_id}/test", test, "Send a sample event", _WRITE),
    button_route("/webhooks/{endpoint_id}/delete", DELETE, "endpoint-deleted", then=PATH),
)
