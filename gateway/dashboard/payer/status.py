"""Show a payer the state of an order. Only the page's button calls the provider, at a limited rate."""

from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

from billing.documents import document
from billing.documents.receipt_letter import RECEIPT_PATH
from billing.ledger.money import MICROS_PER_CREDIT
from billing.ledger.price import Price
from billing.orders.order import Order
from billing.orders.views import STATUS_PATH
from billing.payments.questions import QuestionOutcome, can_be_asked
from billing.payments.trace import OrderTrace, StepVerdict, TraceStep, trace
from billing.recipients.language import Language
from gateway.api.money.documents import pdf_reply
from gateway.dashboard.recipient.page import PRIVATE, language_of, recipient_page, throttle
from gateway.dashboard.route import open_route
from gateway.html.forms import read_query
from gateway.html.render import go
from gateway.http.auth import block_of
from gateway.http.rate_limit import Allowance, RateLimited, take_one
from gateway.http.request_context import RequestContext
from gateway.http.routing import Reply
from kernel.errors import NotFound
from kernel.fields import Fields

_DAY_S: Final = 86_400
QUESTIONS: Final = Allowance(10, 60)
_OUTCOMES: Final[tuple[QuestionOutcome, ...]] = ("asked", "just_asked", "busy", "not_open")


@dataclass(frozen=True, slots=True)
class StatusStep:
    state: str
    verdict: StepVerdict
    when: str


async def show(call: RequestContext[Fields, Fields]) -> Reply:
    found = await _find(call)
    order = found.order
    language = language_of(call, None)
    outcome = read_query(call).text("asked")
    is_payable = order.status == "pending" and order.url and call.now_us < order.expires_at
    return recipient_page(
        call,
        "order_status.html",
        language,
        price=language.price(Price(0, order.pay_currency) if order.trial_days else order.payment),
        then=language.price(order.price) if order.trial_days else None,
        trial=language.duration((order.trial_days or 0) * _DAY_S),
        credits=language.count(order.credits_micros // MICROS_PER_CREDIT),
        item=order.pack_name,
        is_plan=order.kind == "subscription",
        provider=call.context.payments.providers.label(order.provider),
        number=order.order_no,
        is_test=order.environment == "staging",
        state=_state(order),
        steps=[
            _step(one, language) for one in found.steps if one.name not in {"supplier", "claim"}
        ],
        can_ask=can_be_asked(order),
        outcome=outcome if outcome in _OUTCOMES else "",
        pay_url=order.url if is_payable else None,
        next_url=order.success_url,
        next_host=None if order.success_url is None else urlsplit(order.success_url).hostname,
    )


async def check_now(call: RequestContext[Fields, Fields]) -> Reply:
    order = (await _find(call)).order
    outcome = await _check(call, order)
    language = language_of(call, None)
    return go(call.path, asked=outcome, lang=language.tag)


async def _check(call: RequestContext[Fields, Fields], order: Order) -> QuestionOutcome:
    try:
        await take_one(
            call.context.limiter,
            f"ask:{block_of(call.address)}",
            QUESTIONS,
            "asked very often; wait a minute",
        )
    except RateLimited:
        return "busy"
    return (await call.context.payments.questions.check(order)).outcome


async def _find(call: RequestContext[Fields, Fields]) -> OrderTrace:
    await throttle(call)
    order_id = call.context.payments.links.order_of(call.params["status_token"])
    return await call.context.database.read(lambda tx: trace(tx, order_id))


def _state(order: Order) -> str:
    if order.status in {"paid", "partially_refunded"}:
        return "paid"
    if order.status in {"refunded", "disputed"}:
        return "returned"
    return order.status


def _step(step: TraceStep, language: Language) -> StatusStep:
    moment = "" if step.at is None else language.moment(step.at)
    return StatusStep(step.state, step.verdict, moment)


def _route(method: str, handler: Any, summary: str) -> Any:
    return open_route(method, f"{STATUS_PATH}/{{status_token}}", handler, summary)


async def show_receipt(call: RequestContext[Fields, Fields]) -> Reply:
    await throttle(call)
    token = call.params["receipt_token"]
    document_id = call.context.topup_rules.links.id_of("receipt", token)
    if document_id is None:
        raise NotFound("Page")
    found = await call.context.database.read(lambda tx: document.find(tx, document_id))
    return await pdf_reply(call, found, PRIVATE)


ROUTES = (
    _route("GET", show, "Where a payer's money is"),
    _route("POST", check_now, "Ask the provider about a payment"),
    open_route("GET", f"{RECEIPT_PATH}/{{receipt_token}}", show_receipt, "A receipt, by its link"),
)
