"""Serve the pages of a portal link. They show an account's webhooks in a frame on another site, without cookies or
scripts.

The secret in the address is the only credential, so no one without it can forge a request. Only the link's origins
may embed the pages. A link runs merchants' acts as a separate principal, which sees only the link's endpoints.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import wraps
from typing import Any, Final, NamedTuple
from urllib.parse import quote

import msgspec
from starlette.responses import Response
from starlette.types import Scope

from gateway.dashboard.developers.webhooks import chart_of
from gateway.dashboard.listing import ROWS, Paged, address, moments_of
from gateway.dashboard.recipient.page import PRIVATE, throttle
from gateway.dashboard.refused import SENTENCES, TITLES
from gateway.dashboard.route import open_route
from gateway.html.forms import NO_PROBLEM, Form, Problem, problem_of, read_form, read_query
from gateway.html.language import page_languages
from gateway.html.phrase import phrase
from gateway.html.render import THEMES, go, page
from gateway.http.own_acts import Ids, list_own, read_own, run_own
from gateway.http.rate_limit import Allowance, take_one
from gateway.http.request_context import RequestContext
from gateway.http.routing import Reply, Route
from gateway.http.session_cookie import ForgeryRefused, is_foreign
from kernel.errors import DomainError, InvalidInput, NotFound
from kernel.ids import new_id
from keys.act import AnyChange
from keys.principal import ScopeMissing
from keys.tokens.portal_link import RIGHTS, PortalLink, PortalRight, open_link
from runtime.request_log.redact import mask_text
from webhooks.deliveries.endpoint_health import recovered
from webhooks.deliveries.log import last_answers
from webhooks.deliveries.stage import STATUSES
from webhooks.delivery_log.acts import LIST as DELIVERIES, REPLAY, SHOW as SHOW_DELIVERY, TEST
from webhooks.endpoints.acts import CHANGE, LIST, SHOW
from webhooks.endpoints.health_acts import HEALTH
from webhooks.endpoints.portal_acts import PORTAL_PATH
from webhooks.events.acts import SHOW as SHOW_EVENT
from webhooks.events.event import EVENT_TYPES
from webhooks.replays.acts import CREATE as REPLAY_MANY

_LINK: Final = f"{PORTAL_PATH}/{{link_token}}"
_ENDPOINT: Final = f"{_LINK}/{{endpoint_id}}"
_DELIVERY: Final = f"{_ENDPOINT}/deliveries/{{delivery_id}}"
_POLICY: Final = (
    "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none';"
    " frame-ancestors {ancestors}"
)
_VIEWS_MAX: Final = 600
_PRESSES_MAX: Final = 60
_SECRET_CHARACTERS: Final = 43
_READS: Final = frozenset({"GET", "HEAD"})
# The embedding site's options. Each page's address repeats them.
_CHOSEN: Final = ("lang", "theme")
_FILTERS: Final = ("status", "event_type", "created_after", "created_before")
_ENDPOINTS_MAX: Final = 200
_ENDED: Final = (
    phrase("This link has ended"),
    phrase("Reload the page that shows it, or ask for a new link."),
    Problem(410, ""),
)
_encode = msgspec.json.Encoder().encode


class Visit(NamedTuple):
    """`chosen` is the query that each link on the page repeats."""

    call: RequestContext[Any, Any]
    link: PortalLink
    chosen: Mapping[str, str]

    @property
    def base(self) -> str:
        return f"{PORTAL_PATH}/{self.call.params['link_token']}"

    @property
    def endpoint_id(self) -> str:
        return self.call.params["endpoint_id"]

    @property
    def ids(self) -> Ids:
        return {"endpoint_id": self.endpoint_id}

    def may(self, right: PortalRight) -> bool:
        return RIGHTS.index(self.link.can) >= RIGHTS.index(right)

    def to(self, *parts: str, **query: str) -> str:
        path = "/".join((self.base, *(quote(part, safe="") for part in parts)))
        return address(path, {**query, **self.chosen})


_Handler = Callable[[Visit], Awaitable[Response]]


async def show_list(visit: Visit) -> Response:
    found = await _endpoints(visit)
    return _page(visit, "portal_webhooks.html", endpoints=[_shown(visit, one) for one in found])


async def show_endpoint(visit: Visit) -> Response:
    return await _endpoint_page(visit)


async def show_delivery(visit: Visit) -> Response:
    call, delivery = visit.call, await _delivery(visit)
    event = await read_own(call, SHOW_EVENT, {"event_id": delivery["event_id"]})
    endpoint = await _endpoint(visit)
    tenant, ids = call.principal.tenant, [delivery["id"]]
    return _page(
        visit,
        "portal_delivery.html",
        delivery=delivery,
        attempts=[_masked(one) for one in reversed(delivery["attempts"])],
        body=mask_text(msgspec.json.format(_encode(event)).decode()),
        endpoint=_shown(visit, endpoint),
        is_recovered=await call.context.database.read(lambda tx: recovered(tx, tenant, ids)),
        form_key=new_id("frm"),
    )


async def replay(visit: Visit) -> Response:
    delivery = await _delivery(visit)
    made = await _run(visit, REPLAY, {}, {"delivery_id": delivery["id"]})
    to = visit.to(visit.endpoint_id, "deliveries", made["id"])
    return go(to, said="replayed")


async def replay_failed(visit: Visit) -> Response:
    await _endpoint(visit)
    since = read_form(visit.call).text("since")
    await _run(visit, REPLAY_MANY, {"since": since, "status": "failed", "ramp": True})
    return go(visit.to(visit.endpoint_id), said="replayed-several")


async def test(visit: Visit) -> Response:
    await _endpoint(visit)
    body = {"event": read_form(visit.call).text("event")}
    try:
        sent = await _run(visit, TEST, body)
    except DomainError as error:
        return await _endpoint_page(visit, problem=problem_of(error))
    return await _endpoint_page(visit, attempt=_masked(sent.get("attempt", sent)))


async def change(visit: Visit) -> Response:
    await _endpoint(visit)
    form = read_form(visit.call)
    status = form.text("status")
    body: dict[str, Any] = {"status": status}
    if not status:
        body = {name: form.text(name) for name in ("url", "description")}
        body["events"] = form.many("events")
    try:
        await _run(visit, CHANGE, body)
    except DomainError as error:
        return await _endpoint_page(visit, form=None if status else form, problem=problem_of(error))
    said = {"disabled": "endpoint-disabled", "enabled": "endpoint-enabled"}
    return go(visit.to(visit.endpoint_id), said=said.get(status, "endpoint-saved"))


async def _endpoint_page(
    visit: Visit,
    *,
    form: Form | None = None,
    problem: Problem = NO_PROBLEM,
    attempt: Mapping[str, Any] | None = None,
) -> Response:
    call, endpoint = visit.call, await _endpoint(visit)
    health = await read_own(call, HEALTH, visit.ids)
    failures = [{**one, "response": mask_text(one["response"])} for one in health["failures"]]
    listing = await _deliveries(visit)
    tenant, ids = call.principal.tenant, [one["id"] for one in listing.items]
    database = call.context.database
    return _page(
        visit,
        "portal_webhook.html",
        status=problem.status,
        endpoint=_shown(visit, endpoint),
        health={**health, "failures": failures},
        chart=chart_of(health),
        listing=listing,
        answers=await database.read(lambda tx: last_answers(tx, tenant, ids)),
        recovered=await database.read(lambda tx: recovered(tx, tenant, ids)),
        statuses=STATUSES,
        event_types=EVENT_TYPES,
        form=_form_of(endpoint) if form is None else form,
        problem=problem,
        attempt=attempt,
        form_key=new_id("frm"),
    )


def _form_of(endpoint: Mapping[str, Any]) -> Form:
    return Form(
        {
            "url": [endpoint["url"]],
            "description": [endpoint["description"]],
            "events": endpoint["events"],
        }
    )


async def _endpoints(visit: Visit) -> Sequence[Mapping[str, Any]]:
    call, ids = visit.call, visit.link.endpoint_ids
    if not ids:
        found = (await list_own(call, LIST, rows=_ENDPOINTS_MAX)).items
        return [one for one in found if one["mcp_subscription"] is None]
    found = []
    for endpoint_id in ids:
        try:
            found.append(await read_own(call, SHOW, {"endpoint_id": endpoint_id}))
        except NotFound:
            continue  # it was deleted
    return found


async def _endpoint(visit: Visit) -> Mapping[str, Any]:
    """Return the endpoint. Raise NotFound if the link doesn't show it."""
    if not visit.link.shows(visit.endpoint_id):
        raise NotFound("Webhook")
    found: Mapping[str, Any] = await read_own(visit.call, SHOW, visit.ids)
    if found["mcp_subscription"] is not None:
        raise NotFound("Webhook")
    return found


