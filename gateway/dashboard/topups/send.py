"""Preview a send with the rules of a real send, then send it once."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from functools import partial
from typing import Any, Final
from urllib.parse import urlencode

import msgspec
from starlette.responses import Response

from billing.reports.balance_acts import PLATFORMS, SHOW
from gateway.answers import response_codes as codes
from gateway.api.topups import SEND_ROUTE, VALIDATE_ROUTE
from gateway.dashboard.route import page_route
from gateway.html.format import money
from gateway.html.forms import NO_PROBLEM, Form, Problem, Typed, problem_of, read_form, read_query
from gateway.html.phrase import phrase
from gateway.html.render import go, page
from gateway.http.own_acts import list_own, read_own, run_route
from gateway.http.request_context import RequestContext
from gateway.http.routing import Reply
from kernel.errors import DomainError
from kernel.fields import Fields
from kernel.ids import new_id
from keys.normalise import normalise_email
from keys.vault import SealBroken

PATH: Final = "/dashboard/send"
_SCOPES = ("topup:send",)
_FIELDS: Final = (
    "platform",
    "amount",
    "recipient_email",
    "reference",
    "note",
    "email",
    "locale",
    "message",
    "send_at",
    "intent",
)
_FROM_A_LINK: Final = ("platform", "amount", "recipient_email", "intent")
_PURPOSE: Final = "send_form"
# If a preview is too long for an address, it is shown in the form's response.
_TOKEN_CHARACTERS_MAX: Final = 3_500


async def show(call: RequestContext[Fields, Fields]) -> Reply:
    """Show the form or its preview. Each has its own address, so that the Back button works."""
    asked = read_query(call)
    if asked.raw("form"):
        form = _opened(call, asked.raw("form"))
        return await (
            _check(call, form) if asked.text("step") == "check" else _form_page(call, form)
        )
    return await _form_page(call, Form({name: [asked.text(name)] for name in _FROM_A_LINK}))


async def submit(call: RequestContext[Fields, Fields]) -> Reply:
    form = read_form(call)
    if form.text("step") != "send":
        return await _to_check(call, form)
    typed = Typed(form)
    # A link or the preview can name the intent. Otherwise, the form's key is the intent.
    intent = form.text("intent") or form.idempotency_key
    body = {**_body(typed), "quote_id": form.text("quote_id") or None, "intent": intent}
    key = form.idempotency_key
    try:
        sent = await run_route(call, SEND_ROUTE, body, key=key, wrong=typed.wrong)
    except DomainError as error:
        return await _form_page(call, form, problem_of(error))
    if sent.code == codes.APPROVAL_REQUIRED:
        return go(f"/dashboard/approvals/{sent.data['approval']['id']}")
    return go(f"/dashboard/topups/{sent.transaction_id}", said=f"sent-{sent.status}")


async def _to_check(call: RequestContext[Any, Any], form: Form) -> Reply:
    """Redirect to the preview. The preview has the form's intent, so that the top-up can't be sent twice."""
    given = _given(form)
    given.setdefault("intent", form.idempotency_key or new_id("frm"))
    token = _sealed(call, given)
    if len(token) > _TOKEN_CHARACTERS_MAX:
        return await _check(call, Form({name: [text] for name, text in given.items()}))
    return go(PATH, step="check", form=token)


def _given(form: Form) -> dict[str, str]:
    return {name: text for name in _FIELDS if (text := form.raw(name))}


def _sealed(call: RequestContext[Any, Any], given: Mapping[str, str]) -> str:
    """Encrypt the typed values, because the page's URL is logged."""
    plain = msgspec.json.encode(given)
    blob = call.context.vault.seal(plain, purpose=_PURPOSE, subject=call.principal.account_id)
    return urlsafe_b64encode(blob).decode().rstrip("=")


def _opened(call: RequestContext[Any, Any], token: str) -> Form:
    try:
        blob = urlsafe_b64decode(token + "=" * (-len(token) % 4))
        plain = call.context.vault.open(blob, purpose=_PURPOSE, subject=call.principal.account_id)
    except (ValueError, SealBroken):
        return Form()
    given = msgspec.json.decode(plain, type=dict[str, str])
    return Form({name: [text] for name, text in given.items()})


async def _check(call: RequestContext[Any, Any], form: Form) -> Response:
    typed = Typed(form)
    body = {**_body(typed), "intent": form.text("intent") or None}
    await _check_range(call, typed, body)
    try:
        quote = await run_route(call, VALIDATE_ROUTE, body, wrong=typed.wrong)
    except DomainError as error:
        return await _form_page(call, form, problem_of(error))
    if not quote.success:
        return await _form_page(call, form, _refused(quote.data))
    return await _form_page(call, form, quote=quote.data)


async def _check_range(
    call: RequestContext[Any, Any], typed: Typed, body: Mapping[str, Any]
) -> None:
    """Report all errors at once. A send would report them one by one."""
    offered = (await list_own(call, PLATFORMS)).items
    platform = next((one for one in offered if one["id"] == body["platform"]), None)
    cents = body["amount_cents"]
    if platform is not None and cents is not None:
        least, most = platform["min_amount_cents"], platform["max_amount_cents"]
        if not least <= cents <= most:
            said = phrase(
                "write an amount from %(least)s to %(most)s for %(whose)s",
                least=partial(money, least),
                most=partial(money, most),
                whose=platform["name"],
            )
            typed.refuse("amount_cents", said)
    email = body["recipient_email"]
    if email is None:
        typed.refuse("recipient_email", phrase("write the recipient's email address"))
    else:
        typed.parse("recipient_email", lambda: normalise_email(email))


def _refused(data: dict[str, Any]) -> Problem:
    why = data["error"]["detail"]
    return Problem(422, phrase("This would fail: %(why)s", why=phrase(why)))


def _body(typed: Typed) -> dict[str, Any]:
    form = typed.form
    body: dict[str, Any] = {
        "platform": form.text("platform"),
        "amount_cents": typed.cents("amount", is_required=True),
        "recipient_email": form.text("recipient_email") or None,
        "reference": form.text("reference") or None,
        "note": form.text("note") or None,
        "delivery": _delivery(form),
        "send_at": _moment(form.text("send_at")),
    }
    return body


def _delivery(form: Form) -> dict[str, Any] | None:
    said = {
        "email": bool(form.text("email")),
        "locale": form.text("locale") or None,
        "message": form.text("message").replace("\r\n", "\n") or None,
    }
    return said if any(said.values()) else None


def _moment(text: str) -> str | None:
    return f"{text}:00Z" if len(text) == len("2026-06-13T12:00") else text or None


async def _form_page(
    call: RequestContext[Any, Any],
    form: Form,
    problem: Problem = NO_PROBLEM,
    *,
    quote: dict[str, Any] | None = None,
) -> Response:
    platforms = (await list_own(call, PLATFORMS)).items
    balance = await read_own(call, SHOW)
    # Leave out the intent, because a changed send needs a new one.
    again = {name: text for name, text in _given(form).items() if name != "intent"}
    return page(
        call,
        "send.html",
        address=call.home,
        status=problem.status,
        form=form,
        problem=problem,
        quote=quote,
        platforms=platforms,
        balance=balance,
        is_empty_live=call.principal.environment == "live" and balance["sendable_cents"] <= 0,
        change=f"{PATH}?{urlencode({'form': _sealed(call, again)})}",
        form_key=new_id("frm"),
    )


ROUTES = (
    page_route("GET", "/send", show, "The send form", _SCOPES),
    page_route("POST", "/send", submit, "Check or send a top-up", _SCOPES),
)
