"""Refunds and disputes: request refunds of orders, and decide refunds whose outcome is unclear."""

from collections.abc import Sequence
from typing import Annotated

from msgspec import Meta

from billing.ledger.ledger import InsufficientBalance
from billing.orders import refund
from billing.orders.acts import find_order
from billing.orders.refund import Refund as RefundRow, RefundState
from billing.refunds.commands import (
    PROVIDER_ID_CHARACTERS_MAX,
    REFUND_REASON_CHARACTERS_MAX,
    DecideRefund,
    NotRefundable,
    RefundRepeated,
    RefundUnderWay,
    RefundVerdict,
    RequestRefund,
)
from billing.refunds.refunder import Refunder
from kernel.errors import NotFound
from kernel.fields import LINE, Fields, Int64, Page, Text, said
from kernel.shaped import Shaped
from kernel.tenant import Tenant
from kernel.words import CurrencyCode, Time
from keys.act import ActContext, CallContext, EngineAct, ListAct, ReadAct
from store.database import Transaction
from store.keyset import Begin


class Refund(Shaped, kw_only=True):
    """A refund that was requested here. While its status is requested, unknown or pending, its credit is held."""

    id: Annotated[str, Meta(pattern=r"^rfd_[0-9A-Za-z]+$")]
    status: RefundState
    amount: Annotated[
        int,
        Meta(gt=0, description="The amount, in the smallest unit of the currency that was paid."),
        said(unit="minor"),
    ]
    currency: CurrencyCode
    order_id: Annotated[str, Meta(pattern=r"^ord_[0-9A-Za-z]+$")]
    period_id: Annotated[
        str | None,
        Meta(description="The paid period's ID, if a plan's payment is refunded. Otherwise null."),
    ]
    account_id: str
    provider: str
    payment: Annotated[str, Meta(description="The provider's ID of the payment.")]
    provider_refund_id: Annotated[
        str | None, Meta(description="The provider's ID of the refund. Null if there is none yet.")
    ]
    made_at_provider: Annotated[
        bool, Meta(description="Whether an operator made the refund at the provider.")
    ]
    reason: str
    detail: Annotated[
        str | None, Meta(description="Why the refund failed or its outcome is unknown, or null.")
    ]
    held_micros: Annotated[
        int,
        Meta(
            ge=0,
            description="The credit that is held for the refund, in millionths of a US dollar.",
        ),
    ]
    requested_by: Annotated[
        str | None,
        Meta(
            description="The key, token or user that requested the refund. Null if made elsewhere."
        ),
    ]
    created_at: Time
    ended_at: Time | None


class RefundsQuery(Page, frozen=True, kw_only=True):
    """Select refunds."""

    status: (
        Annotated[RefundState, Meta(description="Return only refunds in this state.")] | None
    ) = None
    order_id: Annotated[Text, Meta(description="Return only refunds of this order.")] | None = None
    account_id: Annotated[Text, Meta(description="Return only refunds of this account.")] | None = (
        None
    )
    open: Annotated[bool, Meta(description="Return only refunds that have not ended.")] = False


class DecideBody(Fields, frozen=True, kw_only=True):
    """A decision on a refund. The operator has checked the provider's own pages."""

    verdict: Annotated[
        RefundVerdict,
        Meta(description="Whether the provider made the refund."),
        said("Verdict", words={"made": "It was made", "not_made": "It was not made"}),
    ]
    reason: Annotated[
        str,
        Meta(
            min_length=1,
            max_length=REFUND_REASON_CHARACTERS_MAX,
            pattern=LINE,
            description="The evidence, and where you saw it.",
        ),
        said("Evidence", hint="Other operators can see it later."),
    ]
    provider_refund_id: (
        Annotated[
            str,
            Meta(
                min_length=1,
                max_length=PROVIDER_ID_CHARACTERS_MAX,
                pattern=LINE,
                description="The provider's ID of the refund, if it was made.",
            ),
            said("Provider's refund ID", hint="Only if the refund was made and has an ID."),
        ]
        | None
    ) = None


def view_of(row: RefundRow) -> Refund:
    return Refund.of(
        row,
        period_id=None if row.period_start_at is None else row.owner_id,
        payment=row.payment_ref,
        made_at_provider=row.is_made_at_provider,
    )


async def owner_of(tx: Transaction, refund_id: str) -> Tenant:
    return (await refund.find(tx, refund_id)).tenant


async def list_refunds(
    context: ActContext, asked: RefundsQuery, begin: Begin, limit: int
) -> Sequence[RefundRow]:
    return await refund.page(
        context.tx,
        context.environment,
        status=asked.status,
        is_open_only=asked.open,
        order_id=asked.order_id,
        account_id=asked.account_id,
        before_id=begin,
        limit=limit,
    )


async def show_refund(context: ActContext) -> RefundRow:
    return await refund.find(context.tx, context.object_id, context.environment)


async def decide_refund(context: CallContext, asked: DecideBody) -> DecideRefund:
    return await context.service(Refunder).decision(
        context.object_id,
        context.environment,
        asked.verdict,
        reason=asked.reason,
        actor=context.by,
        provider_refund_id=asked.provider_refund_id,
        by_name=context.person,
    )


