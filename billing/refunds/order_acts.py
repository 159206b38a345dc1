"""Refunds and disputes: the refund of an order's payment, which operators request."""

from typing import Annotated

from msgspec import Meta

from billing.ledger.ledger import InsufficientBalance
from billing.orders.acts import find_order
from billing.refunds.refunder import Refunder
from billing.refunds.request import (
    PROVIDER_ID_CHARACTERS_MAX,
    REFUND_REASON_CHARACTERS_MAX,
    NotRefundable,
    RefundRepeated,
    RefundUnderWay,
    RequestRefund,
)
from billing.refunds.views import Refund
from kernel.errors import NotFound
from kernel.fields import LINE, Fields, Int64, Text, said
from kernel.tenant import Tenant
from kernel.words import CurrencyCode
from keys.act import CallContext, EngineAct
from store.database import Transaction

Reason = Annotated[str, Meta(min_length=1, max_length=REFUND_REASON_CHARACTERS_MAX, pattern=LINE)]
ProviderId = Annotated[str, Meta(min_length=1, max_length=PROVIDER_ID_CHARACTERS_MAX, pattern=LINE)]


class RefundBody(Fields, frozen=True, kw_only=True):
    """How much of an order's payment to return, and why."""

    reason: Annotated[
        Reason,
        Meta(description="In your words; order.refunded carries it."),
        said("Reason", hint="The account is told it."),
    ]
    amount: Annotated[
        Int64 | None,
        Meta(description="In the smallest unit of pay_currency. Left out: all that is left."),
        said("Amount", unit="minor", currency="pay_currency", words={"": "all that is left"}),
    ] = None
    pay_currency: Annotated[
        CurrencyCode | None,
        Meta(description="The currency of amount. Refused if the payment was made in another one."),
    ] = None
    period_id: Annotated[
        Text | None,
        Meta(description="Of a plan's order: which paid period. Left out where it has one."),
    ] = None
    payment: Annotated[
        ProviderId | None,
        Meta(
            description=(
                "The provider's name of a payment that credited nothing and is not the order's own: a"
                " second one, or a plan's that waits in review."
            )
        ),
    ] = None
    allow_owed: Annotated[
        bool,
        Meta(description="Refund also where the credit was used up: the account owes the rest."),
    ] = False
    made_at_provider: Annotated[
        ProviderId | None,
        Meta(
            description=(
                "The provider's id of a refund that you made on its own pages: it is written down"
                " and counts at once, and nobody is asked."
            )
        ),
    ] = None


async def owner_of(tx: Transaction, order_id: str) -> Tenant:
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
    summary="Send an order's payment back, whole or in part",
    description=(
        "For operators. The credit that the refund takes back is held at once, and a worker asks"
        " the provider: its yes takes the credit, its definite no gives it back, and without a"
        " clear word it stays held. Too little credit is 2002 unless `allow_owed`. One refund of a"
        " payment goes on at a time (2012), and none of what went back already (2006). The payment"
        " of an order that is in review, or was rejected, credited nothing: nothing is held, and the"
        " provider's yes ends the review; the same is so of a second payment, and of a plan's that"
        " waits in review, which `payment` names. Creem refunds by its API all that is left, and no part."
    ),
    path="/orders/{order_id}/refund",
    input=RefundBody,
    command=refund_order,
    view=Refund.of,
    result=Refund,
    status=202,
    refuses=(NotFound, InsufficientBalance, RefundRepeated, RefundUnderWay, NotRefundable),
    owner_of=owner_of,
    names_person=True,
    moves_money=True,
    asks="Refund {amount} of order {id} to {account_id}? Of {pay_amount}, {refunded_amount} went back before.",
    done="The refund is written down. This page shows what becomes of it.",
    examples=(
        "topup orders refund ord_4Kp1 --reason 'bought twice'",
        "topup orders refund ord_4Kp1 --amount 5.00 --reason 'half of it' --allow-owed",
        "topup orders refund ord_4Kp1 --payment pi_2 --reason 'paid twice'",
        "topup orders refund ord_4Kp1 --made-at-provider re_1Q --reason 'on its own pages'",
    ),
)
ACTS = (REFUND_ORDER,)
