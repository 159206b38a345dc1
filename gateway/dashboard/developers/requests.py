"""Show the request log: refused and failed calls, and calls that changed something."""

import json
import shlex
from collections.abc import Sequence
from operator import attrgetter
from typing import Any, Final

from gateway.authorization.addresses import MCP
from gateway.dashboard.listing import Paged
from gateway.dashboard.route import page_route
from gateway.dashboard.sheet import Sheet, one_page, whole_list
from gateway.html.forms import NO_PROBLEM, problem_of, read_query
from gateway.html.phrase import phrase
from gateway.html.render import page
from gateway.http.request_context import RequestContext
from gateway.http.routing import Reply
from kernel.errors import DomainError, InvalidInput
from kernel.fields import Fields
from runtime.request_log import rows
from runtime.request_log.redact import BODY_BYTES_MAX, HIDDEN
from runtime.request_log.rows import LoggedRequest, NamedRequest

PATH: Final = "/dashboard/requests"
OUTCOMES: Final = ("refused", "failed", "done")
_READ: Final = ("topup:read",)
_FILTERS: Final = ("outcome", "code", "request_id", "transaction_id")
_TEXT_MAX: Final = 128
_SHEET: Final = Sheet[NamedRequest](
    "requests",
    (
        *("request.id", "request.request_id", "request.created_at", "request.method"),
        *("request.path", "request.status", "request.code", "request.transaction_id"),
        *("request.duration_us", "sender_name", "request.address", "request.idempotency_key"),
    ),
    cursor=attrgetter("request.id"),
    filters=_FILTERS,
    scopes=_READ,
)


async def show_list(call: RequestContext[Fields, Fields]) -> Reply:
    asked = read_query(call)
    wanted = {name: text for name in _FILTERS if (text := asked.text(name).strip())}
    is_on, tenant = call.context.request_log.is_on, call.principal.tenant

    async def read(tx: Any, cursor: str | None, limit: int) -> Sequence[NamedRequest]:
        narrowed = _narrowed(wanted, cursor)
        return await rows.page(tx, tenant, limit=limit, before_id=cursor, **narrowed)

    listing, problem = Paged((), asked, bool(wanted)), NO_PROBLEM
    try:
        whole = await whole_list(call, _SHEET, read)
        if whole is not None:
            return whole
        listing = await one_page(call, _SHEET, read)
    except DomainError as error:
        problem = problem_of(error)
    return page(
        call, "requests.html", listing=listing, problem=problem, outcomes=OUTCOMES, is_on=is_on
    )


async def show(call: RequestContext[Fields, Fields]) -> Reply:
    tenant, row_id = call.principal.tenant, call.params["logged_id"]
    found = await call.context.database.read(lambda tx: rows.get(tx, tenant, row_id))
    request = found.request
    return page(
        call,
        "request.html",
        request=request,
        sender_name=found.sender_name,
        is_tool=request.route == MCP,
        why=_why(request.response_body),
        curl=curl_of(request, call.home),
        is_cut=request.request_bytes > BODY_BYTES_MAX,
        is_hidden=HIDDEN in f"{request.request_body}{request.path}{request.idempotency_key or ''}",
        request_body=_laid_out(request.request_body),
        response_body=_laid_out(request.response_body),
    )


def _narrowed(wanted: dict[str, str], cursor: str | None) -> dict[str, Any]:
    code, outcome = wanted.get("code"), wanted.get("outcome")
    if code is not None and not (code.isascii() and code.isdecimal() and len(code) <= len("9999")):
        raise InvalidInput(phrase("a code is a number such as 2002"), param="code")
    if outcome is not None and outcome not in OUTCOMES:
        raise InvalidInput(f"Choose one of {', '.join(OUTCOMES)}.", param="outcome")
    texts = {name: wanted.get(name) for name in ("request_id", "transaction_id")}
    for name, text in {**texts, "cursor": cursor}.items():
        if text is not None and (len(text) > _TEXT_MAX or not text.isascii() or "\0" in text):
            raise InvalidInput(phrase("is an id"), param=name)
    return {"code": None if code is None else int(code), "outcome": outcome, **texts}


def curl_of(request: LoggedRequest, server: str) -> str:
    """Return the request as a curl command. Keys aren't stored, so a shell variable replaces the key."""
    lines = [
        f"curl -X {request.method} {shlex.quote(server + request.path)}",
        '-H "Authorization: Bearer $TOPUP_API_KEY"',
    ]
    if request.route == MCP:
        lines.append("-H 'Accept: application/json, text/event-stream'")
    if request.idempotency_key is not None:
        lines.append(f"-H {shlex.quote(f'Idempotency-Key: {request.idempotency_key}')}")
    if request.request_body:
        kind = request.content_type or "application/json"
        lines.append(f"-H {shlex.quote(f'Content-Type: {kind}')}")
        lines.append(f"--data-raw {shlex.quote(request.request_body)}")
    return " \\\n  ".join(lines)


def _why(answer: str) -> str:
    try:
        return str(json.loads(answer)["data"]["error"]["detail"])
    except (ValueError, LookupError, TypeError):
        return ""


def _laid_out(body: str) -> str:
    try:
        return json.dumps(json.loads(body), indent=2, ensure_ascii=False)
    except ValueError:
        return body


ROUTES = (
    page_route("GET", "/requests", show_list, "The request log", _READ),
    page_route("GET", "/requests/{logged_id}", show, "One request", _READ),
)
