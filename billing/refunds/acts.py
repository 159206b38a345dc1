"""Refunds and disputes: refunds that operators request and decide, of everybody's orders."""

from collections.abc import Sequence
from typing import Annotated

from msgspec import Meta

from billing.orders.refund_row import Refund as RefundRow, RefundState
from billing.refunds import queries as refund_rows
from billing.refunds.refunder import Refunder
from billing.refunds.request import (
    PROVIDER_ID_CHARACTERS_MAX,
    REFUND_REASON_CHARACTERS_MAX,
    RefundRepeated,
    RefundUnderWay,
)
from billing.refunds.settle import DecideRefund, RefundVerdict
from billing.refunds.views import Refund
from kernel.errors import NotFound
from kernel.fields import LINE, Fields, Page, Text, said
from kernel.tenant import Tenant
from keys.act import ActContext, CallContext, EngineAct, ListAct, ReadAct
from store.database import Transaction
from store.keyset import Begin


class RefundsQuery(Page, frozen=True, kw_only=True):
    """Filters of the list."""

    status: Annotated[RefundState, Meta(description="Only refunds in this state.")] | None = None
    order_id: Annotated[Text, Meta(description="Only refunds of this order.")] | None = None
    account_id: Annotated[Text, Meta(description="Only refunds of this account.")] | None = None
    open: Annotated[bool, Meta(description="Only refunds that have not ended.")] = False


class DecideBody(Fields, frozen=True, kw_only=True):
    """What an operator found on the provider's own pages."""

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
            description="Where you saw it.",
        ),
        said("What you saw", hint="For whoever looks at it later."),
    ]
    provider_refund_id: (
        Annotated[
            str,
            Meta(
                min_length=1,
                max_length=PROVIDER_ID_CHARACTERS_MAX,
                pattern=LINE,
                description="What the provider calls it, where it was made.",
            ),
            said("Its ID at the provider", hint="Where it was made and has one."),
        ]
        | None
    ) = None


async def owner_of(tx: Transaction, refund_id: str) -> Tenant:
    return (await refund_rows.find(tx, refund_id)).tenant


async def list_refunds(
    context: ActContext, asked: RefundsQuery, begin: Begin, limit: int
) -> Sequence[RefundRow]:
    return await refund_rows.page(
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
    return await refund_rows.find(context.tx, context.object_id, context.environment)


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
    summary="Refunds of everybody's orders, newest first",
    path="/refunds",
    query=RefundsQuery,
    run=list_refunds,
    view=Refund.of,
    result=Refund,
    prefix="rfd",
    is_catalogue=True,
    summed=("amount", "currency"),
    columns=("id", "status", "amount", "order_id", "provider", "reason", "detail", "created_at"),
    examples=("topup refunds list --environment live --open", "topup refunds list --status failed"),
)
SHOW_REFUND = ReadAct(
    name="refunds.show",
    summary="A refund and what became of it",
    path="/refunds/{refund_id}",
    run=show_refund,
    view=Refund.of,
    result=Refund,
    owner_of=owner_of,
    examples=("topup refunds show rfd_4Kp1",),
)
DECIDE_REFUND = EngineAct(
    name="refunds.decide",
    summary="Say what became of a refund whose provider does not",
    description="For operators who looked at the provider's own pages: `made` takes the credit, and `not_made` gives it"
    " back. A refund that ended is not decided again.",
    path="/refunds/{refund_id}/decide",
    input=DecideBody,
    command=decide_refund,
    view=Refund.of,
    result=Refund,
    refuses=(NotFound, RefundRepeated, RefundUnderWay),
    owner_of=owner_of,
    names_person=True,
    moves_money=True,
    asks="Is it certain what became of refund {id} of {amount} to {account_id}? It is not decided again.",
    done="The refund ended as you said.",
    examples=(
        "topup refunds decide rfd_4Kp1 --verdict made --provider-refund-id re_1Q --reason 'seen at Stripe'",
        "topup refunds decide rfd_4Kp1 --verdict not_made --reason 'the gateway has no such refund'",
    ),
)
ACTS = (LIST_REFUNDS, SHOW_REFUND, DECIDE_REFUND)
