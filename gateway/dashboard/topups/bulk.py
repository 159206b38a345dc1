"""Check, send, watch and cancel bulk sends."""

from typing import Any, Final
from urllib.parse import urlencode

from starlette.responses import Response

from billing.bulk.acts import CANCEL, LIST
from billing.reports.balance_acts import SHOW
from gateway.api.bulk import BATCH, BULK
from gateway.dashboard.act import button_route
from gateway.dashboard.listing import Paged
from gateway.dashboard.own_lists import OwnList, Way
from gateway.dashboard.route import page_route
from gateway.html.forms import NO_PROBLEM, Form, Problem, problem_of, read_query, read_upload
from gateway.html.phrase import phrase
from gateway.html.render import go, page
from gateway.http.own_acts import TextBody, read_own, run_route
from gateway.http.request_context import RequestContext
from gateway.http.routing import Reply
from gateway.surfaces import API_PREFIX
from kernel.errors import DomainError, InvalidInput
from kernel.fields import Fields
from kernel.ids import new_id
from kernel.limits import BODY_BYTES_MAX, BULK_BODY_BYTES_MAX

PATH = "/dashboard/batches"
_READ = ("topup:read",)
_SEND = ("topup:send",)
FILE: Final = "file"
TEXT: Final = "text"
LINE_CHARACTERS_MAX: Final = 120
ERRORS_SHOWN_MAX: Final = 200
ROWS: Final = 100
# Let the Back button show this preview from the cache, because a form's response can't be loaded again.
_KEPT: Final = {"cache-control": "private, no-cache"}


async def show_form(call: RequestContext[Fields, Fields]) -> Reply:
    return await _form_page(call, Form())


async def submit(call: RequestContext[Fields, Fields]) -> Reply:
    form = await read_upload(call)
    try:
        text = _text_of(form)
        if form.text("step") != "send":
            found = (await _send(call, form, text, dry_run="true")).data
            quote = found.get("quote") or found
            return await _form_page(call, form, text=text, quote=quote)
        made = await _send(call, form, text, key=form.idempotency_key)
    except DomainError as error:
        return await _form_page(call, form, problem_of(error))
    batch = made.data.get("batch") or made.data
    return go(f"{PATH}/{batch['id']}")


_LIST: Final = OwnList(
    path="/batches",
    title=phrase("Bulk sends"),
    listed=LIST,
    empty=phrase("No bulk sends in %(environment)s yet"),
    advice=phrase("Upload a CSV file, and see what it costs before anything is sent."),
    columns=(
        "created_at, status, items_total named number, counts.delivered off number, "
        "counts.refused off number, counts.accepted_cents tail number, id lead"
    ),
    word=phrase("Batch"),
    ways=(Way("topup:send", "/dashboard/bulk", phrase("Send many top-ups"), is_primary=True),),
)


async def show(call: RequestContext[Fields, Fields]) -> Reply:
    asked = read_query(call)
    query = {"status": asked.text("status"), "cursor": asked.text("cursor"), "limit": ROWS}
    batch = (await run_route(call, BATCH, query=query)).data
    items = batch["items"]
    status = asked.text("status")
    chosen = {"status": status} if status else {}
    here = f"{_here(call)}?{urlencode({'status': status})}"
    listed = Paged(
        items["items"],
        asked,
        is_filtered=bool(status),
        next_url=f"{here}&cursor={items['next_cursor']}" if items["has_more"] else None,
        first_url=here if asked.text("cursor") else None,
        csv_url=f"{API_PREFIX}/batches/{call.params['batch_id']}?{urlencode({**chosen, 'format': 'csv_excel'})}",
    )
    return page(call, "batch.html", batch=batch, listing=listed)


async def _send(
    call: RequestContext[Any, Any],
    form: Form,
    text: str,
    *,
    dry_run: str = "",
    key: str | None = None,
) -> Any:
    query = {"dry_run": dry_run, "all_or_nothing": "true" if form.text("all_or_nothing") else ""}
    content = TextBody(text.encode(), b"text/csv")
    if len(content.content) > BULK_BODY_BYTES_MAX:
        raise InvalidInput(phrase("the file is larger than 2 MiB"))
    return await run_route(call, BULK, content, query=query, key=key)


def _text_of(form: Form) -> str:
    text = form.raw(FILE) or form.raw(TEXT)
    if not text.strip():
        raise InvalidInput(phrase("choose a file, or paste its lines"))
    return text


def _wrong_lines(text: str, quote: dict[str, Any]) -> list[dict[str, Any]]:
    lines = text.split("\n")
    return [
        {**one, "text": lines[one["line"] - 1][:LINE_CHARACTERS_MAX]}
        for one in quote["errors"][:ERRORS_SHOWN_MAX]
        if one["line"] <= len(lines)
    ]


async def _form_page(
    call: RequestContext[Any, Any],
    form: Form,
    problem: Problem = NO_PROBLEM,
    *,
    text: str = "",
    quote: dict[str, Any] | None = None,
) -> Response:
    return page(
        call,
        "bulk.html",
        status=problem.status,
        headers=None if quote is None else _KEPT,
        form=form,
        problem=problem,
        text=text or form.raw(TEXT),
        quote=quote,
        wrong=[] if quote is None else _wrong_lines(text, quote),
        balance=await read_own(call, SHOW),
        form_key=new_id("frm"),
    )


def _here(call: RequestContext[Any, Any]) -> str:
    return f"{PATH}/{call.params['batch_id']}"


ROUTES = (
    page_route("GET", "/bulk", show_form, "The form of a bulk send", _SEND),
    page_route(
        "POST",
        "/bulk",
        submit,
        "Check or send many top-ups",
        _SEND,
        body_bytes_max=BULK_BODY_BYTES_MAX + BODY_BYTES_MAX,
    ),
    _LIST.route(),
    page_route("GET", "/batches/{batch_id}", show, "One bulk send", _READ),
    button_route("/batches/{batch_id}/cancel", CANCEL, "batch-cancelled"),
)