async def _delivery(visit: Visit) -> Mapping[str, Any]:
    """Return the delivery. Raise NotFound if it belongs to another endpoint."""
    await _endpoint(visit)
    ids = {"delivery_id": visit.call.params["delivery_id"]}
    found: Mapping[str, Any] = await read_own(visit.call, SHOW_DELIVERY, ids)
    if found["endpoint_id"] != visit.endpoint_id:
        raise NotFound("Delivery")
    return found


async def _deliveries(visit: Visit) -> Paged:
    call = visit.call
    asked = read_query(call) if call.method in _READS else Form()
    kept = {name: text for name in _FILTERS if (text := asked.text(name))}
    query = {
        **kept,
        **moments_of(call, kept),
        "endpoint_id": visit.endpoint_id,
        "cursor": asked.text("cursor"),
    }
    shown: dict[str, Any] = {"filters": asked, "is_filtered": bool(kept)}
    try:
        found = await list_own(call, DELIVERIES, query, rows=ROWS)
    except InvalidInput as error:
        return Paged(problem=problem_of(error), **shown)
    first = visit.to(visit.endpoint_id, **kept)
    following = found.next_cursor if found.has_more else None
    return Paged(
        found.items,
        next_url=visit.to(visit.endpoint_id, **kept, cursor=following) if following else None,
        first_url=first if asked.text("cursor") else None,
        here=first,
        **shown,
    )


