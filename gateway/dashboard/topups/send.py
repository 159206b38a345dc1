"""The send form: checked first by the very rules of a send, then sent once however often it is."""

from typing import Any

from starlette.responses import Response

from gateway.answers import response_codes as codes
from gateway.dashboard.route import page_route
from gateway.html.forms import NO_PROBLEM, Form, Problem, problem_of, read_form, read_query
from gateway.html.render import go, page
from gateway.http.fields import Fields
from gateway.http.request_context import RequestContext
from gateway.http.routing import Reply
from gateway.internal_client import ask
from kernel.errors import DomainError
from kernel.ids import new_id

_SCOPES = ("topup:send",)


async def show(call: RequestContext[Fields, Fields]) -> Reply:
    """The empty form; a link may fill it in."""
    asked = read_query(call)
    names = ("platform", "amount", "recipient_email", "intent")
    return await _form_page(call, Form({name: [asked.text(name)] for name in names}))


async def submit(call: RequestContext[Fields, Fields]) -> Reply:
    """A quote, or the top-up itself once the quote was seen."""
    form = read_form(call)
    try:
        body = _body(form)
        if form.text("step") != "send":
            intent = form.text("intent") or None
            quote = await ask(call, "POST", "/topup/validate", {**body, "intent": intent})
            if not quote.success:
                return await _form_page(call, form, _refused(quote.data))
            return await _form_page(call, form, quote=quote.data)
        # What the person saw is what is charged; a price that has ended is shown anew.
        # The form's own name is its intent, unless a program's link brought one.
        intent = form.text("intent") or form.idempotency_key
        quoted = {**body, "quote_id": form.text("quote_id") or None, "intent": intent}
        sent = await ask(call, "POST", "/topup/send", quoted, idempotency_key=form.idempotency_key)
    except DomainError as error:
        return await _form_page(call, form, problem_of(error))
    if sent.code == codes.APPROVAL_REQUIRED:
        return go(f"/dashboard/approvals/{sent.data['approval']['id']}")
    return go(f"/dashboard/topups/{sent.transaction_id}", said=f"sent-{sent.status}")


def _refused(data: dict[str, Any]) -> Problem:
    """A send that would fail at its fulfilment, which validate answers rather than raises."""
    return Problem(422, f"This would fail: {data['error']['detail']}")


def _body(form: Form) -> dict[str, Any]:
    body: dict[str, Any] = {
        "platform": form.text("platform"),
        "amount_cents": form.cents("amount"),
        "recipient_email": form.text("recipient_email") or None,
        "reference": form.text("reference") or None,
        "note": form.text("note") or None,
        "delivery": _delivery(form),
        "send_at": _moment(form.text("send_at")),
    }
    return body


def _delivery(form: Form) -> dict[str, Any] | None:
    """How it reaches the recipient; None where nothing was said."""
    said = {
        "email": bool(form.text("email")),
        "locale": form.text("locale") or None,
        # Browsers end the lines of a form by two characters, which would count.
        "message": form.text("message").replace("\r\n", "\n") or None,
    }
    return said if any(said.values()) else None


def _moment(text: str) -> str | None:
    """What a browser's field of date and time has, as the API takes it; the page says UTC."""
    return f"{text}:00Z" if len(text) == len("2026-06-13T12:00") else text or None


async def _form_page(
    call: RequestContext[Any, Any],
    form: Form,
    problem: Problem = NO_PROBLEM,
    *,
    quote: dict[str, Any] | None = None,
) -> Response:
    platforms = (await ask(call, "GET", "/platforms")).data["items"]
    balance = (await ask(call, "GET", "/topup/balance")).data
    return page(
        call,
        "send.html",
        status=problem.status,
        form=form,
        problem=problem,
        quote=quote,
        platforms=platforms,
        balance=balance,
        form_key=new_id("frm"),
    )


ROUTES = (
    page_route("GET", "/send", show, "The send form", _SCOPES),
    page_route("POST", "/send", submit, "Check or send a top-up", _SCOPES),
)