LIST_REFUNDS = ListAct(
    name="refunds.list",
    summary="List all orders' refunds, newest first",
    path="/refunds",
    query=RefundsQuery,
    run=list_refunds,
    view=view_of,
    result=Refund,
    prefix="rfd",
    is_catalogue=True,
    summed=("amount", "currency"),
    columns=("id", "status", "amount", "order_id", "provider", "reason", "detail", "created_at"),
    examples=("topup refunds list --environment live --open", "topup refunds list --status failed"),
)
SHOW_REFUND = ReadAct(
    name="refunds.show",
    summary="Show a refund",
    path="/refunds/{refund_id}",
    run=show_refund,
    view=view_of,
    result=Refund,
    owner_of=owner_of,
    examples=("topup refunds show rfd_4Kp1",),
)
DECIDE_REFUND = EngineAct(
    name="refunds.decide",
    summary="Decide a refund whose outcome is unknown",
    description="Check the provider's own pages first: `made` takes the credit, and `not_made` returns it."
    " A refund that has ended can't be decided again.",
    path="/refunds/{refund_id}/decide",
    input=DecideBody,
    command=decide_refund,
    view=view_of,
    result=Refund,
    refuses=(NotFound, RefundRepeated, RefundUnderWay),
    owner_of=owner_of,
    names_person=True,
    moves_money=True,
    asks="Decide refund {id} of {amount} to {account_id}? This can't be undone.",
    done="Your decision about the refund is recorded.",
    examples=(
        "topup refunds decide rfd_4Kp1 --verdict made --provider-refund-id re_1Q --reason 'seen at Stripe'",
        "topup refunds decide rfd_4Kp1 --verdict not_made --reason 'the gateway has no such refund'",
    ),
)
ACTS = (LIST_REFUNDS, SHOW_REFUND, DECIDE_REFUND)


Reason = Annotated[str, Meta(min_length=1, max_length=REFUND_REASON_CHARACTERS_MAX, pattern=LINE)]
ProviderId = Annotated[str, Meta(min_length=1, max_length=PROVIDER_ID_CHARACTERS_MAX, pattern=LINE)]


class RefundBody(Fields, frozen=True, kw_only=True):
    """A refund to make: how much of an order's payment to return, and why."""

    reason: Annotated[
        Reason,
        Meta(description="The reason, in your words. The event order.refunded contains it."),
        said("Reason", hint="The account sees it."),
    ]
    amount: Annotated[
        Int64 | None,
        Meta(
            description="The amount, in the smallest unit of pay_currency. If omitted, all that is left."
        ),
        said("Amount", unit="minor", currency="pay_currency", words={"": "all that is left"}),
    ] = None
    pay_currency: Annotated[
        CurrencyCode | None,
        Meta(
            description="The currency of amount. The call is refused if the payment was in another currency."
        ),
    ] = None
    period_id: Annotated[
        Text | None,
        Meta(description="The paid period's ID, for a plan's order with several periods."),
    ] = None
    payment: Annotated[
        ProviderId | None,
        Meta(
            description="The provider's ID of a payment without credit that isn't the order's own: a second one,"
            " or a plan's payment in review."
        ),
    ] = None
    allow_owed: Annotated[
        bool,
        Meta(
            description="Whether to refund even if the credit was spent. The account then owes the rest."
        ),
    ] = False
    made_at_provider: Annotated[
        ProviderId | None,
        Meta(
            description="The provider's ID of a refund that you made on its own pages. It is recorded and counts"
            " at once, without a call to the provider."
        ),
    ] = None


async def order_owner(tx: Transaction, order_id: str) -> Tenant:
    try:
        return (await find_order(tx, order_id)).tenant
    except NotFound:
        raise NotFound("Order", param="id") from None


async def refund_order(context: CallContext, asked: RefundBody) -> RequestRefund:
    return await context.service(Refunder).request(
        context.object_id,
        context.environment,
        reason=asked.reason,
        actor=context.by,
        amount=asked.amount,
        currency=asked.pay_currency,
        period_id=asked.period_id,
        payment_ref=asked.payment,
        allow_owed=asked.allow_owed,
        made_at_provider=asked.made_at_provider,
        by_name=context.person,
    )


REFUND_ORDER = EngineAct(
    name="orders.refund",
    summary="Refund an order, fully or partly",
    description="For operators. The refund's credit is held at once, and a worker calls the provider. If the"
    " provider accepts, the credit is taken back; if it refuses, the credit is returned; without a clear"
    " response, the credit stays held. The call is refused if there is too little credit (2002, unless"
    " `allow_owed`), during another refund of the payment (2012), and if everything was refunded (2006). A"
    " payment that credited nothing holds no credit. Examples are an order in review or rejected, whose refund"
    " ends the review, and a second payment or a plan's payment in review, which `payment` names. Creem's API can"
    " only refund all that is left.",
    path="/orders/{order_id}/refund",
    input=RefundBody,
    command=refund_order,
    view=view_of,
    result=Refund,
    status=202,
    refuses=(NotFound, InsufficientBalance, RefundRepeated, RefundUnderWay, NotRefundable),
    owner_of=order_owner,
    names_person=True,
    moves_money=True,
    asks="Refund {amount} of order {id} to {account_id}? {refunded_amount} of {pay_amount} was returned before.",
    done="The refund is recorded. This page shows its progress.",
    examples=(
        "topup orders refund ord_4Kp1 --reason 'bought twice'",
        "topup orders refund ord_4Kp1 --amount 5.00 --reason 'half of it' --allow-owed",
        "topup orders refund ord_4Kp1 --payment pi_2 --reason 'paid twice'",
        "topup orders refund ord_4Kp1 --made-at-provider re_1Q --reason 'on its own pages'",
    ),
)
