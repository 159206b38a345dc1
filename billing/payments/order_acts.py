"""Orders: credit bought through a payment provider.

Merchants create and list orders. Operators also trace them, query the provider, and approve or reject them.
"""

from collections.abc import Sequence
from typing import Annotated, Any, Final, Literal, NamedTuple

from msgspec import Meta, Struct, convert

from billing.catalog.coupon import CouponRefused
from billing.orders import records as order_list, views
from billing.orders.acts import owner_of
from billing.orders.order import Order, OrderDecided, OrderStatus, TooManyOrders
from billing.orders.place import AMOUNT_CENTS_MAX, AMOUNT_CENTS_MIN, NewOrder
from billing.orders.reversal import OrderResult
from billing.orders.views import OperatorOrder, OrderLinks, ProviderNotification, fields_of, view_of
from billing.payments import questions
from billing.payments.payments import Payments
from billing.payments.questions import QuestionOutcome
from billing.payments.review import CaseAct, Resolve, Verdict, cases_of, new_resolution, open_review
from billing.payments.trace import OrderTrace, StepName, StepVerdict, trace
from billing.providers import event_log
from billing.providers.event_log import LogEntry, ProblemReason
from billing.providers.protocol import ProviderUnavailable
from billing.topups.send import AmountOutOfRange
from kernel.errors import InvalidInput, NotFound
from kernel.fields import (
    LINE,
    WEB_URL,
    ExportPage,
    Fields,
    Int64,
    Page,
    Text,
    Time as MomentText,
    said,
    time_us,
    within,
)
from kernel.limits import URL_CHARACTERS_MAX
from kernel.words import Time
from keys.act import (
    MERCHANT,
    OPERATOR,
    ActContext,
    CallContext,
    EngineAct,
    ListAct,
    ReadAct,
    StepsAct,
)
from store.database import Transaction
from store.keyset import Begin, ListStretch

REASON_CHARACTERS_MAX: Final = 200
ProblemKind = Literal["paid_uncredited", "credited_unpaid"]
_ASKED: Final[dict[QuestionOutcome, str]] = {
    "asked": "The provider was queried. `topup orders trace` shows its response.",
    "opened": "The provider opened the payment page.",
    "just_asked": "The provider was queried a moment ago. Try again in 15 seconds.",
    "busy": "The provider is being queried about other orders. Try again in a moment.",
    "not_needed": "The order is already decided, so the provider wasn't queried.",
    "not_open": "The provider hasn't opened a payment page yet.",
}


_TO_DO: Final[dict[CaseAct, str]] = {
    "credit_paid": "credit what was paid",
    "credit_price": "credit the price",
    "credit_part": "credit a part",
    "comp": "give the period free",
    "refund": "refund",
    "reject": "reject",
    "dismiss": "dismiss",
}


class ProblemsQuery(Page, frozen=True, kw_only=True):
    """Select the orders that need a decision."""

    kind: Annotated[
        ProblemKind,
        Meta(
            description="paid_uncredited: orders with money that no rule may credit. credited_unpaid: orders with"
            " credit that no payment covers."
        ),
    ] = "paid_uncredited"
    reason: (
        Annotated[
            ProblemReason,
            Meta(description="Return only orders that wait for this reason, with paid_uncredited."),
        ]
        | None
    ) = None


class WaitingOrder(OperatorOrder, kw_only=True):
    """An order that needs an operator's decision, with its problems."""

    waits_for: Annotated[
        str | None, Meta(description="The decision that an operator must make, or null.")
    ]
    expected: Annotated[str | None, Meta(description="The amount that was expected.")]
    came: Annotated[str | None, Meta(description="The amount that was paid.")]
    to_do: Annotated[str, Meta(description="The possible decisions, in a few words.")]
    problems: Annotated[
        list[ProviderNotification],
        Meta(description="The provider's reports that need a decision, oldest first."),
    ]


class TraceStep(Struct, kw_only=True):
    """One step in the trace of an order's money."""

    step: Annotated[StepName, Meta(description="The step's name.")]
    verdict: Annotated[StepVerdict, Meta(description="The step's state.")]
    what: Annotated[str, Meta(description="The result of the step, in a sentence.")]
    at: Time | None
    detail: Annotated[str | None, Meta(description="Details, such as the provider's reason.")]