async def _run(
    visit: Visit, act: AnyChange, body: Mapping[str, Any], ids: Ids | None = None
) -> Mapping[str, Any]:
    key = read_form(visit.call).idempotency_key
    made: Mapping[str, Any] = await run_own(visit.call, act, body, ids or visit.ids, key=key)
    return made


def _shown(visit: Visit, endpoint: Mapping[str, Any]) -> Mapping[str, Any]:
    """Remove the URL's query, which may contain a secret. Keep the query if the link may change the URL."""
    if visit.may("manage"):
        return endpoint
    return {**endpoint, "url": endpoint["url"].partition("?")[0]}


def _masked(attempt: Mapping[str, Any]) -> Mapping[str, Any]:
    """Mask codes that a receiver repeated in its response."""
    return {**attempt, "response_body": mask_text(attempt["response_body"])}


def _page(visit: Visit, template: str, **values: Any) -> Response:
    theme = visit.chosen.get("theme", "")
    return page(visit.call, template, visit=visit, theme=theme, link=visit.link, **values)


def _message(visit: Visit, title: str, sentence: str, problem: Problem) -> Response:
    values = {"title": title, "sentence": sentence, "problem": problem}
    return _page(visit, "portal_message.html", status=problem.status, **values)


async def _visited(call: RequestContext[Any, Any], handler: _Handler, right: PortalRight) -> Reply:
    _check_own(call)
    secret, database = call.params["link_token"], call.context.database
    opened = None
    if len(secret) == _SECRET_CHARACTERS:
        opened = await database.read(lambda tx: open_link(tx, secret, now_us=call.now_us))
    if opened is None:
        await throttle(call)
        raise NotFound("Page")
    asked = read_query(call)
    chosen = {name: text for name in _CHOSEN if (text := asked.text(name))}
    if chosen.get("lang") not in page_languages():
        chosen.pop("lang", None)
    if chosen.get("theme") not in THEMES:
        chosen.pop("theme", None)
    call.scope = _without_cookies(call.scope, chosen.get("lang", ""))
    visit = Visit(call, opened.link, chosen)
    if opened.principal is None:
        return _framed(visit, _message(visit, *_ENDED))
    is_view = call.method in _READS
    call.credential = opened.principal
    try:
        await take_one(
            call.context.limiter,
            f"portal:{opened.link.id}:{is_view}",
            Allowance(_VIEWS_MAX if is_view else _PRESSES_MAX, 60),
            phrase("this page was opened very often; wait a minute"),
        )
        if not visit.may(right):
            raise ScopeMissing("This link doesn't allow this action.", reason="scope")
        return _framed(visit, await handler(visit))
    except DomainError as error:
        problem = problem_of(error)
        title = TITLES.get(problem.status, TITLES[422])
        told = _message(visit, title, SENTENCES.get(problem.status, ""), problem)
        return _framed(visit, told)


def _check_own(call: RequestContext[Any, Any]) -> None:
    """Raise ForgeryRefused for a form that another site sent.

    Accept the origin `null` if there is no Sec-Fetch-Site. Over plain HTTP, browsers that send no referrer send
    this.
    """
    is_unnamed = b"sec-fetch-site" not in call.headers and call.headers.get(b"origin") == b"null"
    if call.method in _READS or is_unnamed:
        return
    if is_foreign(call.scope, call.headers, call.context.settings):
        raise ForgeryRefused("This change did not come from a page of this gateway.")


def _without_cookies(scope: Scope, lang: str) -> Scope:
    """Remove the cookies, which may belong to another sign-in. If `lang` is set, it replaces the browser's
    languages.
    """
    dropped = {b"cookie", b"accept-language"} if lang else {b"cookie"}
    headers = [pair for pair in scope["headers"] if pair[0] not in dropped]
    if lang:
        headers.append((b"accept-language", lang.encode()))
    return {**scope, "headers": headers}


def _framed(visit: Visit, response: Response) -> Response:
    ancestors = " ".join(visit.link.origins) or "'none'"
    response.headers.update(PRIVATE)
    response.headers["content-security-policy"] = _POLICY.format(ancestors=ancestors)
    return response


def _route(
    method: str, path: str, handler: _Handler, summary: str, right: PortalRight = "read"
) -> Route:
    @wraps(handler)
    async def visited(call: RequestContext[Any, Any]) -> Reply:
        return await _visited(call, handler, right)

    return open_route(method, path, visited, summary)


ROUTES: Final = (
    _route("GET", _LINK, show_list, "The webhooks of a portal link"),
    _route("GET", _ENDPOINT, show_endpoint, "One webhook of a portal link"),
    _route("POST", _ENDPOINT, change, "Change it", "manage"),
    _route("POST", f"{_ENDPOINT}/test", test, "Send a sample event", "replay"),
    _route("POST", f"{_ENDPOINT}/replay", replay_failed, "Send what failed again", "replay"),
    _route("GET", _DELIVERY, show_delivery, "One delivery of a portal link"),
    _route("POST", f"{_DELIVERY}/replay", replay, "Send it again", "replay"),
)
