"""Payments of machines without an account: checked, polled, and decided if only an operator can."""

from collections.abc import Sequence
from typing import Any, Final, cast

from starlette.responses import Response

from billing.machine_payments import payment as payments
from billing.machine_payments.commands import PaymentVerdict
from billing.machine_payments.payment import DETAIL_CHARACTERS_MAX, STATES, MachinePayment
from gateway.dashboard.admin.fields import admin_route, decider
from gateway.dashboard.sheet import Sheet, list_page
from gateway.html.forms import NO_PROBLEM, Form, Problem, problem_of, read_form, read_query
from gateway.html.render import go, page
from gateway.http.fields import cursor_id
from gateway.http.request_context import RequestContext
from gateway.http.routing import Reply
from kernel.errors import DomainError, InvalidInput, NotFound
from kernel.fields import Fields
from keys.audit_log import Actor
from store.database import Transaction

PATH: Final = "/dashboard/admin/machine-payments"
_STATES: Final = (*STATES, "stuck")
# Without its payer's secrets: the identifier, the proof, and the code of a refund.
_SHEET: Final = Sheet[MachinePayment](
    "machine-payments",
    (
        *("id", "state", "protocol", "network", "asset", "payer", "amount", "charged_cents"),
        *("request.platform", "request.recipient_email", "transaction_id", "settlement", "detail"),
        *("created_at", "settled_at", "ended_at"),
    ),
    filters=("state",),
)
_SETTLEMENT_CHARACTERS_MAX: Final = 200


async def show_list(call: RequestContext[Fields, Fields]) -> Reply:
    environment, asked = call.principal.environment, read_query(call)
    state = asked.text("state")

    async def read(tx: Transaction, cursor: str | None, limit: int) -> Sequence[MachinePayment]:
        return await payments.page(
            tx,
            environment,
            state=state if state in _STATES else None,
            before_id=cursor_id(cursor, "mpy"),
            limit=limit,
        )

    return await list_page(call, "admin/machine_payments.html", _SHEET, read, states=_STATES)


async def show(call: RequestContext[Fields, Fields]) -> Reply:
    return await _payment_page(call, Form())


async def ask(call: RequestContext[Fields, Fields]) -> Reply:
    """Call the settler once more; it never charges twice."""
    found = await _find(call)
    try:
        await call.context.machine_payments.ask_again(found)
    except DomainError as error:
        return await _payment_page(call, Form(), problem_of(error))
    return go(f"{PATH}/{found.id}", said="payment-asked")


async def decide(call: RequestContext[Fields, Fields]) -> Reply:
    form, found = read_form(call), await _find(call)
    try:
        decided = await call.context.machine_payments.decide(
            found.id,
            _verdict(form),
            settlement=form.text("settlement")[:_SETTLEMENT_CHARACTERS_MAX] or None,
            reason=_reason(form),
            actor=Actor.of(call.principal),
            by_name=decider(call),
        )
    except DomainError as error:
        return await _payment_page(call, form, problem_of(error))
    return go(f"{PATH}/{decided.id}", said="payment-decided")


async def _find(call: RequestContext[Any, Any]) -> MachinePayment:
    payment_id = call.params["payment_id"]
    found = await call.context.database.read(lambda tx: payments.find(tx, payment_id))
    if found.environment != call.principal.environment:
        raise NotFound("Payment")
    return found


async def _payment_page(
    call: RequestContext[Any, Any], form: Form, problem: Problem = NO_PROBLEM
) -> Response:
    found = await _find(call)
    return page(
        call,
        "admin/machine_payment.html",
        status=problem.status,
        form=form,
        problem=problem,
        payment=found,
        shown=found.shape(),
    )


def _verdict(form: Form) -> PaymentVerdict:
    chosen = form.text("verdict")
    if chosen not in {"settled", "refused"}:
        raise InvalidInput("press one of the two", param="verdict")
    return cast(PaymentVerdict, chosen)


def _reason(form: Form) -> str:
    text = form.text("note")
    if not text:
        raise InvalidInput("say what you saw, for whoever looks at it later", param="note")
    if len(text) > DETAIL_CHARACTERS_MAX:
        raise InvalidInput(f"at most {DETAIL_CHARACTERS_MAX} characters", param="note")
    return text


ROUTES = (
    admin_route("GET", "/machine-payments", show_list, "Payments of machines"),
    admin_route("GET", "/machine-payments/{payment_id}", show, "One payment of a machine"),
    admin_route("POST", "/machine-payments/{payment_id}/ask", ask, "Ask about it once more"),
    admin_route("POST", "/machine-payments/{payment_id}", decide, "Say what became of it"),
)