class TracedOrder(Struct, kw_only=True):
    """What happened to an order's money, step by step. Payers see the same steps at the order's status_url."""

    id: str
    status: str
    steps: Annotated[list[TraceStep], Meta(description="The steps, in order.")]


class AskedOrder(Struct, kw_only=True):
    """An order after its provider was called."""

    id: str
    status: str
    outcome: Annotated[QuestionOutcome, Meta(description="The outcome, in a word.")]
    detail: Annotated[str, Meta(description="The outcome, in a sentence.")]


Reason = Annotated[
    str,
    Meta(min_length=1, max_length=REASON_CHARACTERS_MAX, pattern=LINE, description="The reason."),
    said("Reason", hint="Others will see it later."),
]


class ApproveOrder(Fields, frozen=True, kw_only=True):
    """The part of an order's price that counts as paid, and the reason."""

    amount: (
        Annotated[
            Int64,
            Meta(
                description="The part of the price to credit, in pay_currency. Required if the amount paid isn't"
                " the price."
            ),
            said(
                "Counts as paid",
                unit="minor",
                currency="pay_currency",
                words={"": "the whole price"},
            ),
        ]
        | None
    ) = None
    reason: Reason


class RejectOrder(Fields, frozen=True, kw_only=True):
    """The reason why an order gets no credit."""

    reason: Reason


class _Problem(NamedTuple):
    order: Order
    entries: Sequence[LogEntry]
    to_do: Sequence[CaseAct]

    @property
    def id(self) -> str:
        return self.order.id


def _waiting(found: _Problem) -> WaitingOrder:
    shown = [entry.shape() for entry in found.entries]
    first: dict[str, Any] = next((one for one in shown if one["reason"]), {})
    fields = {
        **fields_of(found.order),
        "reason": found.order.reason or first.get("detail"),
        "waits_for": first.get("reason"),
        "expected": first.get("expected"),
        "came": first.get("came"),
        "to_do": ", ".join(_TO_DO[act] for act in found.to_do),
        "problems": shown,
    }
    return convert(fields, WaitingOrder)


def _traced(found: OrderTrace) -> TracedOrder:
    steps = [step.shape() for step in found.steps]
    return convert(
        {"id": found.order.id, "status": found.order.status, "steps": steps}, TracedOrder
    )


def _checked(found: questions.AskedOrder) -> AskedOrder:
    order, outcome = found.order, found.outcome
    return AskedOrder(id=order.id, status=order.status, outcome=outcome, detail=_ASKED[outcome])


def _decided(result: OrderResult) -> OperatorOrder:
    return view_of(result.order)


async def list_problems(
    context: ActContext, asked: ProblemsQuery, begin: Begin, limit: int
) -> Sequence[_Problem]:
    assert begin is None or isinstance(begin, str), "the list has one order"
    if asked.kind == "paid_uncredited":
        orders = await order_list.paid_uncredited(
            context.tx, context.environment, reason=asked.reason, before_id=begin, limit=limit
        )
    elif asked.reason is not None:
        raise InvalidInput("`reason` can only be used with paid_uncredited.", param="reason")
    else:
        orders = await order_list.credited_unpaid(
            context.tx, context.environment, before_id=begin, limit=limit
        )
    open_ = await event_log.open_of(context.tx, [order.id for order in orders])
    return [
        _Problem(order, open_.get(order.id, []), await _to_do(context.tx, order))
        for order in orders
    ]


async def _to_do(tx: Transaction, order: Order) -> Sequence[CaseAct]:
    return (await cases_of(tx, order)).acts(order, await open_review(tx, order))


async def trace_order(context: ActContext) -> OrderTrace:
    return await trace(context.tx, context.object_id)


def _resolution(
    context: CallContext, verdict: Verdict, reason: str, amount: int | None = None
) -> Resolve:
    return new_resolution(
        context.object_id,
        context.tenant,
        verdict,
        by=context.person,
        note=reason,
        amount=amount,
        actor=context.by,
    )


async def approve_order(context: CallContext, asked: ApproveOrder) -> Order:
    command = _resolution(context, "approve", asked.reason, asked.amount)
    return await context.service(Payments).approve(command)


async def reject_order(context: CallContext, asked: RejectOrder) -> Resolve:
    return _resolution(context, "reject", asked.reason)


async def check_at_provider(context: CallContext, _asked: Fields) -> questions.AskedOrder:
    return await context.service(Payments).check_now(context.tenant, context.object_id)


LIST_PROBLEMS = ListAct(
    name="orders.problems",
    summary="List orders that need a decision, newest first",
    description="Shows the amount expected and the amount paid.",
    path="/orders/problems",
    audience=(OPERATOR,),
    query=ProblemsQuery,
    run=list_problems,
    view=_waiting,
    result=WaitingOrder,
    prefix="ord",
    is_catalogue=True,
    columns=("id", "account_id", "waits_for", "expected", "came", "to_do", "status", "reason"),
    examples=(
        "topup orders problems --environment live",
        "topup orders problems --kind credited_unpaid --environment live",
    ),
)
TRACE_ORDER = ReadAct(
    name="orders.trace",
    summary="Show where an order's money is, step by step",
    path="/orders/{order_id}/trace",
    audience=(OPERATOR,),
    run=trace_order,
    view=_traced,
    result=TracedOrder,
    owner_of=owner_of,
    columns=("step", "verdict", "what", "detail", "at"),
    examples=("topup orders trace ord_4Kp1",),
)
ASK_PROVIDER = StepsAct(
    name="orders.ask",
    summary="Query an order's provider now, and apply its response",
    description="If the provider hasn't opened the payment page yet, this call opens it.",
    path="/orders/{order_id}/ask",
    audience=(OPERATOR,),
    input=Fields,
    run=check_at_provider,
    view=_checked,
    result=AskedOrder,
    owner_of=owner_of,
    done="This page shows the provider's latest response.",
    examples=("topup orders ask ord_4Kp1",),
)
APPROVE_ORDER = StepsAct(
    name="orders.approve",
    summary="Credit an order in review, fully or partly",
    description="The order, or an invoice of its plan, must be in review. If the amount paid isn't the price,"
    " `amount` says how much of the price counts as paid.",
    path="/orders/{order_id}/approve",
    audience=(OPERATOR,),
    input=ApproveOrder,
    run=approve_order,
    view=view_of,
    result=OperatorOrder,
    refuses=(OrderDecided,),
    owner_of=owner_of,
    names_person=True,
    moves_money=True,
    asks="Credit {amount} to {account_id} for order {id}? Its price is {pay_amount}.",
    done="The order is credited as if its price had been paid.",
    examples=(
        "topup orders approve ord_4Kp1 --reason 'seen at Stripe' --by ann",
        "topup orders approve ord_4Kp1 --amount 9.99 --reason 'paid by bank transfer'",
    ),
)
REJECT_ORDER = EngineAct(
    name="orders.reject",
    summary="End an order in review without credit",
    description="An order in review fails. For a settled order, the waiting report is dismissed. No money is"
    " returned: use `topup orders refund` for that.",
    path="/orders/{order_id}/reject",
    audience=(OPERATOR,),
    input=RejectOrder,
    command=reject_order,
    view=_decided,
    result=OperatorOrder,
    refuses=(OrderDecided,),
    owner_of=owner_of,
    names_person=True,
    moves_money=True,
    asks="Reject order {id} of {account_id} for {pay_amount}? It gives no credit and returns no money.",
    done="The order is rejected, and nothing was credited.",
    examples=("topup orders reject ord_4Kp1 --reason 'paid twice'",),
)
ACTS = (LIST_PROBLEMS, TRACE_ORDER, ASK_PROVIDER, APPROVE_ORDER, REJECT_ORDER)


LEASE_S: Final = 30
ReturnUrl = Annotated[
    str, Meta(max_length=URL_CHARACTERS_MAX, extra_json_schema={"pattern": WEB_URL})
]
_READS: Final = ("billing:read",)


class OrderBody(Fields, frozen=True, kw_only=True):
    """An order to create: a pack or an amount in US cents, and the provider that receives the payment."""

    provider: Annotated[
        Text,
        Meta(
            description="The provider where the order is paid. In staging, `sandbox` means the first provider"
            " that the sandbox simulates; the order names that provider."
        ),
    ]
    pack_id: Text | None = None
    amount_cents: Annotated[Int64, within(AMOUNT_CENTS_MIN, AMOUNT_CENTS_MAX)] | None = None
    success_url: ReturnUrl | None = None
    cancel_url: ReturnUrl | None = None
    coupon: Text | None = None
    save_payment_method: Annotated[
        bool,
        Meta(
            description="Whether the signed-in user agrees that the card is stored for an auto-recharge. Requires"
            " a session, and a provider that stores cards."
        ),
    ] = False


class OrdersQuery(ExportPage, frozen=True, kw_only=True):
    """Select orders. created_after is inclusive, and created_before is exclusive."""

    status: Annotated[OrderStatus, Meta(description="Return only orders in this state.")] | None = (
        None
    )
    provider: Annotated[Text, Meta(description="Return only orders at this provider.")] | None = (
        None
    )
    created_after: MomentText | None = None
    created_before: MomentText | None = None


async def create_order(context: CallContext, asked: OrderBody) -> views.Order:
    """Write the order, then open its checkout at the provider.

    With an Idempotency-Key, a retry continues an interrupted call.
    """
    asker, payments = context.asker, context.service(Payments)
    if asked.save_payment_method and (asker is None or asker.kind != "session"):
        raise InvalidInput(
            "Only a signed-in user can agree to store a payment method.",
            param="save_payment_method",
        )
    new = NewOrder(
        provider=asked.provider,
        pack_id=asked.pack_id,
        amount_cents=asked.amount_cents,
        coupon=asked.coupon,
        success_url=asked.success_url,
        cancel_url=asked.cancel_url,
        created_by=context.by.name,
        request_digest=context.request_digest,
        saves_payment=asked.save_payment_method,
    )
    return views.Order.of(await payments.place(context.tenant, new), payments.links)


async def list_orders(
    context: ActContext, asked: OrdersQuery, begin: Begin, limit: int
) -> ListStretch[views.Order]:
    wanted = order_list.OrderFilter(
        status=asked.status,
        provider=asked.provider,
        created_after=time_us(asked.created_after, "created_after"),
        created_before=time_us(asked.created_before, "created_before"),
    )
    found = await order_list.stretch(
        context.tx, context.tenant, wanted, before_id=begin, limit=limit
    )
    links = context.service(OrderLinks)
    shown = (views.Order.of(one, links) for one in found)
    return ListStretch(shown, found.end, has_more=found.has_more)


async def show_order(context: ActContext) -> views.Order:
    found = await order_list.get(context.tx, context.tenant, context.object_id)
    return views.Order.of(found, context.service(OrderLinks))


CREATE_ORDER = StepsAct(
    name="orders.create",
    summary="Create an order for credit",
    description="Pass either pack_id or amount_cents. The payer pays at `url`. The credit is added when the"
    " provider reports the payment, with the event `order.paid`. If a coupon covers the whole price, the order is"
    " paid at once. In staging, the sandbox simulates providers without credentials.",
    path="/orders",
    scopes=("billing:write",),
    audience=(MERCHANT,),
    input=OrderBody,
    run=create_order,
    result=views.Order,
    status=201,
    lease_s=LEASE_S,
    refuses=(AmountOutOfRange, NotFound, CouponRefused, TooManyOrders, ProviderUnavailable),
    moves_money=True,
    examples=("topup orders create --provider stripe --amount-cents 2000",),
)
LIST_OWN = ListAct(
    name="orders.own-list",
    summary="List orders, newest first",
    path="/orders",
    scopes=_READS,
    audience=(MERCHANT,),
    query=OrdersQuery,
    run=list_orders,
    result=views.Order,
    prefix="ord",
    sorts=order_list.SORTS,
    export=(
        *("id", "status", "provider", "pack_id", "amount", "currency", "pay_amount"),
        *("pay_currency", "credits", "coupon", "order_no", "reference", "created_at", "paid_at"),
        *("paid_amount", "trial_days"),
    ),
)
SHOW_OWN = ReadAct(
    name="orders.own-show",
    summary="Show an order",
    path="/orders/{order_id}",
    scopes=_READS,
    audience=(MERCHANT,),
    run=show_order,
    result=views.Order,
)
OWN_ACTS = (CREATE_ORDER, LIST_OWN, SHOW_OWN)
